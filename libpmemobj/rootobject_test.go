package libpmemobj_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/testpool"
	. "github.com/pmem/pmdk-go/libpmemobj"
)

// Ensure that the root object is found whatever its size, and is not made.
func TestRootObject(t *testing.T) {
	p := testpool.New(t)
	oid, size, err := p.RootObject()
	require.NoError(t, err)
	require.True(t, oid.IsNull())
	require.Zero(t, size)

	small, err := Root[[2]uint64](p)
	require.NoError(t, err)
	oid, size, err = p.RootObject()
	require.NoError(t, err)
	require.Equal(t, small.OID(), oid)
	require.EqualValues(t, 16, size)

	large, err := Root[[1000]uint64](p)
	require.NoError(t, err)
	require.NoError(t, p.Update(func(*Tx) error {
		oid, size, err = p.RootObject()
		return err
	}))
	require.Equal(t, large.OID(), oid)
	require.EqualValues(t, 8000, size)

	require.NoError(t, p.Close())
	_, _, err = p.RootObject()
	require.ErrorIs(t, err, ErrClosed)
}
