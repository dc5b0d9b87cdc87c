package containers_test

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/libpmemobj"
	"github.com/pmem/pmdk-go/libpmemobj/counter"
	"github.com/pmem/pmdk-go/libpmemobj/vector"
)

// fillVectors makes vectors with elements of several sizes.
func fillVectors(t *testing.T, p *libpmemobj.Pool, rnd *rand.Rand) func(*libpmemobj.Pool, *lines) {
	prints := []func(*libpmemobj.Pool, *lines){
		fillVector(t, p, rnd, "numbers", 900, rnd.Uint64),
		fillVector(t, p, rnd, "bytes of a vector", 5000, func() uint8 { return uint8(rnd.Uint32()) }),
		fillVector(t, p, rnd, "rows", 100, func() [77]uint32 { return [77]uint32{rnd.Uint32(), 76: rnd.Uint32()} }),
		fillVector(t, p, rnd, "pages", 5, func() [2000]uint16 { return [2000]uint16{uint16(rnd.Uint32()), 1999: 7} }),
		fillVector(t, p, rnd, "no numbers", 0, rnd.Uint64),
	}
	return func(p *libpmemobj.Pool, out *lines) {
		for _, print := range prints {
			print(p, out)
		}
	}
}

// fillVector makes a vector of about n elements.
func fillVector[T any](t *testing.T, p *libpmemobj.Pool, rnd *rand.Rand, name string, n int, value func() T) func(*libpmemobj.Pool, *lines) {
	t.Helper()
	v, err := vector.Open[T](p, name)
	require.NoError(t, err)
	for v.Len() < n {
		switch rnd.IntN(6) {
		case 0:
			if v.Len() > 0 {
				_, err = v.Pop()
			}
		case 1:
			if v.Len() > 0 {
				err = v.Set(rnd.IntN(v.Len()), value())
			}
		case 2:
			_, err = v.AppendN(rnd.IntN(n/10+2), value())
		case 3:
			err = p.Update(func(tx *libpmemobj.Tx) error { _, err := v.In(tx).Append(value()); return err })
		default:
			_, err = v.Append(value())
		}
		require.NoError(t, err)
	}
	if n > 0 {
		undone(t, p, func(tx *libpmemobj.Tx) error {
			_, err := v.In(tx).AppendAll(make([]T, n))
			return err
		})
		require.NoError(t, v.Truncate(v.Len()*9/10))
	}
	return func(p *libpmemobj.Pool, out *lines) {
		v, err := vector.Open[T](p, name)
		if err != nil {
			panic(err) // it was there before
		}
		for i, x := range v.All() {
			out.add("%s\telement\t%d\t%x", name, i, memory(x))
		}
		out.add("%s\tlength\t%d", name, v.Len())
	}
}

// fillCounters makes counters whose sums are made in every way.
func fillCounters(t *testing.T, p *libpmemobj.Pool, rnd *rand.Rand) func(*libpmemobj.Pool, *lines) {
	names := []string{"zero", "one hit", "many", "negative", "around"}
	counters := map[string]*counter.Sharded{}
	for _, name := range names {
		c, err := counter.Open(p, name)
		require.NoError(t, err)
		counters[name] = c
	}
	require.NoError(t, counters["one hit"].Add(1))
	done := make(chan error)
	for range 4 {
		go func() {
			var err error
			for i := range int64(100) {
				if err == nil {
					err = counters["many"].Add(i)
				}
			}
			done <- err
		}()
	}
	for range 4 {
		require.NoError(t, <-done)
	}
	require.NoError(t, p.Update(func(tx *libpmemobj.Tx) error { return counters["many"].In(tx).Add(1_000_000) }))
	undone(t, p, func(tx *libpmemobj.Tx) error { return counters["many"].In(tx).Add(1) })
	require.NoError(t, counters["negative"].Store(-rnd.Int64()))
	require.NoError(t, counters["negative"].Add(-5))
	require.NoError(t, counters["around"].Store(1<<63-1))
	require.NoError(t, counters["around"].Add(2))
	return func(p *libpmemobj.Pool, out *lines) {
		for _, name := range names {
			c, err := counter.Open(p, name)
			if err != nil {
				panic(err) // it was there before
			}
			n, err := c.Load()
			out.add("%s\tvalue\t%d", name, n)
			if err != nil {
				panic(err)
			}
		}
	}
}
