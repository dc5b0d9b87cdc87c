package poolsource_test

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/internal/leaktest"
	"github.com/pmem/pmdk-go/internal/poolheader"
	"github.com/pmem/pmdk-go/internal/poolsource"
	"github.com/pmem/pmdk-go/internal/testpool"
	"github.com/pmem/pmdk-go/libpmemblk"
	"github.com/pmem/pmdk-go/libpmemlog"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// kind is a kind of pools, and three parts for one.
type kind struct {
	poolsource.Kind
	create  []string // arguments of pmempool
	a, b, c string
}

var kinds = []kind{
	{poolsource.Kind{Header: poolheader.Log, MinPool: libpmemlog.MinPool, Noun: "log"}, []string{"log"}, "2M DIR/a", "3M DIR/b", "2M DIR/c"},
	{poolsource.Kind{Header: poolheader.Blk, MinPool: libpmemblk.MinPool, Noun: "pool"}, []string{"blk", "1000"}, "8M DIR/a", "9M DIR/b", "8M DIR/c"},
}

// set is a pool of three parts.
type set struct {
	kind
	dir string
}

func (s set) path() string            { return s.part("set") }
func (s set) part(name string) string { return filepath.Join(s.dir, name) }

// write writes the set file. In lines, DIR is the set's folder.
func (s set) write(t *testing.T, lines ...string) {
	t.Helper()
	text := "PMEMPOOLSET\n" + strings.Join(lines, "\n") + "\n"
	require.NoError(t, os.WriteFile(s.path(), []byte(strings.ReplaceAll(text, "DIR", s.dir)), 0o600))
}

func (s set) patch(t *testing.T, name string, off int64, b ...byte) {
	t.Helper()
	f, err := os.OpenFile(s.part(name), os.O_RDWR, 0)
	require.NoError(t, err)
	_, err = f.WriteAt(b, off)
	require.NoError(t, err)
	require.NoError(t, f.Close())
}

func (s set) rename(t *testing.T, names ...string) {
	t.Helper()
	for i := range names[1:] {
		require.NoError(t, os.Rename(s.part(names[i]), s.part(names[i+1])))
	}
}

// newSet makes a pool with PMDK's tool.
func newSet(t *testing.T, k kind, option string) set {
	t.Helper()
	pmempool, err := exec.LookPath("pmempool")
	if err != nil {
		t.Skip("PMDK's tool pmempool, which makes pool sets, is not installed:", err)
	}
	s := set{k, testpool.Dir(t)}
	s.write(t, option, k.a, k.b, k.c)
	args := append([]string{"create"}, k.create...)
	out, err := exec.Command(pmempool, append(args, s.path())...).CombinedOutput()
	require.NoError(t, err, "%s", out)
	return s
}

// Ensure that all parts of a set that is whole are opened, unless somebody uses
// one of them.
func TestSet(t *testing.T) {
	for _, k := range kinds {
		for _, option := range []string{"", "OPTION SINGLEHDR"} {
			t.Run(k.Noun+" "+option, func(t *testing.T) {
				s := newSet(t, k, option)
				source, err := poolsource.Open("open", s.path(), k.Kind)
				require.NoError(t, err)
				defer source.Close()
				require.Len(t, source.Parts, 3)
				for i, name := range []string{"a", "b", "c"} {
					require.Equal(t, s.part(name), source.Parts[i].Path)
				}
				locked, err := os.Open(s.part("b"))
				require.NoError(t, err)
				defer locked.Close()
				require.NoError(t, unix.Flock(int(locked.Fd()), unix.LOCK_EX))
				_, err = poolsource.Open("open", s.path(), k.Kind)
				require.ErrorIs(t, err, unix.EAGAIN)
				require.ErrorContains(t, err, "the "+k.Noun+" is open in this or another process")
			})
		}
	}
}

// Ensure that a part by itself is refused.
func TestLonePart(t *testing.T) {
	for _, k := range kinds {
		s := newSet(t, k, "")
		for _, name := range []string{"a", "b", "c"} {
			_, err := poolsource.Open("open", s.part(name), k.Kind)
			var c *poolsource.Corrupt
			require.ErrorAs(t, err, &c)
			require.Equal(t, s.part(name), c.Path)
			require.ErrorContains(t, err, "one part of a pool set")
		}
	}
}

