package libpmemobj_test

import (
	"errors"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/internal/testpool"
	. "github.com/pmem/pmdk-go/libpmemobj"
)

// reserveNode reserves a node with a value.
func reserveNode(t testing.TB, p *Pool, value uint64) *Reservation[node] {
	t.Helper()
	r, err := NewReservation[node](p)
	require.NoError(t, err)
	*r.Value() = node{Value: value}
	return r
}

// Ensure that what is reserved exists when it is published, with all that is
// published beside it, and not before.
func TestReservation(t *testing.T) {
	p := testpool.New(t)
	root := rootOf(t, p)
	old := oneNode(t, p, 1)
	n := reserveNode(t, p, 6)
	array, err := NewReservationArray[uint64](p, 10)
	require.NoError(t, err)
	require.Len(t, array.Slice(), 10)
	require.Equal(t, 10, cap(array.Slice()))
	for i := range array.Slice() {
		array.Slice()[i] = uint64(i)
	}
	bytes, err := NewReservationBytes(p, 33, 9)
	require.NoError(t, err)
	require.Equal(t, 33, cap(bytes.Slice()))
	fill(bytes.Slice(), 33)
	require.Same(t, n.Value(), n.Ptr().Get())
	require.Equal(t, []OID{old.OID()}, objectsIn(p))

	r := root.Get()
	actions := []Action{
		n, SetPtr(&r.Head, n.Ptr()), SetOff(&r.Link, OffOf(n.Ptr())), SetValue(&r.Count, 7),
		bytes, SetOID(&r.OID, bytes.Ptr().OID()), DeferFree(old.OID()), DeferFree(OID{}),
		array, SetOID(&r.Slots[0], array.Ptr().OID()), SetValue(&array.Slice()[9], 99),
	}
	require.Equal(t, rootData{}, *r, "making an action did something")
	inGoroutine(func() { require.NoError(t, p.PublishActions(actions...)) })
	for range 2 {
		r := rootOf(t, p).Get()
		require.EqualValues(t, 6, r.Head.Get().Value)
		require.Equal(t, OffOf(r.Head), r.Link)
		require.EqualValues(t, 7, r.Count)
		require.Equal(t, []uint64{0, 1, 2, 3, 4, 5, 6, 7, 8, 99}, PtrOf[uint64](r.Slots[0]).Slice(10))
		want := make([]byte, 33)
		fill(want, 33)
		require.Equal(t, want, view(t, p, r.OID, 33))
		num, err := p.TypeNum(r.OID)
		require.NoError(t, err)
		require.EqualValues(t, 9, num)
		require.Equal(t, sorted([]OID{r.Head.OID(), r.OID, r.Slots[0]}), sorted(objectsIn(p)))
		p = testpool.Reopen(t, p)
	}
}

// Ensure that a reservation can be published alone, read afterwards, and used
// again for another object.
func TestReservationRenew(t *testing.T) {
	p := testpool.New(t)
	r := reserveNode(t, p, 0)
	var want []OID
	for i := range 100 {
		require.EqualValues(t, i, r.Value().Value)
		if i%3 == 0 {
			require.NoError(t, r.Cancel())
			require.True(t, r.Ptr().IsNull())
		} else {
			require.NoError(t, p.PublishActions(r))
			require.EqualValues(t, i, r.Value().Value)
			want = append(want, r.Ptr().OID())
		}
		require.NoError(t, r.Renew(AllocZero))
		require.Equal(t, node{}, *r.Value())
		r.Value().Value = uint64(i + 1)
	}
	require.Equal(t, sorted(want), sorted(objectsIn(p)))

	err := r.Renew()
	require.ErrorIs(t, err, unix.EINVAL)
	require.ErrorContains(t, err, "publish or cancel that first")
	require.EqualValues(t, 100, r.Value().Value)
	require.NoError(t, r.Cancel())
	require.ErrorIs(t, r.Renew(AllocFlags(2)), unix.EINVAL)
	require.ErrorIs(t, p.PublishActions(r), ErrReservationDone)
}

