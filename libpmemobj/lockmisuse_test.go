package libpmemobj_test

import (
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/internal/testpool"
	. "github.com/pmem/pmdk-go/libpmemobj"
)

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
