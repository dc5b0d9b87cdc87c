package objheap

import (
	"errors"
	"math/bits"
	"sync/atomic"
	"unsafe"
)

// Heap answers which offsets of a mapped pool are objects, from the allocator's
// persistent metadata.
//
// Any goroutine may ask at any time, also while C allocates and frees. About an
// object that stays allocated during the call the answer is exact. About one
// that is allocated or freed meanwhile it is the answer of one moment or the
// other.
//
// An object that was allocated in a transaction or reserved, and not committed
// or published yet, is not an object for a Heap, nor is a log of libpmemobj's
// own. The root object is one.
type Heap struct {
	base  unsafe.Pointer
	first uint64 // the offset of zone 0
	// span is the bytes from there to the end of the last zone. It rises when
	// a pool set has grown and somebody asks about what lies behind it.
	span  atomic.Uint64
	limit uint64 // what span and all before can grow to, an offset

	geometries geometryCache
	// huge remembers the huge object that was asked about last, by the offset
	// of its chunk's header.
	huge atomic.Uint64
}

// NewHeap describes the heap of the pool that is mapped at base, of which size
// bytes are accessible.
func NewHeap(base unsafe.Pointer, size uint64) (*Heap, error) {
	return NewGrowingHeap(base, size, size)
}

// NewGrowingHeap is NewHeap for a pool that may grow to limit bytes without
// moving. libpmemobj maps what is added before it says that the heap has it.
func NewGrowingHeap(base unsafe.Pointer, size, limit uint64) (*Heap, error) {
	if base == nil || size < minPoolSize {
		return nil, errors.New("objheap: no pool is mapped there")
	}
	h := &Heap{base: base, limit: limit}
	heapOff := h.load(heapOffsetOff)
	heapSize := h.load(heapSizeOff)
	if heapOff < lanesEnd || heapOff > size || heapSize > size-heapOff || heapSize < minHeapSize {
		return nil, corrupt("pool descriptor", heapOffsetOff,
			"a heap of %d bytes at %#x does not fit a mapping of %d bytes", heapSize, heapOff, size)
	}
	h.first = heapOff + heapHeaderSize
	h.span.Store(spanOf(heapSize))
	return h, nil
}

// spanOf is the span of a heap of that many bytes.
func spanOf(heapSize uint64) uint64 {
	last := zonesIn(heapSize) - 1
	return last*zoneSize + zoneMetaSize + chunksIn(heapSize, last)*chunkSize
}

// holds says whether the first n bytes of the zones are there.
func (h *Heap) holds(n uint64) bool { return n <= h.span.Load() || h.grown(n) }

// grown is holds for what was not there the last time.
func (h *Heap) grown(n uint64) bool {
	size := h.size()
	if size < minHeapSize || size > h.limit-(h.first-heapHeaderSize) {
		return false // nothing that growing makes of it
	}
	span := spanOf(size)
	for {
		old := h.span.Load()
		if span <= old || h.span.CompareAndSwap(old, span) {
			return n <= max(span, old)
		}
	}
}

// size is the size of the heap in bytes, as libpmemobj keeps it.
func (h *Heap) size() uint64 { return h.load(heapSizeOff) }

// SizeWord is where libpmemobj keeps the size of the heap in bytes, the
// HeapMeta at its start included.
func (h *Heap) SizeWord() *uint64 { return (*uint64)(unsafe.Add(h.base, heapSizeOff)) }

// End is the offset of the heap's end. In a pool that grows it rises.
func (h *Heap) End() uint64 { return h.first - heapHeaderSize + h.size() }

// load reads the aligned word at off. Atomic, because C may write it.
func (h *Heap) load(off uint64) uint64 {
	return atomic.LoadUint64((*uint64)(unsafe.Add(h.base, off)))
}

// Bounds are the offsets between which all objects lie now.
func (h *Heap) Bounds() (lo, hi uint64) {
	h.grown(0)
	return h.first + zoneMetaSize, h.first + h.span.Load()
}

// Within says whether the n bytes at off lie within the bounds. n is at most
// what an object can have.
func (h *Heap) Within(off, n uint64) bool {
	rel := off - h.first
	return rel >= zoneMetaSize && rel < h.limit && h.holds(rel+n)
}

// IsRoot says whether the root object's data starts at off.
func (h *Heap) IsRoot(off uint64) bool {
	return off != 0 && h.load(rootOffsetOff) == off
}

// root is where the root object's data lies, which most questions are about;
// empty if there is none.
func (h *Heap) root() (start, end uint64) {
	start = h.load(rootOffsetOff)
	end = start + h.load(rootSizeOff)
	if start < h.first || end < start || !h.holds(end-h.first) {
		return 0, 0
	}
	return start, end
}

// place is a chunk: its zone's offset, and its number in there.
type place struct{ zone, chunk uint64 }

func (p place) headerOff() uint64 { return p.zone + zoneHeaderSize + p.chunk*8 }
func (p place) off() uint64       { return p.zone + zoneMetaSize + p.chunk<<chunkShift }

