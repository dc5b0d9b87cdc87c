package vector_test

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/leaktest"
	"github.com/pmem/pmdk-go/internal/testchild"
	"github.com/pmem/pmdk-go/internal/testpool"
	"github.com/pmem/pmdk-go/libpmemobj"
	"github.com/pmem/pmdk-go/libpmemobj/vector"
)

func TestMain(m *testing.M) {
	testchild.Main()
	leaktest.Main(m)
}

func init() {
	testchild.Register("append", appendForEver)
}

// appendForEver appends pairs, from two goroutines and in transactions, and
// prints how long the vector was at least. Now and then it makes it shorter.
func appendForEver(args []string) error {
	p, err := libpmemobj.Open(args[0], testpool.Layout, libpmemobj.WithDurability(libpmemobj.DurabilityProcessCrash))
	if err != nil {
		return err
	}
	v, err := vector.Open[wide](p, "v")
	if err != nil {
		return err
	}
	var wg sync.WaitGroup
	for g := range 2 {
		wg.Go(func() {
			for i := 0; err == nil; i++ {
				x := makeWide(i)
				switch {
				case v.Len() > 2000: // the pool is small
					err = v.Truncate(0)
				case g == 0:
					_, err = v.AppendAll([]wide{x, x})
				case i%50 == 49:
					err = v.Truncate(0)
				default:
					err = p.Update(func(tx *libpmemobj.Tx) error {
						if _, err := v.In(tx).Append(x); err != nil {
							return err
						}
						_, err := v.In(tx).Append(x)
						return err
					})
				}
				fmt.Println(i)
			}
		})
	}
	wg.Wait()
	return err
}

// Ensure that a process that is killed at any moment leaves pairs, and that
// nothing leaks.
func TestKill(t *testing.T) {
	p := testpool.New(t)
	v := open[wide](t, p, "v")
	empty := objects(p)
	path := p.Path()
	require.NoError(t, p.Close())
	rounds := 12
	if testing.Short() {
		rounds = 3
	}
	rnd := rand.New(rand.NewPCG(1, 1))
	for range rounds {
		lines := 0
		testchild.Start(t, "append", path).KillAtRandom(t, rnd, 60*time.Millisecond, func(line string) {
			_, err := strconv.Atoi(line)
			require.NoError(t, err)
			lines++
		})
		testpool.Check(t, path)
		p = testpool.Open(t, path)
		v = open[wide](t, p, "v")
		all := contents(v)
		require.Zero(t, len(all)%2)
		for i := 0; i < len(all); i += 2 {
			require.Equal(t, all[i], all[i+1])
			require.Equal(t, makeWide(int(all[i].A)), all[i])
		}
		require.NoError(t, v.Clear())
		require.Equal(t, empty, objects(p))
		require.NoError(t, p.Close())
	}
}
