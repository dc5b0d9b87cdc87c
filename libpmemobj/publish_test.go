package libpmemobj_test

import (
	"math"
	"runtime"
	"sync"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/internal/testpool"
	. "github.com/pmem/pmdk-go/libpmemobj"
)

// Ensure that a publication happens as a whole if its closure returns nil,
// and not at all however else it ends.
func TestPublish(t *testing.T) {
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
		{"Goexit", func() error { runtime.Goexit(); return nil }, false, nil, nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			p := testpool.New(t)
			root := rootOf(t, p)
			old := oneNode(t, p, 5)
			require.NoError(t, p.Publish(func(a *Actions) error {
				StorePtr(a, &root.Get().Head, old)
				StoreOff(a, &root.Get().Link, OffOf(old))
				return nil
			}))
			var err error
			var panicked any
			inGoroutine(func() {
				panicked = panicOf(func() {
					err = p.Publish(func(a *Actions) error {
						r := root.Get()
						require.Same(t, p, a.Pool())
						n, v, err := Reserve[node](a)
						require.NoError(t, err)
						*v = node{Value: 6}
						s, view, err := ReserveArray[uint64](a, 10)
						require.NoError(t, err)
						require.Len(t, view, 10)
						require.Equal(t, 10, cap(view))
						view[9] = 10
						b, raw, err := a.ReserveBytes(33, 9)
						require.NoError(t, err)
						require.Len(t, raw, 33)
						require.Equal(t, 33, cap(raw))
						raw[32] = 33
						StorePtr(a, &r.Head, n)
						StoreOff(a, &r.Link, OffOf(n))
						StoreOID(a, &r.OID, b)
						StoreOID(a, &r.Slots[0], s.OID())
						Store(a, &r.Count, 7)
						a.Free(old.OID())
						require.Equal(t, old, r.Head, "visible before the end")
						require.Zero(t, r.Count, "visible before the end")
						require.Len(t, objectsIn(p), 1, "reserved objects are seen")
						return c.end()
					})
				})
			})
			require.Equal(t, c.panics, panicked)
			require.Equal(t, c.is, err)
			for range 2 {
				r := rootOf(t, p).Get()
				if !c.commits {
					require.Equal(t, old, r.Head)
					require.Equal(t, OffOf(old), r.Link)
					require.Zero(t, r.Count)
					require.EqualValues(t, 5, r.Head.Get().Value)
					require.Equal(t, []OID{old.OID()}, objectsIn(p))
				} else {
					require.EqualValues(t, 6, r.Head.Get().Value)
					require.Equal(t, OffOf(r.Head), r.Link)
					require.EqualValues(t, 7, r.Count)
					require.EqualValues(t, 33, view(t, p, r.OID, 33)[32])
					require.EqualValues(t, 10, PtrOf[uint64](r.Slots[0]).Slice(10)[9])
					require.Equal(t, sorted([]OID{r.Head.OID(), r.OID, r.Slots[0]}), sorted(objectsIn(p)))
					num, err := p.TypeNum(r.OID)
					require.NoError(t, err)
					require.EqualValues(t, 9, num)
					num, err = p.TypeNum(r.Slots[0])
					require.NoError(t, err)
					require.Equal(t, TypeNum[uint64](), num)
				}
				p = testpool.Reopen(t, p)
			}
		})
	}
}

// Ensure that reservations that were not published are free again, over and
// over.
func TestPublishCancels(t *testing.T) {
	p := testpool.New(t)
	for range 50 {
		require.Equal(t, errStop, p.Publish(func(a *Actions) error {
			_, _, err := a.ReserveBytes(testpool.Size/2, 1)
			require.NoError(t, err)
			return errStop
		}))
	}
	require.Empty(t, objectsIn(p))
}

func TestPublishNothing(t *testing.T) {
	p := testpool.New(t)
	require.NoError(t, p.Publish(func(*Actions) error { return nil }))
	require.Equal(t, errStop, p.Publish(func(*Actions) error { return errStop }))
}

