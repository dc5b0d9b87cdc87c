package libpmemobj_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/testchild"
	"github.com/pmem/pmdk-go/internal/testpool"
	. "github.com/pmem/pmdk-go/libpmemobj"
)

// Ensure that a pool that is killed while it grows, by itself or by Extend,
// opens again with everything that was acknowledged, whole, and with no part
// that is not in use.
func TestKillGrowth(t *testing.T) {
	setParallel(t)
	rounds := 30
	if testing.Short() {
		rounds = 10
	}
	rnd := newRand(t)
	const limit = 48 * setMiB
	var path string
	var acknowledged, grown, unused int
	for round := range rounds {
		if path == "" {
			path = setPath(t)
			p, err := Create(path, testpool.Layout, WithGrowth(limit, MinPart), WithDurability(DurabilityProcessCrash))
			require.NoError(t, err)
			setRootOf(t, p)
			require.NoError(t, p.Close())
			acknowledged = 0
		}
		c := testchild.Start(t, "grow", path, strconv.Itoa(round%2))
		c.KillAtRandom(t, rnd, 15*time.Millisecond, func(line string) {
			n, err := strconv.Atoi(line)
			require.NoError(t, err)
			acknowledged = n
		})

		before := len(setSizes(t, path+".parts"))
		p, err := Open(path, "", WithVerify(), WithDurability(DurabilityProcessCrash))
		require.NoError(t, err, "round %d", round)
		after := setSizes(t, path+".parts")
		unused += before - len(after)
		root := setRootOf(t, p)
		require.GreaterOrEqual(t, root.Get().Count, uint64(acknowledged), "round %d", round)
		require.LessOrEqual(t, root.Get().Count, uint64(acknowledged+1), "round %d", round)
		setVerify(t, root)
		require.Len(t, objectsIn(p), int(root.Get().Count), "round %d", round)
		acknowledged = int(root.Get().Count)
		var sum float64
		for _, size := range after {
			sum += size
		}
		require.EqualValues(t, p.Size(), sum*setMiB, "round %d", round)
		require.NoError(t, setPush(p, root))
		acknowledged++
		grown += len(after)
		full := p.Size() > limit*2/3
		require.NoError(t, p.Close())
		testpool.Check(t, path)
		if full {
			path = ""
		}
	}
	t.Logf("%d kills; %d parts at their ends, %d unused ones", rounds, grown, unused)
	require.Greater(t, grown, rounds, "the pools hardly grew")
}

func init() {
	// Pushes blocks, and extends the pool now and then if it is told to, until it
	// is killed or the pool is full.
	testchild.Register("grow", func(args []string) error {
		p, err := Open(args[0], "", WithDurability(DurabilityProcessCrash))
		if err != nil {
			return err
		}
		root, err := Root[setRoot](p)
		if err != nil {
			return err
		}
		for n := 0; ; n++ {
			if args[1] == "1" && n%8 == 0 {
				err = p.Extend(MinPart)
			} else if err = setPush(p, root); err == nil {
				_, err = os.Stdout.WriteString(strconv.FormatUint(root.Get().Count, 10) + "\n")
			}
			if errors.Is(err, ErrOutOfSpace) {
				testchild.Wait()
			}
			if err != nil {
				return err
			}
		}
	})
}

// Ensure that a creation that was killed leaves no set file, or a sound pool,
// and that the next one, at the same path or in the same folder, succeeds and
// leaves nothing else behind.
func TestKillCreateGrowing(t *testing.T) {
	setParallel(t)
	rounds := 24
	if testing.Short() {
		rounds = 6
	}
	rnd := newRand(t)
	dir := testpool.Dir(t)
	path, folder := filepath.Join(dir, "db.set"), filepath.Join(dir, "parts")
	var none, sound, left int
	for round := range rounds {
		c := testchild.Start(t, "create growing", path, folder)
		require.Equal(t, "creating", c.Line(t))
		time.Sleep(time.Duration(rnd.Int64N(int64(50 * time.Millisecond))))
		c.Kill(t)

		if _, err := os.Stat(path); err == nil {
			sound++
			testpool.Check(t, path)
			p := testpool.Open(t, path)
			require.EqualValues(t, 12*setMiB, p.Size(), "round %d", round)
			require.NoError(t, p.Close())
			require.NoError(t, os.Remove(path))
			parts, err := filepath.Glob(filepath.Join(folder, "*.pmem"))
			require.NoError(t, err)
			for _, p := range parts {
				require.NoError(t, os.Remove(p))
			}
		} else {
			none++
			left += len(treeOf(t, dir))
			require.ErrorIs(t, closing(Open(path, "")), fs.ErrNotExist)
		}
		next := path
		if round%2 == 1 {
			next = filepath.Join(dir, "other.set")
		}
		require.NoError(t, closing(Create(next, "x", WithGrowth(16*setMiB, MinPart), WithFolders(folder))), "round %d", round)
		testpool.Check(t, next)
		require.Equal(t, []float64{8}, setSizes(t, folder), "round %d", round)
		if next != path {
			require.NoError(t, closing(Create(path, "x", WithGrowth(16*setMiB, MinPart), WithFolders(folder+"2"))))
		}
		for _, f := range treeOf(t, dir) {
			require.True(t, strings.HasSuffix(strings.Fields(f)[0], ".set") || strings.HasSuffix(strings.Fields(f)[0], ".pmem"), "round %d: %s", round, f)
			require.False(t, strings.HasPrefix(filepath.Base(f), "."), "round %d: %s", round, f)
		}
		entries, err := os.ReadDir(dir)
		require.NoError(t, err)
		for _, e := range entries {
			require.NoError(t, os.RemoveAll(filepath.Join(dir, e.Name())))
		}
	}
	t.Logf("%d kills left no pool and %d files, %d a pool", none, left, sound)
	require.NotZero(t, none, "no kill came before the end of a creation")
}

func init() {
	// Creates a pool and waits.
	testchild.Register("create growing", func(args []string) error {
		fmt.Println("creating")
		_, err := Create(args[0], testpool.Layout, WithSize(12*setMiB), WithGrowth(64*setMiB, MinPart), WithFolders(args[1]), WithDurability(DurabilityProcessCrash))
		if err != nil {
			return err
		}
		testchild.Wait()
		return nil
	})
}
