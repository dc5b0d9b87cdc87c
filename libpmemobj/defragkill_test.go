package libpmemobj_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/testchild"
	"github.com/pmem/pmdk-go/internal/testpool"
	. "github.com/pmem/pmdk-go/libpmemobj"
)

func init() {
	testchild.Register("defrag", func(args []string) error {
		p, err := Open(args[0], "", WithDurability(DurabilityProcessCrash))
		if err != nil {
			return err
		}
		root, err := Root[defragSlots](p)
		if err != nil {
			return err
		}
		refs := root.Get().refs(rand.New(rand.NewPCG(1, 2)))
		fmt.Println("begin")
		_, err = p.Defrag(context.Background(), refs, func(DefragReport) { fmt.Println("batch") })
		if err != nil {
			return err
		}
		fmt.Println("end")
		testchild.Wait()
		return errors.New("not killed")
	})
}

// Ensure that when a process is killed while it defragments, everything is
// reachable and intact afterwards, and nothing is there twice.
func TestKillDefrag(t *testing.T) {
	t.Parallel()
	rounds := 15
	if testing.Short() {
		rounds = 4
	}
	rnd := newRand(t)
	p := testpool.New(t)
	during, moved := 0, 0
	for round := range rounds {
		slots := defragSlotsOf(t, p)
		require.NoError(t, defragGraph(p, slots, rnd))
		want, err := slots.shape()
		require.NoError(t, err)
		places := slots.Nodes
		require.NoError(t, p.Close())

		c := testchild.Start(t, "defrag", p.Path())
		require.Equal(t, "begin", c.Line(t))
		delay := 16 * time.Millisecond // about the first batch
		if round%2 > 0 {
			require.Equal(t, "batch", c.Line(t))
			delay /= 4
		}
		time.Sleep(time.Duration(rnd.Int64N(int64(delay))))
		ended := slices.Contains(c.Kill(t), "end")
		testpool.Check(t, p.Path())
		p = testpool.Open(t, p.Path(), WithVerify())
		slots = defragSlotsOf(t, p)
		shape, err := slots.shape()
		require.NoError(t, err, "round %d", round)
		require.Equal(t, want, shape, "round %d", round)
		require.Len(t, objectsIn(p), len(want), "round %d", round)
		if places != slots.Nodes {
			moved++
			if !ended {
				during++
			}
		}
	}
	t.Logf("%d kills, %d while objects were being moved", rounds, during)
	require.Positive(t, moved, "no child had moved anything")
}
