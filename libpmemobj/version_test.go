package libpmemobj_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	. "github.com/pmem/pmdk-go/libpmemobj"
)

func TestCheckVersion(t *testing.T) {
	require.NoError(t, CheckVersion(2, 0))
	for _, v := range [][2]int{{1, 0}, {3, 0}, {2, 1 << 20}} {
		err := CheckVersion(v[0], v[1])
		require.ErrorContains(t, err, "check version: libpmemobj", "%v", v)
		require.ErrorContains(t, err, "mismatch", "%v", v)
	}
	for _, v := range [][2]int{{-1, 0}, {2, -1}, {math.MinInt, math.MinInt}} {
		require.ErrorIs(t, CheckVersion(v[0], v[1]), unix.EINVAL)
	}
}
