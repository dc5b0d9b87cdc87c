package containers_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/libpmemobj"
	"github.com/pmem/pmdk-go/libpmemobj/radix"
)

// point is a value of fixed size that does not fill its last word.
type point [11]uint8

// ordered is a radix.Map, also in a transaction.
type ordered interface {
	Put(key, value []byte) error
	Delete(key []byte) (found bool, err error)
}

// fillRadix makes ordered maps: with entries in their leaves and in records,
// with one inner node and with several levels, and without anything.
func fillRadix(t *testing.T, p *libpmemobj.Pool, rnd *rand.Rand) func(*libpmemobj.Pool, *lines) {
	random := func(n int) []byte {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(rnd.Uint32())
		}
		return b
	}
	names := []string{"ordered", "ordered outside", "ordered inside", "levels", "long separators", "cleared", "nothing ordered"}
	open := func(p *libpmemobj.Pool, name string) *radix.Map {
		inline := map[string]int{"ordered outside": 16, "ordered inside": 600, "levels": 16}[name]
		if inline == 0 {
			inline = radix.DefaultInline
		}
		m, err := radix.Open(p, name, radix.WithInline(inline))
		require.NoError(t, err)
		return m
	}
	for _, name := range names {
		m := open(p, name)
		switch name {
		case "nothing ordered":
		case "cleared":
			for range 500 {
				require.NoError(t, m.Put(random(8), random(100)))
			}
			require.NoError(t, m.Clear())
		case "levels":
			// An inner node has 128 children at most, a leaf 47 entries.
			for range 128*47 + 100 {
				require.NoError(t, m.Put(random(8), random(rnd.IntN(3))))
			}
			undone(t, p, func(tx *libpmemobj.Tx) error { return fillOrdered(rnd, m.In(tx), random) })
		case "long separators":
			// Neighbours differ at the end, except some that do at the beginning:
			// there is no prefix, and few separators fill a node.
			for range 1500 {
				key := bytes.Repeat([]byte{byte(rnd.IntN(8)), 0}, 400)
				require.NoError(t, m.Put(append(key, random(2)...), nil))
			}
		default:
			require.NoError(t, fillOrdered(rnd, m, random))
			require.NoError(t, p.Update(func(tx *libpmemobj.Tx) error { return fillOrdered(rnd, m.In(tx), random) }))
			require.NoError(t, m.Put(nil, []byte("no key")))
			require.NoError(t, m.Put([]byte("no value"), nil))
			require.NoError(t, m.Put(random(radix.MaxKey), random(20_000)))
			undone(t, p, func(tx *libpmemobj.Tx) error { return m.In(tx).Clear() })
		}
	}
	points, err := radix.OpenOf[point](p, "points")
	require.NoError(t, err)
	for i := range 300 {
		require.NoError(t, points.Put(radix.AppendInt32(nil, rnd.Int32()), point{10: byte(i)}))
		require.NoError(t, points.Put(random(50), point{byte(i)}))
	}
	return func(p *libpmemobj.Pool, out *lines) {
		for _, name := range names {
			for k, v := range open(p, name).All() {
				out.add("%s\tkey\t%x\t%x", name, k, v)
			}
		}
		points, err := radix.OpenOf[point](p, "points")
		require.NoError(t, err)
		for k, v := range points.All() {
			out.add("points\tkey\t%x\t%x", k, memory(v))
		}
	}
}

// fillOrdered puts and deletes a few hundred keys.
func fillOrdered(rnd *rand.Rand, m ordered, random func(n int) []byte) (err error) {
	for range 900 {
		key := fmt.Appendf(nil, "%0*d", rnd.IntN(60), rnd.IntN(300))
		if rnd.IntN(4) == 0 {
			_, err = m.Delete(key)
		} else {
			err = m.Put(key, random(rnd.IntN(90)))
		}
		if err != nil {
			return err
		}
	}
	return nil
}
