package libpmemblk_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/internal/testpool"
	. "github.com/pmem/pmdk-go/libpmemblk"
)

// Ensure that a pool is made in the parts that a pool set file names, with as
// many blocks as they hold, and as private as asked for.
func TestCreateSet(t *testing.T) {
	makers := map[string]func(string, int, ...Option) (*Pool, error){"Create": Create, "OpenOrCreate": OpenOrCreate}
	for name, create := range makers {
		for option, size := range map[string]int64{"": 20<<20 - 4096, "OPTION SINGLEHDR": 20 << 20} {
			t.Run(name+" "+option, func(t *testing.T) {
				dir := testpool.Dir(t)
				set := filepath.Join(dir, "blk.set")
				writeSet(t, set, option, "8M DIR/a", "12M DIR/b")
				p, err := create(set, 1000, WithMode(0o640), WithDurability(DurabilityProcessCrash))
				require.NoError(t, err)
				require.Equal(t, Capacity(size, 1000), p.Blocks())
				require.Equal(t, set, p.Path())
				require.Equal(t, DurabilityProcessCrash, p.Durability())
				m := newModel(p)
				rnd := newRand(t)
				for range 300 {
					m.step(t, p, rnd)
				}
				p = reopen(t, p)
				m.requireEqual(t, p)
				require.NoError(t, p.Close())
				require.NoError(t, testpool.PmempoolCheck(t, set))
				for part, size := range map[string]int64{"a": 8 << 20, "b": 12 << 20} {
					st, err := os.Stat(filepath.Join(dir, part))
					require.NoError(t, err)
					require.Equal(t, size, st.Size())
					require.Equal(t, fs.FileMode(0o640), st.Mode())
				}
				_, err = Create(set, 1000)
				require.ErrorIs(t, err, fs.ErrExist)
				require.ErrorContains(t, err, "line 3: "+dir+"/a exists: the pool does")
				_, err = OpenOrCreate(set, 999)
				require.ErrorContains(t, err, "its blocks are of 1000 bytes, not 999")
			})
		}
	}
}

// Ensure that a set in which no pool can be made is refused with the reason,
// and that nothing is left of it.
func TestCreateSetRefused(t *testing.T) {
	dir := testpool.Dir(t)
	set := filepath.Join(dir, "blk.set")
	there := filepath.Join(dir, "there")
	require.NoError(t, os.WriteFile(there, []byte("a letter"), 0o600))
	for name, c := range map[string]struct {
		lines     []string
		blockSize int
		opts      []Option
		errno     error
		reason    string
	}{
		"a part is there":  {[]string{"17M DIR/a", "2M DIR/there"}, 512, nil, unix.EEXIST, "line 3: DIR/there exists"},
		"no folder":        {[]string{"17M DIR/a", "2M DIR/none/b"}, 512, nil, unix.ENOENT, "DIR/none/b: no such file"},
		"a folder":         {[]string{"17M DIR/a", "2M DIR"}, 512, nil, unix.ENOTSUP, "line 3: DIR is a folder"},
		"a replica":        {[]string{"17M DIR/a", "REPLICA", "17M DIR/b"}, 512, nil, unix.ENOTSUP, "PMDK has no replicas of pools"},
		"the root":         {[]string{"17M /"}, 512, nil, unix.EINVAL, "root of the file system"},
		"too small":        {[]string{"8M DIR/a", "8M DIR/b"}, 512, nil, unix.EINVAL, "a pool has at least 16785408"},
		"large blocks":     {[]string{"17M DIR/a"}, 1 << 20, nil, unix.EINVAL, "no room for 256 blocks of 1048576 bytes, which it has at least; make its parts larger"},
		"no blocks":        {[]string{"17M DIR/a"}, 0, nil, unix.EINVAL, "blocks of 0 bytes"},
		"a size":           {[]string{"17M DIR/a"}, 512, []Option{WithSize(20 << 20)}, nil, "option WithSize has no meaning here"},
		"not that durable": {[]string{"17M DIR/a"}, 512, []Option{WithDurability(DurabilityDAX)}, ErrNotDAX, "use DurabilityMsync"},
		"no room":          {[]string{"17M DIR/a", "100T DIR/b"}, 512, nil, unix.ENOSPC, "DIR/b: no space left on device"},
		"long name":        {[]string{"17M DIR/a", "2M DIR/" + strings.Repeat("b", 256)}, 512, nil, unix.ENAMETOOLONG, "ame too long"}, // only C finds out
	} {
		t.Run(name, func(t *testing.T) {
			writeSet(t, set, c.lines...)
			_, err := Create(set, c.blockSize, c.opts...)
			require.Error(t, err)
			if c.errno != nil {
				require.ErrorIs(t, err, c.errno)
			}
			require.ErrorContains(t, err, strings.ReplaceAll(c.reason, "DIR", dir))
			for _, part := range []string{"a", "b"} {
				require.NoFileExists(t, filepath.Join(dir, part))
			}
		})
	}
	b, err := os.ReadFile(there)
	require.NoError(t, err)
	require.Equal(t, "a letter", string(b))
	_, err = Create(there, 512)
	require.ErrorIs(t, err, fs.ErrExist)
}
