package libpmemobj_test

import (
	"context"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

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

// Ensure that misuse which would damage a lock, or wait for ever, is an error
// that changes nothing.
func TestLockMisuse(t *testing.T) {
	p := testpool.New(t)
	r := lockRootOf(t, p)
	small := PtrOf[Mutex](oneObject(t, p, 64, 1)).Get() // usable are 112 bytes
	first := func(_ bool, err error) error { return err }
	elsewhere := func(f func() error) func() error {
		return func() (err error) {
			inGoroutine(func() { err = f() })
			return err
		}
	}
	nothing := func() error { return nil }
	cases := []struct {
		name   string
		before func() error
		do     func() error
		after  func() error
		is     error
		text   string
	}{
		{"unlock what is free", nothing, r.Mutex.Unlock, nothing, ErrLockNotHeld, "not locked"},
		{"unlock twice", func() error {
			if err := r.Mutex.Lock(); err != nil {
				return err
			}
			return r.Mutex.Unlock()
		}, r.Mutex.Unlock, nothing, ErrLockNotHeld, "not locked"},
		{"unlock another goroutine's", r.Mutex.Lock, elsewhere(r.Mutex.Unlock), r.Mutex.Unlock, ErrLockNotHeld, "another goroutine has it"},
		{"lock twice", r.Mutex.Lock, r.Mutex.Lock, r.Mutex.Unlock, ErrLockHeld, "would wait for ever"},
		{"zero one's own", r.Mutex.Lock, r.Mutex.Zero, r.Mutex.Unlock, ErrLockHeld, "holds the lock"},
		{"zero another goroutine's", r.RW.RLock, elsewhere(r.RW.Zero), r.RW.RUnlock, ErrLockHeld, "holds the lock"},
		{"read twice", r.RW.RLock, r.RW.RLock, r.RW.RUnlock, ErrLockHeld, "would wait for ever"},
		{"upgrade", r.RW.RLock, r.RW.Lock, r.RW.RUnlock, ErrLockHeld, "would wait for ever"},
		{"downgrade", r.RW.Lock, r.RW.RLock, r.RW.Unlock, ErrLockHeld, "would wait for ever"},
		{"write twice", r.RW.Lock, r.RW.Lock, r.RW.Unlock, ErrLockHeld, "would wait for ever"},
		{"unlock what is read", r.RW.RLock, r.RW.Unlock, r.RW.RUnlock, ErrLockNotHeld, "for reading, not for writing"},
		{"read unlock what is written", r.RW.Lock, r.RW.RUnlock, r.RW.Unlock, ErrLockNotHeld, "for writing, not for reading"},
		{"read unlock another goroutine's", r.RW.RLock, elsewhere(r.RW.RUnlock), r.RW.RUnlock, ErrLockNotHeld, "another goroutine has it"},
		{"read unlock what is free", nothing, r.RW.RUnlock, nothing, ErrLockNotHeld, "not locked"},
		{"wait without the mutex", nothing, func() error { return r.Cond.Wait(&r.Mutex) }, nothing, ErrLockNotHeld, "not locked"},
		{"wait with another goroutine's", r.Mutex.Lock, elsewhere(func() error { return r.Cond.Wait(&r.Mutex) }), r.Mutex.Unlock, ErrLockNotHeld, "another goroutine has it"},
		{"wait with nil", nothing, func() error { return r.Cond.Wait(nil) }, nothing, ErrNull, "null"},
		{"wait with a mutex in Go's memory", nothing, func() error { return r.Cond.Wait(new(Mutex)) }, nothing, ErrNotPersistent, "address"},
		{"close with a lock held", r.Mutex.Lock, p.Close, r.Mutex.Unlock, ErrPoolBusy, "locks in it are held"},
		{"close with a lock held elsewhere", r.RW.RLock, elsewhere(p.Close), r.RW.RUnlock, ErrPoolBusy, "locks in it are held"},
		{"grow the root under a lock", r.Mutex.Lock, rootErrorOf[[2]lockRoot](p), r.Mutex.Unlock, ErrLockHeld, "must not move"},
		{"nil", nothing, (*Mutex)(nil).Lock, nothing, ErrNull, "null"},
		{"unlock nil", nothing, (*RWMutex)(nil).RUnlock, nothing, ErrNull, "null"},
		{"signal nil", nothing, (*Cond)(nil).Signal, nothing, ErrNull, "null"},
		{"lock Go's memory", nothing, new(Mutex).Lock, nothing, ErrNotPersistent, "take it from a Ptr's Get"},
		{"try Go's memory", nothing, func() error { return first(new(RWMutex).TryRLock()) }, nothing, ErrNotPersistent, "take it from a Ptr's Get"},
		{"unlock Go's memory", nothing, new(Mutex).Unlock, nothing, ErrNotPersistent, "address"},
		{"zero Go's memory", nothing, new(Cond).Zero, nothing, ErrNotPersistent, "take it from a Ptr's Get"},
		{"broadcast Go's memory", nothing, new(Cond).Broadcast, nothing, ErrNotPersistent, "take it from a Ptr's Get"},
		{"misaligned", nothing, (*Mutex)(unsafe.Add(unsafe.Pointer(&r.Mutex), 4)).Lock, nothing, unix.EINVAL, "not a multiple of 8"},
		{"over the object's end", nothing, (*Mutex)(unsafe.Add(unsafe.Pointer(small), 56)).Lock, nothing, ErrNotLive, "not a live object"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			require.NoError(t, c.before())
			err := c.do()
			require.ErrorIs(t, err, c.is)
			require.ErrorContains(t, err, c.text)
			require.NoError(t, c.after())
			for _, f := range lockForms(r) {
				require.True(t, lockElsewhere(t, f), "%s is not free", f.name)
			}
		})
	}
}

