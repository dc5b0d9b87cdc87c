package libpmemobj_test

import (
	"encoding/binary"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/internal/testpool"
	. "github.com/pmem/pmdk-go/libpmemobj"
)

func processNode(t *testing.T, name string) int64 {
	t.Helper()
	v, err := Ctl(name).Int()
	require.NoError(t, err)
	return v
}

// Ensure that options that PMDK has for the whole process work for one pool
// and leave nothing behind.
func TestProcessOptions(t *testing.T) {
	names := []string{"prefault.at_create", "prefault.at_open", "sds.at_create", "heap.arenas_default_max", "heap.arenas_assignment_type"}
	before := map[string]int64{}
	for _, name := range names {
		before[name] = processNode(t, name)
	}
	p := testpool.New(t, WithPrefault(), WithShutdownState(false), WithArenas(7), WithGlobalArena())
	for _, name := range names {
		require.Equal(t, before[name], processNode(t, name), name)
	}
	require.Equal(t, 7, arenaCount(t, p))
	require.NoError(t, p.Close())
	require.False(t, shutdownState(t, p.Path()))

	p = testpool.Open(t, p.Path(), WithPrefault(), WithArenas(3))
	require.Equal(t, 3, arenaCount(t, p))
	for _, name := range names {
		require.Equal(t, before[name], processNode(t, name), name)
	}
	on := testpool.New(t, WithShutdownState(true))
	require.EqualValues(t, before["heap.arenas_default_max"], arenaCount(t, on))
	require.NoError(t, on.Close())
	require.True(t, shutdownState(t, on.Path()))
}

// shutdownState reads the feature out of the pool's header.
func shutdownState(t *testing.T, path string) bool {
	t.Helper()
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	return binary.LittleEndian.Uint32(b[16:])&4 != 0
}

// Ensure that nonsense is refused before anything is created, and that a
// failed call puts back the settings.
func TestProcessOptionsRefused(t *testing.T) {
	path := testpool.Path(t)
	for _, n := range []int{0, -1, 1025, 1 << 32} {
		_, err := Create(path, "x", WithArenas(n))
		require.ErrorIs(t, err, unix.EINVAL)
		require.ErrorContains(t, err, "WithArenas")
	}
	_, err := os.Stat(path)
	require.ErrorIs(t, err, os.ErrNotExist)
	p := testpool.Create(t, path)
	_, err = Open(path, "", WithArenas(9)) // it is open
	require.ErrorIs(t, err, unix.EAGAIN)
	require.NotEqualValues(t, 9, processNode(t, "heap.arenas_default_max"))
	require.NoError(t, p.Close())
	_, err = Open(path, "", WithShutdownState(true))
	require.ErrorContains(t, err, "WithShutdownState has no meaning here")
}
