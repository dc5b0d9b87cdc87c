package libpmemlog_test

import (
	"fmt"
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

// Ensure that parts by themselves, and sets that are not whole, are refused
// with what is wrong.
func TestSetDamaged(t *testing.T) {
	type damage func(t *testing.T, set, dir string)
	rename := func(dir string, names ...string) {
		for i := 0; i+1 < len(names); i++ {
			require.NoError(t, os.Rename(filepath.Join(dir, names[i]), filepath.Join(dir, names[i+1])))
		}
	}
	patch := func(dir, name string, off int64, b ...byte) {
		f, err := os.OpenFile(filepath.Join(dir, name), os.O_RDWR, 0)
		require.NoError(t, err)
		_, err = f.WriteAt(b, off)
		require.NoError(t, err)
		require.NoError(t, f.Close())
	}
	for name, test := range map[string]struct {
		reason string
		do     damage
	}{
		"a part is missing": {"no such file", func(t *testing.T, set, dir string) { require.NoError(t, os.Remove(dir+"/b")) }},
		"a part is shorter": {"line 4: DIR/b has 2097152 bytes, not 3145728", func(t *testing.T, set, dir string) { require.NoError(t, os.Truncate(dir+"/b", 2<<20)) }},
		"parts exchanged": {"exchanged, or in the wrong order", func(t *testing.T, set, dir string) {
			rename(dir, "a", "x")
			rename(dir, "c", "a")
			rename(dir, "x", "c")
		}},
		"not all are named": {"its neighbours are not those", func(t *testing.T, set, dir string) { writeSet(t, set, "2M DIR/a", "3M DIR/b") }},
		"only one is named": {"one part of a pool set", func(t *testing.T, set, dir string) { writeSet(t, set, "2M DIR/a") }},
		"a part of another log": {"a part of another log than", func(t *testing.T, set, dir string) {
			other, otherDir := createSet(t, "2M DIR/a", "3M DIR/b", "2M DIR/c")
			require.NotEmpty(t, other)
			require.NoError(t, os.Rename(otherDir+"/b", dir+"/b"))
		}},
		"header of a later part": {"DIR/c: pool header at offset 0: not a pmemlog pool", func(t *testing.T, set, dir string) { patch(dir, "c", 0, 'x') }},
		"checksum":               {"DIR/b: pool header at offset 4088", func(t *testing.T, set, dir string) { patch(dir, "b", 100, 1, 2, 3) }},
		"log header":             {"DIR/a: log header at offset 4104", func(t *testing.T, set, dir string) { patch(dir, "a", 4104, 0xff) }},
		"single header": {"OPTION SINGLEHDR: true in the pool set file, false in the part", func(t *testing.T, set, dir string) {
			writeSet(t, set, "OPTION SINGLEHDR", "2M DIR/a", "3M DIR/b", "2M DIR/c")
		}},
		"twice":            {"occurs twice", func(t *testing.T, set, dir string) { writeSet(t, set, "2M DIR/a", "2M DIR/a") }},
		"a replica":        {"line 3: PMDK has no replicas of logs", func(t *testing.T, set, dir string) { writeSet(t, set, "2M DIR/a", "REPLICA", "2M DIR/c") }},
		"a remote replica": {"no replicas of logs", func(t *testing.T, set, dir string) { writeSet(t, set, "2M DIR/a", "REPLICA host set") }},
		"a folder":         {"line 3: DIR is a folder", func(t *testing.T, set, dir string) { writeSet(t, set, "2M DIR/a", "2M DIR") }},
		"a device":         {"devices (Device DAX) cannot be opened yet", func(t *testing.T, set, dir string) { writeSet(t, set, "AUTO /dev/null") }},
		"another device":   {"devices (Device DAX) cannot be opened yet", func(t *testing.T, set, dir string) { writeSet(t, set, "2M /dev/zero") }},
		"the root":         {"root of the file system", func(t *testing.T, set, dir string) { writeSet(t, set, "2M /") }},
		"a set of sets":    {"has", func(t *testing.T, set, dir string) { writeSet(t, set, "2M DIR/log.set") }},
		"small parts": {"size 1048576 smaller than 2097152", func(t *testing.T, set, dir string) {
			require.NoError(t, os.Truncate(dir+"/b", 1<<20))
			writeSet(t, set, "2M DIR/a", "1M DIR/b")
		}},
		"no parts": {"no pool set parts", func(t *testing.T, set, dir string) { writeSet(t, set) }},
		"nothing": {"the first line must be exactly", func(t *testing.T, set, dir string) {
			require.NoError(t, os.WriteFile(set, []byte("PMEMPOOLSET"), 0o600))
		}},
		"no headers":  {"NOHDRS", func(t *testing.T, set, dir string) { writeSet(t, set, "OPTION NOHDRS", "2M DIR/a", "3M DIR/b") }},
		"unreachable": {"incorrect path", func(t *testing.T, set, dir string) { writeSet(t, set, "2M a") }},
	} {
		t.Run(name, func(t *testing.T) {
			set, dir := createSet(t, "", "2M DIR/a", "3M DIR/b", "2M DIR/c")
			test.do(t, set, dir)
			_, err := Open(set)
			for _, err := range []error{err, Check(set)} {
				require.ErrorContains(t, err, strings.ReplaceAll(test.reason, "DIR", dir))
			}
		})
	}
	_, dir := createSet(t, "2M DIR/a", "3M DIR/b")
	for _, name := range []string{"a", "b"} {
		_, err := Open(filepath.Join(dir, name))
		require.ErrorContains(t, err, "one part of a pool set")
	}
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
