package libpmemobj_test

import (
	"context"
	"runtime"
	"sync"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/testpool"
	. "github.com/pmem/pmdk-go/libpmemobj"
)

// lockRoot is the root object of the tests of locks.
type lockRoot struct {
	Mutex  Mutex
	Other  Mutex
	RW     RWMutex
	Cond   Cond
	Count  uint64
	Double uint64 // twice Count, whenever nobody is inside
	Queue  [4]uint64
	Queued uint64
}

func lockRootOf(t testing.TB, p *Pool) *lockRoot {
	t.Helper()
	root, err := Root[lockRoot](p)
	require.NoError(t, err)
	return root.Get()
}

// lockForm is one way to take a lock, and the way to give it back.
type lockForm struct {
	name    string
	lock    func(ctx context.Context) error
	try     func() (bool, error)
	unlock  func() error
	shared  bool
	another string // of the same lock
}

func lockForms(r *lockRoot) []lockForm {
	return []lockForm{
		{"Mutex", r.Mutex.LockContext, r.Mutex.TryLock, r.Mutex.Unlock, false, ""},
		{"RWMutex for writing", r.RW.LockContext, r.RW.TryLock, r.RW.Unlock, false, "RWMutex for reading"},
		{"RWMutex for reading", r.RW.RLockContext, r.RW.TryRLock, r.RW.RUnlock, true, "RWMutex for writing"},
		{"Mutex, no context", func(context.Context) error { return r.Mutex.Lock() }, r.Mutex.TryLock, r.Mutex.Unlock, false, ""},
		{"RWMutex for writing, no context", func(context.Context) error { return r.RW.Lock() }, r.RW.TryLock, r.RW.Unlock, false, "RWMutex for reading"},
		{"RWMutex for reading, no context", func(context.Context) error { return r.RW.RLock() }, r.RW.TryRLock, r.RW.RUnlock, true, "RWMutex for writing"},
	}
}

// lockElsewhere is what a goroutine of its own gets that tries to take a lock
// and gives it back.
func lockElsewhere(t testing.TB, f lockForm) (taken bool) {
	t.Helper()
	inGoroutine(func() {
		var err error
		if taken, err = f.try(); err != nil {
			t.Error(err)
		}
		if taken {
			if err := f.unlock(); err != nil {
				t.Error(err)
			}
		}
	})
	return taken
}

// Ensure that locks have the layout of C's, may stand in persistent structs,
// and are free in zeroed memory.
func TestLockLayout(t *testing.T) {
	require.EqualValues(t, 64, unsafe.Sizeof(Mutex{}))
	require.EqualValues(t, 64, unsafe.Sizeof(RWMutex{}))
	require.EqualValues(t, 64, unsafe.Sizeof(Cond{}))
	require.EqualValues(t, 8, unsafe.Alignof(Mutex{}))
	require.EqualValues(t, 4*64+7*8, unsafe.Sizeof(lockRoot{}))
	require.NotPanics(t, func() { TypeNum[lockRoot]() })
}

// Ensure that a lock that is held keeps others out, however they try, and lets
// them in afterwards.
func TestLockExcludes(t *testing.T) {
	p := testpool.New(t)
	r := lockRootOf(t, p)
	expired, cancel := context.WithTimeout(t.Context(), time.Nanosecond)
	defer cancel()
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	forms := map[string]lockForm{}
	for _, f := range lockForms(r) {
		forms[f.name] = f
	}
	for _, f := range forms {
		t.Run(f.name, func(t *testing.T) {
			require.NoError(t, f.lock(t.Context()))
			require.Equal(t, f.shared, lockElsewhere(t, f), "by the same way")
			if f.another != "" {
				require.False(t, lockElsewhere(t, forms[f.another]), "by %s", f.another)
			}
			require.NoError(t, f.unlock())
			require.True(t, lockElsewhere(t, f), "after unlocking")

			taken, err := f.try()
			require.NoError(t, err)
			require.True(t, taken)
			taken, err = f.try()
			require.NoError(t, err)
			require.False(t, taken, "taken twice by one goroutine")
			require.NoError(t, f.unlock())
		})
	}
	// A context that is over takes nothing, free lock or not.
	require.Equal(t, context.DeadlineExceeded, r.Mutex.LockContext(expired))
	require.Equal(t, context.Canceled, r.RW.LockContext(cancelled))
	require.Equal(t, context.Canceled, r.RW.RLockContext(cancelled))
	require.True(t, lockElsewhere(t, forms["Mutex"]))
	require.True(t, lockElsewhere(t, forms["RWMutex for writing"]))
}

// Ensure that a wait ends with its context, leaves the lock as it was, and
// does not outlive the holder.
func TestLockContextEnds(t *testing.T) {
	p := testpool.New(t)
	r := lockRootOf(t, p)
	for _, f := range lockForms(r)[:3] {
		t.Run(f.name, func(t *testing.T) {
			if f.shared {
				require.NoError(t, r.RW.Lock())
				defer func() { require.NoError(t, r.RW.Unlock()) }()
			} else {
				require.NoError(t, f.lock(t.Context()))
				defer func() { require.NoError(t, f.unlock()) }()
			}
			deadline, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
			defer cancel()
			inGoroutine(func() {
				if err := f.lock(deadline); err != context.DeadlineExceeded {
					t.Error("after the deadline:", err)
				}
			})
			ctx, cancel := context.WithCancel(t.Context())
			result := make(chan error)
			go func() { result <- f.lock(ctx) }()
			runtime.Gosched()
			cancel()
			require.Equal(t, context.Canceled, <-result)
		})
	}
	for _, f := range lockForms(r)[:3] {
		require.True(t, lockElsewhere(t, f))
	}
	// Ensure that one which waits gets the lock in the end.
	for _, f := range lockForms(r) {
		if f.shared {
			continue
		}
		require.NoError(t, f.lock(t.Context()))
		result := make(chan error)
		go func() {
			err := f.lock(t.Context())
			if err == nil {
				err = f.unlock()
			}
			result <- err
		}()
		runtime.Gosched()
		require.NoError(t, f.unlock())
		require.NoError(t, <-result)
	}
}

