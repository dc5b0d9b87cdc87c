package libpmemobj_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/testpool"
	. "github.com/pmem/pmdk-go/libpmemobj"
)

// Ensure that several ranges of one Snapshot are restored by an abort and
// kept by a commit.
func TestSnapshot(t *testing.T) {
	p := testpool.New(t)
	root := rootOf(t, p)
	a, b := oneNode(t, p, 1), oneNode(t, p, 2)
	change := func(end error) error {
		return p.Update(func(tx *Tx) error {
			r := root.Get()
			if err := tx.Snapshot(RangeOf(&r.Count), a.Range(), RangeOfSlice(r.Words[3:5]), RangeOfSlice(r.Words[:0]), RangeOf(&b.Get().Value)); err != nil {
				return err
			}
			r.Count++
			a.Get().Value += 10
			b.Get().Value += 10
			r.Words[3]++
			r.Words[4]++
			return end
		})
	}
	state := func() []uint64 {
		r := root.Get()
		return []uint64{r.Count, a.Get().Value, b.Get().Value, r.Words[2], r.Words[3], r.Words[4], r.Words[5]}
	}
	require.Equal(t, errStop, change(errStop))
	require.Equal(t, []uint64{0, 1, 2, 0, 0, 0, 0}, state())
	require.NoError(t, change(nil))
	require.Equal(t, []uint64{1, 11, 12, 0, 1, 1, 0}, state())
	require.Equal(t, errStop, change(errStop))
	require.Equal(t, []uint64{1, 11, 12, 0, 1, 1, 0}, state())
}

// Ensure that the first snapshot of a place counts, however often and in
// whatever pieces it is taken again.
func TestSnapshotTwice(t *testing.T) {
	p := testpool.New(t)
	root := rootOf(t, p)
	require.Equal(t, errStop, p.Update(func(tx *Tx) error {
		r := root.Get()
		for i := range 8 {
			for j := range 3 {
				require.NoError(t, tx.Snapshot(RangeOfSlice(r.Words[i:i+j+1]), RangeOf(&r.Words[i])))
				*MutAt(tx, &r.Words[i]) = uint64(100 + i)
				root.Mut(tx).Words[i+j] = uint64(200 + i)
			}
		}
		return errStop
	}))
	require.Equal(t, rootData{}, *root.Get())
}

// Ensure that an empty Snapshot does nothing.
func TestSnapshotNothing(t *testing.T) {
	p := testpool.New(t)
	root := rootOf(t, p)
	require.NoError(t, p.Update(func(tx *Tx) error {
		var none []uint64
		require.NoError(t, tx.Snapshot())
		require.NoError(t, tx.Snapshot(RangeOfSlice(none)))
		require.NoError(t, tx.Snapshot(RangeOfSlice(root.Get().Words[5:5])))
		return nil
	}))
}

// Ensure that a transaction with a failed Snapshot rolls back, although its
// closure ignores the error and returns nil.
func TestSnapshotIgnored(t *testing.T) {
	p := testpool.New(t)
	root := rootOf(t, p)
	var local uint64
	var aborted error
	err := p.Update(func(tx *Tx) error {
		require.NoError(t, tx.OnAbort(func(cause error) { aborted = cause }))
		MutAt(tx, &root.Get().Count)
		root.Get().Count = 1
		_ = tx.Snapshot(RangeOf(&local))
		_ = tx.Snapshot(root.Range())
		return nil
	})
	require.ErrorIs(t, err, ErrForeignPool)
	require.ErrorContains(t, err, "snapshot")
	require.Equal(t, err, aborted)
	require.Zero(t, root.Get().Count)
}

// Ensure that the same holds for a Mut whose panic the closure recovers.
func TestMutIgnored(t *testing.T) {
	p := testpool.New(t)
	root := rootOf(t, p)
	err := p.Update(func(tx *Tx) error {
		MutAt(tx, &root.Get().Count)
		root.Get().Count = 1
		require.ErrorIs(t, errorPanicOf(t, func() { Ptr[node]{}.Mut(tx) }), ErrNull)
		return nil
	})
	require.ErrorIs(t, err, ErrNull)
	require.Zero(t, root.Get().Count)
}

// Ensure that a panic on the way out of a failed Mut is not lost.
func TestMutPanicReplaced(t *testing.T) {
	p := testpool.New(t)
	root := rootOf(t, p)
	require.Equal(t, "another", panicOf(func() {
		_ = p.Update(func(tx *Tx) error {
			root.Mut(tx).Count = 1
			defer func() { panic("another") }()
			Ptr[node]{}.Mut(tx)
			return nil
		})
	}))
	require.Zero(t, root.Get().Count)
}

