package radix

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/libpmemobj"
	"github.com/pmem/pmdk-go/libpmemobj/directory"
)

// extent is what a pool has allocated: how many objects, their bytes, and the
// bytes of everything, which are more where PMDK keeps a log for the next
// transaction that needs much of one.
type extent struct {
	objects int
	bytes   int64
	all     uint64
}

func extentOf(t *testing.T, p *libpmemobj.Pool) (e extent) {
	t.Helper()
	for oid := range p.Objects() {
		size, err := p.UsableSize(oid)
		require.NoError(t, err)
		e.objects++
		e.bytes += int64(size)
	}
	e.all = allocated(t, p)
	return e
}

// withoutLogs is what objects make of an extent.
func (e extent) withoutLogs() extent { return extent{e.objects, e.bytes, 0} }

// leakKey and leakValue are of all kinds: in leaves and in records, with
// separators that are long.
func leakKey(i int) []byte {
	if i%50 == 0 {
		return fmt.Appendf(nil, "%s%0900d", scattered(i%4), i)
	}
	return []byte(scattered(i))
}

func leakValue(rnd *rand.Rand) []byte { return make([]byte, rnd.IntN(4)/3*rnd.IntN(2000)) }

const leakKeys = 9000 // so many that there are two levels of inner nodes

// leakPut has goroutines put all keys, some of them several times, and delete
// every third.
func leakPut(t *testing.T, m *Map) {
	t.Helper()
	var wg sync.WaitGroup
	const writers = 3
	for w := range writers {
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(uint64(w), 0))
			for i := w; i < leakKeys; i += writers {
				for range 1 + i%2 {
					if err := m.Put(leakKey(i), leakValue(rnd)); err != nil {
						t.Error(err)
						return
					}
				}
				if rnd.IntN(3) > 0 {
					continue
				}
				if _, err := m.Delete(leakKey(i)); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	require.False(t, t.Failed())
}

// Ensure that all that a map has allocated is free again after Clear, however
// its keys came and went, and after its removal.
func TestLeak(t *testing.T) {
	deleteAll := func(t *testing.T, p *libpmemobj.Pool, m *Map) {
		for i := range leakKeys {
			_, err := m.Delete(leakKey(i))
			require.NoError(t, err)
		}
		n, err := m.Len()
		require.NoError(t, err)
		require.Zero(t, n)
	}
	clearAll := func(t *testing.T, _ *libpmemobj.Pool, m *Map) { require.NoError(t, m.Clear()) }
	for _, tt := range []struct {
		name  string
		logs  bool // PMDK may have kept some
		empty func(t *testing.T, p *libpmemobj.Pool, m *Map)
	}{
		{"clear", false, clearAll},
		{"delete all and clear", false, func(t *testing.T, p *libpmemobj.Pool, m *Map) {
			deleteAll(t, p, m)
			clearAll(t, p, m)
		}},
		{"clear in a transaction, and again", true, func(t *testing.T, p *libpmemobj.Pool, m *Map) {
			require.NoError(t, p.Update(func(tx *libpmemobj.Tx) error { return m.In(tx).Clear() }))
			clearAll(t, p, m) // what waited to be freed
		}},
		{"a transaction that is undone", true, func(t *testing.T, p *libpmemobj.Pool, m *Map) {
			before := extentOf(t, p)
			require.ErrorIs(t, p.Update(func(tx *libpmemobj.Tx) error {
				for i := range 500 {
					require.NoError(t, m.In(tx).Put(fmt.Append(nil, i), make([]byte, i)))
					_, err := m.In(tx).Delete(leakKey(i))
					require.NoError(t, err)
				}
				return errAbort
			}), errAbort)
			require.Equal(t, before.withoutLogs(), extentOf(t, p).withoutLogs())
			clearAll(t, p, m)
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			equal := func(want, got extent) {
				if tt.logs {
					want, got = want.withoutLogs(), got.withoutLogs()
				}
				require.Equal(t, want, got)
			}
			p := newPool(t, 64<<20)
			other, err := Open(p, "other")
			require.NoError(t, err)
			require.NoError(t, other.Put([]byte("a"), make([]byte, 5000)))
			none := extentOf(t, p)
			m, err := Open(p, "m")
			require.NoError(t, err)
			empty := extentOf(t, p)
			require.Equal(t, none.objects+1, empty.objects)
			for range 2 {
				leakPut(t, m)
				require.Greater(t, extentOf(t, p).objects, empty.objects+leakKeys/48)
				tt.empty(t, p, m)
				equal(empty, extentOf(t, p))
			}
			leakPut(t, m)
			require.NoError(t, directory.Remove(p, "m"))
			equal(none, extentOf(t, p))
		})
	}
}

// Ensure that a map can be opened inside a transaction when something waits to
// be freed, and that it is freed later.
func TestOpenInUpdate(t *testing.T) {
	p := newPool(t, 64<<20)
	m, err := Open(p, "m")
	require.NoError(t, err)
	empty := extentOf(t, p)
	for i := range 30 {
		require.NoError(t, m.Put([]byte("a"), make([]byte, 1000+i)))
	}
	require.Greater(t, extentOf(t, p).objects, empty.objects+2, "nothing waits to be freed")

	p = reopen(t, p)
	require.NoError(t, p.Update(func(tx *libpmemobj.Tx) (err error) {
		if m, err = Open(p, "m"); err != nil {
			return err
		}
		return m.In(tx).Put([]byte("b"), nil)
	}))
	for i := range 100 {
		require.NoError(t, m.Put([]byte("a"), make([]byte, 1000+i)))
	}
	require.Less(t, extentOf(t, p).objects, empty.objects+60)
	require.NoError(t, m.t.verify())
	require.NoError(t, m.Clear())
	require.Equal(t, empty, extentOf(t, p))
}
