package libpmemobj_test

import (
	"errors"
	"runtime"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/testpool"
	. "github.com/pmem/pmdk-go/libpmemobj"
)

var errStop = errors.New("stop")

// inGoroutine runs f in a goroutine of its own, which may end by Goexit.
func inGoroutine(f func()) {
	var wg sync.WaitGroup
	wg.Go(f)
	wg.Wait()
}

// Ensure that a transaction happens as a whole if its closure returns nil and
// not at all however else it ends, and that the next one works.
func TestUpdate(t *testing.T) {
	cases := []struct {
		name    string
		end     func() error
		commits bool
		is      error
		panics  any
	}{
		{"nil", func() error { return nil }, true, nil, nil},
		{"error", func() error { return errStop }, false, errStop, nil},
		{"panic", func() error { panic("oops") }, false, nil, "oops"},
		{"panic with an error", func() error { panic(errStop) }, false, nil, errStop},
		{"Goexit", func() error { runtime.Goexit(); return nil }, false, nil, nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			p := testpool.New(t)
			root := rootOf(t, p)
			old := oneNode(t, p, 5)
			require.NoError(t, p.Update(func(tx *Tx) error {
				r := root.Mut(tx)
				r.Head, r.Count = old, 1
				return nil
			}))
			var err error
			var returned bool
			var panicked any
			inGoroutine(func() {
				panicked = panicOf(func() {
					err = p.Update(func(tx *Tx) error {
						r := root.Mut(tx)
						n, err := NewZeroed[node](tx)
						require.NoError(t, err)
						r.Head, r.Count, r.Other = n, 2, 3
						MutAt(tx, &old.Get().Value)
						old.Get().Value = 6
						require.NoError(t, tx.Free(old.OID()))
						return c.end()
					})
					returned = true
				})
			})
			require.Equal(t, c.panics, panicked)
			require.Equal(t, c.commits || c.is != nil, returned)
			require.Equal(t, c.is, err)
			for range 2 {
				r := rootOf(t, p).Get()
				require.Len(t, objectsIn(p), 1)
				if c.commits {
					require.EqualValues(t, 2, r.Count)
					require.EqualValues(t, 3, r.Other)
					require.Equal(t, node{}, *r.Head.Get())
					require.NotEqual(t, old, r.Head)
				} else {
					require.EqualValues(t, 1, r.Count)
					require.Zero(t, r.Other)
					require.Equal(t, old, r.Head)
					require.Equal(t, node{Value: 5}, *r.Head.Get())
				}
				p = testpool.Reopen(t, p)
			}
			oneNode(t, p, 9)
			require.Len(t, objectsIn(p), 2)
		})
	}
}

// Ensure that Goexit and panics without number leave no lane and no thread
// state behind: PMDK has 1024 lanes and would hang in the end.
func TestUpdateManyAborts(t *testing.T) {
	p := testpool.New(t)
	root := rootOf(t, p)
	n := 1500
	if testing.Short() {
		n = 300
	}
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			defer func() { _ = recover() }()
			_ = p.Update(func(tx *Tx) error {
				MutAt(tx, &root.Get().Words[i%64])
				root.Get().Words[i%64] = 99
				if i%2 == 0 {
					runtime.Goexit()
				}
				panic("oops")
			})
		})
		if i%16 == 0 {
			wg.Wait() // they write the same words
		}
	}
	wg.Wait()
	require.Equal(t, [64]uint64{}, root.Get().Words)
	require.NoError(t, p.Update(func(tx *Tx) error {
		root.Mut(tx).Count = 1
		return nil
	}))
	require.EqualValues(t, 1, root.Get().Count)
}

// Ensure that an empty transaction is one.
func TestUpdateEmpty(t *testing.T) {
	p := testpool.New(t)
	committed := false
	require.NoError(t, p.Update(func(tx *Tx) error {
		require.Same(t, p, tx.Pool())
		return tx.OnCommit(func() { committed = true })
	}))
	require.True(t, committed)
	require.Equal(t, errStop, p.Update(func(*Tx) error { return errStop }))
}

