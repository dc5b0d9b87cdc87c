package hashmap_test

import (
	"fmt"
	"testing"

	"github.com/pmem/pmdk-go/internal/cmap"
	"github.com/pmem/pmdk-go/internal/testpool"
	"github.com/pmem/pmdk-go/libpmemobj"
	"github.com/pmem/pmdk-go/libpmemobj/hashmap"
)

func BenchmarkMap(b *testing.B) {
	for _, n := range []int{100, 1000, 10_000, 200_000} {
		p := testpool.New(b, libpmemobj.WithSize(128<<20))
		m, err := hashmap.Open[uint64, cmap.Value](p, "m")
		if err != nil {
			b.Fatal(err)
		}
		for i := range n {
			if err := m.Put(cmap.Key(i), cmap.ValueOf(cmap.Key(i))); err != nil {
				b.Fatal(err)
			}
		}
		order := cmap.Shuffled(n)
		b.Run(fmt.Sprint("get-", n), func(b *testing.B) {
			i := 0
			for b.Loop() {
				if _, found, err := m.Get(cmap.Key(order.At(i))); !found || err != nil {
					b.Fatal(err)
				}
				i++
			}
		})
		b.Run(fmt.Sprint("replace-", n), func(b *testing.B) {
			i := 0
			for b.Loop() {
				if err := m.Put(cmap.Key(order.At(i)), cmap.Value{}); err != nil {
					b.Fatal(err)
				}
				i++
			}
		})
	}
}