// placeOf finds the chunk that off lies in.
func (h *Heap) placeOf(off uint64) (place, bool) {
	rel := off - h.first
	if rel >= h.span.Load() && (rel >= h.limit || !h.grown(rel+1)) {
		return place{}, false
	}
	zone := h.first
	if rel >= zoneSize {
		z := rel / zoneSize
		zone += z * zoneSize
		rel -= z * zoneSize
	}
	if rel < zoneMetaSize {
		return place{}, false
	}
	return place{zone, (rel - zoneMetaSize) >> chunkShift}, true
}

func (h *Heap) header(p place) chunkHeader { return chunkHeader(h.load(p.headerOff())) }

// run returns the run that chunk p, whose header is hdr, is part of.
func (h *Heap) run(p place, hdr chunkHeader) (place, chunkHeader, bool) {
	if hdr.kind() == chunkRunData {
		// Left over if what it points to is no run, or one that ends before.
		back := hdr.size()
		if back == 0 || back > p.chunk {
			return p, hdr, false
		}
		p.chunk -= back
		hdr = h.header(p)
		if hdr.size() <= back {
			return p, hdr, false
		}
	}
	return p, hdr, hdr.kind() == chunkRun
}

// Object says whether off is where the data of an allocated object starts, and
// how many bytes the object has room for, as pmemobj_alloc_usable_size would.
func (h *Heap) Object(off uint64) (usable uint64, ok bool) {
	p, ok := h.placeOf(off)
	if !ok {
		return 0, false
	}
	hdr := h.header(p)
	if hdr.kind() == chunkUsed {
		usable, ok = h.hugeObject(p, hdr, off)
		return usable, ok && !h.isLog(off, objHeaderSize(hdr.flags()))
	}
	p, hdr, ok = h.run(p, hdr)
	if !ok {
		return 0, false
	}
	base := p.off()
	g := h.geometry(p, hdr)
	if g == nil {
		return 0, false
	}
	rel := off - g.user(base)
	idx := g.index(rel)
	if idx >= g.units || idx*g.unit != rel {
		return 0, false
	}
	wordOff := base + runHeaderSize + idx>>6<<3
	word := h.load(wordOff)
	if word>>(idx&63)&1 == 0 {
		return 0, false
	}
	if g.header == 0 {
		return g.unit, true
	}
	size := h.objectSize(off, g.header)
	if !g.fits(size, idx) || h.isLog(off, g.header) {
		return 0, false
	}
	// The bit before is clear, or belongs to another word, which no object
	// crosses: then this unit is the first of its object.
	if idx&63 != 0 && word>>(idx&63-1)&1 != 0 && !h.startsObject(wordOff, idx, base, g) {
		return 0, false
	}
	return size - g.header, true
}

// objectSize reads the size, header included, from the header in front of off.
func (h *Heap) objectSize(off, header uint64) uint64 {
	at := off - 16
	if header == 64 {
		at = off - 56
	}
	return h.loadUnaligned(at) & objSizeMask
}

// isLog says whether the object at off is a log of libpmemobj's own, which is
// nobody else's to write to or free.
func (h *Heap) isLog(off, header uint64) bool {
	return header == 16 && h.loadUnaligned(off-16)&objInternal != 0 && !h.IsRoot(off)
}

// loadUnaligned reads the word at off, which in runs of odd units need not be
// aligned.
func (h *Heap) loadUnaligned(off uint64) uint64 {
	if off&7 == 0 {
		return h.load(off)
	}
	lo := h.load(off &^ 7)
	hi := h.load(off&^7 + 8)
	shift := off & 7 * 8
	return lo>>shift | hi<<(64-shift)
}

func (h *Heap) hugeObject(p place, hdr chunkHeader, off uint64) (usable uint64, ok bool) {
	header := objHeaderSize(hdr.flags())
	if p.off()+header != off {
		return 0, false
	}
	limit := hdr.size() << chunkShift
	if hdr.size() == 0 || !h.holds(p.off()-h.first+limit) {
		return 0, false
	}
	if header == 0 {
		return limit, true
	}
	size := h.objectSize(off, header)
	if size < header || size > limit {
		return 0, false
	}
	return size - header, true
}

// attempts is how often a parse of neighbouring objects is repeated before its
// failure is believed: another thread may have been writing their headers.
const attempts = 8

// startsObject says whether unit idx, which is allocated, as is the unit before
// it, is the first of its object and not one in the middle whose contents look
// like a header.
func (h *Heap) startsObject(wordOff, idx, base uint64, g *geometry) bool {
	for range attempts {
		if h.quietBefore(wordOff, idx, base, g) {
			return true
		}
		if start, _, ok := h.owner(wordOff, idx, base, g); ok && start == idx {
			return true
		}
	}
	return false
}