// Ensure that a Tx is dead after its Update, for every method.
func TestTxAfterItsEnd(t *testing.T) {
	p := testpool.New(t)
	root := rootOf(t, p)
	var kept *Tx
	require.NoError(t, p.Update(func(tx *Tx) error { kept = tx; return nil }))
	everyTxMethod(t, p, kept, root, ErrTxDone, "transaction or publication is over")

	require.Error(t, p.Update(func(tx *Tx) error { kept = tx; root.Mut(tx); return errStop }))
	everyTxMethod(t, p, kept, root, ErrTxDone, "transaction or publication is over")
	inGoroutine(func() {
		everyTxMethod(t, p, kept, root, ErrTxDone, "transaction or publication is over")
	})
}

// Ensure that a Tx cannot be used by another goroutine, with or without a
// transaction of its own, and that the transaction does not suffer.
func TestTxInAnotherGoroutine(t *testing.T) {
	p, other := testpool.New(t), testpool.New(t)
	root := rootOf(t, p)
	require.NoError(t, p.Update(func(tx *Tx) error {
		MutAt(tx, &root.Get().Count)
		root.Get().Count = 1
		inGoroutine(func() {
			everyTxMethod(t, p, tx, root, ErrWrongGoroutine, "belongs to another goroutine")
			require.NoError(t, other.Update(func(*Tx) error {
				everyTxMethod(t, p, tx, root, ErrWrongGoroutine, "belongs to another goroutine")
				return nil
			}))
		})
		MutAt(tx, &root.Get().Other)
		root.Get().Other = 2
		return nil
	}))
	require.EqualValues(t, 1, root.Get().Count)
	require.EqualValues(t, 2, root.Get().Other)
}

// everyTxMethod asserts that each way to use tx gives one error and does
// nothing.
func everyTxMethod(t *testing.T, p *Pool, tx *Tx, root Ptr[rootData], is error, text string) {
	t.Helper()
	n := len(objectsIn(p))
	r := root.Get()
	first := func(_ any, err error) error { return err }
	for name, err := range map[string]error{
		"New":       first(New[node](tx)),
		"NewZeroed": first(NewZeroed[node](tx)),
		"NewArray":  first(NewArray[node](tx, 2)),
		"NewBytes":  func() error { _, _, err := NewBytes(tx, 2, 1); return err }(),
		"NewString": first(NewString(tx, "s", 1)),
		"Snapshot":  tx.Snapshot(root.Range()),
		"Free":      tx.Free(r.Head.OID()),
		"Realloc":   first(tx.Realloc(OID{}, 10, 1)),
		"Zrealloc":  first(tx.Zrealloc(OID{}, 10, 1)),
		"OnCommit":  tx.OnCommit(func() { t.Error("called") }),
		"OnAbort":   tx.OnAbort(func(error) { t.Error("called") }),
		"Mut":       errorPanicOf(t, func() { root.Mut(tx) }),
		"MutAt":     errorPanicOf(t, func() { MutAt(tx, &r.Count) }),
	} {
		require.ErrorIs(t, err, is, name)
		require.ErrorContains(t, err, text, name)
	}
	require.Len(t, objectsIn(p), n)
}

// Ensure that what transactions would not roll back is refused inside, on
// this pool and any other.
func TestAtomicOperationsInTransaction(t *testing.T) {
	p, other := testpool.New(t), testpool.New(t)
	oid := oneObject(t, p, 64, 1)
	require.NoError(t, p.Update(func(*Tx) error {
		for _, q := range []*Pool{p, other} {
			copied := oid
			first := func(_ any, err error) error { return err }
			for name, err := range map[string]error{
				"Alloc":    first(q.Alloc(nil, 10, 1)),
				"Zalloc":   first(q.Zalloc(nil, 10, 1)),
				"Strdup":   first(q.Strdup(nil, "s", 1)),
				"Realloc":  q.Realloc(&copied, 10, 1),
				"Zrealloc": q.Zrealloc(&copied, 10, 1),
				"Free":     q.Free(&copied),
				"Publish":  q.Publish(func(*Actions) error { t.Error("called"); return nil }),
			} {
				require.ErrorIs(t, err, ErrInTx, name)
				require.ErrorContains(t, err, "not possible inside a transaction", name)
			}
			require.Equal(t, oid, copied)
		}
		return nil
	}))
	require.Equal(t, []OID{oid}, objectsIn(p))
}
