package journal_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/testchild"
	"github.com/pmem/pmdk-go/internal/testpool"
	"github.com/pmem/pmdk-go/libpmemobj"
	"github.com/pmem/pmdk-go/libpmemobj/journal"
)

func init() {
	// phases opens a pool, or creates it, and closes it again.
	testchild.Register("phases", func(args []string) error {
		fmt.Println("opening")
		p, err := libpmemobj.OpenOrCreate(args[0], layout, libpmemobj.WithSize(16<<20), journal.With(small))
		if err != nil {
			return err
		}
		fmt.Println("open")
		if args[1] == "stay" {
			testchild.Wait()
		}
		w, err := openWork(p)
		if err != nil {
			return err
		}
		for n := w.root.Accounts[0].Done + 1; n%500 != 0; n++ {
			if err := w.change(0, n); err != nil {
				return err
			}
			fmt.Println("change", n)
		}
		fmt.Println("closing")
		if err := p.Close(); err != nil {
			return err
		}
		fmt.Println("closed")
		testchild.Wait()
		return nil
	})
}

// killIn kills a child some time after it has entered a phase, and says in which
// it was then, and what number the last change had.
func killIn(t testing.TB, path, how, phase string, after time.Duration) (last string, change uint64) {
	t.Helper()
	c := testchild.Start(t, "phases", path, how)
	note := func(line string) {
		if _, err := fmt.Sscanf(line, "change %d", &change); err != nil {
			last = line
		}
	}
	for last != phase {
		note(c.LineAfter(t, "phase "+last))
	}
	c.KillAfter(t, after, note)
	return last, change
}

// sum is how many there are of all kinds.
func sum(ended map[string]int) (n int) {
	for _, k := range ended {
		n += k
	}
	return n
}

// openTime is how long a child takes to open the pool at path, or to create it.
func openTime(t testing.TB, path string) time.Duration {
	t.Helper()
	c := testchild.Start(t, "phases", path, "stay")
	require.Equal(t, "opening", c.Line(t))
	began := time.Now()
	require.Equal(t, "open", c.Line(t))
	took := time.Since(began)
	c.Kill(t)
	return took
}

// Ensure that one who is killed while it creates a pool and its journal leaves
// nothing, or a pool, and nothing that the next one stumbles over.
func TestCrashKillCreate(t *testing.T) {
	t.Parallel()
	effective(t)
	rnd := rand.New(rand.NewPCG(rand.Uint64(), 0))
	ended := map[string]int{}
	dir := testpool.Dir(t)
	path := filepath.Join(dir, "pool")
	longest := openTime(t, filepath.Join(testpool.Dir(t), "pool")) * 5 / 4
	for range images(60) / 10 {
		// More than once: what one has left is in the way of the next.
		for range 3 {
			last, _ := killIn(t, path, "stay", "opening", time.Duration(rnd.Int64N(int64(longest))))
			ended[last]++
		}
		p, err := libpmemobj.OpenOrCreate(path, layout, libpmemobj.WithSize(16<<20), journal.With(small), libpmemobj.WithVerify())
		require.NoError(t, err)
		w, err := openWork(p)
		require.NoError(t, err)
		require.NoError(t, w.change(0, 1))
		require.NoError(t, p.Close())
		testpool.Check(t, path)
		left, err := os.ReadDir(dir)
		require.NoError(t, err)
		require.Len(t, left, 2, "%v", left)
		require.NoError(t, os.Remove(path))
		if rnd.IntN(2) == 0 { // or the next pool finds another one's
			require.NoError(t, os.Remove(path+journal.Suffix))
		}
	}
	t.Logf("crashtest: %d kills: %v", sum(ended), ended)
}

// Ensure that a replay can be killed any number of times, and so can one who
// makes another journal in the place of what was replayed.
func TestCrashKillReplay(t *testing.T) {
	t.Parallel()
	effective(t)
	rnd := rand.New(rand.NewPCG(rand.Uint64(), 0))
	path := testpool.Path(t)
	k := kill(t, path, "lazy", 100*time.Millisecond, [writers]uint64{})
	before, err := journal.ReadStatus(path + journal.Suffix)
	require.NoError(t, err)
	longest := openTime(t, path) * 5 / 4
	k.restore(t, path)
	untouched, halfway, over := 0, 0, 0
	for range max(6, images(200)/10) {
		_, _ = killIn(t, path, "stay", "opening", time.Duration(rnd.Int64N(int64(longest))))
		s, err := journal.ReadStatus(path + journal.Suffix)
		require.NoError(t, err)
		switch {
		case s.Session != before.Session || s.State != before.State:
			over++
			requireDone(t, path, k.done)
			k.restore(t, path) // from the beginning
		case equal(t, path, k.pool):
			untouched++
		default:
			halfway++
		}
	}
	t.Logf("crashtest: %d kills, with a journal of %d batches, %d bytes; %d before the replay, %d in the middle, %d after", untouched+halfway+over, before.Batches, before.Bytes, untouched, halfway, over)
	requireDone(t, path, k.done)
}

// Ensure that nothing is lost if Close is killed.
func TestCrashKillClose(t *testing.T) {
	t.Parallel()
	effective(t)
	rnd := rand.New(rand.NewPCG(rand.Uint64(), 0))
	path := testpool.Path(t)
	ended := map[string]int{}
	for range images(80) / 10 {
		last, change := killIn(t, path, "close", "closing", time.Duration(rnd.IntN(5000))*time.Microsecond)
		ended[last]++
		p, err := libpmemobj.Open(path, layout, journal.With(small), libpmemobj.WithVerify())
		require.NoError(t, err)
		w, err := openWork(p)
		require.NoError(t, err)
		done, err := w.check(0, change)
		require.NoError(t, err)
		require.EqualValues(t, change, done)
		require.NoError(t, w.change(0, done+1))
		require.NoError(t, p.Close())
		testpool.Check(t, path)
	}
	t.Logf("crashtest: %d kills: %v", sum(ended), ended)
	require.NotZero(t, ended["closing"]+ended["closed"])
}
