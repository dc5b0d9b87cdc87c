package libpmemblk_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	. "github.com/pmem/pmdk-go/libpmemblk"
)

// Ensure that a pool whose file lost its blocks gets them back before anything
// is stored into a hole, unless nothing will be.
func TestOpenFillsHoles(t *testing.T) {
	p := newPool(t, 512)
	want := block(512, 3, 1)
	require.NoError(t, p.WriteBlock(3, want))
	require.NoError(t, p.Close())
	f, err := os.OpenFile(p.Path(), os.O_RDWR, 0)
	require.NoError(t, err)
	defer f.Close()
	require.NoError(t, unix.Fallocate(int(f.Fd()), unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, 8<<20, 1<<20))
	allocated := func() int64 {
		var st unix.Stat_t
		require.NoError(t, unix.Fstat(int(f.Fd()), &st))
		return st.Blocks * 512
	}
	holes := allocated()
	require.Less(t, holes, int64(MinPool))
	private := openPool(t, p.Path(), WithCopyOnWrite())
	require.NoError(t, private.Close())
	require.Equal(t, holes, allocated())

	again := openPool(t, p.Path())
	require.GreaterOrEqual(t, allocated(), int64(MinPool))
	got := make([]byte, 512)
	require.NoError(t, again.ReadBlock(3, got))
	require.Equal(t, want, got)
}
