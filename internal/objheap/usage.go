package objheap

import "math/bits"

// Usage is how much of a heap is free, as its persistent metadata has it:
// memory that is reserved, or allocated in a transaction under way, counts as
// free, and so does what a thread's arena keeps for itself.
type Usage struct {
	Size uint64 // bytes in all chunks
	Cap  uint64 // bytes in the largest block that the heap could have, if it were empty

	FreeChunks  uint64 // bytes in chunks that belong to no block
	LargestFree uint64 // bytes in the longest row of those
	RunChunks   uint64 // bytes in runs
	RunFree     uint64 // bytes in free units of runs

	// Fits is how many runs of the shape asked for have room for the units
	// asked for.
	Fits uint64
}

// Usage walks over all blocks, and over the bitmaps of runs. It also counts
// the runs of a shape that have n free units in a row, if n is not 0.
//
// It may be called at any time; while other threads allocate, what it adds up
// are the states of different moments.
func (h *Heap) Usage(s Shape, n uint64) Usage {
	u := Usage{}
	heapSize := h.mapped()
	for z := range zonesIn(heapSize) {
		size := chunksIn(heapSize, z) << chunkShift
		u.Size += size
		u.Cap = max(u.Cap, size)
	}
	var row uint64 // bytes of free chunks up to here
	var end uint64 // where they end
	h.eachBlock(func(p place, hdr chunkHeader, chunks uint64) bool {
		size := chunks << chunkShift
		switch hdr.kind() {
		case chunkUsed:
		case chunkRun:
			u.RunChunks += size
			free, longest := h.freeUnits(p, hdr)
			u.RunFree += free
			if n != 0 && longest >= n && hdr.flags()&^flagFlex == s.flags()&^flagFlex &&
				chunks == s.Chunks && h.load(p.off()) == s.Unit {
				u.Fits++
			}
		default:
			u.FreeChunks += size
			if p.off() != end {
				row = 0
			}
			row += size
			end = p.off() + size
			u.LargestFree = max(u.LargestFree, row)
		}
		return true
	})
	return u
}

// mapped is the size of a heap with just the chunks that are there now.
func (h *Heap) mapped() uint64 {
	h.grown(0)
	return heapHeaderSize + h.span.Load()
}

// eachBlock calls visit for the blocks of all zones, of n chunks each, in
// address order, until visit returns false. The rest of a zone that makes no
// sense, or is not in use yet, is one free block.
func (h *Heap) eachBlock(visit func(p place, hdr chunkHeader, n uint64) bool) {
	heapSize := h.mapped()
	for z := range zonesIn(heapSize) {
		p := place{h.first + z*zoneSize, 0}
		for all := chunksIn(heapSize, z); p.chunk < all; {
			hdr := h.header(p)
			n := hdr.size()
			if n == 0 || n > all-p.chunk {
				hdr, n = chunkFree, all-p.chunk
			}
			if !visit(p, hdr, n) {
				return
			}
			p.chunk += n
		}
	}
}

// freeUnits is how many bytes in the run at p are free, and how many units the
// longest free row has that one object can take: one within a word.
func (h *Heap) freeUnits(p place, hdr chunkHeader) (free, longest uint64) {
	g := h.geometry(p, hdr)
	if g == nil {
		return 0, 0
	}
	bitmap := p.off() + runHeaderSize
	for i := uint64(0); i < g.units; i += 64 {
		word := ^h.load(bitmap + i/8) // 1 is free
		if left := g.units - i; left < 64 {
			word &= 1<<left - 1
		}
		free += uint64(bits.OnesCount64(word)) * g.unit
		longest = max(longest, longestOnes(word))
	}
	return free, longest
}

// longestOnes is the length of the longest row of ones in w.
func longestOnes(w uint64) (n uint64) {
	for ; w != 0; n++ {
		w &= w << 1 // shortens each row by one
	}
	return n
}