// quietBefore says whether no unit before idx, as far back as an object can
// start that reaches idx, looks like the header of one that does. It takes
// anything large for one: what it does not clear, owner decides.
func (h *Heap) quietBefore(wordOff, idx, base uint64, g *geometry) bool {
	from := regionStart(h.load(wordOff), idx)
	at := g.user(base) + from*g.unit - 16
	if g.header == 64 {
		at = g.user(base) + from*g.unit - 56
	}
	// What is left to unit idx, which the sizes are compared with.
	rest := (idx - from) * g.unit
	if at&7 != 0 || g.unit&7 != 0 {
		for ; rest != 0; rest -= g.unit {
			if h.loadUnaligned(at)&objSizeMask > rest {
				return false
			}
			at += g.unit
		}
		return true
	}
	for p := unsafe.Add(h.base, at); rest != 0; rest -= g.unit {
		if atomic.LoadUint64((*uint64)(p))&objSizeMask > rest {
			return false
		}
		p = unsafe.Add(p, g.unit)
	}
	return true
}

// regionStart is the first unit of the allocated units without a gap, within a
// word of the bitmap, that unit idx is one of.
func regionStart(word, idx uint64) uint64 {
	bit := idx & 63
	below := ^word & (1<<bit - 1)
	return idx - bit + uint64(64-bits.LeadingZeros64(below))
}

// owner parses the objects from the start of the region of allocated units that
// idx is in, and returns the first unit and the size of the object that idx
// belongs to.
func (h *Heap) owner(wordOff, idx, base uint64, g *geometry) (start, size uint64, ok bool) {
	word := h.load(wordOff)
	if word>>(idx&63)&1 == 0 {
		return 0, 0, false
	}
	for i := regionStart(word, idx); i <= idx; {
		size := g.unit
		if g.header != 0 {
			size = h.objectSize(g.user(base)+i*g.unit, g.header)
			if !g.fits(size, i) {
				return 0, 0, false
			}
		}
		n := g.index(size)
		if i+n > idx {
			return i, size, true
		}
		i += n
	}
	return 0, 0, false
}

// Covers says whether the n bytes at off lie inside the data of one allocated
// object. With n = 0 it says whether off does.
func (h *Heap) Covers(off, n uint64) bool {
	_, _, ok := h.Around(off, n)
	return ok
}

// Around is Covers with more of an answer: [start, end) holds the n bytes and
// lies inside the data of the same object. It is not always all of it.
func (h *Heap) Around(off, n uint64) (start, end uint64, ok bool) {
	n = max(n, 1)
	if start, end = h.root(); off >= start && off < end && n <= end-off {
		return start, end, true
	}
	p, ok := h.placeOf(off)
	if !ok || n > h.limit {
		return 0, 0, false
	}
	hdr := h.header(p)
	p, hdr, ok = h.run(p, hdr)
	if !ok {
		return h.hugeAround(p, off, n)
	}
	base := p.off()
	g := h.geometry(p, hdr)
	if g == nil {
		return 0, 0, false
	}
	units := g.user(base) - g.header
	rel := off - units
	idx := g.index(rel)
	if idx >= g.units {
		return 0, 0, false
	}
	wordOff := base + runHeaderSize + idx>>6<<3
	if h.load(wordOff)>>(idx&63)&1 == 0 {
		return 0, 0, false
	}
	// Behind a header, inside one unit: no need to know which of its object's
	// units it is.
	if in := rel - idx*g.unit; in >= g.header && n <= g.unit-in {
		start, end = off-in+g.header, off-in+g.unit
		if g.header == 0 || g.fits(h.objectSize(start, g.header), idx) && !h.isLog(start, g.header) {
			return start, end, true
		}
	}
	if g.header == 0 {
		return 0, 0, false
	}
	for range attempts {
		if first, size, ok := h.owner(wordOff, idx, base, g); ok {
			at := units + first*g.unit
			start, end = at+g.header, at+size
			if off >= start && off+n <= end {
				return start, end, !h.isLog(start, g.header)
			}
		}
	}
	return 0, 0, false
}

// hugeAround is Around for a chunk that is no run.
func (h *Heap) hugeAround(p place, off, n uint64) (start, end uint64, ok bool) {
	p, hdr, ok := h.hugeBlock(p)
	if !ok {
		return 0, 0, false
	}
	start = p.off() + objHeaderSize(hdr.flags())
	usable, ok := h.hugeObject(p, hdr, start)
	if !ok || off < start || off-start > usable || n > usable-(off-start) || h.isLog(start, objHeaderSize(hdr.flags())) {
		return 0, 0, false
	}
	return start, start + usable, true
}

// hugeBlock finds the huge object that holds chunk p. Headers inside a huge
// object are left over from before, but never of type used or run: such a
// header is where a block starts.
func (h *Heap) hugeBlock(p place) (place, chunkHeader, bool) {
	at := p.chunk
	if hint := h.huge.Load(); hint > p.zone && hint <= p.headerOff() {
		q := place{p.zone, (hint - p.zone - zoneHeaderSize) / 8}
		if hdr := h.header(q); hdr.kind() == chunkUsed && hdr.size() > at-q.chunk {
			return q, hdr, true
		}
	}
	for {
		hdr := h.header(p)
		switch hdr.kind() {
		case chunkUsed:
			if hdr.size() <= at-p.chunk {
				return p, hdr, false
			}
			h.huge.Store(p.headerOff())
			return p, hdr, true
		case chunkRun:
			return p, hdr, false
		}
		if p.chunk == 0 {
			return p, hdr, false
		}
		p.chunk--
	}
}
