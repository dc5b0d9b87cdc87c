package diagnose

import (
	"bytes"
	"unsafe"

	"github.com/pmem/pmdk-go/internal/objheap"
)

// owned tells bytes of the program's from those of a pool's own.
type owned struct {
	image  []byte
	heap   *objheap.Heap // nil if the file is not a pool of libpmemobj
	ignore func(off, n uint64) bool
}

// newOwned looks at the file as it is now; the answers follow the image when
// it changes.
func newOwned(image []byte, o Options) *owned {
	w := &owned{image: image, ignore: o.Ignore}
	if !bytes.HasPrefix(image, []byte("PMEMOBJ\x00")) {
		return w
	}
	if _, err := objheap.Check(bytes.NewReader(image), int64(len(image))); err != nil {
		return w
	}
	if heap, err := objheap.NewHeap(unsafe.Pointer(unsafe.SliceData(image)), uint64(len(image))); err == nil {
		w.heap = heap
	}
	return w
}

// of returns those of the bytes of the line at off that the program answers
// for: in a pool of libpmemobj, those in live objects.
func (w *owned) of(off uint64, m mask) mask {
	if w.heap == nil && w.ignore == nil {
		return m
	}
	for i := range uint64(8) {
		word := m & (0xff << (8 * i))
		if word == 0 {
			continue
		}
		start, n := off+word.first(), word.last()-word.first()
		if w.ignore != nil && w.ignore(start, n) || w.heap != nil && !w.heap.Covers(start, n) {
			m &^= word
		}
	}
	return m
}
