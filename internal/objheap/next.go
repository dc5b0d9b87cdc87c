package objheap

import "math/bits"

// Next returns the first object of the user's after off, in address order: the
// order of pmemobj_first and pmemobj_next, which leave out the root object and
// the library's own. There need not be an object at off; 0 is before all.
func (h *Heap) Next(off uint64) (uint64, bool) {
	lo, hi := h.Bounds()
	if off >= hi {
		return 0, false
	}
	p, ok := place{h.first, 0}, false
	if off >= lo {
		p, ok = h.placeOf(off)
	}
	if !ok {
		// In front of a zone's first chunk.
		if off >= lo {
			p = place{h.first + (off-h.first)/zoneSize*zoneSize, 0}
		}
	} else if p, ok = h.blockOf(p); !ok {
		return 0, false
	}
	for {
		hdr := h.header(p)
		if o, ok := h.nextIn(p, hdr, off); ok {
			return o, true
		}
		if p, ok = h.after(p, hdr); !ok {
			return 0, false
		}
	}
}

// blockOf is the block that chunk p is part of.
func (h *Heap) blockOf(p place) (place, bool) {
	hdr := h.header(p)
	if run, _, ok := h.run(p, hdr); ok {
		return run, true
	}
	if hdr.kind() == chunkUsed {
		return p, true
	}
	// In the middle of a huge block headers say nothing: start from the front.
	at := p.chunk
	p.chunk = 0
	for {
		n := h.header(p).size()
		if n == 0 {
			return p, false
		}
		if n > at-p.chunk {
			return p, true
		}
		p.chunk += n
	}
}

// after is the block that follows the one at p, whose header is hdr.
func (h *Heap) after(p place, hdr chunkHeader) (place, bool) {
	n := hdr.size()
	span := h.span.Load()
	zone := p.zone - h.first
	if n != 0 && n < min(maxChunks, (span-zone-zoneMetaSize)>>chunkShift)-p.chunk {
		p.chunk += n
		return p, true
	}
	// The end of the zone, or of what is in use of it.
	return place{p.zone + zoneSize, 0}, zone+zoneSize < span
}

// nextIn is the first object after off in the block at p.
func (h *Heap) nextIn(p place, hdr chunkHeader, off uint64) (uint64, bool) {
	switch hdr.kind() {
	case chunkUsed:
		o := p.off() + objHeaderSize(hdr.flags())
		_, ok := h.hugeObject(p, hdr, o)
		return o, ok && o > off && h.isUsers(o, objHeaderSize(hdr.flags()))
	case chunkRun:
		g := h.geometry(p, hdr)
		if g == nil {
			return 0, false
		}
		return h.nextInRun(p.off(), g, off)
	}
	return 0, false
}

// isUsers says whether the object at off is not one of the library's own.
func (h *Heap) isUsers(off, header uint64) bool {
	if header == 16 && h.loadUnaligned(off-16)&objInternal != 0 {
		return false
	}
	return !h.IsRoot(off)
}

func (h *Heap) nextInRun(base uint64, g *geometry, off uint64) (uint64, bool) {
	user := g.user(base)
	idx := uint64(0)
	if off >= user {
		idx = h.unitAfter(base, g, g.index(off-user), off)
	}
	for idx < g.units {
		word := h.load(base + runHeaderSize + idx>>6<<3)
		word = word >> (idx & 63)
		if word == 0 {
			idx = idx&^63 + 64
			continue
		}
		idx += uint64(bits.TrailingZeros64(word))
		if idx >= g.units {
			break
		}
		o := user + idx*g.unit
		if g.header == 0 {
			return o, true
		}
		size := h.objectSize(o, g.header)
		if !g.fits(size, idx) {
			idx++ // being written, or damaged
			continue
		}
		if h.isUsers(o, g.header) {
			return o, true
		}
		idx += g.index(size)
	}
	return 0, false
}

// unitAfter is where to look for the objects behind off, which lies in unit idx
// if counted from the first object's data: the first unit that does not belong
// to the object that off is in, or idx itself or a unit before.
func (h *Heap) unitAfter(base uint64, g *geometry, idx, off uint64) uint64 {
	if idx >= g.units {
		return g.units
	}
	wordOff := base + runHeaderSize + idx>>6<<3
	if h.load(wordOff)>>(idx&63)&1 == 0 || g.header == 0 {
		return idx + 1
	}
	// The common case: off is the object that Next returned the last time.
	if usable, ok := h.Object(off); ok {
		return idx + g.index(usable+g.header)
	}
	for range attempts {
		if start, size, ok := h.owner(wordOff, idx, base, g); ok {
			return start + g.index(size)
		}
	}
	return idx + 1
}
