package journal_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/testchild"
	"github.com/pmem/pmdk-go/internal/testpool"
	"github.com/pmem/pmdk-go/libpmemobj"
	"github.com/pmem/pmdk-go/libpmemobj/journal"
)

// noSync is small for those who do not wait.
func noSync() journal.Options {
	o := small
	o.NoSync = true
	return o
}

func init() {
	// nosync changes a pool without waiting, and syncs now and then.
	testchild.Register("nosync", func(args []string) error {
		o := noSync()
		if args[1] == "tiny" {
			o = tiny()
			o.NoSync = true
		}
		p, err := libpmemobj.OpenOrCreate(args[0], layout, libpmemobj.WithSize(poolSize), journal.With(o))
		if err != nil {
			return err
		}
		w, err := openWork(p)
		if err != nil {
			return err
		}
		var done [writers]atomic.Uint64
		failed := make(chan error, writers)
		for i := range writers {
			n := w.root.Accounts[i].Done
			done[i].Store(n)
			go func() {
				for n++; ; n++ {
					if err := w.change(i, n); err != nil {
						failed <- err
						return
					}
					done[i].Store(n)
				}
			}()
		}
		for {
			time.Sleep(rand.N(20 * time.Millisecond))
			var now [writers]uint64
			for i := range now {
				now[i] = done[i].Load()
			}
			if err := p.Sync(context.Background()); err != nil {
				return err
			}
			fmt.Println(now[0], now[1], now[2], now[3])
			select {
			case err := <-failed:
				return err
			default:
			}
		}
	})
}

// Ensure that without waiting a crash loses the last of each writer's changes
// and nothing else, and nothing that came before a Sync that has returned.
func TestCrashNoSync(t *testing.T) {
	t.Parallel()
	effective(t)
	rnd := rand.New(rand.NewPCG(rand.Uint64(), 0))
	path := testpool.Path(t)
	syncs, beyond := 0, uint64(0)
	var synced [writers]uint64
	rounds := images(60) / 10
	for round := range rounds {
		c := testchild.Start(t, "nosync", path, []string{"small", "tiny"}[round%2])
		note := func(line string) {
			_, err := fmt.Sscan(line, &synced[0], &synced[1], &synced[2], &synced[3])
			require.NoError(t, err, line)
			syncs++
		}
		if round == 0 { // one that has done something
			note(c.Line(t))
		}
		c.KillAtRandom(t, rnd, 80*time.Millisecond, note)
		p, err := libpmemobj.OpenOrCreate(path, layout, libpmemobj.WithSize(poolSize), journal.With(small), libpmemobj.WithVerify())
		require.NoError(t, err)
		w, err := openWork(p)
		require.NoError(t, err)
		for i := range writers {
			done := w.root.Accounts[i].Done
			require.GreaterOrEqual(t, done, synced[i], "writer %d", i)
			_, err := w.check(i, done)
			require.NoError(t, err)
			beyond += done - synced[i]
			synced[i] = done
		}
		require.NoError(t, p.Close())
		testpool.Check(t, path)
	}
	t.Logf("crashtest: %d kills; %d syncs; %d changes after the last ones were there", rounds, syncs, beyond)
	require.NotZero(t, syncs)
}

// Ensure that changes without waiting are not in the journal before Sync, or
// Close, and that Sync gives up when it is told to.
func TestSync(t *testing.T) {
	t.Parallel()
	effective(t)
	path := plainPool(t, 16<<20)
	p, err := libpmemobj.Open(path, layout, journal.With(noSync()))
	require.NoError(t, err)
	w, err := openWork(p)
	require.NoError(t, err)
	require.NoError(t, p.Sync(t.Context()))
	appended := func() uint64 {
		s, err := journal.StatsOf(p)
		require.NoError(t, err)
		require.Equal(t, s.Appended, s.Durable)
		return s.Appended
	}
	before := appended()
	for n := range uint64(20) {
		require.NoError(t, w.change(0, n+1))
	}
	require.Equal(t, before, appended())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err = p.Sync(ctx)
	require.ErrorIs(t, err, context.Canceled)
	require.NotErrorIs(t, err, libpmemobj.ErrFailed)
	require.True(t, strings.HasPrefix(err.Error(), "sync "+path), err.Error())
	require.Equal(t, before, appended())
	require.NoError(t, p.Sync(t.Context()))
	require.Equal(t, before+1, appended(), "all in one")
	require.NoError(t, p.Sync(t.Context()))
	require.Equal(t, before+1, appended(), "nothing to do")
	require.NoError(t, w.change(0, 21))
	require.NoError(t, p.Close())
	requireDone(t, path, [writers]uint64{21})
}
