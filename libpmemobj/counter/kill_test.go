package counter_test

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/leaktest"
	"github.com/pmem/pmdk-go/internal/testchild"
	"github.com/pmem/pmdk-go/internal/testpool"
	"github.com/pmem/pmdk-go/libpmemobj"
	"github.com/pmem/pmdk-go/libpmemobj/counter"
)

func TestMain(m *testing.M) {
	testchild.Main()
	leaktest.Main(m)
}

func init() { testchild.Register("add", addForEver) }

// addForEver adds from two goroutines and prints which has added how often.
func addForEver(args []string) error {
	p, err := libpmemobj.Open(args[0], testpool.Layout, libpmemobj.WithDurability(libpmemobj.DurabilityProcessCrash))
	if err != nil {
		return err
	}
	c, err := counter.Open(p, "c")
	if err != nil {
		return err
	}
	var wg sync.WaitGroup
	for g := range 2 {
		wg.Go(func() {
			for i := 1; err == nil; i++ {
				if g == 0 {
					err = c.Add(1)
				} else {
					err = p.Update(func(tx *libpmemobj.Tx) error { return c.In(tx).Add(1) })
				}
				fmt.Println(g, i)
			}
		})
	}
	wg.Wait()
	return err
}

// Ensure that what was added before a process is killed stays added.
func TestKill(t *testing.T) {
	p := testpool.New(t)
	open(t, p, "c")
	path := p.Path()
	require.NoError(t, p.Close())
	rounds := 10
	if testing.Short() {
		rounds = 3
	}
	rnd := rand.New(rand.NewPCG(1, 1))
	var total int64
	for range rounds {
		var added [2]int64
		testchild.Start(t, "add", path).KillAtRandom(t, rnd, 40*time.Millisecond, func(line string) {
			g, n, ok := strings.Cut(line, " ")
			require.True(t, ok)
			i, err := strconv.Atoi(g)
			require.NoError(t, err)
			added[i], err = strconv.ParseInt(n, 10, 64)
			require.NoError(t, err)
		})
		testpool.Check(t, path)
		p = testpool.Open(t, path)
		n := load(t, open(t, p, "c"))
		require.GreaterOrEqual(t, n, total+added[0]+added[1])
		require.LessOrEqual(t, n, total+added[0]+added[1]+2)
		total = n
		require.NoError(t, p.Close())
	}
}
