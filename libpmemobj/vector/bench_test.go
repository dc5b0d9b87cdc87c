package vector_test

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/testpool"
	"github.com/pmem/pmdk-go/libpmemobj"
	"github.com/pmem/pmdk-go/libpmemobj/vector"
)

// benchVector is a vector with room for all that a benchmark appends; full
// empties it.
func benchVector(b *testing.B) (v *vector.Vector[[8]uint64], full func(int)) {
	b.Helper()
	b.Setenv("PMEM_IS_PMEM_FORCE", "1")
	p := testpool.New(b, libpmemobj.WithSize(128<<20))
	v = open[[8]uint64](b, p, "v")
	var mu sync.Mutex
	return v, func(i int) {
		if i < 500_000 {
			return
		}
		mu.Lock()
		defer mu.Unlock()
		if v.Len() >= 500_000 {
			require.NoError(b, v.Truncate(300_000))
		}
	}
}

func BenchmarkAppend(b *testing.B) {
	v, full := benchVector(b)
	for b.Loop() {
		i, err := v.Append([8]uint64{})
		if err != nil {
			b.Fatal(err)
		}
		full(i)
	}
}

func BenchmarkAppendParallel(b *testing.B) {
	v, full := benchVector(b)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			i, err := v.Append([8]uint64{})
			if err != nil {
				b.Error(err)
				return
			}
			full(i)
		}
	})
}

func BenchmarkAppend100(b *testing.B) {
	v, full := benchVector(b)
	xs := make([][8]uint64, 100)
	for b.Loop() {
		i, err := v.AppendAll(xs)
		if err != nil {
			b.Fatal(err)
		}
		full(i)
	}
}

func BenchmarkAt(b *testing.B) {
	v, _ := benchVector(b)
	_, err := v.AppendN(1000, [8]uint64{})
	require.NoError(b, err)
	i := 0
	for b.Loop() {
		if _, err := v.At(i % 1000); err != nil {
			b.Fatal(err)
		}
		i++
	}
}

func BenchmarkSetWord(b *testing.B) {
	p := testpool.New(b)
	v := open[uint64](b, p, "v")
	_, err := v.AppendN(1000, 1)
	require.NoError(b, err)
	i := 0
	for b.Loop() {
		if err := v.Set(i%1000, 5); err != nil {
			b.Fatal(err)
		}
		i++
	}
}
