package cmap_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/cmap"
	"github.com/pmem/pmdk-go/internal/testpool"
)

func newMap(t *testing.T, kind cmap.Kind) *cmap.Map {
	t.Helper()
	if err := cmap.Available(); err != nil {
		t.Skip(err)
	}
	m, err := cmap.New(kind, testpool.Dir(t), 32<<20)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, m.Close()) })
	return m
}

// Ensure that both kinds hold what is inserted until it is removed, and that
// the driver's keys and values are those of Go.
func TestMaps(t *testing.T) {
	const n = 2000
	for _, kind := range []cmap.Kind{cmap.HashmapTx, cmap.Btree} {
		t.Run(string(kind), func(t *testing.T) {
			m := newMap(t, kind)
			before, err := m.Used()
			require.NoError(t, err)
			took, err := m.Insert(0, n)
			require.NoError(t, err)
			assert.Positive(t, took)
			full, err := m.Used()
			require.NoError(t, err)
			assert.Greater(t, full, before+n*(8+64))

			order := cmap.Shuffled(n)
			var want uint64
			for i := range 100 {
				v := cmap.ValueOf(cmap.Key(order.At(i)))
				want += v.Sum()
			}
			took, sum, err := m.Get(order, 0, 100)
			require.NoError(t, err)
			assert.Positive(t, took)
			assert.Equal(t, want, sum)

			_, err = m.Remove(order, 0, n)
			require.NoError(t, err)
			empty, err := m.Used()
			require.NoError(t, err)
			assert.Less(t, empty, before+full/10)

			_, err = m.Remove(order, 0, 1)
			assert.ErrorContains(t, err, "remove", "it is gone already")
			assert.ErrorContains(t, err, "C map")
		})
	}
}

// Ensure that an order has every key once.
func TestShuffled(t *testing.T) {
	for _, n := range []int{1, 2, 3, 10, 1000, 4096, 200_000} {
		seen := make([]bool, n)
		o := cmap.Shuffled(n)
		for i := range n {
			require.False(t, seen[o.At(i)], "%d of %d", i, n)
			seen[o.At(i)] = true
		}
	}
}

func TestUnknownKind(t *testing.T) {
	if err := cmap.Available(); err != nil {
		t.Skip(err)
	}
	_, err := cmap.New("trie", t.TempDir(), 32<<20)
	assert.ErrorContains(t, err, "unknown kind of map: trie")
}
