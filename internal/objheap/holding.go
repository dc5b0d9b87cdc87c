package objheap

// Holding finds the object inside whose data off lies: where the data starts,
// and how many bytes it has room for.
func (h *Heap) Holding(off uint64) (start, usable uint64, ok bool) {
	if usable, ok := h.Object(off); ok {
		return off, usable, true
	}
	if start, end := h.root(); off >= start && off < end {
		usable, ok := h.Object(start)
		return start, usable, ok
	}
	p, ok := h.placeOf(off)
	if !ok {
		return 0, 0, false
	}
	p, hdr, ok := h.run(p, h.header(p))
	if !ok {
		start, end, ok := h.hugeAround(p, off, 1)
		return start, end - start, ok
	}
	base := p.off()
	g := h.geometry(p, hdr)
	if g == nil {
		return 0, 0, false
	}
	units := g.user(base) - g.header
	idx := g.index(off - units)
	if off < units || idx >= g.units {
		return 0, 0, false
	}
	for range attempts {
		first, size, ok := h.owner(base+runHeaderSize+idx>>6<<3, idx, base, g)
		if !ok {
			continue
		}
		start = units + first*g.unit + g.header
		usable = size - g.header
		return start, usable, off >= start && off-start < usable && !h.isLog(start, g.header)
	}
	return 0, 0, false
}

// TypeNum is the type number in the header of the live object at off, 0 if it
// has no header.
func (h *Heap) TypeNum(off uint64) uint64 {
	p, ok := h.placeOf(off)
	if !ok {
		return 0
	}
	hdr := h.header(p)
	if run, runHdr, ok := h.run(p, hdr); ok {
		p, hdr = run, runHdr
	}
	if objHeaderSize(hdr.flags()) == 0 {
		return 0
	}
	return h.loadUnaligned(off - 8) // the last word of either kind of header
}

// Tagged says whether the words in front of off read like the header of an
// object of that type number, and how many bytes such an object has room for.
// Whether the object is alive it does not ask, and so costs a tenth of Object.
// An object with another kind of header is not recognised.
func (h *Heap) Tagged(off, typeNum uint64) (usable uint64, ok bool) {
	const header = 16
	if !h.Within(off-header, header) || off&7 != 0 || h.load(off-8) != typeNum {
		return 0, false
	}
	size := h.load(off-header) & objSizeMask
	if size < header || !h.holds(off-h.first+size-header) {
		return 0, false
	}
	return size - header, true
}
