package objheap

// Allocated says whether the byte at off belongs to an allocated object, its
// header included, or to a log of libpmemobj's own. It knows less than Covers
// and takes half the time: for a place where an object is known to have been,
// it says whether that was freed.
func (h *Heap) Allocated(off uint64) bool {
	var near Near
	return h.AllocatedNear(off, &near)
}

// Near remembers, for a moment in which nothing is expected to change, the run
// that was asked about last. The zero Near remembers nothing.
type Near struct {
	base, size uint64
	units      uint64 // where the first one starts
	g          *geometry
}

// AllocatedNear is Allocated for several places in turn, which often are in
// one run.
func (h *Heap) AllocatedNear(off uint64, near *Near) bool {
	if off-near.base >= near.size {
		p, ok := h.placeOf(off)
		if !ok {
			return false
		}
		run, hdr, ok := h.run(p, h.header(p))
		if !ok {
			return h.Covers(off, 1)
		}
		base := run.off()
		g := h.geometry(run, hdr)
		if g == nil {
			return false
		}
		*near = Near{base, hdr.size() << chunkShift, g.user(base) - g.header, g}
	}
	idx := near.g.index(off - near.units)
	return idx < near.g.units && h.load(near.base+runHeaderSize+idx>>6<<3)>>(idx&63)&1 != 0
}