// Ensure that any number of words is published whole, near to one another or
// far apart: one, a few, more than fit PMDK's log, and so many in a row that
// a transaction does it.
func TestPublishWords(t *testing.T) {
	const n = 2000
	p := testpool.New(t)
	var array Ptr[[n]uint64]
	require.NoError(t, p.Update(func(tx *Tx) (err error) {
		array, err = NewZeroed[[n]uint64](tx)
		return err
	}))
	for _, stride := range []int{1, 2, 8, 9, -1} {
		for _, count := range []int{1, 2, 3, 15, 16, 17, 39, 40, 41, 200} {
			want := *array.Get()
			publish := func(end error) error {
				return p.Publish(func(a *Actions) error {
					for i := range count {
						at := (n + i*stride) % n
						word := &array.Get()[at]
						before := Load(a, word)
						require.Equal(t, array.Get()[at], before)
						Store(a, word, before+1)
						Store(a, word, Load(a, word)+1)
						require.Equal(t, before+2, Load(a, word))
						require.Equal(t, before, *word)
						if end == nil {
							want[at] += 2
						}
					}
					return end
				})
			}
			require.Equal(t, errStop, publish(errStop))
			require.Equal(t, want, *array.Get())
			require.NoError(t, publish(nil))
			require.Equal(t, want, *array.Get(), "%d words, %d apart", count, stride)
		}
	}
	p = testpool.Reopen(t, p)
	require.EqualValues(t, 5*10*2, array.Get()[0])
}

// Ensure that every kind of word is loaded as it was stored.
func TestPublishKinds(t *testing.T) {
	type signed int64
	type kinds struct {
		U  uint64
		I  int64
		S  signed
		P  Ptr[node]
		O  Off[node]
		ID OID
	}
	p := testpool.New(t)
	n := oneNode(t, p, 1)
	root, err := Root[kinds](p)
	require.NoError(t, err)
	k := root.Get()
	want := kinds{math.MaxUint64, math.MinInt64, -1, n, OffOf(n), n.OID()}
	require.NoError(t, p.Publish(func(a *Actions) error {
		got := func() kinds {
			return kinds{Load(a, &k.U), Load(a, &k.I), Load(a, &k.S), LoadPtr(a, &k.P), LoadOff(a, &k.O), LoadOID(a, &k.ID)}
		}
		require.Equal(t, kinds{}, got())
		Store(a, &k.U, want.U)
		Store(a, &k.I, want.I)
		Store(a, &k.S, want.S)
		StorePtr(a, &k.P, want.P)
		StoreOff(a, &k.O, want.O)
		StoreOID(a, &k.ID, want.ID)
		require.Equal(t, want, got())
		require.Equal(t, kinds{}, *k)
		return nil
	}))
	require.Equal(t, want, *k)
}

// Ensure that a new object can be stored into as well as written.
func TestPublishStoreIntoReserved(t *testing.T) {
	p := testpool.New(t)
	root := rootOf(t, p)
	require.NoError(t, p.Publish(func(a *Actions) error {
		n, v, err := Reserve[node](a)
		*v = node{Value: 1}
		Store(a, &v.Value, 2)
		StorePtr(a, &root.Get().Head, n)
		return err
	}))
	p = testpool.Reopen(t, p)
	require.EqualValues(t, 2, rootOf(t, p).Get().Head.Get().Value)

	// So many in a row make it a transaction.
	require.NoError(t, p.Publish(func(a *Actions) error {
		row, v, err := ReserveArray[uint64](a, 100)
		for i := range v {
			v[i] = 1
			Store(a, &v[i], uint64(i))
		}
		StoreOID(a, &rootOf(t, p).Get().OID, row.OID())
		return err
	}))
	p = testpool.Reopen(t, p)
	for i, v := range PtrOf[uint64](rootOf(t, p).Get().OID).Slice(100) {
		require.EqualValues(t, i, v)
	}
}

