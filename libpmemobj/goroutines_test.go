package libpmemobj_test

import (
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/testpool"
	. "github.com/pmem/pmdk-go/libpmemobj"
)

// Ensure that 2000 goroutines in transactions at once get through, although
// PMDK has 1024 lanes and a thread that finds none spins.
func TestManyGoroutines(t *testing.T) {
	const n, crowd = 2000, 512
	p := testpool.New(t)
	var counters Ptr[[n]uint64]
	require.NoError(t, p.Update(func(tx *Tx) (err error) {
		counters, err = NewZeroed[[n]uint64](tx)
		return err
	}))
	var inside, most atomic.Int64
	full := make(chan struct{})
	fill := sync.OnceFunc(func() { close(full) })
	var wg sync.WaitGroup
	for g := range n {
		wg.Go(func() {
			err := p.Update(func(tx *Tx) error {
				now := inside.Add(1)
				defer inside.Add(-1)
				for old := most.Load(); now > old && !most.CompareAndSwap(old, now); old = most.Load() {
				}
				if now == crowd {
					fill()
				}
				*MutAt(tx, &counters.Get()[g])++
				<-full
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	require.GreaterOrEqual(t, most.Load(), int64(crowd))
	require.Less(t, most.Load(), int64(1024))
	for g, c := range counters.Get() {
		require.EqualValues(t, 1, c, "goroutine %d", g)
	}
}

// Ensure that goroutines in a transaction each, on pools by turns, have each
// its own outcome.
func TestManyGoroutinesOnTwoPools(t *testing.T) {
	pools := []*Pool{testpool.New(t), testpool.New(t)}
	roots := []Ptr[rootData]{rootOf(t, pools[0]), rootOf(t, pools[1])}
	var wg sync.WaitGroup
	for g := range 64 {
		wg.Go(func() {
			p, root := pools[g%2], roots[g%2]
			for i := range 50 {
				err := p.Update(func(tx *Tx) error {
					*MutAt(tx, &root.Get().Words[g])++
					if i%5 == 0 {
						return errStop
					}
					return nil
				})
				if (err != nil) != (i%5 == 0) {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	for g := range 64 {
		require.EqualValues(t, 40, roots[g%2].Get().Words[g])
		require.Zero(t, roots[1-g%2].Get().Words[g])
	}
}

// Ensure that concurrent transactions with a lock around them lose nothing.
func TestUpdateConcurrently(t *testing.T) {
	p := testpool.New(t)
	root := rootOf(t, p)
	var lock sync.Mutex
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 200 {
				lock.Lock()
				err := p.Update(func(tx *Tx) error {
					n, err := New[node](tx)
					if err != nil {
						return err
					}
					*n.Get() = node{Next: root.Get().Head, Value: uint64(g)}
					r := root.Mut(tx)
					r.Head = n
					r.Count++
					if i%4 == 3 {
						return errStop
					}
					return nil
				})
				lock.Unlock()
				if (err != nil) != (i%4 == 3) {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	require.EqualValues(t, 8*150, root.Get().Count)
	of := map[uint64]int{}
	for n := root.Get().Head; !n.IsNull(); n = n.Get().Next {
		of[n.Get().Value]++
	}
	require.Len(t, of, 8)
	for _, n := range of {
		require.Equal(t, 150, n)
	}
	require.Len(t, objectsIn(p), 8*150)
}