// Ensure that Zero makes a lock of anything.
func TestLockZero(t *testing.T) {
	p := testpool.New(t)
	r := lockRootOf(t, p)
	for range 2 {
		b := unsafe.Slice((*byte)(unsafe.Pointer(r)), 4*64)
		for i := range b {
			b[i] = 0
			if i%64 < 8 {
				b[i] = byte(i) // a wrong run, so that C would not look at the rest
			}
		}
		// What a copy of a lock in use looks like.
		require.NoError(t, r.Mutex.Zero())
		require.NoError(t, r.Mutex.Lock())
		copy(b[64:128], b[:64])
		taken, err := r.Other.TryLock()
		require.NoError(t, err)
		require.False(t, taken)
		require.NoError(t, r.Other.Zero())
		require.NoError(t, r.Other.Lock())
		require.NoError(t, r.Other.Unlock())
		require.NoError(t, r.RW.Zero())
		require.NoError(t, r.Cond.Zero())
		require.NoError(t, r.Cond.Signal())
		require.NoError(t, r.Mutex.Unlock())
	}
}

// Ensure that many goroutines exclude each other, whichever way they take the
// lock: what they change is whole whenever one looks. The race detector does
// not see the pool.
func TestLockStress(t *testing.T) {
	rounds := 3000
	if testing.Short() {
		rounds = 300
	}
	p := testpool.New(t)
	r := lockRootOf(t, p)
	for _, name := range []string{"Mutex", "RWMutex"} {
		t.Run(name, func(t *testing.T) {
			r.Count, r.Double = 0, 0
			inGo := 0 // which the race detector does see
			forms := lockForms(r)
			write, read := forms[0], forms[0]
			if name == "RWMutex" {
				write, read = forms[1], forms[2]
			}
			var wg sync.WaitGroup
			for g := range 6 {
				wg.Go(func() {
					for i := range rounds {
						f, locked := write, true
						if g%3 == 2 {
							f = read
						}
						var err error
						switch (g + i) % 3 {
						case 0:
							locked, err = f.try()
							if err == nil && !locked {
								err = f.lock(t.Context())
							}
						case 1:
							err = f.lock(t.Context())
						case 2:
							err = f.lock(context.Background())
						}
						if err != nil {
							t.Error(err)
							return
						}
						if r.Double != 2*r.Count {
							t.Errorf("%d is not twice %d", r.Double, r.Count)
						}
						if g%3 != 2 {
							r.Count++
							inGo++
							if i%64 == 0 {
								runtime.Gosched()
							}
							r.Double += 2
						}
						if err := f.unlock(); err != nil {
							t.Error(err)
							return
						}
					}
				})
			}
			wg.Wait()
			require.EqualValues(t, 4*rounds, r.Count)
			require.Equal(t, 4*rounds, inGo)
			require.EqualValues(t, 8*rounds, r.Double)
		})
	}
}

// Ensure that more goroutines than there may be threads can wait for a lock,
// and that waiters keep the pool open.
func TestLockManyWaiters(t *testing.T) {
	const waiters = 600
	p := testpool.New(t)
	r := lockRootOf(t, p)
	require.NoError(t, r.Mutex.Lock())
	var wg sync.WaitGroup
	for range waiters {
		wg.Go(func() {
			if err := r.Mutex.Lock(); err != nil {
				t.Error(err)
				return
			}
			r.Count++
			if err := r.Mutex.Unlock(); err != nil {
				t.Error(err)
			}
		})
	}
	for LockThreads() <= MaxLockThreads {
		time.Sleep(time.Millisecond)
	}
	require.ErrorIs(t, r.Cond.Wait(&r.Mutex), ErrLockWaiters)
	require.ErrorIs(t, p.Close(), ErrPoolBusy)
	require.ErrorIs(t, r.Mutex.Zero(), ErrLockHeld)
	require.Zero(t, r.Count)
	require.NoError(t, r.Mutex.Unlock())
	wg.Wait()
	require.EqualValues(t, waiters, r.Count)
	require.Zero(t, LockThreads())
	require.NoError(t, p.Close())
}

// Ensure that taking and giving back a lock allocates nothing.
func TestLockGoHeap(t *testing.T) {
	if addressSanitizer {
		t.Skip("with the address sanitizer every call into C goes through cgo, whose arguments escape")
	}
	p := testpool.New(t)
	r := lockRootOf(t, p)
	for _, f := range lockForms(r) {
		require.Zero(t, testing.AllocsPerRun(100, func() {
			if f.lock(context.Background()) != nil || f.unlock() != nil {
				t.Error("failed")
			}
		}), f.name)
	}
	require.Zero(t, testing.AllocsPerRun(100, func() {
		if p.Update(func(tx *Tx) error { return tx.Lock(&r.Mutex) }) != nil {
			t.Error("failed")
		}
	}))
}

func BenchmarkLock(b *testing.B) {
	p := testpool.New(b)
	r := lockRootOf(b, p)
	for _, f := range lockForms(r)[:3] {
		b.Run(f.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_ = f.lock(context.Background())
				_ = f.unlock()
			}
		})
	}
}
