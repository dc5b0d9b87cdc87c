package disk

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestInMemory(t *testing.T) {
	name, err := InMemory("/proc/self/../..")
	require.NoError(t, err)
	assert.NotEqual(t, "hugetlbfs", name, "a file system with programs is another one")

	if _, err := os.Stat("/dev/shm"); err != nil {
		t.Skipf("no tmpfs to look at: %v", err)
	}
	name, err = InMemory("/dev/shm")
	require.NoError(t, err)
	assert.Equal(t, "tmpfs", name)
}

// Ensure that asking leaves nothing behind.
func TestSyncTime(t *testing.T) {
	dir := t.TempDir()
	took, err := SyncTime(dir, 3)
	require.NoError(t, err)
	assert.Positive(t, took)
	files, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Empty(t, files)
	require.NoError(t, Settle(dir))
	free, err := Free(dir)
	require.NoError(t, err)
	assert.Positive(t, free)
}

func TestNoSuchFolder(t *testing.T) {
	gone := filepath.Join(t.TempDir(), "gone")
	_, err := InMemory(gone)
	assert.ErrorIs(t, err, fs.ErrNotExist)
	_, err = Free(gone)
	assert.ErrorIs(t, err, fs.ErrNotExist)
	_, err = SyncTime(gone, 1)
	assert.ErrorIs(t, err, fs.ErrNotExist)
	assert.ErrorIs(t, Settle(gone), fs.ErrNotExist)
}
