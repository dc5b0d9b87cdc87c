package objheap

import (
	"encoding/binary"
	"fmt"
)

// verifier walks everything in a heap.
type verifier struct {
	im  *image
	buf []byte // for the run being looked at
}

func (v *verifier) block(b block) error {
	switch b.hdr.kind() {
	case chunkUsed:
		return v.huge(b)
	case chunkRun:
		return v.run(b)
	}
	return nil
}

func (v *verifier) huge(b block) error {
	hdr := objHeaderSize(b.hdr.flags())
	if hdr == 0 {
		return nil
	}
	at := b.base + sizeWord(hdr)
	w, err := v.im.word(at)
	if err != nil {
		return err
	}
	name := fmt.Sprintf("object in zone %d chunk %d", b.zone, b.chunk)
	size := w & objSizeMask
	if err := checkFlags(name, at, hdr, w); err != nil {
		return err
	}
	if (size+chunkSize-1)>>chunkShift != b.hdr.size() {
		return corrupt(name, at, "a size of %d bytes in %d chunks", size, b.hdr.size())
	}
	return nil
}

// sizeWord is where in an object's header its size stands.
func sizeWord(header uint64) uint64 {
	if header == 64 {
		return 8
	}
	return 0
}

// checkFlags looks at the bits of a size that are none of the size.
func checkFlags(name string, at, header, w uint64) error {
	known := uint64(objInternal)
	if header == 64 {
		known = 0 // there the flags stand elsewhere
	}
	if flags := w &^ objSizeMask &^ known; flags != 0 {
		return corrupt(name, at, "unknown flags %#x in the size", flags)
	}
	return nil
}

func (v *verifier) run(b block) error {
	n := b.hdr.size() << chunkShift
	if uint64(cap(v.buf)) < n {
		v.buf = make([]byte, n)
	}
	mem := v.buf[:n]
	if err := v.im.read(mem, b.base); err != nil {
		return err
	}
	g := b.run
	bitmap := mem[runHeaderSize:]
	bit := func(i uint64) bool { return bitmap[i/8]>>(i%8)&1 != 0 }
	name := fmt.Sprintf("run in zone %d chunk %d", b.zone, b.chunk)
	// The bits between the last unit and the end of its word are always set,
	// so that nothing is ever allocated there.
	for i := g.units; i%64 != 0; i++ {
		if !bit(i) {
			return corrupt(name+", bitmap", b.base+runHeaderSize+i/8, "bit %d is clear, the run has %d units", i, g.units)
		}
	}
	for i := uint64(0); i < g.units; {
		if i%64 == 0 && binary.LittleEndian.Uint64(bitmap[i/8:]) == 0 {
			i += 64
			continue
		}
		if !bit(i) {
			i++
			continue
		}
		if g.header == 0 {
			i++
			continue
		}
		off := g.first + i*g.unit + sizeWord(g.header)
		w := binary.LittleEndian.Uint64(mem[off-b.base:])
		size := w & objSizeMask
		if size == 0 || size%g.unit != 0 || size/g.unit > g.units-i {
			return corrupt(name+", object", off, "a size of %d bytes at unit %d of %d, in units of %d", size, i, g.units, g.unit)
		}
		if err := checkFlags(name+", object", off, g.header, w); err != nil {
			return err
		}
		k := size / g.unit
		if i%64+k > 64 {
			return corrupt(name+", object", off, "%d units at unit %d, more than a word of the bitmap", k, i)
		}
		for j := i + 1; j < i+k; j++ {
			if !bit(j) {
				return corrupt(name+", bitmap", b.base+runHeaderSize+j/8, "unit %d is free, the object at unit %d has %d units", j, i, k)
			}
		}
		i += k
	}
	return nil
}
