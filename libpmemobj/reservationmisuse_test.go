package libpmemobj_test

import (
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/testpool"
	. "github.com/pmem/pmdk-go/libpmemobj"
)

// Ensure that each wrong use of a reservation is an error, of the kind that is
// documented, and that nothing happens. In C they abort, fault or corrupt.
func TestReservationMisuse(t *testing.T) {
	type pools struct{ p, other, closed *Pool }
	cases := []struct {
		name string
		make func(t *testing.T, p pools) *Reservation[node]
		is   error
		text string
		won  int // how many objects there are in the end
	}{
		{"published", func(t *testing.T, p pools) *Reservation[node] {
			r := reserveNode(t, p.p, 1)
			require.NoError(t, p.p.PublishActions(r))
			return r
		}, ErrReservationDone, "it was published", 1},
		{"published with others", func(t *testing.T, p pools) *Reservation[node] {
			r := reserveNode(t, p.p, 1)
			require.NoError(t, p.p.PublishActions(r, SetValue(&rootOf(t, p.p).Get().Count, 1)))
			return r
		}, ErrReservationDone, "it was published", 1},
		{"published by a closure", func(t *testing.T, p pools) *Reservation[node] {
			r := reserveNode(t, p.p, 1)
			require.NoError(t, p.p.Publish(func(a *Actions) error { return a.Add(r) }))
			return r
		}, ErrReservationDone, "it was published", 1},
		{"published by a transaction", func(t *testing.T, p pools) *Reservation[node] {
			r := reserveNode(t, p.p, 1)
			require.NoError(t, p.p.Update(func(tx *Tx) error { return tx.Publish(r) }))
			return r
		}, ErrReservationDone, "it was published", 1},
		{"rolled back", func(t *testing.T, p pools) *Reservation[node] {
			r := reserveNode(t, p.p, 1)
			require.Equal(t, errStop, p.p.Update(func(tx *Tx) error {
				require.NoError(t, tx.Publish(r))
				return errStop
			}))
			return r
		}, ErrReservationDone, "it was published", 0},
		{"cancelled", func(t *testing.T, p pools) *Reservation[node] {
			r := reserveNode(t, p.p, 1)
			require.NoError(t, r.Cancel())
			return r
		}, ErrReservationDone, "it was cancelled", 0},
		{"of another pool", func(t *testing.T, p pools) *Reservation[node] {
			return reserveNode(t, p.other, 1)
		}, ErrForeignPool, "the reservation is in pool", 0},
		{"of a closed pool", func(t *testing.T, p pools) *Reservation[node] {
			r := reserveNode(t, p.closed, 1)
			require.NoError(t, p.closed.Close())
			return r
		}, ErrClosed, "the reservation ended with pool", 0},
		{"nil", func(*testing.T, pools) *Reservation[node] { return nil }, ErrNull, "NewReservation makes one", 0},
		{"zero", func(*testing.T, pools) *Reservation[node] { return new(Reservation[node]) }, ErrNull, "NewReservation makes one", 0},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			p := pools{p: testpool.New(t), other: testpool.New(t), closed: testpool.New(t)}
			root := rootOf(t, p.p)
			r := c.make(t, p)
			before := *root.Get()
			check := func(err error) {
				t.Helper()
				require.ErrorIs(t, err, c.is)
				require.ErrorContains(t, err, c.text)
			}
			good := reserveNode(t, p.p, 2)
			check(p.p.PublishActions(r))
			check(p.p.PublishActions(good, r))
			check(p.p.PublishActions(r, good, SetValue(&root.Get().Other, 5)))
			check(p.p.Publish(func(a *Actions) error {
				Store(a, &root.Get().Other, 5)
				check(a.Add(r))
				check(a.Add(good))
				return nil
			}))
			require.NoError(t, p.p.Update(func(tx *Tx) error {
				check(tx.Publish(r))
				check(tx.Publish(good, r))
				return nil
			}))
			require.Equal(t, before, *root.Get())
			require.Len(t, objectsIn(p.p), c.won)
			if c.is != ErrForeignPool {
				require.ErrorIs(t, r.Cancel(), c.is)
			}
			require.NoError(t, p.p.PublishActions(good), "the good one suffered")
			require.Len(t, objectsIn(p.p), c.won+1)
			runtime.KeepAlive(r)
		})
	}
}

// Ensure that one reservation given twice is refused, and held afterwards.
func TestReservationTwice(t *testing.T) {
	p := testpool.New(t)
	r := reserveNode(t, p, 1)
	check := func(err error) {
		t.Helper()
		require.ErrorIs(t, err, ErrReservationDone)
		require.ErrorContains(t, err, "given twice")
	}
	check(p.PublishActions(r, r))
	require.NoError(t, p.Update(func(tx *Tx) error { check(tx.Publish(r, r)); return nil }))
	check(p.Publish(func(a *Actions) error {
		require.NoError(t, a.Add(r))
		check(r.Cancel())
		check(p.PublishActions(r))
		return a.Add(r)
	}))
	require.Empty(t, objectsIn(p))
	require.NoError(t, p.PublishActions(r))
	require.Len(t, objectsIn(p), 1)
}

func TestPublishActionsNil(t *testing.T) {
	p := testpool.New(t)
	require.NoError(t, p.PublishActions())
	require.ErrorIs(t, p.PublishActions(nil), ErrNull)
	require.ErrorIs(t, p.PublishActions(SetValue(new(uint64), 1), nil), ErrForeignPool)
	r := reserveNode(t, p, 1)
	for _, nowhere := range []Action{
		SetValue[uint64](nil, 1), SetOff[node](nil, Off[node]{}), SetPtr(nil, r.Ptr()), SetOID(nil, r.Ptr().OID()),
	} {
		err := p.PublishActions(r, nowhere)
		require.ErrorIs(t, err, ErrForeignPool)
		require.ErrorContains(t, err, "address 0x0 is not in pool")
	}
	require.NoError(t, p.PublishActions(r))
	require.NoError(t, p.Update(func(tx *Tx) error {
		require.NoError(t, tx.Publish())
		require.ErrorIs(t, tx.Publish(nil), ErrNull)
		return nil
	}))
}
