package libpmemobj_test

import (
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/testpool"
	. "github.com/pmem/pmdk-go/libpmemobj"
)

// Ensure that a transaction that publishes reservations brings them into being
// with everything else it does, or not at all.
func TestTxPublish(t *testing.T) {
	cases := []struct {
		name    string
		end     func() error
		commits bool
	}{
		{"nil", func() error { return nil }, true},
		{"error", func() error { return errStop }, false},
		{"panic", func() error { panic("oops") }, false},
		{"Goexit", func() error { runtime.Goexit(); return nil }, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			p := testpool.New(t)
			root := rootOf(t, p)
			first, second := reserveNode(t, p, 1), reserveNode(t, p, 2)
			inGoroutine(func() {
				_ = panicOf(func() {
					_ = p.Update(func(tx *Tx) error {
						within := reserveNode(t, p, 3)
						require.NoError(t, tx.Publish(first, second))
						root.Mut(tx).Head = first.Ptr()
						first.Ptr().Mut(tx).Next = second.Ptr()
						// Written to after it was published, and without a snapshot.
						second.Value().Next = within.Ptr()
						require.NoError(t, tx.Snapshot(second.Ptr().Range()))
						require.NoError(t, tx.Publish(within))
						require.Empty(t, objectsIn(p))
						return c.end()
					})
				})
			})
			for range 2 {
				r := rootOf(t, p).Get()
				if !c.commits {
					require.True(t, r.Head.IsNull())
					require.Empty(t, objectsIn(p))
				} else {
					var values []uint64
					for n := r.Head; !n.IsNull(); n = n.Get().Next {
						values = append(values, n.Get().Value)
					}
					require.Equal(t, []uint64{1, 2, 3}, values)
					require.Len(t, objectsIn(p), 3)
				}
				p = testpool.Reopen(t, p)
			}
		})
	}
}

// Ensure that a rolled back reservation's memory is free, over and over.
func TestTxPublishAbortFrees(t *testing.T) {
	p := testpool.New(t)
	for range 50 {
		r, err := NewReservationBytes(p, testpool.Size/2, 1)
		require.NoError(t, err)
		require.Equal(t, errStop, p.Update(func(tx *Tx) error {
			require.NoError(t, tx.Publish(r))
			return errStop
		}))
	}
	require.Empty(t, objectsIn(p))
}

// Ensure that what a transaction has published it can free and resize.
func TestTxPublishThenFree(t *testing.T) {
	p := testpool.New(t)
	root := rootOf(t, p)
	for _, end := range []error{nil, errStop} {
		freed, moved := reserveNode(t, p, 1), reserveNode(t, p, 2)
		require.Equal(t, end, p.Update(func(tx *Tx) error {
			require.NoError(t, tx.Publish(freed, moved))
			require.NoError(t, tx.Free(freed.Ptr().OID()))
			require.ErrorIs(t, tx.Free(freed.Ptr().OID()), ErrNotLive)
			oid, err := tx.Realloc(moved.Ptr().OID(), 1000, 5)
			require.NoError(t, err)
			require.EqualValues(t, 2, PtrOf[node](oid).Get().Value)
			root.Mut(tx).OID = oid
			return end
		}))
		require.Equal(t, []OID{root.Get().OID}, objectsIn(p))
	}
}

// Ensure that a reservation belongs to the outer transaction when a nested one
// publishes it.
func TestTxPublishNested(t *testing.T) {
	p := testpool.New(t)
	r := reserveNode(t, p, 1)
	require.Equal(t, errStop, p.Update(func(*Tx) error {
		require.NoError(t, p.Update(func(tx *Tx) error { return tx.Publish(r) }))
		return errStop
	}))
	require.Empty(t, objectsIn(p))
	require.NoError(t, r.Renew())
	require.NoError(t, p.Update(func(*Tx) error {
		return p.Update(func(tx *Tx) error { return tx.Publish(r) })
	}))
	require.Len(t, objectsIn(p), 1)
}

// Ensure that a Tx of another goroutine, or one that is over, publishes
// nothing and takes nothing.
func TestTxPublishElsewhere(t *testing.T) {
	p := testpool.New(t)
	r := reserveNode(t, p, 1)
	var kept *Tx
	require.NoError(t, p.Update(func(tx *Tx) error {
		kept = tx
		inGoroutine(func() { require.ErrorIs(t, tx.Publish(r), ErrWrongGoroutine) })
		return nil
	}))
	require.ErrorIs(t, kept.Publish(r), ErrTxDone)
	var over *Actions
	require.NoError(t, p.Publish(func(a *Actions) error {
		over = a
		inGoroutine(func() { require.ErrorIs(t, a.Add(r), ErrWrongGoroutine) })
		return nil
	}))
	require.ErrorIs(t, over.Add(r), ErrTxDone)
	require.Empty(t, objectsIn(p))
	require.NoError(t, p.PublishActions(r))
}

// Ensure that a transaction does not roll back what merely happens in it: a
// reservation that is made, held or cancelled inside.
func TestReservationInTx(t *testing.T) {
	p := testpool.New(t)
	before := reserveNode(t, p, 1)
	var within *Reservation[node]
	require.Equal(t, errStop, p.Update(func(tx *Tx) error {
		within = reserveNode(t, p, 2)
		_, err := New[node](tx)
		require.NoError(t, err)
		require.NoError(t, before.Cancel())
		return errStop
	}))
	require.ErrorIs(t, p.PublishActions(before), ErrReservationDone)
	require.NoError(t, p.PublishActions(within))
	require.EqualValues(t, 2, within.Ptr().Get().Value)
	require.Len(t, objectsIn(p), 1)
}

// Ensure that many reservations fit one transaction.
func TestTxPublishMany(t *testing.T) {
	const n = 1000
	p := testpool.New(t)
	var all []Reserved
	for i := range n {
		all = append(all, reserveNode(t, p, uint64(i)))
	}
	require.Equal(t, errStop, p.Update(func(tx *Tx) error {
		require.NoError(t, tx.Publish(all[:n/2]...))
		return errStop
	}))
	require.Empty(t, objectsIn(p))
	require.NoError(t, p.Update(func(tx *Tx) error { return tx.Publish(all[n/2:]...) }))
	require.Len(t, objectsIn(p), n/2)
}
