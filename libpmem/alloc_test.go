package libpmem_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/pmem/pmdk-go/libpmem"
)

// Ensure that nothing on the way to C allocates on the Go heap, with sources
// on the stack included.
func TestHotPathsAllocateNothing(t *testing.T) {
	if asan {
		t.Skip("the address sanitizer moves to the heap what C gets to see")
	}
	m := newMapping(t, 64<<10)
	other := newMapping(t, 4096)
	b := m.Bytes()
	page := make([]byte, 4096)
	large := make([]byte, 40<<10)
	must := func(err error) {
		if err != nil {
			panic(err)
		}
	}
	for name, call := range map[string]func(){
		"Persist":              func() { must(libpmem.Persist(b[:64])) },
		"Flush and Drain":      func() { must(libpmem.Flush(b[:64])); libpmem.Drain() },
		"Msync":                func() { must(libpmem.Msync(b[:64])) },
		"DeepPersist":          func() { must(libpmem.DeepPersist(b[:64])) },
		"DeepFlush, DeepDrain": func() { must(libpmem.DeepFlush(b[:64])); must(libpmem.DeepDrain(b[:64])) },
		"MemcpyPersist":        func() { must(libpmem.MemcpyPersist(b, page)) },
		"MemcpyPersist, long":  func() { must(libpmem.MemcpyPersist(b, large)) },
		"between mappings":     func() { must(libpmem.MemcpyPersist(b, other.Bytes())) },
		"Memmove":              func() { must(libpmem.Memmove(b, b[10:100], 0)) },
		"MemsetNodrain":        func() { must(libpmem.MemsetNodrain(b[:64], 1)) },
		"IsPmem":               func() { libpmem.IsPmem(b) },
		"Mapping.Persist":      func() { must(m.Persist(0, 64)) },
		"Mapping.Persist, all": func() { must(m.Sync()) },
		"Mapping.Flush, Drain": func() { must(m.Flush(0, 64)); must(m.Drain()) },
		"Mapping.MoveAt":       func() { must(m.MoveAt(0, 64, 64, 0)) },
		"Mapping.SetAt":        func() { must(m.SetAt(0, 64, 1, 0)) },
		"Mapping.CopyAt": func() {
			var local [64]byte
			must(m.CopyAt(0, local[:], 0))
		},
		"Mapping.WriteAt": func() {
			var local [64]byte
			_, err := m.WriteAt(local[:], 0)
			must(err)
		},
		"Mapping.ReadAt": func() {
			var local [64]byte
			_, err := m.ReadAt(local[:], 0)
			must(err)
		},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Zero(t, testing.AllocsPerRun(20, call))
		})
	}
}
