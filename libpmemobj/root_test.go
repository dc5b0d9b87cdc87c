package libpmemobj_test

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/internal/testpool"
	. "github.com/pmem/pmdk-go/libpmemobj"
)

type rootV1 struct{ A, B uint64 }

type rootV2 struct {
	A, B uint64
	More [1000]uint64
}

// Ensure that the root is made once, zeroed, and found again.
func TestRoot(t *testing.T) {
	p := testpool.New(t)
	size, err := p.RootSize()
	require.NoError(t, err)
	require.Zero(t, size)

	root, err := Root[rootV1](p)
	require.NoError(t, err)
	require.Equal(t, rootV1{}, *root.Get())
	again, err := Root[rootV1](p)
	require.NoError(t, err)
	require.Equal(t, root, again)
	require.Empty(t, objectsIn(p), "the root is not among the objects")
	size, err = p.RootSize()
	require.NoError(t, err)
	require.EqualValues(t, 16, size)
}

// Ensure that a root grows with its type, keeps its content, has zeros behind
// it, and never shrinks.
func TestRootGrows(t *testing.T) {
	p := testpool.New(t)
	root, err := Root[rootV1](p)
	require.NoError(t, err)
	require.NoError(t, p.Update(func(tx *Tx) error {
		*root.Mut(tx) = rootV1{1, 2}
		return nil
	}))
	p = testpool.Reopen(t, p)
	grown, err := Root[rootV2](p)
	require.NoError(t, err)
	require.Equal(t, rootV2{A: 1, B: 2}, *grown.Get())
	size, err := p.RootSize()
	require.NoError(t, err)
	require.EqualValues(t, 8016, size)

	_, err = Root[rootV1](p)
	require.ErrorIs(t, err, unix.EINVAL)
	require.ErrorContains(t, err, "8016 bytes, the type asked for only 16")
	p = testpool.Reopen(t, p)
	again, err := Root[rootV2](p)
	require.NoError(t, err)
	require.Equal(t, grown, again)
}

// Ensure that a root that does not fit is refused and the pool stays usable.
func TestRootTooLarge(t *testing.T) {
	p := testpool.New(t, WithSize(MinPool))
	_, err := Root[[2 * MinPool]byte](p)
	require.ErrorIs(t, err, ErrOutOfSpace)
	_, err = Root[rootV1](p)
	require.NoError(t, err)
	_, err = Root[[2 * MinPool]byte](p)
	require.ErrorIs(t, err, ErrOutOfSpace)
	root, err := Root[rootV1](p)
	require.NoError(t, err)
	require.Zero(t, root.Get().A)
}

// Ensure that inside a transaction a root is found but neither made nor grown.
func TestRootInTransaction(t *testing.T) {
	p := testpool.New(t)
	require.NoError(t, p.Update(func(*Tx) error {
		_, err := Root[rootV1](p)
		require.ErrorIs(t, err, ErrInTx)
		require.ErrorContains(t, err, "made or grown outside")
		return nil
	}))
	root, err := Root[rootV1](p)
	require.NoError(t, err)
	require.NoError(t, p.Update(func(tx *Tx) error {
		again, err := Root[rootV1](p)
		require.NoError(t, err)
		require.Equal(t, root, again)
		again.Mut(tx).A = 5
		_, err = Root[rootV2](p)
		require.ErrorIs(t, err, ErrInTx)
		return nil
	}))
	require.EqualValues(t, 5, root.Get().A)
}

// Ensure that goroutines that ask for the root at the same time get the same.
func TestRootConcurrently(t *testing.T) {
	p := testpool.New(t)
	const n = 16
	got := make([]Ptr[rootData], n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { got[i], _ = Root[rootData](p) })
	}
	wg.Wait()
	require.False(t, got[0].IsNull())
	for _, r := range got {
		require.Equal(t, got[0], r)
	}
}