// Ensure that a store that could damage something, or be torn, fails the
// publication with nothing done.
func TestPublishRefuses(t *testing.T) {
	p, other := testpool.New(t), testpool.New(t)
	root, otherRoot := rootOf(t, p), rootOf(t, other)
	live := oneObject(t, p, 64, 1)
	gone := oneNode(t, p, 1)
	freed := gone
	require.NoError(t, p.Free(gone.Ref()))
	usable, err := p.UsableSize(live)
	require.NoError(t, err)
	word := func(off uint64) *uint64 { return PtrOf[uint64](OID{p.UUID(), off}).Get() }
	odd := (*uint64)(unsafe.Pointer(&PtrOf[[64]byte](live).Get()[4]))
	var local uint64
	cases := []struct {
		name string
		do   func(a *Actions)
		is   error
		text string
	}{
		{"on the Go heap", func(a *Actions) { Store(a, &local, 1) }, ErrForeignPool, "is not in pool"},
		{"another pool", func(a *Actions) { Store(a, &otherRoot.Get().Count, 1) }, ErrForeignPool, "is not in pool"},
		{"unaligned", func(a *Actions) { Store(a, odd, 1) }, unix.EINVAL, "not a multiple of 8"},
		{"freed", func(a *Actions) { Store(a, &freed.Get().Value, 1) }, ErrNotLive, "not a live object"},
		{"past the object", func(a *Actions) { Store(a, word(live.Off+usable), 1) }, ErrNotLive, "not a live object"},
		{"a header", func(a *Actions) { Store(a, word(live.Off-16), 1) }, ErrNotLive, "not a live object"},
		{"free memory", func(a *Actions) { Store(a, word(testpool.Size/4*3), 1) }, ErrNotLive, "not a live object"},
		{"free twice", func(a *Actions) { a.Free(live); a.Free(live) }, ErrNotLive, "was freed before in this publication"},
		{"free what was reserved", func(a *Actions) { n, _, _ := Reserve[node](a); a.Free(n.OID()) }, ErrNotLive, "not a live object"},
		{"one bad word of many", func(a *Actions) {
			for i := range 30 {
				Store(a, &root.Get().Words[i], 1)
			}
			Store(a, &local, 1)
		}, ErrForeignPool, "is not in pool"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			err := p.Publish(func(a *Actions) error {
				_, _, err := Reserve[node](a)
				require.NoError(t, err)
				Store(a, &root.Get().Count, 1)
				c.do(a)
				Store(a, &root.Get().Other, 1)
				return nil
			})
			require.ErrorIs(t, err, c.is)
			require.ErrorContains(t, err, c.text)
			require.Equal(t, rootData{}, *root.Get())
			require.Zero(t, local)
			require.Equal(t, []OID{live}, objectsIn(p))
		})
	}
}

func TestReserveRefuses(t *testing.T) {
	p := testpool.New(t)
	require.NoError(t, p.Publish(func(a *Actions) error {
		for _, n := range []int{0, -1, math.MinInt, math.MaxInt, MaxAlloc + 1} {
			_, _, err := a.ReserveBytes(n, 1)
			require.ErrorIs(t, err, unix.EINVAL)
			require.ErrorContains(t, err, "an object has 1 to")
			_, _, err = ReserveArray[node](a, n)
			require.ErrorIs(t, err, unix.EINVAL)
			require.ErrorContains(t, err, "an object has 1 to")
		}
		_, _, err := a.ReserveBytes(MaxAlloc, 1)
		require.ErrorIs(t, err, ErrOutOfSpace)
		return nil
	}))
	require.Empty(t, objectsIn(p))
}

// Ensure that an Actions is dead after its publication.
func TestActionsAfterTheirEnd(t *testing.T) {
	p := testpool.New(t)
	root := rootOf(t, p)
	oid := oneObject(t, p, 64, 1)
	for _, end := range []error{nil, errStop} {
		var kept *Actions
		require.Equal(t, end, p.Publish(func(a *Actions) error { kept = a; return end }))
		require.Nil(t, kept.Pool())
		_, _, err := Reserve[node](kept)
		require.ErrorIs(t, err, ErrTxDone)
		_, _, err = ReserveArray[node](kept, 1)
		require.ErrorIs(t, err, ErrTxDone)
		_, _, err = kept.ReserveBytes(1, 1)
		require.ErrorIs(t, err, ErrTxDone)
		require.ErrorContains(t, err, "transaction or publication is over")
		require.ErrorIs(t, errorPanicOf(t, func() { Store(kept, &root.Get().Count, 1) }), ErrTxDone)
		require.ErrorIs(t, errorPanicOf(t, func() { StorePtr(kept, &root.Get().Head, Ptr[node]{}) }), ErrTxDone)
		require.ErrorIs(t, errorPanicOf(t, func() { kept.Free(oid) }), ErrTxDone)
	}
	require.Equal(t, rootData{}, *root.Get())
	require.Equal(t, []OID{oid}, objectsIn(p))
}

