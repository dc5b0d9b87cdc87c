package libpmemblk_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/testchild"
	"github.com/pmem/pmdk-go/internal/testpool"
	. "github.com/pmem/pmdk-go/libpmemblk"
)

func init() {
	// Creates and removes a pool until it is killed.
	testchild.Register("create", func(args []string) error {
		fmt.Println("creating")
		for {
			p, err := Create(args[0], 512, WithSize(MinPool), WithDurability(DurabilityProcessCrash))
			if err != nil {
				return err
			}
			if err := errors.Join(p.Close(), os.Remove(args[0])); err != nil {
				return err
			}
		}
	})
}

// Ensure that a process killed inside Create leaves nothing behind: either
// there is a sound pool, or no file at all.
func TestKillCreate(t *testing.T) {
	t.Parallel()
	rounds := 30
	if testing.Short() {
		rounds = 5
	}
	rnd := newRand(t)
	dir := testpool.Dir(t)
	path := filepath.Join(dir, "pool")
	var none, sound int
	for round := range rounds {
		c := testchild.Start(t, "create", path)
		require.Equal(t, "creating", c.Line(t))
		time.Sleep(time.Duration(rnd.Int64N(int64(10 * time.Millisecond))))
		c.Kill(t)
		left, err := os.ReadDir(dir)
		require.NoError(t, err)
		if len(left) == 0 {
			none++
			continue
		}
		sound++
		require.Len(t, left, 1, "round %d", round)
		require.Equal(t, "pool", left[0].Name(), "round %d", round)
		require.NoError(t, Check(path))
		require.NoError(t, os.Remove(path))
	}
	t.Logf("%d kills left no file, %d a pool", none, sound)
	require.NotZero(t, none, "no kill came before the end of a creation")
}
