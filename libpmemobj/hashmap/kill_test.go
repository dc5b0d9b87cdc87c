package hashmap_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/testchild"
	"github.com/pmem/pmdk-go/internal/testpool"
	"github.com/pmem/pmdk-go/libpmemobj"
	"github.com/pmem/pmdk-go/libpmemobj/hashmap"
)

const killWriters = 3

// ledger is what a writer keeps in a map: for each of its keys the number of
// the operation that has put it last.
type killMaps struct {
	pool  *libpmemobj.Pool
	fixed *hashmap.Map[[2]uint64, [7]uint64]
	bytes *hashmap.Bytes
}

func openKillMaps(p *libpmemobj.Pool) (m killMaps, err error) {
	m.pool = p
	if m.fixed, err = hashmap.Open[[2]uint64, [7]uint64](p, "fixed"); err != nil {
		return m, err
	}
	m.bytes, err = hashmap.OpenBytes(p, "bytes")
	return m, err
}

// killOp is operation n of a writer: it puts n under a key in both maps, or
// deletes that key. Which, follows from n.
func (m killMaps) killOp(writer, n uint64) error {
	k := n * 7 % 400
	if n%5 == 4 {
		if _, err := m.fixed.Delete([2]uint64{writer, k}); err != nil {
			return err
		}
		_, err := m.bytes.Delete(killKey(writer, k))
		return err
	}
	if n%11 == 10 {
		return m.pool.Update(func(tx *libpmemobj.Tx) error {
			if err := m.fixed.In(tx).Put([2]uint64{writer, k}, [7]uint64{n, 6: n}); err != nil {
				return err
			}
			return m.bytes.In(tx).Put(killKey(writer, k), killValue(n))
		})
	}
	if err := m.fixed.Put([2]uint64{writer, k}, [7]uint64{n, 6: n}); err != nil {
		return err
	}
	return m.bytes.Put(killKey(writer, k), killValue(n))
}

func killKey(writer, k uint64) []byte { return fmt.Appendf(nil, "%d/%d", writer, k) }
func killValue(n uint64) []byte       { return fmt.Appendf(nil, "%0*d", n%120, n) }

// has says whether the maps hold what they do after n operations of a writer,
// for each key with the operation after those done or not.
func (m killMaps) check(writer, n uint64) error {
	want := map[uint64]uint64{} // key → operation
	for i := range n {
		if k := i * 7 % 400; i%5 == 4 {
			delete(want, k)
		} else {
			want[k] = i
		}
	}
	for k := range uint64(400) {
		v, found, err := m.fixed.Get([2]uint64{writer, k})
		if err != nil {
			return err
		}
		b, foundB, err := m.bytes.Get(killKey(writer, k))
		if err != nil {
			return err
		}
		op, had := want[k]
		ok := found == had && (!had || v[0] == op) && v[0] == v[6]
		okB := foundB == had && (!had || string(b) == string(killValue(op)))
		if k == n*7%400 { // the operation under way
			isNext := found == (n%5 != 4) && (!found || v[0] == n && v[6] == n)
			isNextB := foundB == (n%5 != 4) && (!foundB || string(b) == string(killValue(n)))
			if n%11 == 10 && n%5 != 4 && isNext != isNextB && ok != okB {
				return fmt.Errorf("half of transaction %d", n)
			}
			ok, okB = ok || isNext, okB || isNextB
		}
		if !ok || !okB {
			return fmt.Errorf("writer %d after %d operations: key %d has %v %v and %q %v, not that of %d, %v", writer, n, k, v, found, b, foundB, op, had)
		}
	}
	return nil
}

func init() {
	testchild.Register("maps", func(args []string) error {
		p, err := libpmemobj.Open(args[0], testpool.Layout, libpmemobj.WithDurability(libpmemobj.DurabilityProcessCrash))
		if err != nil {
			return err
		}
		m, err := openKillMaps(p)
		if err != nil {
			return err
		}
		var start [killWriters]uint64
		for w := range start {
			if _, err := fmt.Sscan(args[1+w], &start[w]); err != nil {
				return err
			}
		}
		failed := make(chan error)
		for w := range start {
			go func() {
				for n := start[w]; ; n++ {
					if err := m.killOp(uint64(w), n); err != nil {
						failed <- err
						return
					}
					fmt.Println(w, n+1)
				}
			}()
		}
		return <-failed
	})
}

// Ensure that what several writers did together survives SIGKILL at any moment:
// all that was acknowledged, and of what was under way all or nothing.
func TestKill(t *testing.T) {
	t.Parallel()
	rounds := 25
	if testing.Short() {
		rounds = 4
	}
	rnd := rand.New(rand.NewPCG(rand.Uint64(), 0))
	path := testpool.Path(t)
	p := testpool.Create(t, path)
	_, err := openKillMaps(p)
	require.NoError(t, err)
	require.NoError(t, p.Close())
	var done [killWriters]uint64
	total, busy := uint64(0), 0
	for range rounds {
		args := []string{path}
		for _, n := range done {
			args = append(args, fmt.Sprint(n))
		}
		before := done
		c := testchild.Start(t, "maps", args...)
		c.KillAtRandom(t, rnd, 20*time.Millisecond, func(line string) {
			var w int
			var n uint64
			_, err := fmt.Sscan(line, &w, &n)
			require.NoError(t, err, line)
			done[w] = n
		})
		p := testpool.Open(t, path, libpmemobj.WithVerify())
		m, err := openKillMaps(p)
		require.NoError(t, err)
		for w := range done {
			require.NoError(t, m.check(uint64(w), done[w]))
			// The next child must not find half of an operation done.
			require.NoError(t, m.killOp(uint64(w), done[w]))
			done[w]++
			require.NoError(t, m.check(uint64(w), done[w]))
			total += done[w] - before[w]
		}
		if done != before {
			busy++
		}
		n, err := m.fixed.Len()
		require.NoError(t, err)
		require.NoError(t, p.Close())
		require.LessOrEqual(t, n, 400*killWriters)
	}
	t.Logf("%d kills, %d operations", rounds, total)
	require.NotZero(t, busy)
}
