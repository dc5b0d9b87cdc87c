package container

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/libpmemobj"
)

// Ensure that elements are told apart by type and size, and refused if they
// hold pointers.
func TestElementOf(t *testing.T) {
	a, err := ElementOf[uint64]()
	require.NoError(t, err)
	require.Equal(t, Element{"uint64", 8, libpmemobj.TypeNum[uint64]()}, a)
	b, err := ElementOf[[3]int32]()
	require.NoError(t, err)
	require.NotEqual(t, Param(a, b), Param(b, a))
	require.NotEqual(t, Param(a), Param(b))
	_, err = ElementOf[*int]()
	var wrong *libpmemobj.TypeError
	require.ErrorAs(t, err, &wrong)
}
