package radix_test

import (
	"testing"
	"unsafe"

	"github.com/pmem/pmdk-go/internal/cmap"
	"github.com/pmem/pmdk-go/internal/testpool"
	"github.com/pmem/pmdk-go/libpmemobj"
	"github.com/pmem/pmdk-go/libpmemobj/radix"
)

// BenchmarkMap is the work that the C maps are compared with.
func BenchmarkMap(b *testing.B) {
	const n = 200_000
	order := cmap.Shuffled(n)
	setup := func(b *testing.B) *radix.Map {
		p := testpool.New(b, libpmemobj.WithSize(128<<20))
		m, err := radix.Open(p, "m")
		if err != nil {
			b.Fatal(err)
		}
		return m
	}
	put := func(b *testing.B, m *radix.Map, i int) {
		var key [8]byte
		k := cmap.Key(i % n)
		v := cmap.ValueOf(k)
		if err := m.Put(radix.AppendUint64(key[:0], k), (*[64]byte)(unsafe.Pointer(&v))[:]); err != nil {
			b.Fatal(err)
		}
	}
	b.Run("put", func(b *testing.B) {
		m := setup(b)
		for i := range b.N {
			put(b, m, i)
		}
	})
	b.Run("full", func(b *testing.B) {
		m := setup(b)
		for i := range n {
			put(b, m, i)
		}
		b.Run("get", func(b *testing.B) {
			var key [8]byte
			var value [64]byte
			for i := range b.N {
				if _, found, err := m.AppendGet(value[:0], radix.AppendUint64(key[:0], cmap.Key(order.At(i)))); !found || err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run("replace", func(b *testing.B) {
			for i := range b.N {
				put(b, m, order.At(i))
			}
		})
	})
}
