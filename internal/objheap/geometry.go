package objheap

import (
	"math/bits"
	"sync/atomic"
)

// geometry is runGeometry as the questions of a Heap need it: without the run's
// place, and without divisions.
type geometry struct {
	// What the geometry follows from.
	unit, align uint64
	hdr         chunkHeader

	units  uint64
	header uint64
	data   uint64 // from the run's start to the first user data, if unaligned
	mask   uint64 // alignment of user data - 1
	magic  uint64 // its reciprocal
}

// user is where the user data of the first unit of the run at base starts.
func (g *geometry) user(base uint64) uint64 { return (base + g.data + g.mask) &^ g.mask }

// index is rel / unit.
func (g *geometry) index(rel uint64) uint64 {
	if rel>>32 == 0 && g.magic != 0 {
		// Exact: the error of magic is below unit, rel times it below 2^64.
		hi, _ := bits.Mul64(rel, g.magic)
		return hi
	}
	return rel / g.unit
}

// fits says whether an object at unit idx can have that size, header included:
// whole units, in one word of the bitmap.
func (g *geometry) fits(size, idx uint64) bool {
	n := g.index(size)
	return n-1 < 64-idx&63 && n <= g.units-idx && n*g.unit == size
}

// geometryCache remembers geometries. Entries never change once they are in,
// and a place that is taken stays taken: a pool has few kinds of runs.
type geometryCache [256]atomic.Pointer[geometry]

// geometry is that of the run at p, or nil if its header makes no sense.
func (h *Heap) geometry(p place, hdr chunkHeader) *geometry {
	base := p.off()
	unit, align := h.load(base), uint64(0)
	if hdr.flags()&flagAligned != 0 {
		align = h.load(base + 8)
	}
	slot := &h.geometries[(unit>>3^unit>>11^uint64(hdr)>>16^uint64(hdr)>>32)%256]
	g := slot.Load()
	if g != nil && g.unit == unit && g.hdr == hdr && g.align == align {
		return g
	}
	if !h.holds(base - h.first + hdr.size()<<chunkShift) {
		return nil
	}
	g = newGeometry(hdr, unit, align)
	if g != nil {
		slot.CompareAndSwap(nil, g)
	}
	return g
}

func newGeometry(hdr chunkHeader, unit, align uint64) *geometry {
	r, ok := geometryOf(0, hdr.size(), hdr.flags(), unit, align)
	if !ok {
		return nil
	}
	g := &geometry{unit: unit, align: align, hdr: hdr, units: r.units, header: r.header, data: r.meta + r.header, magic: reciprocal(unit)}
	if align != 0 {
		g.mask = align - 1
	}
	return g
}

// reciprocal is 2^64/unit, rounded up, or 0 where index could not use it.
func reciprocal(unit uint64) uint64 {
	if unit < 2 || unit>>32 != 0 {
		return 0
	}
	return ^uint64(0)/unit + 1
}
