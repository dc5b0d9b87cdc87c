package libpmemobj_test

import (
	"testing"

	"github.com/pmem/pmdk-go/internal/testpool"
	. "github.com/pmem/pmdk-go/libpmemobj"
)

// Ratios to the same work in C are what `make bench-ratio` measures; these
// are for looking at one thing at a time.

func BenchmarkUpdate(b *testing.B) {
	p := testpool.New(b)
	root := rootOf(b, p)
	b.Run("empty", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_ = p.Update(func(*Tx) error { return nil })
		}
	})
	b.Run("1x8", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_ = p.Update(func(tx *Tx) error {
				*MutAt(tx, &root.Get().Count)++
				return nil
			})
		}
	})
	b.Run("parallel", func(b *testing.B) {
		b.RunParallel(func(pb *testing.PB) {
			var n Ptr[node]
			_ = p.Update(func(tx *Tx) (err error) { n, err = NewZeroed[node](tx); return err })
			for pb.Next() {
				_ = p.Update(func(tx *Tx) error {
					n.Mut(tx).Value++
					return nil
				})
			}
		})
	})
}

func BenchmarkPublish(b *testing.B) {
	p := testpool.New(b)
	root := rootOf(b, p)
	for _, words := range []int{0, 1, 2, 8, 64} {
		b.Run(string(rune('0'+words/10))+string(rune('0'+words%10))+" words", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_ = p.Publish(func(a *Actions) error {
					r := root.Get()
					for i := range words {
						Store(a, &r.Words[i], r.Words[i]+1)
					}
					return nil
				})
			}
		})
	}
}

func BenchmarkAllocFree(b *testing.B) {
	p := testpool.New(b)
	b.ReportAllocs()
	for b.Loop() {
		oid, _ := p.Alloc(nil, 128, 1)
		_ = p.Free(&oid)
	}
}

func BenchmarkGet(b *testing.B) {
	p := testpool.New(b)
	n := oneNode(b, p, 1)
	var total uint64
	for b.Loop() {
		total += n.Get().Value
	}
	if total == 0 {
		b.Fatal("nothing was read")
	}
}

func BenchmarkObjects(b *testing.B) {
	p := testpool.New(b)
	populate(b, p, 5000)
	b.ReportAllocs()
	for b.Loop() {
		n := 0
		for range p.Objects() {
			n++
		}
		if n != 10_000 {
			b.Fatal(n)
		}
	}
}
