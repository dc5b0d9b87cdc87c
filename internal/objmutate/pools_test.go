package objmutate

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// workDir is a folder in memory if there is one.
func workDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "objmutate")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// basePools makes the pools that mutations start from: one closed, some killed
// inside transactions, some killed in the middle of anything.
func basePools(t *testing.T, dir string) []string {
	t.Helper()
	var paths []string
	for i, b := range []struct {
		name          string
		size          uint64
		objects, open int
		churn         time.Duration
	}{
		{"closed", 8 << 20, 300, 0, 0},
		{"intx", 8 << 20, 200, 8, 0},
		{"large", 16 << 20, 500, 3, 0},
		{"killed", 8 << 20, 200, 0, 30 * time.Millisecond},
		{"killedlater", 8 << 20, 50, 4, 150 * time.Millisecond},
	} {
		path := filepath.Join(dir, b.name)
		fillPool(t, path, b.size, i, b.objects, b.open)
		if b.churn != 0 {
			churnPool(t, path, b.size, i, b.churn)
		}
		paths = append(paths, path)
	}
	return paths
}

// fillPool makes a pool of objects; with open > 0 it is killed inside that many
// transactions.
func fillPool(t *testing.T, path string, size uint64, seed, objects, open int) {
	t.Helper()
	c := start(t, "fill", path, strconv.FormatUint(size, 10), strconv.Itoa(seed), strconv.Itoa(objects), strconv.Itoa(open))
	if open == 0 {
		c.Output(t)
		return
	}
	require.Equal(t, "open", c.Line(t))
	c.Kill(t)
}

// churnPool changes the pool in every way for a while, until it is killed.
func churnPool(t *testing.T, path string, size uint64, seed int, while time.Duration) {
	t.Helper()
	c := start(t, "churn", path, strconv.FormatUint(size, 10), strconv.Itoa(seed))
	require.Equal(t, "churning", c.Line(t))
	time.Sleep(while)
	c.Kill(t)
}
