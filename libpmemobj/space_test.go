package libpmemobj_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/internal/testpool"
	. "github.com/pmem/pmdk-go/libpmemobj"
)

// blocks builds a list of large nodes in a pool until it is full.
type block struct {
	Next Ptr[block]
	Data [100_000]byte
}

type blockRoot struct{ Head Ptr[block] }

func fillPool(t *testing.T, p *Pool, root Ptr[blockRoot]) (n int) {
	t.Helper()
	for ; ; n++ {
		err := p.Update(func(tx *Tx) error {
			b, err := New[block](tx)
			if err != nil {
				return err
			}
			b.Get().Next = root.Get().Head
			root.Mut(tx).Head = b
			return nil
		})
		if err != nil {
			require.ErrorIs(t, err, ErrOutOfSpace)
			return n
		}
	}
}

// Ensure that a transaction that finds no space aborts, that the pool stays
// usable, and that freeing and allocating work afterwards.
func TestOutOfSpaceInTransaction(t *testing.T) {
	p := testpool.New(t)
	root, err := Root[blockRoot](p)
	require.NoError(t, err)
	full := fillPool(t, p, root)
	require.Greater(t, full, 50)
	require.Len(t, objectsIn(p), full)

	err = p.Update(func(tx *Tx) error {
		root.Mut(tx).Head = Ptr[block]{}
		_, err := New[block](tx)
		return err
	})
	require.ErrorIs(t, err, ErrOutOfSpace)
	require.ErrorIs(t, err, unix.ENOMEM)
	require.ErrorContains(t, err, "new: out of space in the pool")
	require.False(t, root.Get().Head.IsNull(), "the change was not rolled back")

	err = p.Publish(func(a *Actions) error {
		_, _, err := Reserve[block](a)
		return err
	})
	require.ErrorIs(t, err, ErrOutOfSpace)
	require.ErrorContains(t, err, "reserve: out of space in the pool")
	_, err = p.Alloc(nil, 100_000, 1)
	require.ErrorIs(t, err, ErrOutOfSpace)

	p = testpool.Reopen(t, p)
	require.Len(t, objectsIn(p), full)
	for i := full; i > full/2; i-- {
		require.NoError(t, p.Update(func(tx *Tx) error {
			b := root.Get().Head
			root.Mut(tx).Head = b.Get().Next
			return tx.Free(b.OID())
		}))
	}
	require.Len(t, objectsIn(p), full/2)
	require.Equal(t, full-full/2, fillPool(t, p, root))
}

// Ensure that a transaction goes on after an allocation that failed, if its
// closure decides so.
func TestOutOfSpaceHandled(t *testing.T) {
	p := testpool.New(t)
	root := rootOf(t, p)
	require.NoError(t, p.Update(func(tx *Tx) error {
		root.Mut(tx).Count = 1
		_, _, err := NewBytes(tx, testpool.Size, 1)
		require.ErrorIs(t, err, ErrOutOfSpace)
		_, err = NewString(tx, "there is room for this", 1)
		require.NoError(t, err)
		root.Get().Other = 2
		return nil
	}))
	require.EqualValues(t, 1, root.Get().Count)
	require.EqualValues(t, 2, root.Get().Other)
	require.Len(t, objectsIn(p), 1)
}

// Ensure that the same holds if the first operation fails, which begins the
// transaction in C as well.
func TestOutOfSpaceFirst(t *testing.T) {
	p := testpool.New(t)
	root := rootOf(t, p)
	require.NoError(t, p.Update(func(tx *Tx) error {
		_, _, err := NewBytes(tx, testpool.Size, 1)
		require.ErrorIs(t, err, ErrOutOfSpace)
		root.Mut(tx).Count = 1
		return nil
	}))
	require.EqualValues(t, 1, root.Get().Count)
	require.Equal(t, errStop, p.Update(func(tx *Tx) error {
		_, _, err := NewBytes(tx, testpool.Size, 1)
		require.ErrorIs(t, err, ErrOutOfSpace)
		return errStop
	}))
	require.NoError(t, p.Publish(func(a *Actions) error {
		_, _, err := a.ReserveBytes(testpool.Size, 1)
		require.ErrorIs(t, err, ErrOutOfSpace)
		Store(a, &root.Get().Count, 2)
		return nil
	}))
	require.EqualValues(t, 2, root.Get().Count)
}

// Ensure that a log that finds no space rolls back everything, also where the
// closure takes no notice.
func TestOutOfSpaceForLog(t *testing.T) {
	type big struct{ Data [testpool.Size / 2]byte }
	p := testpool.New(t)
	var b Ptr[big]
	require.NoError(t, p.Update(func(tx *Tx) (err error) {
		b, err = NewZeroed[big](tx)
		return err
	}))
	for _, snapshot := range []func(tx *Tx){
		func(tx *Tx) { b.Mut(tx).Data[5] = 2 },
		func(tx *Tx) { _ = tx.Snapshot(b.Range()) },
	} {
		err := p.Update(func(tx *Tx) error {
			*MutAt(tx, &b.Get().Data[0]) = 1
			snapshot(tx)
			return nil
		})
		require.ErrorIs(t, err, ErrOutOfSpace)
		require.Zero(t, b.Get().Data[0])
		require.Zero(t, b.Get().Data[5])
	}
	require.NoError(t, p.Update(func(tx *Tx) error {
		*MutAt(tx, &b.Get().Data[0]) = 1
		return nil
	}))
	require.NoError(t, p.Update(func(tx *Tx) error { return tx.Free(b.OID()) }))
}

// Ensure that a publication whose log finds no space does nothing.
func TestOutOfSpaceForPublication(t *testing.T) {
	p := testpool.New(t)
	type far struct {
		Word uint64
		Pad  [1016]byte
	}
	const n = 1000
	var words Ptr[far]
	require.NoError(t, p.Update(func(tx *Tx) (err error) {
		words, err = NewArray[far](tx, n)
		return err
	}))
	var fillers []OID
	for _, size := range []uint64{256 << 10, 4096, 64} {
		for {
			oid, err := p.Alloc(nil, size, 1)
			if err != nil {
				require.ErrorIs(t, err, ErrOutOfSpace)
				break
			}
			fillers = append(fillers, oid)
		}
	}
	all := func(v uint64) error {
		return p.Publish(func(a *Actions) error {
			for i := range words.Slice(n) {
				Store(a, &words.Slice(n)[i].Word, v)
			}
			return nil
		})
	}
	err := all(1)
	want := uint64(1)
	if err != nil {
		require.ErrorIs(t, err, ErrOutOfSpace)
		want = 0
	}
	for i := range words.Slice(n) {
		require.Equal(t, want, words.Slice(n)[i].Word, "word %d after %v", i, err)
	}
	for i := range fillers {
		require.NoError(t, p.Free(&fillers[i]))
	}
	require.NoError(t, all(2))
	require.EqualValues(t, 2, words.Slice(n)[n-1].Word)
}

// Ensure that a nested update that finds no space ends the outer one too.
func TestOutOfSpaceNested(t *testing.T) {
	p := testpool.New(t)
	root := rootOf(t, p)
	err := p.Update(func(tx *Tx) error {
		root.Mut(tx).Count = 1
		return p.Update(func(tx *Tx) error {
			_, _, err := NewBytes(tx, testpool.Size, 1)
			return err
		})
	})
	require.True(t, errors.Is(err, ErrOutOfSpace))
	require.Zero(t, root.Get().Count)
}
