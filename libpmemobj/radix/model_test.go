package radix

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/libpmemobj"
)

// model is what a map should hold.
type model map[string]string

func (m model) keys(from, to []byte, backward bool) (keys []string) {
	for _, k := range slices.Sorted(maps.Keys(m)) {
		if k >= string(from) && (to == nil || k < string(to)) {
			keys = append(keys, k)
		}
	}
	if backward {
		slices.Reverse(keys)
	}
	return keys
}

// anyMap is a Map or a MapTx.
type anyMap interface {
	Get(key []byte) ([]byte, bool, error)
	Put(key, value []byte) error
	PutIfAbsent(key, value []byte) (bool, error)
	Delete(key []byte) (bool, error)
	Len() (int, error)
	Clear() error
}

// randomOp does the same to both, and compares.
func randomOp(t require.TestingT, rnd *rand.Rand, m anyMap, want model, key, value string) {
	old, had := want[key]
	switch rnd.IntN(10) {
	case 0, 1, 2, 3:
		require.NoError(t, m.Put([]byte(key), []byte(value)))
		want[key] = value
	case 4:
		inserted, err := m.PutIfAbsent([]byte(key), []byte(value))
		require.NoError(t, err)
		require.Equal(t, !had, inserted, "%q", key)
		if !had {
			want[key] = value
		}
	case 5, 6, 7:
		found, err := m.Delete([]byte(key))
		require.NoError(t, err)
		require.Equal(t, had, found, "%q", key)
		delete(want, key)
	default:
		v, found, err := m.Get([]byte(key))
		require.NoError(t, err)
		require.Equal(t, had, found, "%q", key)
		require.Equal(t, old, string(v))
	}
}

// requireEqual compares all, forwards, backwards and in parts.
func requireEqual(t testing.TB, m *Map, want model, rnd *rand.Rand) {
	t.Helper()
	require.NoError(t, m.t.verify())
	n, err := m.Len()
	require.NoError(t, err)
	require.Equal(t, len(want), n)
	key := func() []byte {
		keys := want.keys(nil, nil, false)
		if len(keys) == 0 || rnd.IntN(4) == 0 {
			return nil
		}
		k := []byte(keys[rnd.IntN(len(keys))])
		switch rnd.IntN(4) {
		case 0:
			return k[:rnd.IntN(len(k)+1)]
		case 1:
			return append(k, 0)
		}
		return k
	}
	for range 8 {
		from, to := key(), key()
		var keys []string
		for k, v := range m.Range(from, to) {
			keys = append(keys, string(k))
			require.Equal(t, want[string(k)], string(v))
		}
		require.Equal(t, want.keys(from, to, false), keys, "%q to %q", from, to)
		keys = nil
		for k, v := range m.Backward(from, to) {
			keys = append(keys, string(k))
			require.Equal(t, want[string(k)], string(v))
		}
		require.Equal(t, want.keys(from, to, true), keys, "%q down from %q", from, to)
	}
	all := want.keys(nil, nil, false)
	k, v, found, err := m.Min()
	require.NoError(t, err)
	require.Equal(t, len(all) > 0, found)
	if found {
		require.Equal(t, all[0], string(k))
		require.Equal(t, want[all[0]], string(v))
	}
	k, v, found, err = m.Max()
	require.NoError(t, err)
	require.Equal(t, len(all) > 0, found)
	if found {
		require.Equal(t, all[len(all)-1], string(k))
		require.Equal(t, want[all[len(all)-1]], string(v))
	}
}

// keyMakers are different shapes of key sets.
var keyMakers = map[string]func(rnd *rand.Rand) string{
	"random": func(rnd *rand.Rand) string {
		return string(AppendUint64(nil, uint64(rnd.IntN(3000))*0x9e3779b97f4a7c15))
	},
	"dense": func(rnd *rand.Rand) string { return string(AppendUint64(nil, uint64(rnd.IntN(3000)))) },
	"short": func(rnd *rand.Rand) string {
		return string(bytes.Repeat([]byte{0}, rnd.IntN(60))) + string(byte(rnd.IntN(3)))
	},
	"decimal": func(rnd *rand.Rand) string { return fmt.Sprint(rnd.IntN(2000)) },
	"long": func(rnd *rand.Rand) string {
		return strings.Repeat("long/", 1+rnd.IntN(200)) + fmt.Sprint(rnd.IntN(20))
	},
	"empty": func(rnd *rand.Rand) string { return strings.Repeat("a", rnd.IntN(2)) },
}

