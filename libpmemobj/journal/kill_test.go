package journal_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/medium"
	"github.com/pmem/pmdk-go/internal/testchild"
	"github.com/pmem/pmdk-go/internal/testpool"
	"github.com/pmem/pmdk-go/libpmemobj"
	"github.com/pmem/pmdk-go/libpmemobj/journal"
	"github.com/pmem/pmdk-go/libpmemobj/journal/internal/redo"
)

var kills = flag.Int("journal.kills", 0, "how many children TestCrashKill kills; 0 is a few, or 1 for 10 of -crashtest.images")

// tiny makes a journal that is full all the time.
func tiny() journal.Options {
	return journal.Tiny(redo.System, func(p medium.Pool) medium.Pool { return p })
}

// small makes one that is full now and then.
var small = journal.Options{SegmentSize: journal.MinSegment, Segments: 2, CheckpointRate: -1}

// poolSize is that of the pools of most tests.
const poolSize = 16 << 20

// lazy makes one that is replayed for long.
var lazy = journal.Options{SegmentSize: 8 << 20, Segments: 2, CheckpointRate: 1}

func init() {
	testchild.Register("work", func(args []string) error {
		o := tiny()
		switch args[1] {
		case "steady":
			o = small
		case "lazy":
			o = lazy
		}
		p, err := libpmemobj.OpenOrCreate(args[0], layout, libpmemobj.WithSize(poolSize), journal.With(o))
		if err != nil {
			return err
		}
		w, err := openWork(p)
		if err != nil {
			return err
		}
		failed := make(chan error, writers)
		end := time.Now().Add(time.Hour)
		if args[1] == "close" {
			end = time.Now().Add(5 * time.Millisecond)
		}
		for i := range writers {
			go func() {
				for n := w.root.Accounts[i].Done + 1; ; n++ {
					if err := w.change(i, n); err != nil {
						failed <- err
						return
					}
					fmt.Println(i, n)
					if time.Now().After(end) {
						failed <- nil
						return
					}
				}
			}()
		}
		for range writers {
			if err := <-failed; err != nil {
				return err
			}
		}
		fmt.Println("closing")
		if err := p.Close(); err != nil {
			return err
		}
		fmt.Println("closed")
		select {}
	})
}

// Ensure that what was acknowledged survives SIGKILL at any moment, while the
// pool is created, opened, replayed, checkpointed and closed too, and that
// nothing else of it is there but the changes under way.
func TestCrashKill(t *testing.T) {
	t.Parallel()
	effective(t)
	n := *kills
	if n == 0 {
		n = images(200) / 10
	}
	rnd := rand.New(rand.NewPCG(rand.Uint64(), 0))
	var path string
	var done [writers]uint64
	total, closing, creating, checkpointed := uint64(0), 0, 0, 0
	for round := range n {
		if round%10 == 0 { // and again from nothing
			path = filepath.Join(testpool.Dir(t), fmt.Sprint("pool", round))
			done = [writers]uint64{}
		}
		how := "work"
		if round%3 == 2 {
			how = "close"
		}
		before := done
		last := ""
		c := testchild.Start(t, "work", path, how)
		longest := 60 * time.Millisecond
		if round%10 == 0 && round%20 != 0 { // while it is created
			longest = 10 * time.Millisecond
		}
		note := func(line string) {
			var w int
			var n uint64
			last = line
			if line == "closing" || line == "closed" {
				return
			}
			_, err := fmt.Sscan(line, &w, &n)
			require.NoError(t, err, line)
			done[w] = n
		}
		if round == 1 { // one that has filled the journal, however slow
			for range 300 {
				note(c.Line(t))
			}
		}
		c.KillAtRandom(t, rnd, longest, note)
		if last == "closing" {
			closing++
		}
		o := tiny()
		if round%4 == 3 {
			o = small // in the place of the other one
		}
		if s, err := journal.ReadStatus(path + journal.Suffix); err == nil && s.Tail > 1 {
			checkpointed++
		}
		p, err := libpmemobj.OpenOrCreate(path, layout, libpmemobj.WithSize(poolSize), journal.With(o), libpmemobj.WithVerify())
		require.NoError(t, err)
		w, err := openWork(p)
		require.NoError(t, err)
		if done == [writers]uint64{} {
			creating++
		}
		for i := range done {
			got, err := w.check(i, done[i])
			require.NoError(t, err)
			total += got - before[i]
			done[i] = got
			// The key of the change under way may be there without the rest.
			require.NoError(t, w.change(i, got+1))
			done[i]++
		}
		require.NoError(t, p.Close())
		testpool.Check(t, path)
	}
	t.Logf("crashtest: %d kills, %d changes, %d while closing, %d before the first change, %d after checkpoints", n, total, closing, creating, checkpointed)
	require.NotZero(t, total)
	require.NotZero(t, checkpointed)
}
