package libpmemblk_test

import (
	"errors"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/cblk"
	"github.com/pmem/pmdk-go/internal/leaktest"
	"github.com/pmem/pmdk-go/internal/testchild"
	"github.com/pmem/pmdk-go/internal/testpool"
	. "github.com/pmem/pmdk-go/libpmemblk"
)

func TestMain(m *testing.M) {
	testchild.Main()
	leaktest.Main(m)
}

// newPool makes a pool of the smallest size with blocks of blockSize bytes,
// that survives the death of the process. When the test ends, it is closed and
// checked.
func newPool(t testing.TB, blockSize int, opts ...Option) *Pool {
	t.Helper()
	path := filepath.Join(testpool.Dir(t), "pool")
	opts = append([]Option{WithSize(MinPool), WithDurability(DurabilityProcessCrash)}, opts...)
	p, err := Create(path, blockSize, opts...)
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, p.Close())
		checkPool(t, path)
	})
	return p
}

// openPool opens a pool, which is closed when the test ends.
func openPool(t testing.TB, path string, opts ...Option) *Pool {
	t.Helper()
	p, err := Open(path, append([]Option{WithDurability(DurabilityProcessCrash)}, opts...)...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Close()) })
	return p
}

// reopen closes a pool, checks it and opens it again.
func reopen(t testing.TB, p *Pool) *Pool {
	t.Helper()
	require.NoError(t, p.Close())
	checkPool(t, p.Path())
	return openPool(t, p.Path())
}

// checkPool fails the test if a closed pool is not sound, in this package's
// opinion or in that of PMDK's own pmempool program, where it is installed.
func checkPool(t testing.TB, path string) {
	t.Helper()
	require.NoError(t, Check(path))
	require.NoError(t, testpool.PmempoolCheck(t, path))
}

// repair runs `pmempool check -r` with more arguments.
func repair(t *testing.T, path string, args ...string) {
	t.Helper()
	program, err := exec.LookPath("pmempool")
	if err != nil {
		t.Skip("pmempool, of package pmdk-tools, is not installed:", err)
	}
	out, err := exec.Command(program, append(append([]string{"check", "-v", "-r", "-y"}, args...), path)...).CombinedOutput()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == 2 { // repaired
		err = nil
	}
	require.NoError(t, err, "%s", out)
}

// block is one that tells which of which write it is.
func block(size int, n int64, version int) []byte {
	b := make([]byte, size)
	fillBlock(b, n, version)
	return b
}

// waitLong is for what has to happen, on a machine that is busy.
const waitLong = 30 * time.Second

// createInC makes a pool as C programs do, in a file that exists.
func createInC(t *testing.T, path string, blockSize int) {
	t.Helper()
	p, err := cblk.Create(path, blockSize, 0)
	require.NoError(t, err)
	p.Close()
}