// Ensure that each range must lie inside one live object of the pool.
func TestSnapshotRefuses(t *testing.T) {
	p, other := testpool.New(t), testpool.New(t)
	root := rootOf(t, p)
	a := oneObject(t, p, 64, 1)
	b := oneObject(t, p, 64, 1)
	require.Less(t, a.Off, b.Off)
	freed := oneObject(t, p, 64, 1)
	stale := view(t, p, freed, 64)
	require.NoError(t, p.Free(&freed))
	foreign := oneNode(t, other, 1)
	usable, err := p.UsableSize(a)
	require.NoError(t, err)
	inPool := func(off, n uint64) Range {
		return RangeOfSlice(PtrOf[byte](OID{p.UUID(), off}).Slice(int(n)))
	}
	var local [10]uint64
	cases := []struct {
		name string
		r    Range
		is   error
	}{
		{"on the Go heap", RangeOfSlice(local[:]), ErrForeignPool},
		{"in another pool", foreign.Range(), ErrForeignPool},
		{"past the object", inPool(a.Off, usable+1), ErrNotLive},
		{"the header in front", inPool(a.Off-16, 16), ErrNotLive},
		{"over the header of the next", inPool(a.Off, b.Off-a.Off+8), ErrNotLive},
		{"two objects", inPool(a.Off, b.Off-a.Off+usable), ErrNotLive},
		{"a freed object", RangeOfSlice(stale), ErrNotLive},
		{"free memory", inPool(testpool.Size/2, 64), ErrNotLive},
		{"past the root", inPool(root.OID().Off, 8192), ErrNotLive},
		{"half the pool", inPool(a.Off, testpool.Size/2), ErrNotLive},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			err := p.Update(func(tx *Tx) error {
				root.Mut(tx).Count = 1
				first := tx.Snapshot(RangeOf(&root.Get().Other), c.r)
				require.ErrorIs(t, first, c.is)
				return first
			})
			require.ErrorIs(t, err, c.is)
			require.ErrorContains(t, err, "snapshot")
			require.Zero(t, root.Get().Count)
		})
	}
	require.NoError(t, p.Update(func(tx *Tx) error {
		return tx.Snapshot(inPool(a.Off, usable), inPool(a.Off+usable-1, 1))
	}))
}

// Ensure that Mut and MutAt refuse what Snapshot refuses.
func TestMutRefuses(t *testing.T) {
	p, other := testpool.New(t), testpool.New(t)
	small := oneObject(t, p, 8, 1)
	foreign := oneNode(t, other, 1)
	freed := oneNode(t, p, 1)
	gone := freed
	require.NoError(t, p.Free(gone.Ref()))
	var local uint64
	cases := []struct {
		name string
		mut  func(tx *Tx)
		is   error
		text string
	}{
		{"null", func(tx *Tx) { Ptr[node]{}.Mut(tx) }, ErrNull, "null pointer"},
		{"null Off", func(tx *Tx) { Off[node]{}.Mut(tx) }, ErrNull, "null pointer"},
		{"another pool", func(tx *Tx) { foreign.Mut(tx) }, ErrForeignPool, "is not in pool"},
		{"freed", func(tx *Tx) { freed.Mut(tx) }, ErrNotLive, "not a live object"},
		{"wild", func(tx *Tx) { PtrOf[node](OID{p.UUID(), 1 << 40}).Mut(tx) }, nil, "outside the pool's heap"},
		{"larger than the object", func(tx *Tx) { PtrOf[[100]node](small).Mut(tx) }, ErrNotLive, "not a live object"},
		{"larger than the pool", func(tx *Tx) { PtrOf[[1 << 20]node](small).Mut(tx) }, nil, "outside the pool's heap"},
		{"on the Go heap", func(tx *Tx) { MutAt(tx, &local) }, ErrForeignPool, "belongs to another pool"},
		{"field in another pool", func(tx *Tx) { MutAt(tx, &foreign.Get().Value) }, ErrForeignPool, "belongs to another pool"},
		{"field of a freed object", func(tx *Tx) { MutAt(tx, &freed.Get().Value) }, ErrNotLive, "not a live object"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			err := p.Update(func(tx *Tx) error {
				c.mut(tx)
				t.Error("returned")
				return nil
			})
			if c.is != nil {
				require.ErrorIs(t, err, c.is)
			}
			require.ErrorContains(t, err, c.text)
		})
	}
}

// Ensure that objects of the same transaction are written without snapshots,
// up to their size: the undo log would show in the pool's free memory.
func TestSnapshotOfFreshObjects(t *testing.T) {
	p := testpool.New(t)
	require.NoError(t, p.Update(func(tx *Tx) error {
		// There is no room for a snapshot of it.
		oid, b, err := NewBytes(tx, testpool.Size/2, 1)
		require.NoError(t, err)
		require.NoError(t, tx.Snapshot(RangeOfSlice(b), RangeOfSlice(b[100:200])))
		whole := PtrOf[[testpool.Size / 2]byte](oid)
		whole.Mut(tx)[0] = 1
		*MutAt(tx, &b[len(b)-1]) = 2
		return nil
	}))
	require.Equal(t, errStop, p.Update(func(tx *Tx) error {
		n, err := NewZeroed[node](tx)
		require.NoError(t, err)
		require.NoError(t, tx.Snapshot(n.Range()))
		require.NoError(t, tx.Free(n.OID()))
		require.ErrorIs(t, tx.Snapshot(n.Range()), ErrNotLive)
		return errStop
	}))
}
