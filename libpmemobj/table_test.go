package libpmemobj_test

import (
	"math/rand/v2"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/testpool"
	. "github.com/pmem/pmdk-go/libpmemobj"
)

// Ensure that with many pools open, opened and closed at random, every
// pointer leads to its own pool's object, or panics while that is closed.
func TestManyPools(t *testing.T) {
	n, steps := 50, 300
	if testing.Short() {
		n, steps = 8, 40
	}
	rnd := newRand(t)
	dir := testpool.Dir(t)
	pools := make([]*Pool, n)
	nodes := make([]Ptr[node], n)
	path := func(i int) string { return filepath.Join(dir, string(rune('A'+i))) }
	for i := range pools {
		var err error
		pools[i], err = Create(path(i), testpool.Layout, WithSize(MinPool), WithDurability(DurabilityProcessCrash))
		require.NoError(t, err)
		nodes[i] = oneNode(t, pools[i], uint64(i))
	}
	for range steps {
		i := rnd.IntN(n)
		if pools[i] != nil {
			require.NoError(t, pools[i].Close())
			pools[i] = nil
		} else {
			var err error
			pools[i], err = Open(path(i), "", WithDurability(DurabilityProcessCrash))
			require.NoError(t, err)
		}
		for j, p := range pools {
			addr, err := nodes[j].TryGet()
			if p == nil {
				require.Error(t, err)
				require.ErrorContains(t, errorPanicOf(t, func() { nodes[j].Get() }), "no pool with this UUID is open")
				continue
			}
			require.NoError(t, err)
			require.Same(t, addr, nodes[j].Get())
			require.EqualValues(t, j, addr.Value)
		}
	}
	for i, p := range pools {
		if p != nil {
			require.NoError(t, p.Close())
		}
		require.NoError(t, Check(path(i), testpool.Layout))
	}
}

// Ensure that dereferencing goes on undisturbed while other pools come and go.
func TestTableConcurrently(t *testing.T) {
	p := testpool.New(t)
	n := oneNode(t, p, 77)
	others := []string{closedPool(t), closedPool(t), closedPool(t)}
	rounds := 20
	if testing.Short() {
		rounds = 4
	}
	done := make(chan struct{})
	var readers, openers sync.WaitGroup
	for range 2 {
		readers.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				for range 1000 {
					if n.Get().Value != 77 {
						t.Error("another pool's object")
						return
					}
				}
			}
		})
	}
	for i, path := range others {
		openers.Go(func() {
			rnd := rand.New(rand.NewPCG(uint64(i), 0))
			for range rounds {
				p, err := Open(path, "", WithDurability(DurabilityProcessCrash))
				if err != nil {
					t.Error(err)
					return
				}
				for range rnd.IntN(20) {
					for o := range ObjectsOf[node](p) {
						if o.Get().Value != 1 {
							t.Error("not this pool's object")
						}
					}
				}
				if err := p.Close(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	openers.Wait()
	close(done)
	readers.Wait()
}
