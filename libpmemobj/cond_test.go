package libpmemobj_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/internal/testpool"
	. "github.com/pmem/pmdk-go/libpmemobj"
)

// Ensure that values go from producers to consumers through a queue in a
// pool, each once, and that everybody who waits is woken.
func TestCondQueue(t *testing.T) {
	const producers, consumers = 2, 3
	each := 1500
	if testing.Short() {
		each = 150
	}
	p := testpool.New(t)
	r := lockRootOf(t, p)
	must := func(err error) bool {
		if err != nil {
			t.Error(err)
		}
		return err == nil
	}
	var sum, got uint64
	var wg sync.WaitGroup
	total := uint64(producers * each)
	for g := range producers {
		wg.Go(func() {
			for i := range each {
				if !must(r.Mutex.Lock()) {
					return
				}
				for r.Queued == uint64(len(r.Queue)) && must(r.Cond.Wait(&r.Mutex)) {
				}
				r.Queue[r.Queued] = uint64(g*each + i)
				r.Queued++
				if !must(r.Cond.Broadcast()) || !must(r.Mutex.Unlock()) {
					return
				}
			}
		})
	}
	for g := range consumers {
		wg.Go(func() {
			for done := false; !done; {
				if !must(r.Mutex.Lock()) {
					return
				}
				for r.Queued == 0 && got < total {
					// Both ways to wait must lose no signal.
					var err error
					if g%2 == 0 {
						err = r.Cond.Wait(&r.Mutex)
					} else {
						err = r.Cond.WaitContext(t.Context(), &r.Mutex)
					}
					if !must(err) {
						return
					}
				}
				if r.Queued > 0 {
					r.Queued--
					sum += r.Queue[r.Queued]
					got++
				}
				done = got == total
				if !must(r.Cond.Broadcast()) || !must(r.Mutex.Unlock()) {
					return
				}
			}
		})
	}
	wg.Wait()
	require.Equal(t, total, got)
	require.Equal(t, total*(total-1)/2, sum)
	require.NoError(t, p.Close())
}

// awaitWaiters returns when n goroutines wait in C, or are about to.
func awaitWaiters(n int64) {
	for LockThreads() < n {
		time.Sleep(time.Millisecond)
	}
}

// Ensure that Signal wakes one, Broadcast all, that a wait is a use of both
// locks, and that the mutex is free meanwhile.
func TestCondWakes(t *testing.T) {
	const waiters = 3
	p := testpool.New(t)
	r := lockRootOf(t, p)
	woken := make(chan struct{}, waiters)
	for range waiters {
		go func() {
			err := r.Mutex.Lock()
			if err == nil {
				err = r.Cond.Wait(&r.Mutex)
			}
			if err == nil {
				err = r.Mutex.Unlock()
			}
			if err != nil {
				t.Error(err)
			}
			woken <- struct{}{}
		}()
	}
	awaitWaiters(waiters)
	require.NoError(t, r.Mutex.Lock()) // so all are waiting
	require.ErrorIs(t, p.Close(), ErrPoolBusy)
	require.ErrorIs(t, r.Cond.Zero(), ErrLockHeld)
	require.NoError(t, r.Other.Lock())
	err := r.Cond.Wait(&r.Other)
	require.ErrorIs(t, err, unix.EINVAL)
	require.ErrorContains(t, err, "with another mutex")
	require.NoError(t, r.Other.Unlock())
	require.Empty(t, woken)
	require.NoError(t, r.Cond.Signal())
	require.NoError(t, r.Mutex.Unlock())
	<-woken
	require.NoError(t, r.Cond.Broadcast())
	for range waiters - 1 {
		<-woken
	}
	require.NoError(t, r.Cond.Zero())
}

// Ensure that a wait ends with its context, with the mutex locked.
func TestCondContext(t *testing.T) {
	p := testpool.New(t)
	r := lockRootOf(t, p)
	require.NoError(t, r.Mutex.Lock())
	wait := func(ctx context.Context) error {
		for {
			if err := r.Cond.WaitContext(ctx, &r.Mutex); err != nil {
				return err
			}
		}
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	require.Equal(t, context.Canceled, wait(cancelled))
	deadline, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	require.Equal(t, context.DeadlineExceeded, wait(deadline))
	later, cancel := context.WithCancel(t.Context())
	go func() {
		runtime.Gosched()
		cancel()
	}()
	require.Equal(t, context.Canceled, wait(later))

	require.ErrorIs(t, r.Mutex.Lock(), ErrLockHeld)
	require.NoError(t, r.Mutex.Unlock())
}

// Ensure that no signal is missed that comes while a waiter looks at its
// context: it returns even if it was not woken.
func TestCondContextMissesNothing(t *testing.T) {
	p := testpool.New(t)
	r := lockRootOf(t, p)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	result := make(chan error)
	go func() {
		err := r.Mutex.Lock()
		for err == nil && r.Count == 0 {
			err = r.Cond.WaitContext(ctx, &r.Mutex)
		}
		result <- errors.Join(err, r.Mutex.Unlock())
	}()
	awaitWaiters(1)
	require.NoError(t, r.Mutex.Lock())
	time.Sleep(60 * time.Millisecond) // meanwhile the waiter's slice of time ends
	r.Count = 1
	require.NoError(t, r.Cond.Signal())
	require.NoError(t, r.Mutex.Unlock())
	require.NoError(t, <-result)
}

// Ensure that a condition needs a mutex of its pool, and one that no
// transaction holds.
func TestCondMisuse(t *testing.T) {
	p, other := testpool.New(t), testpool.New(t)
	r, foreign := lockRootOf(t, p), lockRootOf(t, other)
	require.NoError(t, foreign.Mutex.Lock())
	require.ErrorIs(t, r.Cond.Wait(&foreign.Mutex), ErrForeignPool)
	require.NoError(t, foreign.Mutex.Unlock())
	require.ErrorIs(t, p.Update(func(tx *Tx) error {
		require.NoError(t, tx.Lock(&r.Mutex))
		return r.Cond.Wait(&r.Mutex)
	}), ErrLockNotHeld)
	require.NoError(t, r.Mutex.Lock())
	require.ErrorIs(t, new(Cond).Wait(&r.Mutex), ErrNotPersistent)
	require.NoError(t, r.Mutex.Unlock())
}
