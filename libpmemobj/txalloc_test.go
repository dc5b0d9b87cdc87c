package libpmemobj_test

import (
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/internal/testpool"
	. "github.com/pmem/pmdk-go/libpmemobj"
)

// dirty leaves freed memory full of ones behind, so that zeroed memory can be
// told from memory that happens to be zero.
func dirty(t testing.TB, p *Pool) {
	t.Helper()
	var oids []OID
	for _, n := range []uint64{64, 128, 256, 1024, 4096} {
		for range 50 {
			oid := oneObject(t, p, n, 1)
			b := view(t, p, oid, int(n))
			require.NoError(t, p.Memset(b, 0xff, 0))
			oids = append(oids, oid)
		}
	}
	for i := range oids {
		require.NoError(t, p.Free(&oids[i]))
	}
}

func TestNew(t *testing.T) {
	p := testpool.New(t)
	dirty(t, p)
	var n, z, a Ptr[node]
	var b, s OID
	require.NoError(t, p.Update(func(tx *Tx) (err error) {
		n, err = New[node](tx)
		require.NoError(t, err)
		*n.Get() = node{Value: 1}
		z, err = NewZeroed[node](tx)
		require.NoError(t, err)
		require.Equal(t, node{}, *z.Get())
		a, err = NewArray[node](tx, 20)
		require.NoError(t, err)
		require.Equal(t, make([]node, 20), a.Slice(20))
		var view []byte
		b, view, err = NewBytes(tx, 33, 5)
		require.NoError(t, err)
		require.Len(t, view, 33)
		require.Equal(t, 33, cap(view))
		fill(view, 9)
		s, err = NewString(tx, "hello", 6)
		require.NoError(t, err)
		_, err = NewString(tx, "", 6)
		require.NoError(t, err)
		return nil
	}))
	p = testpool.Reopen(t, p)
	require.Len(t, objectsIn(p), 6)
	require.Equal(t, node{Value: 1}, *n.Get())
	require.Equal(t, make([]node, 20), a.Slice(20))
	want := make([]byte, 33)
	fill(want, 9)
	require.Equal(t, want, view(t, p, b, 33))
	require.Equal(t, "hello\x00", string(view(t, p, s, 6)))
	for oid, num := range map[OID]uint64{n.OID(): TypeNum[node](), z.OID(): TypeNum[node](), a.OID(): TypeNum[node](), b: 5, s: 6} {
		got, err := p.TypeNum(oid)
		require.NoError(t, err)
		require.Equal(t, num, got)
	}
}

// Ensure that allocations of impossible sizes are refused and the transaction
// goes on.
func TestNewRefuses(t *testing.T) {
	p := testpool.New(t)
	require.NoError(t, p.Update(func(tx *Tx) error {
		_, err := New[node](tx)
		require.NoError(t, err)
		for _, n := range []int{0, -1, math.MinInt, math.MaxInt, MaxAlloc + 1} {
			_, _, err := NewBytes(tx, n, 1)
			require.ErrorIs(t, err, unix.EINVAL)
			require.ErrorContains(t, err, "an object has 1 to 17179738048")
			_, err = NewArray[node](tx, n)
			require.ErrorIs(t, err, unix.EINVAL)
			require.ErrorContains(t, err, "an object has 1 to 17179738048")
		}
		for _, size := range []uint64{MaxAlloc + 1, math.MaxUint64 - 64, math.MaxUint64} {
			_, err := tx.Realloc(OID{}, size, 1)
			require.ErrorIs(t, err, unix.EINVAL)
			require.ErrorContains(t, err, "at most 17179738048")
			_, err = tx.Zrealloc(OID{}, size, 1)
			require.ErrorIs(t, err, unix.EINVAL)
		}
		_, _, err = NewBytes(tx, MaxAlloc, 1)
		require.ErrorIs(t, err, ErrOutOfSpace)
		_, err = NewString(tx, "a\x00b", 1)
		require.ErrorIs(t, err, unix.EINVAL)
		require.ErrorContains(t, err, "NUL byte at 1")
		_, err = NewString(tx, strings.Repeat("x", testpool.Size), 1)
		require.ErrorIs(t, err, ErrOutOfSpace)
		return nil
	}))
	require.Len(t, objectsIn(p), 1)
}

