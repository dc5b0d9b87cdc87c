package journal_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/internal/cinterop/cprogram"
	"github.com/pmem/pmdk-go/internal/testchild"
	"github.com/pmem/pmdk-go/internal/testpool"
	"github.com/pmem/pmdk-go/libpmemobj"
	"github.com/pmem/pmdk-go/libpmemobj/journal"
)

func init() {
	// hold has a pool open, with a journal or without one.
	testchild.Register("hold", func(args []string) error {
		o := libpmemobj.WithDurability(libpmemobj.DurabilityProcessCrash)
		if args[1] == "journal" {
			o = journal.With(small)
		}
		p, err := libpmemobj.Open(args[0], args[2], o)
		if err != nil {
			return err
		}
		if args[2] == layout {
			w, err := openWork(p)
			if err != nil {
				return err
			}
			for n := uint64(1); n <= 50; n++ {
				if err := w.change(0, n); err != nil {
					return err
				}
			}
		} else if _, err := p.Zalloc(nil, 100, 1); err != nil {
			return err
		}
		fmt.Println("open")
		testchild.Wait()
		return nil
	})
}

// Ensure that a pool that another process has open is left alone, with a journal
// or without one, whoever it is that has one.
func TestTwoProcesses(t *testing.T) {
	t.Parallel()
	effective(t)
	for _, held := range []string{"journal", "plain"} {
		path := plainPool(t, 16<<20)
		c := testchild.Start(t, "hold", path, held, layout)
		require.Equal(t, "open", c.Line(t))
		pool := read(t, path)

		_, err := libpmemobj.Open(path, layout, journal.With(small))
		require.ErrorIs(t, err, unix.EAGAIN, held)
		require.ErrorContains(t, err, path)
		_, err = libpmemobj.Open(path, layout)
		require.ErrorIs(t, err, unix.EAGAIN)
		if held == "journal" {
			s, err := journal.ReadStatus(path + journal.Suffix)
			require.NoError(t, err)
			require.NotZero(t, s.Batches)
		}
		require.ErrorIs(t, journal.Replay(path, small), unix.EAGAIN, held)
		require.True(t, bytes.Equal(pool, read(t, path)), "%s: the pool has changed", held)
		c.Kill(t)
		requireDone(t, path, [writers]uint64{50})
	}
}

// Ensure that each of those that do not belong together is refused by name, and
// nothing is written.
func TestForeign(t *testing.T) {
	t.Parallel()
	effective(t)
	dir := testpool.Dir(t)
	pathA, pathB := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	first := busy(t, pathA, [writers]uint64{})
	second := busy(t, pathA, first.done) // of the same pool, a session later
	require.NoError(t, journal.Replay(pathA, small))
	junk, empty, clean := filepath.Join(dir, "junk"), filepath.Join(dir, "empty"), filepath.Join(dir, "clean")
	write(t, junk, bytes.Repeat([]byte("journal"), 10000))
	write(t, empty, nil)
	copyFile(t, pathA, clean)
	cleanLog := clean + journal.Suffix
	copyFile(t, pathA+journal.Suffix, cleanLog)
	other := busy(t, pathB, [writers]uint64{})

	moved := filepath.Join(dir, "moved")
	for _, c := range []struct {
		what      string
		pool, log string
		is        error
		text      string
	}{
		{"no journal", second.pool, "", journal.ErrMissing, moved + journal.Suffix},
		{"another pool's journal", second.pool, other.log, journal.ErrForeign, "it is that of the pool"},
		{"an older copy of the pool", first.pool, second.log, journal.ErrForeign, "session"},
		{"an older copy of the journal", second.pool, first.log, journal.ErrForeign, "session"},
		{"an older copy of the pool, closed since", second.pool, cleanLog, journal.ErrForeign, "copy"},
		{"another pool's journal, with data, for a clean pool", clean, other.log, journal.ErrForeign, "remove it if that pool is gone"},
		{"something else", second.pool, junk, nil, "neither of the journal's two headers is valid"},
		{"an empty file", second.pool, empty, nil, "neither of the journal's two headers is valid"},
	} {
		copyFile(t, c.pool, moved)
		require.NoError(t, os.RemoveAll(moved+journal.Suffix))
		if c.log != "" {
			copyFile(t, c.log, moved+journal.Suffix)
		}
		_, err := libpmemobj.Open(moved, layout, journal.With(small))
		if c.is != nil {
			require.ErrorIs(t, err, c.is, c.what)
		} else {
			var damaged *journal.DamagedError
			require.ErrorAs(t, err, &damaged, c.what)
		}
		require.ErrorContains(t, err, c.text, c.what)
		require.True(t, equal(t, c.pool, moved), "%s: the pool has changed", c.what)
		if c.log == "" {
			require.NoFileExists(t, moved+journal.Suffix)
		} else {
			require.True(t, equal(t, c.log, moved+journal.Suffix), "%s: the journal has changed", c.what)
		}
	}

	// Moved together, they are as good as before, and so is a journal elsewhere.
	copyFile(t, second.pool, moved)
	require.NoError(t, os.Remove(moved+journal.Suffix))
	copyFile(t, second.log, filepath.Join(dir, "elsewhere"))
	o := small
	o.Path = filepath.Join(dir, "elsewhere")
	require.NoError(t, journal.Replay(moved, o))
	second.restore(t, moved+".2")
	requireDone(t, moved+".2", second.done)
}

