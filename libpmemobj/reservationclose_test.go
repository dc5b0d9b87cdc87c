package libpmemobj_test

import (
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/testpool"
	. "github.com/pmem/pmdk-go/libpmemobj"
)

// Ensure that a pool is closed with reservations in it, which end then: they
// are neither published nor cancelled in the pool that is opened next, and
// their memory is free.
func TestReservationClose(t *testing.T) {
	p := testpool.New(t)
	r := reserveNode(t, p, 1)
	big, err := NewReservationBytes(p, testpool.Size/2, 1)
	require.NoError(t, err)
	was := r.Ptr()
	again := testpool.Reopen(t, p)
	for range 2 {
		require.ErrorIs(t, p.PublishActions(r), ErrClosed)
		require.ErrorIs(t, again.PublishActions(r), ErrClosed)
		require.ErrorIs(t, again.Publish(func(a *Actions) error { return a.Add(r) }), ErrClosed)
		require.ErrorIs(t, again.Update(func(tx *Tx) error { return tx.Publish(big, r) }), ErrClosed)
		require.ErrorIs(t, r.Cancel(), ErrClosed)
		require.ErrorIs(t, errorPanicOf(t, func() { r.Value() }), ErrClosed)
		require.ErrorIs(t, errorPanicOf(t, func() { big.Slice() }), ErrClosed)
	}
	_, err = NewReservation[node](p)
	require.ErrorIs(t, err, ErrClosed)
	require.Empty(t, objectsIn(again))
	_, err = again.UsableSize(was.OID())
	require.ErrorIs(t, err, ErrNotLive)
	fresh, err := NewReservationBytes(again, testpool.Size/2, 1)
	require.NoError(t, err, "the memory is not free")
	require.NoError(t, fresh.Cancel())

	require.ErrorIs(t, errorPanicOf(t, func() { fresh.Value() }), ErrReservationDone)
	require.ErrorIs(t, errorPanicOf(t, func() { new(Reservation[node]).Value() }), ErrNull)
	require.True(t, new(Reservation[node]).Ptr().IsNull())
	require.ErrorIs(t, new(Reservation[node]).Cancel(), ErrNull)
	require.ErrorIs(t, new(Reservation[node]).Renew(), ErrNull)
}

// Ensure that of many goroutines that publish and cancel one reservation
// exactly one succeeds, in whatever way.
func TestReservationRace(t *testing.T) {
	p := testpool.New(t)
	objects := 0
	for range 300 {
		r := reserveNode(t, p, 1)
		var won, published atomic.Int32
		var wg sync.WaitGroup
		for _, try := range []func() (bool, error){
			func() (bool, error) { return false, r.Cancel() },
			func() (bool, error) { return true, p.PublishActions(r) },
			func() (bool, error) { return true, p.PublishActions(r, SetValue(&rootOf(t, p).Get().Count, 1)) },
			func() (bool, error) { return true, p.Publish(func(a *Actions) error { return a.Add(r) }) },
			func() (bool, error) { return true, p.Update(func(tx *Tx) error { return tx.Publish(r) }) },
			func() (bool, error) { return false, r.Cancel() },
		} {
			wg.Go(func() {
				publishes, err := try()
				switch {
				case err == nil:
					won.Add(1)
					if publishes {
						published.Add(1)
					}
				case !errors.Is(err, ErrReservationDone):
					t.Error(err)
				}
			})
		}
		wg.Wait()
		require.EqualValues(t, 1, won.Load())
		objects += int(published.Load())
	}
	require.Len(t, objectsIn(p), objects)
}

// Ensure that dropped reservations give their memory back, and that Close
// never takes a cleanup for somebody at work.
func TestReservationDropped(t *testing.T) {
	p := testpool.New(t)
	drop := func(n int) {
		r, err := NewReservationBytes(p, n, 1)
		require.NoError(t, err)
		r.Value()
	}
	for range 3 {
		drop(testpool.Size / 2)
		require.Eventually(t, func() bool {
			runtime.GC()
			r, err := NewReservationBytes(p, testpool.Size/2, 1)
			return err == nil && r.Cancel() == nil
		}, time.Minute, 5*time.Millisecond, "the memory of a dropped reservation is not free")
	}
	for range 5 {
		for range 50 {
			drop(100)
		}
		runtime.GC()
		p = testpool.Reopen(t, p)
	}
	require.Empty(t, objectsIn(p))
}

// Ensure that a reservation that was published is not taken back when it is
// dropped.
func TestReservationDroppedPublished(t *testing.T) {
	p := testpool.New(t)
	for i := range 100 {
		require.NoError(t, p.PublishActions(reserveNode(t, p, uint64(i))))
	}
	for range 3 {
		runtime.GC()
		time.Sleep(time.Millisecond)
	}
	require.Len(t, objectsIn(p), 100)
}
