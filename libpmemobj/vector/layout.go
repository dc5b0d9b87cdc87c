package vector

import (
	"fmt"
	"math/bits"
	"unsafe"

	"github.com/pmem/pmdk-go/internal/container"
	"github.com/pmem/pmdk-go/libpmemobj"
)

const (
	kind        = "vector.Vector"
	version     = 1
	magic       = 'P' | 'M'<<8 | 'G'<<16 | 'O'<<24 | 'V'<<32 | 'E'<<40 | 'C'<<48 | '1'<<56
	maxSegments = 48
)

// header is the vector's object.
type header struct {
	magic    uint64
	version  uint32
	elem     uint32
	first    uint64
	num      uint64 // type number of the segments
	_        [4]uint64
	length   uint64
	_        [7]uint64
	segments [maxSegments]uint64
}

// firstBytes is what the first segment has at least, so that small vectors take
// little and their growth is no matter.
const firstBytes = 1024

// firstFor is how many elements the first segment has.
func firstFor(size uint64) uint64 {
	return uint64(1) << bits.Len64((firstBytes-1)/size)
}

// place says in which segment element i is, and where there.
func place(i, first uint64) (segment int, at uint64) {
	segment = bits.Len64(i / first)
	if segment == 0 {
		return 0, i
	}
	return segment, i - first<<(segment-1)
}

// segmentLen is how many elements a segment holds.
func segmentLen(segment int, first uint64) uint64 {
	if segment == 0 {
		return first
	}
	return first << (segment - 1)
}

// count is how many segments there are.
func (h *header) count() int {
	n := 0
	for n < maxSegments && h.segments[n] != 0 {
		n++
	}
	return n
}

// capacity is how many elements n segments hold.
func capacity(n int, first uint64) uint64 {
	if n == 0 {
		return 0
	}
	return first << (n - 1)
}

// check refuses what is no vector, or one that operations would not survive.
func (h *header) check(p *libpmemobj.Pool, off uint64) error {
	damaged := func(format string, args ...any) error {
		return fmt.Errorf("the vector at offset %#x of pool %s is damaged: %s", off, p.Path(), fmt.Sprintf(format, args...))
	}
	switch {
	case h.magic != magic:
		return damaged("it begins with %#016x", h.magic)
	case h.version != version:
		return damaged("it has version %d", h.version)
	case h.elem == 0 || h.first == 0 || h.first&(h.first-1) != 0 || h.first > libpmemobj.MaxAlloc:
		return damaged("elements of %d bytes, %d in the first segment", h.elem, h.first)
	case h.length > capacity(h.count(), h.first):
		return damaged("%d elements in %d segments", h.length, h.count())
	}
	for k := range h.count() {
		n := segmentLen(k, h.first)
		size := n * uint64(h.elem)
		if size/n != uint64(h.elem) {
			return damaged("segment %d of %d elements", k, n)
		}
		if _, err := p.Bytes(libpmemobj.OID{Pool: p.UUID(), Off: h.segments[k]}, 0, size); err != nil {
			return damaged("segment %d: %v", k, err)
		}
	}
	return nil
}

// at is the address of an offset in a pool that is open.
func at(p *libpmemobj.Pool, off uint64) unsafe.Pointer {
	return unsafe.Pointer(libpmemobj.PtrOf[byte](libpmemobj.OID{Pool: p.UUID(), Off: off}).Get())
}

// create makes an empty vector.
func create(tx *libpmemobj.Tx, e container.Element) (uint64, error) {
	ptr, err := libpmemobj.NewZeroed[header](tx)
	if err != nil {
		return 0, err
	}
	h := ptr.Get()
	h.magic, h.version = magic, version
	h.elem, h.first, h.num = uint32(e.Size), firstFor(e.Size), e.Num
	return ptr.OID().Off, nil
}