// Ensure that programs that know nothing of journals leave a pool alone that
// needs its own: this package without the option, and PMDK's pmempool, whatever
// it is asked to do; and that nothing is lost by the attempt.
func TestUnreplayed(t *testing.T) {
	t.Parallel()
	effective(t)
	path := testpool.Path(t)
	k := busy(t, path, [writers]uint64{})

	_, err := libpmemobj.Open(path, layout)
	require.ErrorIs(t, err, libpmemobj.ErrUnreplayed)
	require.ErrorContains(t, err, "journal")
	_, err = libpmemobj.Open(path, layout, libpmemobj.WithCopyOnWrite())
	require.ErrorIs(t, err, libpmemobj.ErrUnreplayed)
	require.ErrorIs(t, libpmemobj.Check(path, layout), libpmemobj.ErrUnreplayed)

	if _, err := exec.LookPath("pmempool"); err == nil {
		for _, c := range []struct{ args, says []string }{
			{[]string{"check", "-v"}, []string{"not consistent"}},
			{[]string{"info"}, nil},
			{[]string{"check", "-v", "-r", "-y"}, []string{"repair of pmemobj pools is not supported"}},
			{[]string{"check", "-v", "-r", "-a", "-y"}, []string{"repair of pmemobj pools is not supported"}},
			{[]string{"feature", "-e", "CKSUM_2K"}, nil},
			{[]string{"sync"}, nil},
		} {
			out, err := exec.Command("pmempool", append(c.args, path)...).CombinedOutput()
			require.Error(t, err, "pmempool %v: %s", c.args, out)
			for _, s := range c.says {
				require.Contains(t, string(out), s, "pmempool %v", c.args)
			}
		}
	}
	require.True(t, equal(t, k.pool, path), "the pool has changed")
	requireDone(t, path, k.done)
}

// mapcli is a C program that keeps numbers in a pool.
var mapcli = cprogram.New("libpmemobj", "mapcli", `
	map/mapcli.c map/map.c map/map_btree.c map/map_ctree.c map/map_rbtree.c map/map_rtree.c map/map_skiplist.c
	map/map_hashmap_atomic.c map/map_hashmap_rp.c map/map_hashmap_tx.c
	tree_map/btree_map.c tree_map/ctree_map.c tree_map/rbtree_map.c tree_map/rtree_map.c list_map/skiplist_map.c
	hashmap/hashmap_atomic.c hashmap/hashmap_rp.c hashmap/hashmap_tx.c`,
	"map tree_map list_map hashmap")

// Ensure that a program in C refuses a pool that needs its journal, and opens it
// when the journal was replayed.
func TestCProgram(t *testing.T) {
	t.Parallel()
	effective(t)
	if testing.Short() {
		t.Skip("building it takes seconds")
	}
	path := testpool.Path(t)
	run := func(stdin string) (string, error) {
		cmd := mapcli.Command(t, "btree", path, "1")
		cmd.Stdin = bytes.NewBufferString(stdin)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	out, err := run("i 50\ni 30\n")
	require.NoError(t, err, out)

	c := testchild.Start(t, "hold", path, "journal", "map")
	require.Equal(t, "open", c.Line(t))
	c.Kill(t)
	dirty := read(t, path)
	out, err = run("i 70\np\n")
	require.Error(t, err, out)
	require.NotContains(t, out, "50")
	require.True(t, bytes.Equal(dirty, read(t, path)), "the pool has changed")

	require.NoError(t, journal.Replay(path, small))
	out, err = run("i 70\np\n")
	require.NoError(t, err, out)
	require.Contains(t, out, "30 50 70")
}
