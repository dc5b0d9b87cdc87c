package objheap

import (
	"encoding/binary"
	"fmt"
	"io"
)

// image is a pool's file as recovery would leave it: the bytes on the media
// with the effects of the logs laid over them.
type image struct {
	r     io.ReaderAt
	size  uint64
	whole bool // all parts of a pool set, not just one
	// patches by chunk-sized window, in the order in which recovery applies
	// them.
	patches map[uint64][]patch

	heapOff  uint64
	heapSize uint64
	zones    uint64
	lanes    uint64
	cutLogs  []uint64 // see Info.CutLogs
}

// patch replaces n bytes at dst: by the bytes at src, or by value.
type patch struct {
	dst, n  uint64
	src     uint64
	value   uint64
	literal bool
}

func newImage(r io.ReaderAt, size int64) *image {
	return &image{r: r, size: uint64(size), patches: map[uint64][]patch{}}
}

// raw reads what stands in the file.
func (im *image) raw(b []byte, off uint64) error {
	if off > im.size || uint64(len(b)) > im.size-off {
		return corrupt("pool", off, "%d bytes needed, the file ends at %#x", len(b), im.size)
	}
	n, err := im.r.ReadAt(b, int64(off))
	if n == len(b) {
		return nil
	}
	if err == nil || err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("read %d bytes at offset %#x: %w", len(b), off, err)
}

// read reads what recovery would leave.
func (im *image) read(b []byte, off uint64) error {
	if err := im.raw(b, off); err != nil {
		return err
	}
	if len(im.patches) == 0 || len(b) == 0 {
		return nil
	}
	end := off + uint64(len(b))
	for w := off >> chunkShift; w <= (end-1)>>chunkShift; w++ {
		for _, p := range im.patches[w] {
			if err := p.lay(im, b, off, max(off, w<<chunkShift), min(end, (w+1)<<chunkShift)); err != nil {
				return err
			}
		}
	}
	return nil
}

// lay copies the part of the patch that lies in [lo, hi) into b, which was read
// from off.
func (p *patch) lay(im *image, b []byte, off, lo, hi uint64) error {
	lo, hi = max(lo, p.dst), min(hi, p.dst+p.n)
	if lo >= hi {
		return nil
	}
	to := b[lo-off : hi-off]
	if !p.literal {
		return im.raw(to, p.src+(lo-p.dst))
	}
	var v [8]byte
	binary.LittleEndian.PutUint64(v[:], p.value)
	copy(to, v[lo-p.dst:])
	return nil
}

// apply adds a patch whose target lies inside the pool.
func (im *image) apply(p patch) {
	if p.n == 0 {
		return
	}
	for w := p.dst >> chunkShift; w <= (p.dst+p.n-1)>>chunkShift; w++ {
		im.patches[w] = append(im.patches[w], p)
	}
}

// word reads 8 bytes as recovery would leave them.
func (im *image) word(off uint64) (uint64, error) {
	var b [8]byte
	if err := im.read(b[:], off); err != nil {
		return 0, err
	}
	return binary.LittleEndian.Uint64(b[:]), nil
}

// chunkAt says which zone and chunk hold off. It is false for offsets outside
// every chunk.
func (im *image) chunkAt(off uint64) (zone, chunk uint64, ok bool) {
	first := im.heapOff + heapHeaderSize
	if off < first {
		return 0, 0, false
	}
	rel := off - first
	zone, rel = rel/zoneSize, rel%zoneSize
	if zone >= im.zones || rel < zoneMetaSize {
		return 0, 0, false
	}
	chunk = (rel - zoneMetaSize) >> chunkShift
	return zone, chunk, chunk < chunksIn(im.heapSize, zone)
}

func (im *image) zoneOff(zone uint64) uint64 {
	return im.heapOff + heapHeaderSize + zone*zoneSize
}

func (im *image) chunkOff(zone, chunk uint64) uint64 {
	return im.zoneOff(zone) + zoneMetaSize + chunk<<chunkShift
}

func (im *image) chunkHeaderOff(zone, chunk uint64) uint64 {
	return im.zoneOff(zone) + zoneHeaderSize + chunk*8
}

// block is a run or a huge chunk.
type block struct {
	zone, chunk uint64 // where it starts
	hdr         chunkHeader
	run         runGeometry // of a run
	base        uint64
}

// blockAt finds the run or used chunk that holds off. It relies on the chunk
// headers: a header of another type inside a block is left over, one of type
// run or used never is.
func (im *image) blockAt(off uint64) (block, bool, error) {
	zone, at, ok := im.chunkAt(off)
	if !ok {
		return block{}, false, nil
	}
	for chunk := at; ; chunk-- {
		w, err := im.word(im.chunkHeaderOff(zone, chunk))
		if err != nil {
			return block{}, false, err
		}
		b := block{zone: zone, chunk: chunk, hdr: chunkHeader(w), base: im.chunkOff(zone, chunk)}
		if k := b.hdr.kind(); k == chunkRun || k == chunkUsed {
			if b.hdr.size() <= at-chunk || b.hdr.size() > chunksIn(im.heapSize, zone)-chunk {
				return block{}, false, nil
			}
			if k == chunkUsed {
				return b, true, nil
			}
			err = im.loadRun(&b)
			return b, err == nil, err
		}
		if chunk == 0 {
			return block{}, false, nil
		}
	}
}

// loadRun reads and checks the header of the run b.
func (im *image) loadRun(b *block) error {
	var h [runHeaderSize]byte
	if err := im.read(h[:], b.base); err != nil {
		return err
	}
	unit := binary.LittleEndian.Uint64(h[:])
	align := binary.LittleEndian.Uint64(h[8:])
	g, ok := geometryOf(b.base, b.hdr.size(), b.hdr.flags(), unit, align)
	if !ok {
		return corrupt(fmt.Sprintf("run in zone %d chunk %d", b.zone, b.chunk), b.base,
			"units of %d bytes aligned to %d do not fit a run of %d chunks with flags %#x", unit, align, b.hdr.size(), b.hdr.flags())
	}
	b.run = g
	return nil
}

// object is what stands at an offset.
type object struct {
	start    uint64 // of the user's data
	usable   uint64
	internal bool
}

// objectAt reads the object whose user data starts at off. It is false if
// there is none.
func (im *image) objectAt(off uint64) (object, bool, error) {
	b, ok, err := im.blockAt(off)
	if !ok {
		return object{}, false, err
	}
	hdr := objHeaderSize(b.hdr.flags())
	start := b.base
	if b.hdr.kind() == chunkRun {
		if off < b.run.first+hdr {
			return object{}, false, nil
		}
		idx := (off - hdr - b.run.first) / b.run.unit
		start = b.run.first + idx*b.run.unit
		if idx >= b.run.units {
			return object{}, false, nil
		}
		w, err := im.word(b.base + runHeaderSize + idx/64*8)
		if err != nil || w>>(idx%64)&1 == 0 {
			return object{}, false, err
		}
	}
	if start+hdr != off {
		return object{}, false, nil
	}
	size, internal := b.run.unit, false
	if b.hdr.kind() == chunkUsed {
		size = b.hdr.size() << chunkShift
	}
	if hdr != 0 {
		at := start
		if hdr == 64 {
			at += 8 // the old header's size is its second word
		}
		w, err := im.word(at)
		if err != nil {
			return object{}, false, err
		}
		limit := b.base + b.hdr.size()<<chunkShift - start
		size, internal = w&objSizeMask, w&objInternal != 0
		if size < hdr || size > limit {
			return object{}, false, nil
		}
	}
	return object{start: off, usable: size - hdr, internal: internal}, true, nil
}
