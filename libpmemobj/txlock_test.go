package libpmemobj_test

import (
	"runtime"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/testpool"
	. "github.com/pmem/pmdk-go/libpmemobj"
)

// Ensure that a transaction holds its locks until it ends, however it does,
// and that nothing is left of them in C or in Go.
func TestTxLockReleased(t *testing.T) {
	ends := []struct {
		name string
		end  func(tx *Tx) error
	}{
		{"commit", func(*Tx) error { return nil }},
		{"error", func(*Tx) error { return errStop }},
		{"panic", func(*Tx) error { panic("oops") }},
		{"Goexit", func(*Tx) error { runtime.Goexit(); return nil }},
		{"failed Mut", func(tx *Tx) error { Ptr[node]{}.Mut(tx); return nil }},
		{"nested panic, recovered", func(tx *Tx) error {
			_ = panicOf(func() { _ = tx.Pool().Update(func(*Tx) error { panic("inner") }) })
			return nil
		}},
	}
	for _, e := range ends {
		t.Run(e.name, func(t *testing.T) {
			p := testpool.New(t)
			r := lockRootOf(t, p)
			forms := lockForms(r)[:3]
			inGoroutine(func() {
				_ = panicOf(func() {
					_ = p.Update(func(tx *Tx) error {
						if err := tx.Lock(&r.Mutex, &r.RW); err != nil {
							t.Error(err)
						}
						if err := p.Update(func(inner *Tx) error { return inner.Lock(&r.Other, &r.Mutex) }); err != nil {
							t.Error(err)
						}
						for _, f := range forms {
							if lockElsewhere(t, f) {
								t.Error(f.name, "is free in the transaction")
							}
						}
						*MutAt(tx, &r.Count) = 1
						return e.end(tx)
					})
				})
			})
			for _, f := range forms {
				require.True(t, lockElsewhere(t, f), f.name)
			}
			require.NoError(t, r.Other.Lock())
			require.NoError(t, r.Other.Unlock())
			require.NoError(t, p.Close())
		})
	}
}

// Ensure that misuse of locks in transactions is an error, which the
// transaction survives.
func TestTxLockMisuse(t *testing.T) {
	p, other := testpool.New(t), testpool.New(t)
	r, foreign := lockRootOf(t, p), lockRootOf(t, other)
	oid := oneObject(t, p, 64, 1)
	freed := PtrOf[Mutex](oid).Get()
	require.NoError(t, p.Free(&oid))
	require.NoError(t, r.Other.Lock())
	var kept *Tx
	require.NoError(t, p.Update(func(tx *Tx) error {
		kept = tx
		for name, c := range map[string]struct {
			lock TxLock
			is   error
		}{
			"nil":                 {nil, ErrNull},
			"a nil Mutex":         {(*Mutex)(nil), ErrNull},
			"Go's memory":         {new(RWMutex), ErrNotPersistent},
			"another pool":        {&foreign.Mutex, ErrForeignPool},
			"the goroutine's own": {&r.Other, ErrLockHeld},
			"no object":           {freed, ErrNotLive},
		} {
			require.ErrorIs(t, tx.Lock(c.lock), c.is, name)
		}
		inGoroutine(func() {
			if err := tx.Lock(&r.Mutex); err == nil {
				t.Error("another goroutine used the transaction")
			}
		})
		require.NoError(t, tx.Lock(&r.Mutex, &r.RW))
		require.NoError(t, tx.Lock(&r.Mutex), "again")
		require.ErrorIs(t, r.Mutex.Lock(), ErrLockHeld)
		require.ErrorIs(t, r.RW.RLock(), ErrLockHeld)
		taken, err := r.RW.TryRLock()
		require.NoError(t, err)
		require.False(t, taken)
		err = r.Mutex.Unlock()
		require.ErrorIs(t, err, ErrLockNotHeld)
		require.ErrorContains(t, err, "at its end")
		require.ErrorIs(t, r.RW.RUnlock(), ErrLockNotHeld)
		require.ErrorIs(t, r.RW.Zero(), ErrLockHeld)
		*MutAt(tx, &r.Count) = 5
		return nil
	}))
	require.EqualValues(t, 5, r.Count)
	require.ErrorIs(t, kept.Lock(&r.Mutex), ErrTxDone)
	require.NoError(t, r.Other.Unlock())
}