// Ensure that Realloc keeps what fits, sets the type number, moves nothing
// before the commit and rolls back.
func TestTxRealloc(t *testing.T) {
	sizes := []struct{ from, to int }{{64, 64}, {64, 65}, {64, 200}, {200, 64}, {200, 1}, {100, 100_000}, {300_000, 100}, {300_000, 700_000}}
	for _, zero := range []bool{false, true} {
		for _, c := range sizes {
			p := testpool.New(t, WithSize(4*testpool.Size)) // each class of sizes takes up to 4 MiB for itself
			dirty(t, p)
			root := rootOf(t, p)
			want := make([]byte, max(c.from, c.to))
			require.NoError(t, p.Update(func(tx *Tx) error {
				oid, b, err := NewBytes(tx, c.from, 1)
				fill(b, 1)
				copy(want, b)
				root.Mut(tx).OID = oid
				return err
			}))
			usable, err := p.UsableSize(root.Get().OID)
			require.NoError(t, err)
			resize := func(end error) error {
				return p.Update(func(tx *Tx) error {
					realloc := tx.Realloc
					if zero {
						realloc = tx.Zrealloc
					}
					oid, err := realloc(root.Get().OID, uint64(c.to), 2)
					require.NoError(t, err)
					root.Mut(tx).OID = oid
					return end
				})
			}
			old := root.Get().OID
			require.Equal(t, errStop, resize(errStop))
			require.Equal(t, old, root.Get().OID)
			require.Equal(t, want[:c.from], view(t, p, old, c.from))
			require.Len(t, objectsIn(p), 1)

			require.NoError(t, resize(nil))
			require.Len(t, objectsIn(p), 1)
			oid := root.Get().OID
			got := view(t, p, oid, c.to)
			kept := min(c.from, c.to)
			require.Equal(t, want[:kept], got[:kept], "%d to %d", c.from, c.to)
			if zero && c.to > int(usable) {
				require.Equal(t, make([]byte, c.to-int(usable)), got[usable:], "%d to %d", c.from, c.to)
			}
			num, err := p.TypeNum(oid)
			require.NoError(t, err)
			require.EqualValues(t, 2, num)
			if now, _ := p.UsableSize(oid); now < uint64(c.to) {
				t.Errorf("usable size %d after a Realloc to %d", now, c.to)
			}
			require.NoError(t, p.Close())
		}
	}
}

// Ensure that a null OID is allocated by Realloc and size 0 frees.
func TestTxReallocEnds(t *testing.T) {
	p := testpool.New(t)
	dirty(t, p)
	var a, b OID
	require.NoError(t, p.Update(func(tx *Tx) (err error) {
		a, err = tx.Realloc(OID{}, 100, 1)
		require.NoError(t, err)
		b, err = tx.Zrealloc(OID{}, 100, 2)
		return err
	}))
	require.Equal(t, make([]byte, 100), view(t, p, b, 100))
	require.Len(t, objectsIn(p), 2)
	require.NoError(t, p.Update(func(tx *Tx) error {
		null, err := tx.Realloc(a, 0, 1)
		require.NoError(t, err)
		require.True(t, null.IsNull())
		null, err = tx.Realloc(OID{}, 0, 1)
		require.NoError(t, err)
		require.True(t, null.IsNull())
		return nil
	}))
	require.Equal(t, []OID{b}, objectsIn(p))
}

// Ensure that an object can be allocated, resized, written and freed in one
// transaction, whatever comes after.
func TestReallocOfFresh(t *testing.T) {
	p := testpool.New(t)
	for _, end := range []error{nil, errStop} {
		require.Equal(t, end, p.Update(func(tx *Tx) error {
			oid, b, err := NewBytes(tx, 100, 1)
			require.NoError(t, err)
			fill(b, 1)
			want := append([]byte(nil), b...)
			for _, size := range []uint64{200, 50, 5000} {
				before := oid
				oid, err = tx.Realloc(oid, size, 1)
				require.NoError(t, err)
				require.ErrorIs(t, tx.Free(before), ErrNotLive)
				got := PtrOf[byte](oid).Slice(50)
				require.Equal(t, want[:50], got)
				require.NoError(t, tx.Snapshot(RangeOfSlice(PtrOf[byte](oid).Slice(int(size)))))
			}
			require.NoError(t, tx.Free(oid))
			return end
		}))
		require.Empty(t, objectsIn(p))
	}
}

func TestTxFree(t *testing.T) {
	p := testpool.New(t)
	n := oneNode(t, p, 5)
	require.NoError(t, p.Update(func(tx *Tx) error {
		require.NoError(t, tx.Free(OID{}))
		require.NoError(t, tx.Free(n.OID()))
		require.EqualValues(t, 5, n.Get().Value, "freed before the commit")
		return nil
	}))
	require.Empty(t, objectsIn(p))
}

// Ensure that a second Free in one transaction is refused and the first one
// stands, for objects old and new.
func TestTxFreeTwice(t *testing.T) {
	p := testpool.New(t)
	old := oneNode(t, p, 5)
	huge := oneObject(t, p, 600_000, 1) // C aborts the process on these
	require.NoError(t, p.Update(func(tx *Tx) error {
		fresh, err := New[node](tx)
		require.NoError(t, err)
		for _, oid := range []OID{old.OID(), fresh.OID(), huge} {
			require.NoError(t, tx.Free(oid))
			err := tx.Free(oid)
			require.ErrorIs(t, err, ErrNotLive)
			require.ErrorContains(t, err, "was freed before in this transaction")
			require.ErrorContains(t, err, oid.String())
			_, err = tx.Realloc(oid, 10, 1)
			require.ErrorIs(t, err, ErrNotLive)
		}
		return nil
	}))
	require.Empty(t, objectsIn(p))
	require.ErrorIs(t, p.Update(func(tx *Tx) error { return tx.Free(old.OID()) }), ErrNotLive)
}

// Ensure that memory freed in a transaction that was rolled back is alive.
func TestTxFreeRolledBack(t *testing.T) {
	p := testpool.New(t)
	n := oneNode(t, p, 5)
	for range 2 {
		require.Equal(t, errStop, p.Update(func(tx *Tx) error {
			require.NoError(t, tx.Free(n.OID()))
			return errStop
		}))
	}
	require.EqualValues(t, 5, n.Get().Value)
	require.NoError(t, p.Update(func(tx *Tx) error { return tx.Free(n.OID()) }))
}
