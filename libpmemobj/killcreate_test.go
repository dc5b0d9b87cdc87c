package libpmemobj_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/testchild"
	"github.com/pmem/pmdk-go/internal/testpool"
	. "github.com/pmem/pmdk-go/libpmemobj"
)

// Ensure that a process killed inside Create leaves nothing behind: either
// there is a sound pool, or no file at all.
func TestKillCreate(t *testing.T) {
	t.Parallel()
	rounds := 40
	if testing.Short() {
		rounds = 5
	}
	rnd := newRand(t)
	for name, dir := range map[string]string{"in memory": testpool.Dir(t), "on disk": t.TempDir()} {
		path := filepath.Join(dir, "pool")
		var none, sound int
		for round := range rounds {
			c := testchild.Start(t, "create", path)
			require.Equal(t, "creating", c.Line(t))
			time.Sleep(time.Duration(rnd.Int64N(int64(20 * time.Millisecond))))
			c.Kill(t)

			left, err := os.ReadDir(dir)
			require.NoError(t, err)
			switch len(left) {
			case 0:
				none++
			case 1:
				sound++
				require.Equal(t, "pool", left[0].Name(), "%s, round %d", name, round)
				testpool.Check(t, path)
				require.NoError(t, closing(Open(path, testpool.Layout)))
				require.NoError(t, os.Remove(path))
			default:
				t.Fatalf("%s, round %d: %v", name, round, left)
			}
		}
		t.Logf("%s: %d kills left no file, %d a pool", name, none, sound)
		require.NotZero(t, none, "no kill came before the end of a creation")
	}
}

func init() {
	// Creates and removes a pool until it is killed.
	testchild.Register("create", func(args []string) error {
		fmt.Println("creating")
		for {
			p, err := Create(args[0], testpool.Layout, WithSize(2*DefaultPool), WithDurability(DurabilityProcessCrash))
			if err != nil {
				return err
			}
			if err := p.Close(); err != nil {
				return err
			}
			if err := os.Remove(args[0]); err != nil {
				return err
			}
		}
	})
}
