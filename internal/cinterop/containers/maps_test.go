package containers_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/libpmemobj"
	"github.com/pmem/pmdk-go/libpmemobj/hashmap"
)

// pair is a key of several words, oddValue a value that does not fill its last
// word, oddKey a key of that sort.
type (
	pair     struct{ A, B uint64 }
	oddValue [13]uint8
	oddKey   [11]uint8
)

// fillMaps makes maps with keys and values of several sizes.
func fillMaps(t *testing.T, p *libpmemobj.Pool, rnd *rand.Rand) func(*libpmemobj.Pool, *lines) {
	key := func() uint64 { return rnd.Uint64N(3000) }
	prints := []func(*libpmemobj.Pool, *lines){
		fillMap(t, p, rnd, "words", 2000, key, rnd.Uint64),
		fillMap(t, p, rnd, "pairs", 500, func() pair { return pair{key(), 5} }, func() oddValue { return oddValue{12: byte(rnd.Uint32())} }),
		fillMap(t, p, rnd, "odd", 500, func() oddKey { k := key(); return oddKey{byte(k), 10: byte(k >> 8)} }, func() [100]int32 { return [100]int32{99: rnd.Int32()} }),
		fillMap(t, p, rnd, "small keys", 300, func() uint16 { return uint16(key()) }, func() int8 { return int8(rnd.Int32()) }),
		fillMap(t, p, rnd, "a set", 300, key, func() [0]byte { return [0]byte{} }),
		fillMap(t, p, rnd, "large keys", 100, func() [9]uint32 { return [9]uint32{8: uint32(key())} }, rnd.Uint64),
		fillMap(t, p, rnd, "one", 1, key, rnd.Uint64),
		fillMap(t, p, rnd, "none", 0, key, rnd.Uint64),
	}
	return func(p *libpmemobj.Pool, out *lines) {
		for _, print := range prints {
			print(p, out)
		}
	}
}

// fillMap makes a map with n operations.
func fillMap[K comparable, V any](t *testing.T, p *libpmemobj.Pool, rnd *rand.Rand, name string, n int, key func() K, value func() V) func(*libpmemobj.Pool, *lines) {
	t.Helper()
	m, err := hashmap.Open[K, V](p, name)
	require.NoError(t, err)
	for i := range n {
		if rnd.IntN(4) > 0 || n == 1 {
			require.NoError(t, m.Put(key(), value()))
			continue
		}
		_, err := m.Delete(key())
		require.NoError(t, err)
		if i%100 > 0 {
			continue
		}
		undone(t, p, func(tx *libpmemobj.Tx) error {
			for range 50 {
				if err := m.In(tx).Put(key(), value()); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return func(p *libpmemobj.Pool, out *lines) {
		m, err := hashmap.Open[K, V](p, name)
		if err != nil {
			panic(err) // it was there before
		}
		for k, v := range m.All() {
			out.add("%s\tkey\t%x\t%x", name, memory(k), memory(v))
		}
	}
}

// fillBytes makes maps of byte strings, in their pages and outside.
func fillBytes(t *testing.T, p *libpmemobj.Pool, rnd *rand.Rand) func(*libpmemobj.Pool, *lines) {
	names := []string{"bytes", "bytes outside", "bytes inside", "no bytes"}
	for i, inline := range []int{hashmap.DefaultInline, 8, 600, 8} {
		m, err := hashmap.OpenBytes(p, names[i], hashmap.WithInline(inline))
		require.NoError(t, err)
		if names[i] == "no bytes" {
			continue
		}
		random := func(n int) []byte {
			b := make([]byte, n)
			for i := range b {
				b[i] = byte(rnd.Uint32())
			}
			return b
		}
		for range 600 {
			key := fmt.Appendf(nil, "%0*d", rnd.IntN(60), rnd.IntN(300))
			switch rnd.IntN(5) {
			case 0:
				_, err = m.Delete(key)
			case 1:
				err = p.Update(func(tx *libpmemobj.Tx) error { return m.In(tx).Put(key, random(rnd.IntN(500))) })
			default:
				err = m.Put(key, random(rnd.IntN(90)))
			}
			require.NoError(t, err)
		}
		require.NoError(t, m.Put(nil, []byte("no key")))
		require.NoError(t, m.Put([]byte("no value"), nil))
		require.NoError(t, m.Put(random(3000), random(20_000)))
		undone(t, p, func(tx *libpmemobj.Tx) error { return m.In(tx).Clear() })
	}
	return func(p *libpmemobj.Pool, out *lines) {
		for _, name := range names {
			m, err := hashmap.OpenBytes(p, name)
			if err != nil {
				panic(err) // it was there before
			}
			for k, v := range m.All() {
				out.add("%s\tkey\t%x\t%x", name, k, v)
			}
		}
	}
}