// Ensure that sets that are not whole are refused with what is wrong.
func TestSetDamaged(t *testing.T) {
	for name, test := range map[string]struct {
		reason string // NOUN and DIR stand for the set's
		do     func(t *testing.T, s set)
	}{
		"a part is missing": {"line 4: open DIR/b: no such file", func(t *testing.T, s set) { require.NoError(t, os.Remove(s.part("b"))) }},
		"a part is shorter": {"line 4: DIR/b has 2097152 bytes, not", func(t *testing.T, s set) { require.NoError(t, os.Truncate(s.part("b"), 2<<20)) }},
		"an empty part":     {"line 5: DIR/c has 0 bytes, not", func(t *testing.T, s set) { require.NoError(t, os.Truncate(s.part("c"), 0)) }},
		"parts exchanged": {"exchanged, or in the wrong order", func(t *testing.T, s set) {
			s.rename(t, "a", "x")
			s.rename(t, "c", "a")
			s.rename(t, "x", "c")
		}},
		"not all are named": {"its neighbours are not those", func(t *testing.T, s set) { s.write(t, s.a, s.b) }},
		"a part of another": {"a part of another NOUN than DIR/a", func(t *testing.T, s set) {
			require.NoError(t, os.Rename(newSet(t, s.kind, "").part("b"), s.part("b")))
		}},
		"header of a later part": {"DIR/c: pool header at offset 0: not a pmem", func(t *testing.T, s set) { s.patch(t, "c", 0, 'x') }},
		"checksum":               {"DIR/b: pool header at offset 4088", func(t *testing.T, s set) { s.patch(t, "b", 100, 1, 2, 3) }},
		"single header": {"OPTION SINGLEHDR: true in the pool set file, false in the part", func(t *testing.T, s set) {
			s.write(t, "OPTION SINGLEHDR", s.a, s.b, s.c)
		}},
		"twice":            {"occurs twice", func(t *testing.T, s set) { s.write(t, s.a, s.b, s.a) }},
		"a replica":        {"line 5: PMDK has no replicas of NOUNs", func(t *testing.T, s set) { s.write(t, s.a, s.b, s.c, "REPLICA", "20M DIR/d") }},
		"a remote replica": {"no replicas of NOUNs", func(t *testing.T, s set) { s.write(t, s.a, s.b, s.c, "REPLICA host set") }},
		"a folder":         {"line 5: DIR is a folder", func(t *testing.T, s set) { s.write(t, s.a, s.b, "", "20M DIR") }},
		"a device":         {"devices (Device DAX) cannot be opened yet", func(t *testing.T, s set) { s.write(t, "AUTO /dev/null") }},
		"another device":   {"devices (Device DAX) cannot be opened yet", func(t *testing.T, s set) { s.write(t, "20M /dev/zero") }},
		"the root":         {"root of the file system", func(t *testing.T, s set) { s.write(t, "20M /") }},
		"a set of sets":    {"DIR/set has ", func(t *testing.T, s set) { s.write(t, "20M DIR/set") }},
		"small parts": {"size 1048576 smaller than 2097152", func(t *testing.T, s set) {
			require.NoError(t, os.Truncate(s.part("c"), 1<<20))
			s.write(t, s.a, s.b, "1M DIR/c")
		}},
		"no parts": {"no pool set parts", func(t *testing.T, s set) { s.write(t) }},
		"nothing": {"the first line must be exactly", func(t *testing.T, s set) {
			require.NoError(t, os.WriteFile(s.path(), []byte("PMEMPOOLSET"), 0o600))
		}},
		"no headers":  {"NOHDRS", func(t *testing.T, s set) { s.write(t, "OPTION NOHDRS", s.a, s.b, s.c) }},
		"unreachable": {"incorrect path", func(t *testing.T, s set) { s.write(t, "20M a") }},
	} {
		for _, k := range kinds {
			t.Run(k.Noun+", "+name, func(t *testing.T) {
				s := newSet(t, k, "")
				test.do(t, s)
				_, err := poolsource.Open("open", s.path(), k.Kind)
				reason := strings.NewReplacer("DIR", s.dir, "NOUN", k.Noun).Replace(test.reason)
				require.ErrorContains(t, err, reason)
				if name == "a part is missing" {
					require.ErrorIs(t, err, fs.ErrNotExist)
				}
			})
		}
	}
}
