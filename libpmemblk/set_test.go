package libpmemblk_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/internal/testpool"
	. "github.com/pmem/pmdk-go/libpmemblk"
)

// createSet makes a pool of several parts, with blocks of 1000 bytes, with
// PMDK's tool. In lines, DIR is a folder of the test's own.
func createSet(t *testing.T, lines ...string) (set, dir string) {
	t.Helper()
	pmempool, err := exec.LookPath("pmempool")
	if err != nil {
		t.Skip("PMDK's tool pmempool, which makes pool sets, is not installed:", err)
	}
	dir = testpool.Dir(t)
	set = filepath.Join(dir, "blk.set")
	writeSet(t, set, lines...)
	out, err := exec.Command(pmempool, "create", "blk", "1000", set).CombinedOutput()
	require.NoError(t, err, "%s", out)
	return set, dir
}

func writeSet(t *testing.T, set string, lines ...string) {
	t.Helper()
	text := "PMEMPOOLSET\n" + strings.Join(lines, "\n") + "\n"
	text = strings.ReplaceAll(text, "DIR", filepath.Dir(set))
	require.NoError(t, os.WriteFile(set, []byte(text), 0o600))
}

// Ensure that a pool of several files is one pool, with the blocks where PMDK
// puts them, and that its layout is found and restored in any of the files.
func TestSet(t *testing.T) {
	for option, size := range map[string]int64{"": 20<<20 - 2*4096, "OPTION SINGLEHDR": 20 << 20} {
		set, dir := createSet(t, option, "8M DIR/a", "9M DIR/b", "3M DIR/c")
		p := openPool(t, set)
		require.Equal(t, Capacity(size, 1000), p.Blocks())
		m := newModel(p)
		rnd := newRand(t)
		for range 300 {
			m.step(t, p, rnd)
		}
		for n := range m.blocks {
			if m.blocks[n] != nil {
				m.blocks[n] = block(1000, int64(n), 1)
				require.NoError(t, p.WriteBlock(int64(n), m.blocks[n]))
			}
		}
		require.ErrorIs(t, Check(set), unix.EAGAIN)
		p = reopen(t, p)
		m.requireEqual(t, p)
		require.NoError(t, p.Close())

		// The info block is in the first part, its copy in the last.
		first, last := filepath.Join(dir, "a"), filepath.Join(dir, "c")
		change(t, first, infoAt, make([]byte, 4096))
		for range 2 {
			_, err := Open(set)
			var c *CorruptError
			require.ErrorAs(t, err, &c)
			require.Equal(t, first, c.Path)
			require.EqualValues(t, infoAt, c.Offset)
			restored, err := Restore(set)
			require.NoError(t, err)
			require.NotZero(t, restored)
			p = openPool(t, set)
			m.requireEqual(t, p)
			require.NoError(t, p.Close())
			change(t, first, infoAt, make([]byte, 4096))
			change(t, last, 3<<20-4096, make([]byte, 4096))
		}
		// A fault in the map is in the last part as well.
		_, err := Restore(set)
		require.NoError(t, err)
		entries := (Capacity(size, 1000)*4 + 4095) / 4096 * 4096
		at := 3<<20 - 4096 - 16384 - entries
		change(t, last, at, []byte{0xff, 0xff, 0xff, 0xff})
		requireSetCorrupt(t, set, fmt.Sprintf("%s: BTT map entry 0 at offset %d", last, at))
	}
}

func requireSetCorrupt(t *testing.T, set, reason string) {
	t.Helper()
	_, err := Open(set)
	for _, err := range []error{err, Check(set)} {
		require.ErrorContains(t, err, reason)
	}
}

// Ensure that parts by themselves, and sets that are not whole, are refused
// with what is wrong. Package poolsource tests the rest.
func TestSetDamaged(t *testing.T) {
	set, dir := createSet(t, "", "8M DIR/a", "9M DIR/b", "3M DIR/c")
	broken := filepath.Join(dir, "broken.set")
	for reason, lines := range map[string][]string{
		"its neighbours are not those":          {"8M DIR/a", "9M DIR/b"},
		"a pool has at least 16785408":          {"8M DIR/a"},
		"no such file":                          {"8M DIR/a", "9M DIR/none"},
		"PMDK has no replicas of pools":         {"8M DIR/a", "9M DIR/b", "3M DIR/c", "REPLICA", "20M DIR/d"},
		"DIR is a folder; a pool does not grow": {"8M DIR/a", "9M DIR/b", "3M DIR/c", "20M DIR"},
	} {
		writeSet(t, broken, lines...)
		requireSetCorrupt(t, broken, strings.ReplaceAll(reason, "DIR", dir))
	}
	for _, part := range []string{"a", "b", "c"} {
		requireSetCorrupt(t, filepath.Join(dir, part), "one part of a pool set")
	}
	require.NoError(t, Check(set))
	change(t, dir+"/c", 0, []byte{'x'})
	requireSetCorrupt(t, set, dir+"/c: pool header at offset 0: not a pmemblk pool")
}

// Ensure that sizes which are no multiple of a page work.
func TestOddSizes(t *testing.T) {
	for _, odd := range []int64{1, 100, 4095, 4097} {
		path := filepath.Join(testpool.Dir(t), "pool")
		p, err := Create(path, 512, WithSize(MinPool+odd), WithDurability(DurabilityProcessCrash))
		require.NoError(t, err, "%d", odd)
		require.Equal(t, Capacity(MinPool+odd, 512), p.Blocks())
		last := block(512, p.Blocks()-1, 1)
		require.NoError(t, p.WriteBlock(p.Blocks()-1, last))
		p = reopen(t, p)
		got := make([]byte, 512)
		require.NoError(t, p.ReadBlock(p.Blocks()-1, got))
		require.Equal(t, last, got)
		require.NoError(t, p.Close())
	}
}