// Ensure that AllocZero zeroes, and that flags which mean nothing to a
// reservation are refused.
func TestReservationFlags(t *testing.T) {
	const size = 3000
	p := testpool.New(t)
	isZero := func(b []byte) {
		t.Helper()
		require.Equal(t, make([]byte, size), b)
	}
	for i := range 5 {
		dirty := oneObject(t, p, size, 1)
		fill(view(t, p, dirty, size), uint64(i))
		require.NoError(t, p.Free(&dirty))
		r, err := NewReservationBytes(p, size, 1, AllocZero)
		require.NoError(t, err)
		isZero(r.Slice())
		fill(r.Slice(), uint64(i))
		require.NoError(t, r.Cancel())
		require.Equal(t, errStop, p.Publish(func(a *Actions) error {
			_, b, err := a.ReserveBytes(size, 1, AllocZero)
			require.NoError(t, err)
			isZero(b)
			n, v, err := Reserve[node](a, AllocZero)
			require.NoError(t, err)
			require.Equal(t, node{}, *v)
			*v = node{Value: 1, Next: n}
			_, words, err := ReserveArray[uint64](a, 5, AllocZero)
			require.NoError(t, err)
			require.Equal(t, make([]uint64, 5), words)
			return errStop
		}))
	}
	for _, flags := range [][]AllocFlags{{AllocNoFlush}, {AllocZero, AllocNoFlush}, {2}, {AllocZero, 1 << 30}} {
		check := func(err error) {
			t.Helper()
			require.ErrorIs(t, err, unix.EINVAL)
			if flags[len(flags)-1] == AllocNoFlush {
				require.ErrorContains(t, err, "AllocNoFlush is for transactions")
			} else {
				require.ErrorContains(t, err, "unknown allocation flags")
			}
		}
		_, err := NewReservation[node](p, flags...)
		check(err)
		_, err = NewReservationArray[node](p, 2, flags...)
		check(err)
		_, err = NewReservationBytes(p, 2, 1, flags...)
		check(err)
		require.NoError(t, p.Publish(func(a *Actions) error {
			_, _, err := Reserve[node](a, flags...)
			check(err)
			_, _, err = ReserveArray[node](a, 2, flags...)
			check(err)
			_, _, err = a.ReserveBytes(2, 1, flags...)
			check(err)
			return nil
		}))
	}
	require.Empty(t, objectsIn(p))
}

// Ensure that no size gets past: C faults at 0, and wraps near the top.
func TestReservationSizes(t *testing.T) {
	p := testpool.New(t)
	for _, n := range []int{0, -1, math.MinInt, math.MaxInt, MaxAlloc + 1} {
		_, err := NewReservationBytes(p, n, 1)
		require.ErrorIs(t, err, unix.EINVAL)
		require.ErrorContains(t, err, "an object has 1 to")
		_, err = NewReservationArray[node](p, n)
		require.ErrorIs(t, err, unix.EINVAL)
		require.ErrorContains(t, err, "an object has 1 to")
	}
	_, err := NewReservationBytes(p, MaxAlloc, 1)
	require.ErrorIs(t, err, ErrOutOfSpace)
	_, err = NewReservation[[MaxAlloc]byte](p)
	require.ErrorIs(t, err, ErrOutOfSpace)
	var typeErr *TypeError
	_, err = NewReservation[*int](p)
	require.ErrorAs(t, err, &typeErr)
	_, err = NewReservationArray[string](p, 1)
	require.ErrorAs(t, err, &typeErr)
	require.Empty(t, objectsIn(p))
}

// Ensure that a publication that fails leaves its reservations held.
func TestReservationKept(t *testing.T) {
	p := testpool.New(t)
	root := rootOf(t, p)
	r, second := reserveNode(t, p, 1), reserveNode(t, p, 2)
	var local uint64
	oid := oneObject(t, p, 100, 1)
	gone := oid
	require.NoError(t, p.Free(&gone))
	cases := []struct {
		name string
		do   func() error
		is   error
	}{
		{"a store outside", func() error { return p.PublishActions(r, second, SetValue(&local, 1)) }, ErrForeignPool},
		{"a dead object", func() error { return p.PublishActions(r, DeferFree(oid)) }, ErrNotLive},
		{"freeing a reservation", func() error { return p.PublishActions(r, DeferFree(second.Ptr().OID())) }, ErrNotLive},
		{"freeing itself", func() error { return p.PublishActions(r, DeferFree(r.Ptr().OID())) }, ErrNotLive},
		{"the root", func() error { return p.PublishActions(r, DeferFree(root.OID())) }, unix.EINVAL},
		{"a word of another reservation", func() error { return p.PublishActions(r, SetValue(&second.Value().Value, 1)) }, ErrNotLive},
		{"in a transaction", func() error {
			return p.Update(func(*Tx) error { return p.PublishActions(r) })
		}, ErrInTx},
		{"several in a transaction", func() error {
			return p.Update(func(*Tx) error { return p.PublishActions(r, second) })
		}, ErrInTx},
		{"an error", func() error {
			return p.Publish(func(a *Actions) error { require.NoError(t, a.Add(r, second)); return errStop })
		}, errStop},
		{"a panic", func() error {
			require.Equal(t, "oops", panicOf(func() {
				_ = p.Publish(func(a *Actions) error { _ = a.Add(r, second); panic("oops") })
			}))
			return errStop
		}, errStop},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			require.ErrorIs(t, c.do(), c.is)
			require.Empty(t, objectsIn(p))
			require.EqualValues(t, 1, r.Value().Value)
		})
	}
	require.NoError(t, p.PublishActions(r, second))
	require.Len(t, objectsIn(p), 2)
}