// Ensure that a publication may do other things to the pool, even run a
// transaction, and that publications nest without mixing.
func TestPublishAndOthers(t *testing.T) {
	p := testpool.New(t)
	root := rootOf(t, p)
	require.Equal(t, errStop, p.Publish(func(a *Actions) error {
		r := root.Get()
		Store(a, &r.Words[0], 1)
		require.NoError(t, p.Publish(func(b *Actions) error {
			require.NotSame(t, a, b)
			require.Zero(t, Load(b, &r.Words[0]))
			Store(b, &r.Words[1], 2)
			return nil
		}))
		require.NoError(t, p.Update(func(tx *Tx) error {
			*MutAt(tx, &r.Words[2]) = 3
			return nil
		}))
		oneObject(t, p, 64, 1)
		return errStop
	}))
	require.Equal(t, []uint64{0, 2, 3}, root.Get().Words[:3])
	require.Len(t, objectsIn(p), 1)
}

// Ensure that publications of many goroutines to places of their own lose
// nothing.
func TestPublishConcurrently(t *testing.T) {
	p := testpool.New(t)
	root := rootOf(t, p)
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 200 {
				err := p.Publish(func(a *Actions) error {
					r := root.Get()
					slot := &r.Slots[g]
					a.Free(LoadOID(a, slot))
					oid, b, err := a.ReserveBytes(1+i, uint64(g))
					if err != nil {
						return err
					}
					fill(b, uint64(i))
					StoreOID(a, slot, oid)
					Store(a, &r.Words[g], Load(a, &r.Words[g])+1)
					return nil
				})
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	require.Len(t, objectsIn(p), 8)
	want := make([]byte, 200)
	fill(want, 199)
	for g := range 8 {
		require.EqualValues(t, 200, root.Get().Words[g])
		require.Equal(t, want, view(t, p, root.Get().Slots[g], 200))
	}
}

// Ensure that an Actions cannot be used by another goroutine, and that the
// publication does not suffer.
func TestActionsInAnotherGoroutine(t *testing.T) {
	p := testpool.New(t)
	root := rootOf(t, p)
	oid := oneObject(t, p, 64, 1)
	require.NoError(t, p.Publish(func(a *Actions) error {
		r := root.Get()
		Store(a, &r.Count, 1)
		inGoroutine(func() {
			use := func() {
				_, _, err := Reserve[node](a)
				require.ErrorIs(t, err, ErrWrongGoroutine)
				_, _, err = a.ReserveBytes(10, 1)
				require.ErrorIs(t, err, ErrWrongGoroutine)
				require.ErrorContains(t, err, "belongs to another goroutine")
				require.ErrorIs(t, errorPanicOf(t, func() { Store(a, &r.Count, 2) }), ErrWrongGoroutine)
				require.ErrorIs(t, errorPanicOf(t, func() { StoreOID(a, &r.OID, oid) }), ErrWrongGoroutine)
				require.ErrorIs(t, errorPanicOf(t, func() { Load(a, &r.Count) }), ErrWrongGoroutine)
				require.ErrorIs(t, errorPanicOf(t, func() { a.Free(oid) }), ErrWrongGoroutine)
			}
			use()
			require.NoError(t, p.Publish(func(*Actions) error { use(); return nil }))
		})
		Store(a, &r.Other, Load(a, &r.Count)+1)
		return nil
	}))
	require.EqualValues(t, 1, root.Get().Count)
	require.EqualValues(t, 2, root.Get().Other)
	require.Equal(t, []OID{oid}, objectsIn(p))
}
