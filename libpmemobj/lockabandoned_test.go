package libpmemobj_test

import (
	"context"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/internal/testpool"
	. "github.com/pmem/pmdk-go/libpmemobj"
)

// abandonLock has a goroutine take a lock and end, with its thread.
func abandonLock(t *testing.T, lock func() error) {
	t.Helper()
	// The main thread does not end; a goroutine that sits on it keeps the other
	// one off.
	release := make(chan struct{})
	defer close(release)
	for done := false; !done; {
		result := make(chan error)
		go func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			if unix.Gettid() == os.Getpid() {
				close(result)
				<-release
				return
			}
			err := lock()
			result <- err
			runtime.Goexit()
		}()
		if err, ok := <-result; ok {
			require.NoError(t, err)
			done = true
		}
	}
}

// Ensure that a lock whose holder has ended is reported as such, can be made
// usable again, and does not keep the pool open.
func TestLockAbandoned(t *testing.T) {
	p := testpool.New(t)
	r := lockRootOf(t, p)
	abandonLock(t, r.Mutex.Lock)
	// That the thread ends takes a moment.
	err := r.Mutex.LockContext(t.Context())
	require.ErrorIs(t, err, ErrLockAbandoned)
	require.ErrorContains(t, err, "its Zero method unlocks it")
	require.ErrorIs(t, r.Mutex.Lock(), ErrLockAbandoned)
	require.ErrorIs(t, p.Update(func(tx *Tx) error { return tx.Lock(&r.Mutex) }), ErrLockAbandoned)
	taken, err := r.Mutex.TryLock()
	require.NoError(t, err)
	require.False(t, taken)

	// Whoever unlocks it, it is somebody else: the runtime gives a goroutine's
	// number to the next one.
	for range 100 {
		inGoroutine(func() {
			if err := r.Mutex.Unlock(); err == nil {
				t.Error("unlocked what another goroutine has left locked")
			}
		})
	}
	require.NoError(t, r.Mutex.Zero())
	require.NoError(t, r.Mutex.Lock())
	require.NoError(t, r.Mutex.Unlock())

	abandonLock(t, r.RW.RLock)
	require.ErrorIs(t, r.RW.LockContext(t.Context()), ErrLockAbandoned)
	require.NoError(t, p.Close())
}

// Ensure that no goroutine is left locked to its thread, which would end with
// it and be replaced by a new one.
func TestLockLeavesThreads(t *testing.T) {
	const goroutines = 200
	p := testpool.New(t)
	r := lockRootOf(t, p)
	require.NoError(t, r.RW.Lock())
	threads := map[int]bool{}
	for range goroutines {
		inGoroutine(func() {
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Microsecond)
			defer cancel()
			require.NoError(t, r.Mutex.Lock())
			_ = r.Mutex.Lock()
			_ = r.RW.Unlock()
			_ = r.RW.LockContext(ctx)
			_ = r.Cond.WaitContext(ctx, &r.Mutex)
			_, _ = r.RW.TryRLock()
			require.NoError(t, r.Mutex.Unlock())
			_ = r.Mutex.Unlock()
			_ = new(Mutex).Lock()
			_ = p.Update(func(tx *Tx) error {
				_ = tx.Lock(&r.Mutex, &r.Other)
				_ = tx.Lock(nil)
				return errStop
			})
			threads[unix.Gettid()] = true
		})
	}
	require.Less(t, len(threads), goroutines/2)
	require.NoError(t, r.RW.Unlock())
}
