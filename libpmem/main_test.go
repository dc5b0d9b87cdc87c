package libpmem_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/internal/leaktest"
	"github.com/pmem/pmdk-go/internal/testchild"
	"github.com/pmem/pmdk-go/libpmem"
)

func TestMain(m *testing.M) {
	testchild.Main()
	leaktest.Main(m)
}

// forced says that this process treats every mapping as persistent memory.
func forced() bool { return os.Getenv("PMEM_IS_PMEM_FORCE") == "1" }

// Ensure that all tests pass on both kinds of memory: this run is on ordinary
// files, the child's on what libpmem takes for persistent memory. libpmem
// decides once for a process.
func TestOnPersistentMemory(t *testing.T) {
	if forced() {
		t.Skip("this is the child")
	}
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.Command(self, "-test.run=.", "-test.count=1", "-test.timeout=5m")
	cmd.Env = append(os.Environ(), "PMEM_IS_PMEM_FORCE=1")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	assert.Contains(t, string(out), "PASS")
	assert.NotContains(t, string(out), "no tests to run")
}

// newMapping maps a new file of n bytes and closes it after the test.
func newMapping(t testing.TB, n int64) *libpmem.Mapping {
	t.Helper()
	m, err := libpmem.Map(filepath.Join(t.TempDir(), "file"), libpmem.Create(n, 0o600))
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, m.Close()) })
	return m
}

// closedMapping is a mapping after Close, with a slice of it.
func closedMapping(t testing.TB) (*libpmem.Mapping, []byte) {
	t.Helper()
	m := newMapping(t, 8192)
	b := m.Bytes()
	require.NoError(t, m.Close())
	return m, b
}

// requireErrno checks that err is an *Error with errno whose text has all of
// words.
func requireErrno(t testing.TB, err error, errno unix.Errno, words ...string) {
	t.Helper()
	var e *libpmem.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, errno, e.Errno, "%v", err)
	require.True(t, errors.Is(err, errno))
	for _, word := range words {
		require.True(t, strings.Contains(err.Error(), word), "%q is not in %q", word, err)
	}
}