// Ensure that more is published at once than PMDK's logs hold at first, and
// that where a log finds no room to grow nothing happens and nothing is lost.
func TestReservationsMany(t *testing.T) {
	const n = 700
	for _, c := range []struct {
		name   string
		stride int
	}{
		{"far apart", 72},
		{"adjacent, as a transaction", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := testpool.New(t)
			root := rootOf(t, p)
			var array Ptr[[n]uint64]
			require.NoError(t, p.Update(func(tx *Tx) (err error) {
				array, err = NewZeroed[[n]uint64](tx)
				return err
			}))
			var actions []Action
			var first *Reservation[node]
			for i := range n {
				r := reserveNode(t, p, uint64(i))
				if first == nil {
					first = r
				}
				actions = append(actions, r, SetValue(&array.Get()[i*c.stride%n], uint64(1)))
			}
			full := fillWhole(t, p)
			for range 3 {
				require.ErrorIs(t, p.PublishActions(actions...), ErrOutOfSpace)
				require.Equal(t, [n]uint64{}, *array.Get())
				require.Zero(t, first.Value().Value)
				require.Len(t, objectsIn(p), len(full)+1)
			}
			require.NoError(t, p.PublishActions(first), "what needs no room fails")
			for i := range full {
				require.NoError(t, p.Free(&full[i]))
			}
			require.NoError(t, p.PublishActions(append(actions[1:], SetPtr(&root.Get().Head, first.Ptr()))...))
			p = testpool.Reopen(t, p)
			nodes := 0
			for range ObjectsOf[node](p) {
				nodes++
			}
			require.Equal(t, n, nodes)
			require.EqualValues(t, 1, array.Get()[0])
			require.Equal(t, first.Ptr(), rootOf(t, p).Get().Head)
		})
	}
}

// fillWhole allocates until not even the smallest object has room.
func fillWhole(t testing.TB, p *Pool) (full []OID) {
	t.Helper()
	for size := uint64(1 << 20); size >= 64; size /= 2 {
		for {
			oid, err := p.Alloc(nil, size, 77)
			if errors.Is(err, ErrOutOfSpace) {
				break
			}
			require.NoError(t, err)
			full = append(full, oid)
		}
	}
	return full
}

// Ensure that a reservation in a full pool fails and leaves everything as it
// is, and that Renew can be called again.
func TestReservationOutOfSpace(t *testing.T) {
	p := testpool.New(t)
	r := reserveNode(t, p, 1)
	require.NoError(t, p.PublishActions(r))
	full := fillWhole(t, p)
	_, err := NewReservation[[100]uint64](p)
	require.ErrorIs(t, err, ErrOutOfSpace)
	big, err := NewReservationBytes(p, 1<<20, 1)
	require.ErrorIs(t, err, ErrOutOfSpace)
	require.Nil(t, big)
	for r.Renew() == nil { // there is room for a few in the node's run
		require.NoError(t, p.PublishActions(r))
	}
	last := r.Ptr()
	require.ErrorIs(t, r.Renew(), ErrOutOfSpace)
	require.Equal(t, last, r.Ptr())
	require.ErrorIs(t, r.Cancel(), ErrReservationDone)
	for i := range full {
		require.NoError(t, p.Free(&full[i]))
	}
	require.NoError(t, r.Renew())
	require.NoError(t, r.Cancel())
}

// Ensure that reserving and publishing again and again allocates nothing on
// the Go heap.
func TestReservationGoHeap(t *testing.T) {
	if addressSanitizer {
		t.Skip("with the address sanitizer every call into C goes through cgo, whose arguments escape")
	}
	p := testpool.New(t)
	root := rootOf(t, p)
	r := reserveNode(t, p, 1)
	require.NoError(t, r.Cancel())
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	cases := []struct {
		name   string
		pooled bool // keeps its memory in a sync.Pool
		do     func()
	}{
		{"alone", false, func() { must(r.Renew()); must(p.PublishActions(r)) }},
		{"cancelled", false, func() { must(r.Renew(AllocZero)); must(r.Cancel()) }},
		{"in a publication", true, func() {
			must(r.Renew())
			must(p.Publish(func(a *Actions) error {
				StorePtr(a, &root.Get().Head, r.Ptr())
				return a.Add(r)
			}))
		}},
		{"in a transaction", false, func() {
			must(r.Renew())
			must(p.Update(func(tx *Tx) error { return tx.Publish(r) }))
		}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if c.pooled && raceDetector {
				t.Skip("under the race detector, the sync.Pool of publications forgets values on purpose")
			}
			require.Zero(t, testing.AllocsPerRun(100, c.do))
		})
	}
}
