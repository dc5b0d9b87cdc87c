package directory_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/testchild"
	"github.com/pmem/pmdk-go/internal/testpool"
	"github.com/pmem/pmdk-go/libpmemobj"
	"github.com/pmem/pmdk-go/libpmemobj/counter"
	"github.com/pmem/pmdk-go/libpmemobj/directory"
	"github.com/pmem/pmdk-go/libpmemobj/hashmap"
	"github.com/pmem/pmdk-go/libpmemobj/ring"
	"github.com/pmem/pmdk-go/libpmemobj/vector"
)

const killWriters = 3

// killOp is operation n of a writer: it makes a container, or fills the one
// that it made before, or removes one. Which, follows from n.
type killOp struct {
	kind   string // as the directory has it
	name   string
	remove bool
	fill   bool
}

var killKinds = []string{"counter.Sharded", "vector.Vector", "hashmap.Bytes", "ring.Log"}

func killOpOf(writer, n int) killOp {
	made := n / 3 // containers before
	of := func(i int) killOp {
		return killOp{kind: killKinds[i%len(killKinds)], name: fmt.Sprintf("%d of %d", i, writer)}
	}
	switch old := made - 9; {
	case n%3 == 0:
		return of(made)
	case n%3 == 1 || old < 0:
		o := of(made)
		o.fill = true
		return o
	default:
		o := of(old)
		o.remove = true
		return o
	}
}

func (o killOp) do(p *libpmemobj.Pool) error {
	if o.remove {
		return directory.Remove(p, o.name)
	}
	switch o.kind {
	case "counter.Sharded":
		c, err := counter.Open(p, o.name)
		if err != nil || !o.fill {
			return err
		}
		return c.Add(1)
	case "vector.Vector":
		v, err := vector.Open[[100]uint64](p, o.name)
		if err != nil || !o.fill {
			return err
		}
		_, err = v.AppendN(20, [100]uint64{})
		return err
	case "hashmap.Bytes":
		m, err := hashmap.OpenBytes(p, o.name)
		for i := 0; i < 80 && err == nil && o.fill; i++ {
			err = m.Put(fmt.Append(nil, i), make([]byte, i)) // pages, and objects of their own
		}
		return err
	default:
		l, err := ring.OpenLog(p, o.name, ring.WithCapacity(ring.MinCapacity))
		if err != nil || !o.fill {
			return err
		}
		_, err = l.Append([]byte(o.name))
		return err
	}
}

// killNames are the names, and their kinds, after n operations of a writer.
func killNames(writer, n int) map[string]string {
	names := map[string]string{}
	for i := range n {
		if o := killOpOf(writer, i); o.remove {
			delete(names, o.name)
		} else {
			names[o.name] = o.kind
		}
	}
	return names
}

func init() {
	testchild.Register("names", func(args []string) error {
		p, err := libpmemobj.Open(args[0], testpool.Layout, libpmemobj.WithDurability(libpmemobj.DurabilityProcessCrash))
		if err != nil {
			return err
		}
		failed := make(chan error)
		for w := range killWriters {
			go func() {
				for n := 0; ; n++ {
					if err := killOpOf(w, n).do(p); err != nil {
						failed <- fmt.Errorf("operation %d of writer %d: %w", n, w, err)
						return
					}
					fmt.Println(w, n+1)
				}
			}()
		}
		return <-failed
	})
}

// Ensure that a directory whose process is killed has the names that were made,
// not those that were removed, nothing half-made, and that no object is lost.
func TestKill(t *testing.T) {
	rounds := 30
	if testing.Short() {
		rounds = 6
	}
	rnd := rand.New(rand.NewPCG(rand.Uint64(), 0))
	path := testpool.Path(t)
	require.NoError(t, testpool.Create(t, path, libpmemobj.WithSize(32<<20)).Close())
	total, most := 0, 0
	for range rounds {
		var done [killWriters]int
		testchild.Start(t, "names", path).KillAtRandom(t, rnd, 15*time.Millisecond, func(line string) {
			var w, n int
			_, err := fmt.Sscan(line, &w, &n)
			require.NoError(t, err, line)
			done[w] = n
			total++
		})
		p := testpool.Open(t, path, libpmemobj.WithVerify())
		have := map[string]string{}
		for e, err := range directory.List(p) {
			require.NoError(t, err)
			require.NotContains(t, have, e.Name, "it comes twice")
			have[e.Name] = e.Kind.Name
		}
		most = max(most, len(have))
		for w, n := range done {
			mine := maps.Clone(have)
			maps.DeleteFunc(mine, func(name, _ string) bool {
				var i, writer int
				_, err := fmt.Sscanf(name, "%d of %d", &i, &writer)
				require.NoError(t, err)
				return writer != w
			})
			if before, after := killNames(w, n), killNames(w, n+1); !maps.Equal(mine, before) {
				require.Equal(t, after, mine, "writer %d after %d operations", w, n)
			}
		}
		// They work, and when they are gone, all is gone.
		for _, name := range slices.Sorted(maps.Keys(have)) {
			require.NoError(t, killOp{kind: have[name], name: name, fill: true}.do(p))
			require.NoError(t, directory.Remove(p, name))
		}
		requireNothingLeft(t, p)
		require.NoError(t, p.Close())
	}
	t.Logf("%d kills, %d operations, up to %d names", rounds, total, most)
	require.Greater(t, total, rounds)
	require.Greater(t, most, 20, "the table never had a second chunk")
}
