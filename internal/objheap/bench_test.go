package objheap_test

import (
	"testing"

	"github.com/pmem/pmdk-go/internal/objheap"
)

// BenchmarkHeapObject asks about an object alone, one among many in a run, and
// a huge one.
func BenchmarkHeapObject(b *testing.B) {
	for _, c := range benchObjects(b) {
		b.Run(c.name, func(b *testing.B) {
			h, i := c.heap, 0
			for b.Loop() {
				if _, ok := h.Object(c.offs[i&(len(c.offs)-1)]); !ok {
					b.Fatal("not an object")
				}
				i++
			}
		})
	}
}

// BenchmarkHeapCovers asks about 8 bytes of the same objects.
func BenchmarkHeapCovers(b *testing.B) {
	for _, c := range benchObjects(b) {
		b.Run(c.name, func(b *testing.B) {
			h, i := c.heap, 0
			for b.Loop() {
				if !h.Covers(c.offs[i&(len(c.offs)-1)]+8, 8) {
					b.Fatal("not an object's")
				}
				i++
			}
		})
	}
}

type benchCase struct {
	name string
	heap *objheap.Heap
	offs []uint64 // a power of two of them
}

func benchObjects(b *testing.B) []benchCase {
	p, h := newPool(b, 64<<20)
	alone := p.Alloc(3000, 1, 0)
	among := make([]uint64, 1024)
	for i := range among {
		among[i] = p.Alloc(64, 1, 0)
	}
	huge := p.Alloc(5<<20, 1, 0)
	return []benchCase{
		{"alone", h, []uint64{alone}},
		{"among-warm", h, among[60:61]},
		{"among-1024", h, among},
		{"huge", h, []uint64{huge}},
	}
}
