package libpmemlog_test

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/internal/testpool"
	. "github.com/pmem/pmdk-go/libpmemlog"
)

// createSet makes a log of several parts with PMDK's tool. In lines, DIR is a
// folder of the test's own.
func createSet(t *testing.T, lines ...string) (set, dir string) {
	t.Helper()
	pmempool, err := exec.LookPath("pmempool")
	if err != nil {
		t.Skip("PMDK's tool pmempool, which makes pool sets, is not installed:", err)
	}
	dir = testpool.Dir(t)
	set = filepath.Join(dir, "log.set")
	writeSet(t, set, lines...)
	out, err := exec.Command(pmempool, "create", "log", set).CombinedOutput()
	require.NoError(t, err, "%s", out)
	return set, dir
}

func writeSet(t *testing.T, set string, lines ...string) {
	t.Helper()
	text := "PMEMPOOLSET\n" + strings.Join(lines, "\n") + "\n"
	text = strings.ReplaceAll(text, "DIR", filepath.Dir(set))
	require.NoError(t, os.WriteFile(set, []byte(text), 0o600))
}

// Ensure that a log of several files is one log: appends go over the borders
// of the files, and everything is there after reopening.
func TestSet(t *testing.T) {
	for option, want := range map[string]int64{"": 7<<20 - 2*4096 - 8192, "OPTION SINGLEHDR": 7<<20 - 8192} {
		set, _ := createSet(t, option, "2M DIR/a", "3M DIR/b", "2M DIR/c")
		l, err := Open(set, WithDurability(processCrash))
		require.NoError(t, err)
		assert.Equal(t, want, l.Cap())
		assert.Equal(t, set, l.Path())
		all := pattern(int(l.Cap()), 0)
		for b := all; len(b) > 0; {
			n := min(len(b), 100_001)
			require.NoError(t, l.Append(b[:n]))
			b = b[n:]
		}
		require.ErrorIs(t, l.Append([]byte{1}), ErrFull)
		require.ErrorIs(t, Check(set), unix.EAGAIN)
		l = reopen(t, l)
		require.True(t, contents(t, l) == string(all))
		require.NoError(t, l.Rewind())
		r := openRecords(t, l)
		appendRecord(t, r, "record")
		require.NoError(t, l.Close())
		require.NoError(t, Check(set))
		require.NoError(t, testpool.PmempoolCheck(t, set))
	}
}

// Ensure that a fault is found in whatever part it is. Package poolsource tests
// the rest.
func TestSetDamaged(t *testing.T) {
	for _, test := range []struct {
		part, structure string
		off             int64 // of one byte to change
		at              int64 // what is said
	}{
		{"a", "log header", 4104, 4104},
		{"b", "pool header", 100, 4088},
		{"c", "pool header", 0, 0},
	} {
		t.Run(test.part, func(t *testing.T) {
			set, dir := createSet(t, "", "2M DIR/a", "3M DIR/b", "2M DIR/c")
			path := filepath.Join(dir, test.part)
			f, err := os.OpenFile(path, os.O_RDWR, 0)
			require.NoError(t, err)
			_, err = f.WriteAt([]byte{0xfe}, test.off)
			require.NoError(t, err)
			require.NoError(t, f.Close())
			_, err = Open(set)
			for _, err := range []error{err, Check(set)} {
				var c *CorruptError
				require.ErrorAs(t, err, &c)
				require.Equal(t, path, c.Path)
				require.Equal(t, test.structure, c.Structure)
				require.Equal(t, test.at, c.Offset)
			}
		})
	}
	set, dir := createSet(t, "2M DIR/a", "3M DIR/b")
	for _, name := range []string{"a", "b"} {
		_, err := Open(filepath.Join(dir, name))
		require.ErrorContains(t, err, "one part of a pool set")
	}
	require.NoError(t, os.Remove(filepath.Join(dir, "b")))
	_, err := Open(set)
	require.ErrorIs(t, err, fs.ErrNotExist)
}

// Ensure that sizes which are no multiple of a page work.
func TestOddSizes(t *testing.T) {
	for _, odd := range []int64{1, 100, 4095, 4097} {
		path := logPath(t)
		l, err := Create(path, WithSize(MinPool+odd), WithDurability(processCrash))
		require.NoError(t, err, "%d", odd)
		require.NoError(t, l.Append(make([]byte, l.Cap())))
		require.NoError(t, l.Close())
		l, err = Open(path, WithDurability(processCrash))
		require.NoError(t, err, "%d", odd)
		require.NoError(t, l.Close())
		require.NoError(t, Check(path))
	}
	set, _ := createSet(t, fmt.Sprintf("%d DIR/a", MinPool+100), fmt.Sprintf("%d DIR/b", 2*MinPool+5000))
	l, err := Open(set, WithDurability(processCrash))
	require.NoError(t, err)
	require.NoError(t, l.Append(make([]byte, l.Cap())))
	require.NoError(t, l.Close())
}
