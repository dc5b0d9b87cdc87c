package testpool_test

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/leaktest"
	"github.com/pmem/pmdk-go/internal/testpool"
	"github.com/pmem/pmdk-go/libpmemobj"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// Ensure that a pool is usable, can be closed by the test itself, and that
// nothing of it is left when the test has ended.
func TestPool(t *testing.T) {
	var paths []string
	t.Run("uses", func(t *testing.T) {
		p := testpool.New(t)
		paths = append(paths, p.Path())
		_, err := p.Zalloc(nil, 100, 1)
		require.NoError(t, err)
		p = testpool.Reopen(t, p)
		n := 0
		for range p.Objects() {
			n++
		}
		require.Equal(t, 1, n)

		closed := testpool.New(t, libpmemobj.WithSize(libpmemobj.MinPool))
		require.EqualValues(t, libpmemobj.MinPool, closed.Size())
		paths = append(paths, closed.Path())
		require.NoError(t, closed.Close())
	})
	require.Len(t, paths, 2)
	for _, path := range paths {
		_, err := os.Stat(path)
		require.ErrorIs(t, err, fs.ErrNotExist)
	}
}

// Ensure that the checker notices damage.
func TestPmempoolCheck(t *testing.T) {
	if _, err := exec.LookPath("pmempool"); err != nil {
		t.Skip("pmempool, of package pmdk-tools, is not installed:", err)
	}
	path := testpool.Path(t)
	p, err := libpmemobj.Create(path, testpool.Layout, libpmemobj.WithSize(testpool.Size))
	require.NoError(t, err)
	require.NoError(t, p.Close())
	require.NoError(t, testpool.PmempoolCheck(t, path))

	f, err := os.OpenFile(path, os.O_RDWR, 0)
	require.NoError(t, err)
	_, err = f.WriteAt([]byte("damage"), 100) // covered by the header's checksum
	require.NoError(t, errors.Join(err, f.Close()))
	require.ErrorContains(t, testpool.PmempoolCheck(t, path), "exit code 1")
	require.Error(t, libpmemobj.Check(path, ""))
}
