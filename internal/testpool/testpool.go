// Package testpool gives tests small libpmemobj pools, which are closed and
// checked when the test ends.
//
// Tests inside package libpmemobj itself cannot import it; its external test
// package can.
package testpool

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/libpmemobj"
)

// Layout is the layout name of the pools made here.
const Layout = "test"

// Size is the size of the pools made here, in bytes, unless a test says
// otherwise.
const Size = 2 * libpmemobj.MinPool

// Dir is a folder for one test, in memory where the system has room there.
// It is removed when the test ends.
func Dir(t testing.TB) string {
	t.Helper()
	dir, err := memoryDir()
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	return dir
}

func memoryDir() (string, error) {
	const shm = "/dev/shm"
	const room = 1 << 30 // containers often have 64 MiB there, which tests in parallel exceed
	var st unix.Statfs_t
	if err := unix.Statfs(shm, &st); err != nil {
		return "", err
	}
	if st.Bavail*uint64(st.Bsize) < room {
		return "", unix.ENOSPC
	}
	return os.MkdirTemp(shm, "pmdk-go-test-")
}

// Path is the path for a pool, in a folder of its own.
func Path(t testing.TB) string {
	t.Helper()
	return filepath.Join(Dir(t), "pool")
}

// New makes a pool of Size that survives the death of the process, as
// changed by opts. When the test ends, it is closed and checked.
func New(t testing.TB, opts ...libpmemobj.Option) *libpmemobj.Pool {
	t.Helper()
	return Create(t, Path(t), opts...)
}

// Create is New with a path.
func Create(t testing.TB, path string, opts ...libpmemobj.Option) *libpmemobj.Pool {
	t.Helper()
	opts = append([]libpmemobj.Option{
		libpmemobj.WithSize(Size),
		libpmemobj.WithDurability(libpmemobj.DurabilityProcessCrash),
	}, opts...)
	p, err := libpmemobj.Create(path, Layout, opts...)
	require.NoError(t, err)
	t.Cleanup(func() {
		if Close(t, p) {
			Check(t, path)
		}
	})
	return p
}

// Open opens a pool that New or Create made before. When the test ends, it is
// closed.
func Open(t testing.TB, path string, opts ...libpmemobj.Option) *libpmemobj.Pool {
	t.Helper()
	opts = append([]libpmemobj.Option{
		libpmemobj.WithDurability(libpmemobj.DurabilityProcessCrash),
	}, opts...)
	p, err := libpmemobj.Open(path, Layout, opts...)
	require.NoError(t, err)
	t.Cleanup(func() { Close(t, p) })
	return p
}

// Reopen closes a pool, checks it and opens it again.
func Reopen(t testing.TB, p *libpmemobj.Pool) *libpmemobj.Pool {
	t.Helper()
	require.NoError(t, p.Close())
	Check(t, p.Path())
	return Open(t, p.Path())
}

// Close closes a pool that may be closed already, and says whether it is
// closed now.
func Close(t testing.TB, p *libpmemobj.Pool) bool {
	t.Helper()
	err := p.Close()
	if err != nil {
		t.Errorf("closing the pool: %v", err)
	}
	return err == nil
}