// Ensure that a rollback does not touch locks in use: those of the transaction
// may lie in what it snapshots, others may not.
func TestTxLockSnapshots(t *testing.T) {
	p := testpool.New(t)
	root, err := Root[lockRoot](p)
	require.NoError(t, err)
	r := root.Get()
	for _, lockFirst := range []bool{true, false} {
		require.ErrorIs(t, p.Update(func(tx *Tx) error {
			lock := func() { require.NoError(t, tx.Lock(&r.Mutex, &r.RW)) }
			if lockFirst {
				lock()
			}
			root.Mut(tx).Count = 9
			if !lockFirst {
				lock()
			}
			return errStop
		}), errStop)
		require.Zero(t, r.Count)
		for _, f := range lockForms(r) {
			require.True(t, lockElsewhere(t, f), "%s, locked first: %t", f.name, lockFirst)
		}
	}

	require.NoError(t, r.Mutex.Lock())
	err = p.Update(func(tx *Tx) error {
		root.Mut(tx).Count = 9
		return nil
	})
	require.ErrorIs(t, err, ErrLockHeld)
	require.ErrorContains(t, err, "snapshot the fields beside it")
	require.ErrorIs(t, p.Update(func(tx *Tx) error { return tx.Snapshot(RangeOf(&r.Mutex)) }), ErrLockHeld)
	require.Zero(t, r.Count)
	require.NoError(t, p.Update(func(tx *Tx) error {
		*MutAt(tx, &r.Count) = 9
		return nil
	}))
	require.NoError(t, r.Mutex.Unlock())
	require.EqualValues(t, 9, r.Count)
}

// Ensure that transactions that take a lock exclude each other, and those who
// lock it by themselves.
func TestTxLockStress(t *testing.T) {
	rounds := 400
	if testing.Short() {
		rounds = 60
	}
	p := testpool.New(t)
	r := lockRootOf(t, p)
	inGo := 0 // which the race detector does see
	var wg sync.WaitGroup
	for g := range 5 {
		wg.Go(func() {
			change := func(tx *Tx) error {
				if err := tx.Snapshot(RangeOf(&r.Count), RangeOf(&r.Double)); err != nil {
					return err
				}
				if r.Double != 2*r.Count {
					t.Errorf("%d is not twice %d", r.Double, r.Count)
				}
				r.Count++
				inGo++
				runtime.Gosched()
				r.Double += 2
				return nil
			}
			for i := range rounds {
				var err error
				if g == 4 {
					if err = r.RW.Lock(); err == nil {
						err = p.Update(change)
						if unlock := r.RW.Unlock(); err == nil {
							err = unlock
						}
					}
				} else {
					err = p.Update(func(tx *Tx) error {
						if err := tx.Lock(&r.RW); err != nil {
							return err
						}
						if err := change(tx); err != nil {
							return err
						}
						if i%5 == 4 {
							return errStop
						}
						return nil
					})
					if i%5 == 4 && err == errStop {
						err = nil
					}
				}
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	require.EqualValues(t, rounds+4*rounds/5*4, r.Count)
	require.Equal(t, 2*r.Count, r.Double)
	require.Equal(t, 5*rounds, inGo)
}

// Ensure that the lock of a new object can be held, but not be freed with it,
// and that a rollback takes both.
func TestTxLockInNewObject(t *testing.T) {
	p := testpool.New(t)
	var m *Mutex
	require.ErrorIs(t, p.Update(func(tx *Tx) error {
		n, err := NewZeroed[Mutex](tx)
		require.NoError(t, err)
		m = n.Get()
		require.NoError(t, tx.Lock(m))
		require.ErrorIs(t, tx.Free(n.OID()), ErrLockHeld)
		return errStop
	}), errStop)
	require.ErrorIs(t, m.Lock(), ErrNotLive)
	require.ErrorIs(t, m.Unlock(), ErrLockNotHeld)
	require.NoError(t, p.Update(func(tx *Tx) error {
		n, err := NewZeroed[Mutex](tx)
		require.NoError(t, err)
		m = n.Get()
		return tx.Lock(m)
	}))
	require.NoError(t, m.Lock())
	require.NoError(t, m.Unlock())
}
