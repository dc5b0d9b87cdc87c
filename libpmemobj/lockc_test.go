package libpmemobj_test

import (
	"sync"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/cbaseline"
	"github.com/pmem/pmdk-go/internal/testpool"
)

// Ensure that Go and C code in one process exclude each other by a lock in the
// pool.
func TestLockSharedWithC(t *testing.T) {
	rounds := 20000
	if testing.Short() {
		rounds = 2000
	}
	cases := []struct {
		name string
		add  func(lock unsafe.Pointer, word *uint64, n int)
		lock func(r *lockRoot) (lock, unlock func() error, addr unsafe.Pointer)
	}{
		{"Mutex", cbaseline.MutexAdd, func(r *lockRoot) (lock, unlock func() error, addr unsafe.Pointer) {
			return r.Mutex.Lock, r.Mutex.Unlock, unsafe.Pointer(&r.Mutex)
		}},
		{"RWMutex", cbaseline.RWLockAdd, func(r *lockRoot) (lock, unlock func() error, addr unsafe.Pointer) {
			return r.RW.Lock, r.RW.Unlock, unsafe.Pointer(&r.RW)
		}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r := lockRootOf(t, testpool.New(t))
			lock, unlock, addr := c.lock(r)
			var wg sync.WaitGroup
			for range 2 {
				wg.Go(func() { c.add(addr, &r.Count, rounds) })
				wg.Go(func() {
					for range rounds {
						err := lock()
						r.Count++
						if err == nil {
							err = unlock()
						}
						if err != nil {
							t.Error(err)
							return
						}
					}
				})
			}
			wg.Wait()
			require.EqualValues(t, 4*rounds, r.Count)
		})
	}
}

// Ensure that Go and C code in one process wake each other.
func TestCondSharedWithC(t *testing.T) {
	rounds := 1000
	if testing.Short() {
		rounds = 100
	}
	r := lockRootOf(t, testpool.New(t))
	var wg sync.WaitGroup
	wg.Go(func() {
		cbaseline.CondTake(unsafe.Pointer(&r.Mutex), unsafe.Pointer(&r.Cond), &r.Count, rounds)
	})
	for i := range rounds {
		require.NoError(t, r.Mutex.Lock())
		for r.Count != 0 {
			if i%2 == 0 {
				require.NoError(t, r.Cond.Wait(&r.Mutex))
			} else {
				require.NoError(t, r.Cond.WaitContext(t.Context(), &r.Mutex))
			}
		}
		r.Count = 1
		require.NoError(t, r.Cond.Broadcast())
		require.NoError(t, r.Mutex.Unlock())
	}
	wg.Wait()
	require.Zero(t, r.Count)
}