func rootErrorOf[T any](p *Pool) func() error {
	return func() error {
		_, err := Root[T](p)
		return err
	}
}

// Ensure that locks in memory that is no object any more, or is in no pool any
// more, are refused.
func TestLockGone(t *testing.T) {
	p := testpool.New(t)
	oid := oneObject(t, p, 64, 1)
	m := PtrOf[Mutex](oid).Get()
	require.NoError(t, m.Lock())
	oid2 := oid
	require.ErrorIs(t, p.Free(&oid2), ErrLockHeld)
	require.ErrorIs(t, p.Realloc(&oid2, 4096, 1), ErrLockHeld)
	require.ErrorIs(t, p.Publish(func(a *Actions) error { a.Free(oid); return nil }), ErrLockHeld)
	require.ErrorIs(t, p.Update(func(tx *Tx) error { return tx.Free(oid) }), ErrLockHeld)
	require.NoError(t, m.Unlock())
	require.NoError(t, p.Free(&oid2))
	require.ErrorIs(t, m.Lock(), ErrNotLive)
	require.ErrorIs(t, m.Zero(), ErrNotLive)
	require.ErrorIs(t, m.Unlock(), ErrLockNotHeld)

	require.NoError(t, p.Close())
	require.ErrorIs(t, m.Lock(), ErrNotPersistent)
	require.ErrorIs(t, m.Unlock(), ErrNotPersistent)
}

// Ensure that a lock whose object vanishes with its transaction is dropped.
func TestLockInRolledBackObject(t *testing.T) {
	p := testpool.New(t)
	var m *Mutex
	require.ErrorIs(t, p.Update(func(tx *Tx) error {
		ptr, err := New[Mutex](tx)
		require.NoError(t, err)
		m = ptr.Get()
		require.NoError(t, m.Zero(), "memory of the transaction")
		require.NoError(t, m.Lock())
		return errStop
	}), errStop)
	require.ErrorIs(t, m.Unlock(), ErrNotLive)
	require.ErrorIs(t, m.Unlock(), ErrLockNotHeld, "it is forgotten")
	require.NoError(t, p.Close())
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

// Ensure that the locks of a closed pool are free after it is opened again.
func TestLockReopen(t *testing.T) {
	p := testpool.New(t)
	r := lockRootOf(t, p)
	abandonLock(t, r.Mutex.Lock)
	require.ErrorIs(t, r.Mutex.LockContext(t.Context()), ErrLockAbandoned)
	require.NoError(t, r.RW.RLock())
	require.NoError(t, r.RW.RUnlock())
	p = testpool.Reopen(t, p)
	r = lockRootOf(t, p)
	for _, f := range lockForms(r) {
		require.NoError(t, f.lock(t.Context()))
		require.NoError(t, f.unlock())
	}
}

func init() {
	children["locks"] = func(args []string) error {
		p, err := Open(args[0], "", WithDurability(DurabilityProcessCrash))
		if err != nil {
			return err
		}
		root, err := Root[lockRoot](p)
		if err != nil {
			return err
		}
		r := root.Get()
		for _, lock := range []func() error{r.Mutex.Lock, r.RW.RLock} {
			if err := lock(); err != nil {
				return err
			}
		}
		return p.Update(func(tx *Tx) error {
			if err := tx.Lock(&r.Other); err != nil {
				return err
			}
			*MutAt(tx, &r.Count) = 1 << 40
			if _, err := os.Stdout.WriteString("locked\n"); err != nil {
				return err
			}
			wait()
			return nil
		})
	}
}

// Ensure that locks held by a process that is killed are free after reopening,
// and that what its transaction had changed is rolled back.
func TestLockKill(t *testing.T) {
	rounds := 5
	if testing.Short() {
		rounds = 1
	}
	p := testpool.New(t)
	lockRootOf(t, p).Count = 7
	p.Persist(RangeOf(lockRootOf(t, p)))
	path := p.Path()
	require.NoError(t, p.Close())
	for range rounds {
		c := startChild(t, "locks", path)
		require.Equal(t, "locked", c.line(t))
		require.True(t, killed(c.kill()))

		p, err := Open(path, "", WithVerify(), WithDurability(DurabilityProcessCrash))
		require.NoError(t, err)
		r := lockRootOf(t, p)
		require.EqualValues(t, 7, r.Count)
		for _, f := range lockForms(r) {
			taken, err := f.try()
			require.NoError(t, err)
			require.True(t, taken, f.name)
			require.NoError(t, f.unlock())
		}
		require.NoError(t, p.Update(func(tx *Tx) error { return tx.Lock(&r.Other, &r.RW) }))
		require.NoError(t, p.Close())
	}
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