func randomValue(rnd *rand.Rand) string {
	n := rnd.IntN(80)
	if rnd.IntN(10) == 0 {
		n = rnd.IntN(2000)
	}
	return strings.Repeat(string(rune('a'+rnd.IntN(26))), n)
}

// Ensure that a map does what a Go map and sorting do, over reopening the pool,
// and that nothing is left after Clear.
func TestModel(t *testing.T) {
	for name, makeKey := range keyMakers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rnd := rand.New(rand.NewPCG(1, 2))
			p := newPool(t, 32<<20)
			m, err := Open(p, "m")
			require.NoError(t, err)
			empty := allocated(t, p)
			want := model{}
			for round := range 6 {
				for range 1200 {
					randomOp(t, rnd, m, want, makeKey(rnd), randomValue(rnd))
				}
				requireEqual(t, m, want, rnd)
				if round%3 == 2 {
					p = reopen(t, p)
					m, err = Open(p, "m")
					require.NoError(t, err)
					requireEqual(t, m, want, rnd)
				}
			}
			for i, k := range want.keys(nil, nil, false) {
				if i%8 == 0 {
					continue
				}
				found, err := m.Delete([]byte(k))
				require.NoError(t, err)
				require.True(t, found)
				delete(want, k)
			}
			requireEqual(t, m, want, rnd)
			require.NoError(t, m.Clear())
			requireEqual(t, m, model{}, rnd)
			t.Log(allocated(t, p))
			p = reopen(t, p)
			assert.Equal(t, empty, allocated(t, p), "after Clear")
		})
	}
}

// Ensure that the same holds in transactions, also those that fail.
func TestModelTx(t *testing.T) {
	for name, makeKey := range keyMakers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rnd := rand.New(rand.NewPCG(3, 4))
			p := newPool(t, 32<<20)
			m, err := Open(p, "m")
			require.NoError(t, err)
			want := model{}
			for round := range 20 {
				before := maps.Clone(want)
				commit := rnd.IntN(3) != 0
				err := p.Update(func(tx *libpmemobj.Tx) error {
					in := m.In(tx)
					for range rnd.IntN(400) {
						randomOp(t, rnd, in, want, makeKey(rnd), randomValue(rnd))
					}
					if rnd.IntN(10) == 0 {
						clear(want)
						if err := in.Clear(); err != nil {
							return err
						}
					}
					n, err := in.Len()
					require.NoError(t, err)
					require.Equal(t, len(want), n)
					var keys []string
					for k := range in.Backward(nil, nil) {
						keys = append(keys, string(k))
					}
					require.Equal(t, want.keys(nil, nil, true), keys)
					if !commit {
						return assert.AnError
					}
					return nil
				})
				if commit {
					require.NoError(t, err)
				} else {
					require.ErrorIs(t, err, assert.AnError)
					want = before
				}
				for range rnd.IntN(50) {
					randomOp(t, rnd, m, want, makeKey(rnd), randomValue(rnd))
				}
				if round%5 == 0 {
					requireEqual(t, m, want, rnd)
				}
			}
		})
	}
}

// Ensure that transactions leave nothing behind, whether they are committed or
// not. (The first ones make logs, which stay.)
func TestTxLeavesNothing(t *testing.T) {
	p := newPool(t, 32<<20)
	m, err := Open(p, "m")
	require.NoError(t, err)
	var after [3]uint64
	for i := range after {
		rnd := rand.New(rand.NewPCG(5, 6))
		for j := range 6 {
			want := model{}
			err := p.Update(func(tx *libpmemobj.Tx) error {
				in := m.In(tx)
				if err := in.Clear(); err != nil {
					return err
				}
				for range 500 {
					randomOp(t, rnd, in, want, keyMakers["random"](rnd), randomValue(rnd))
				}
				if j%2 == 1 {
					return assert.AnError
				}
				return nil
			})
			if j%2 == 0 {
				require.NoError(t, err)
			}
		}
		require.NoError(t, m.Clear())
		after[i] = allocated(t, p)
	}
	assert.Equal(t, after[1], after[2])
}
