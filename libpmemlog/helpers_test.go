package libpmemlog_test

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/interpose"
	"github.com/pmem/pmdk-go/internal/testpool"
	. "github.com/pmem/pmdk-go/libpmemlog"
)

const processCrash = DurabilityProcessCrash

// newRand gives random numbers, and says how to get the same ones again.
func newRand(t testing.TB) *rand.Rand {
	t.Helper()
	const variable = "PMEMLOG_TEST_SEED"
	seed := rand.Uint64()
	if s := os.Getenv(variable); s != "" {
		var err error
		seed, err = strconv.ParseUint(s, 10, 64)
		require.NoError(t, err, variable)
	}
	t.Logf("%s=%d", variable, seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// logPath is the path for a log, in a folder of its own.
func logPath(t testing.TB) string { return filepath.Join(testpool.Dir(t), "log") }

// createLog makes a small log that survives the death of the process, as
// changed by opts. When the test ends, it is closed and checked.
func createLog(t testing.TB, opts ...Option) *Log {
	t.Helper()
	path := logPath(t)
	opts = append([]Option{WithSize(MinPool), WithDurability(processCrash)}, opts...)
	l, err := Create(path, opts...)
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, l.Close())
		require.NoError(t, Check(path))
		require.NoError(t, testpool.PmempoolCheck(t, path))
	})
	return l
}

// reopen closes the log and opens it again. The new one is closed when the
// test ends.
func reopen(t testing.TB, l *Log) *Log {
	t.Helper()
	require.NoError(t, l.Close())
	l, err := Open(l.Path(), WithDurability(processCrash))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	return l
}

// contents is all that the log holds.
func contents(t testing.TB, l *Log) string {
	t.Helper()
	n, err := l.Len()
	require.NoError(t, err)
	b := make([]byte, n)
	_, err = l.ReadAt(b, 0)
	require.NoError(t, err)
	return string(b)
}

func appendString(t testing.TB, l *Log, s string) {
	t.Helper()
	require.NoError(t, l.Append([]byte(s)))
}

// pattern is n bytes that tell where they belong.
func pattern(n, from int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte((from + i) * 7 / 3)
	}
	return b
}

// needsDurabilities skips a test of several durabilities where there is one.
func needsDurabilities(t *testing.T) {
	t.Helper()
	if !interpose.Effective {
		t.Skip("with PMDK's shared libraries the environment decides the durability, for the whole process")
	}
}
