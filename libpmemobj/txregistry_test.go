package libpmemobj

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

func requireEmpty(t *testing.T, r *txRegistry) {
	t.Helper()
	require.Empty(t, r.overflow)
	for i := range r.buckets {
		require.Zero(t, r.buckets[i].spilt.Load())
		for j := range r.buckets[i].owners {
			require.Zero(t, r.buckets[i].owners[j].Load())
		}
	}
}

// Ensure that each of many goroutines finds its own transaction, also where
// buckets overflow, that each one's pool is known to be in use, and that
// nothing is left afterwards.
func TestTxRegistry(t *testing.T) {
	const n = 300 // many of them find their bucket full
	r := newTxRegistry()
	pools := []*Pool{{number: 1}, {number: 2}, {number: 3}}
	txs := make([]*Tx, n)
	var ready, done sync.WaitGroup
	hold := make(chan struct{})
	ready.Add(n)
	for i := range n {
		done.Go(func() {
			if r.find() != nil {
				t.Error("a transaction before take")
			}
			tx := take(r, pools[i%2])
			txs[i] = tx
			ready.Done()
			<-hold
			if r.find() != tx {
				t.Error("found another's transaction")
			}
			r.leave(tx)
			if r.find() != nil {
				t.Error("a transaction after give")
			}
		})
	}
	ready.Wait()
	require.NotEmpty(t, r.overflow)
	distinct := map[*Tx]bool{}
	for _, tx := range txs {
		distinct[tx] = true
	}
	require.Len(t, distinct, n)
	require.True(t, r.uses(pools[0]))
	require.True(t, r.uses(pools[1]))
	require.False(t, r.uses(pools[2]))
	close(hold)
	done.Wait()
	require.False(t, r.uses(pools[0]))
	requireEmpty(t, r)
}

// Ensure that a pool whose transactions are all in the overflow is in use.
func TestTxRegistryUsesOverflow(t *testing.T) {
	r := newTxRegistry()
	busy := &Pool{number: 1}
	for i := range r.buckets {
		for j := range r.buckets[i].owners {
			r.buckets[i].owners[j].Store(1) // nobody's
		}
	}
	tx := take(r, busy)
	require.True(t, tx.spilt)
	require.Same(t, tx, r.find())
	require.True(t, r.uses(busy))
	r.leave(tx)
	require.False(t, r.uses(busy))
	require.Nil(t, r.find())
}

// Ensure that the number of open transactions is bounded, and that nobody
// waits for ever.
func TestTxRegistryBound(t *testing.T) {
	r := newTxRegistry()
	p := &Pool{number: 1}
	most := int64(len(r.buckets)*len(r.buckets[0].owners) + maxOverflow)
	require.Less(t, most, int64(1024), "PMDK's lanes")
	var inside, seen atomic.Int64
	var wg sync.WaitGroup
	for range 2 * most {
		wg.Go(func() {
			for range 20 {
				tx := take(r, p)
				n := inside.Add(1)
				for old := seen.Load(); n > old && !seen.CompareAndSwap(old, n); old = seen.Load() {
				}
				runtime.Gosched()
				inside.Add(-1)
				r.leave(tx)
			}
		})
	}
	wg.Wait()
	require.LessOrEqual(t, seen.Load(), most)
	requireEmpty(t, r)
}

// Ensure that a goroutine gets the same Tx again: beginning a transaction
// allocates nothing.
func TestTxRegistryReuses(t *testing.T) {
	r := newTxRegistry()
	first := take(r, &Pool{number: 1})
	r.leave(first)
	require.Same(t, first, take(r, &Pool{number: 1}))
}

// Ensure that numbers are small, given to one pool at a time, and given again.
func TestPoolNumbers(t *testing.T) {
	n := numbers{used: map[uint16]bool{}}
	var got []uint16
	for range 3 {
		i, err := n.take()
		require.NoError(t, err)
		got = append(got, i)
	}
	require.Equal(t, []uint16{1, 2, 3}, got)
	n.give(2)
	i, err := n.take()
	require.NoError(t, err)
	require.EqualValues(t, 2, i)
	for i := range uint16(1<<16 - 1) {
		n.used[i] = true
	}
	_, err = n.take()
	require.ErrorContains(t, err, "65534 pools are open")
}

// take enters a transaction that is not nested.
func take(r *txRegistry, p *Pool) *Tx {
	tx, outer := r.enter(p)
	if outer != nil {
		panic("nested")
	}
	return tx
}
