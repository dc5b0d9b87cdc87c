package libpmemlog_test

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/internal/testpool"
	. "github.com/pmem/pmdk-go/libpmemlog"
)

// Ensure that a log is made in the parts that a pool set file names, as large
// and as private as asked for, and that PMDK's tool finds it sound.
func TestCreateSet(t *testing.T) {
	makers := map[string]func(string, ...Option) (*Log, error){"Create": Create, "OpenOrCreate": OpenOrCreate}
	for name, create := range makers {
		for option, want := range map[string]int64{"": 5<<20 - 4096 - 8192, "OPTION SINGLEHDR": 5<<20 - 8192} {
			t.Run(name+" "+option, func(t *testing.T) {
				dir := testpool.Dir(t)
				set := filepath.Join(dir, "log.set")
				writeSet(t, set, option, "2M DIR/a", "3M DIR/b")
				l, err := create(set, WithMode(0o640), WithDurability(processCrash))
				require.NoError(t, err)
				assert.Equal(t, want, l.Cap())
				assert.Equal(t, set, l.Path())
				assert.Equal(t, processCrash, l.Durability())
				require.NoError(t, l.Append(pattern(int(l.Cap()), 0)))
				l = reopen(t, l)
				require.True(t, contents(t, l) == string(pattern(int(want), 0)))
				require.NoError(t, l.Close())
				require.NoError(t, testpool.PmempoolCheck(t, set))
				for part, size := range map[string]int64{"a": 2 << 20, "b": 3 << 20} {
					st, err := os.Stat(filepath.Join(dir, part))
					require.NoError(t, err)
					assert.Equal(t, size, st.Size())
					assert.Equal(t, fs.FileMode(0o640), st.Mode())
				}
				_, err = Create(set)
				require.ErrorIs(t, err, fs.ErrExist)
				require.ErrorContains(t, err, "line 3: "+dir+"/a exists: the log does")
				l, err = OpenOrCreate(set, WithDurability(processCrash))
				require.NoError(t, err)
				assert.Equal(t, want, int64(len(contents(t, l))))
				require.NoError(t, l.Close())
			})
		}
	}
}

// Ensure that a set in which no log can be made is refused with the reason, and
// that nothing is left of it.
func TestCreateSetRefused(t *testing.T) {
	dir := testpool.Dir(t)
	set := filepath.Join(dir, "log.set")
	there := filepath.Join(dir, "there")
	require.NoError(t, os.WriteFile(there, []byte("a letter"), 0o600))
	for name, c := range map[string]struct {
		lines  []string
		opts   []Option
		errno  error
		reason string
	}{
		"a part is there":  {[]string{"2M DIR/a", "2M DIR/there"}, nil, unix.EEXIST, "line 3: DIR/there exists"},
		"no folder":        {[]string{"2M DIR/a", "2M DIR/none/b"}, nil, unix.ENOENT, "DIR/none/b: no such file"},
		"a folder":         {[]string{"2M DIR/a", "2M DIR"}, nil, unix.ENOTSUP, "line 3: DIR is a folder"},
		"a device":         {[]string{"AUTO /dev/null"}, nil, unix.ENOTSUP, "devices (Device DAX) cannot be opened yet"},
		"a replica":        {[]string{"2M DIR/a", "REPLICA", "2M DIR/b"}, nil, unix.ENOTSUP, "line 3: PMDK has no replicas of logs"},
		"the root":         {[]string{"2M /"}, nil, unix.EINVAL, "root of the file system"},
		"small parts":      {[]string{"2M DIR/a", "1M DIR/b"}, nil, unix.EINVAL, "size 1048576 smaller than 2097152"},
		"a size":           {[]string{"2M DIR/a"}, []Option{WithSize(MinPool)}, nil, "option WithSize has no meaning here"},
		"not that durable": {[]string{"2M DIR/a"}, []Option{WithDurability(DurabilityDAX)}, ErrNotDAX, "use DurabilityMsync"},
		"no room":          {[]string{"2M DIR/a", "100T DIR/b"}, nil, unix.ENOSPC, "DIR/b: no space left on device"},
		"long name":        {[]string{"2M DIR/a", "2M DIR/" + strings.Repeat("b", 256)}, nil, unix.ENAMETOOLONG, "ame too long"}, // only C finds out
	} {
		t.Run(name, func(t *testing.T) {
			writeSet(t, set, c.lines...)
			_, err := Create(set, c.opts...)
			require.Error(t, err)
			if c.errno != nil {
				require.ErrorIs(t, err, c.errno)
			}
			require.ErrorContains(t, err, strings.ReplaceAll(c.reason, "DIR", dir))
			for _, part := range []string{"a", "b"} {
				assert.NoFileExists(t, filepath.Join(dir, part))
			}
		})
	}
	b, err := os.ReadFile(there)
	require.NoError(t, err)
	assert.Equal(t, "a letter", string(b))
	_, err = Create(there)
	require.ErrorIs(t, err, fs.ErrExist)
	_, err = Create(dir)
	require.ErrorIs(t, err, fs.ErrExist)
}

// Ensure that a log that Go made of several files is one to C.
func TestCreateSetDump(t *testing.T) {
	pmempool, err := exec.LookPath("pmempool")
	if err != nil {
		t.Skip("PMDK's tool pmempool is not installed:", err)
	}
	set := filepath.Join(testpool.Dir(t), "log.set")
	writeSet(t, set, "2M DIR/a", "2M DIR/b")
	l, err := Create(set, WithDurability(processCrash))
	require.NoError(t, err)
	text := string(pattern(3<<20, 0))
	require.NoError(t, l.Append([]byte(text)))
	require.NoError(t, l.Close())
	out, err := exec.Command(pmempool, "dump", "-b", set).Output()
	require.NoError(t, err)
	require.True(t, text == string(out))
}

// Ensure that of several who make a log in one set, one does, and that the
// others do it no harm.
func TestCreateSetAtOnce(t *testing.T) {
	dir := testpool.Dir(t)
	set := filepath.Join(dir, "log.set")
	writeSet(t, set, "2M DIR/a", "2M DIR/b")
	for range 10 {
		const n = 8
		errs, logs := make([]error, n), make([]*Log, n)
		var wg sync.WaitGroup
		for i := range n {
			wg.Go(func() { logs[i], errs[i] = Create(set, WithDurability(processCrash)) })
		}
		wg.Wait()
		made := 0
		for i, err := range errs {
			if err == nil {
				made++
				require.NoError(t, logs[i].Append([]byte("mine")))
				require.NoError(t, logs[i].Close())
				continue
			}
			require.True(t, errors.Is(err, fs.ErrExist) || errors.Is(err, unix.EAGAIN), "%v", err)
		}
		require.Equal(t, 1, made)
		l, err := Open(set, WithDurability(processCrash))
		require.NoError(t, err)
		require.Equal(t, "mine", contents(t, l))
		require.NoError(t, l.Close())
		for _, part := range []string{"a", "b"} {
			require.NoError(t, os.Remove(filepath.Join(dir, part)))
		}
	}
}
