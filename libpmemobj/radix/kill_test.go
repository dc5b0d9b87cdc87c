package radix

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/testchild"
	"github.com/pmem/pmdk-go/internal/testpool"
	"github.com/pmem/pmdk-go/libpmemobj"
)

// The kill test: children change a map, each goroutine keys of its own, and say
// which change is done; they are killed at a random moment. What follows from
// the number of the last change must then be there. One pool goes through all
// rounds.

const (
	killWorkers = 3
	killKeys    = 150
)

// killKey is the key that a worker's change n is about.
func killKey(w, n int) []byte { return []byte(fmt.Sprint(scattered(n*31%killKeys), w)) }

// killValue is its value; none means that the change deletes the key.
func killValue(w, n int) []byte {
	if n%5 == 4 || n/400%2 == 1 && n%5 != 0 {
		return nil
	}
	return bytes.Repeat([]byte{byte(n)}, 8+n*n%190)
}

// killState is what a worker's first n changes leave of its keys.
func killState(w, n int, want model) {
	for i := max(0, n-2*killKeys); i < n; i++ {
		k := string(killKey(w, i))
		if v := killValue(w, i); v == nil {
			delete(want, k)
		} else {
			want[k] = string(v)
		}
	}
}

func init() {
	testchild.Register("radix", func(args []string) error {
		p, err := libpmemobj.Open(args[0], "", libpmemobj.WithDurability(libpmemobj.DurabilityProcessCrash))
		if err != nil {
			return err
		}
		m, err := Open(p, "m")
		if err != nil {
			return err
		}
		failed := make(chan error)
		for w := range killWorkers {
			from, err := strconv.Atoi(args[1+w])
			if err != nil {
				return err
			}
			go func() {
				for n := from; ; n++ {
					if err := killChange(p, m, w, n); err != nil {
						failed <- err
						return
					}
					fmt.Printf("%d %d\n", w, n+1)
				}
			}()
		}
		return <-failed
	})
}

// killChange makes change n of a worker, some in transactions.
func killChange(p *libpmemobj.Pool, m *Map, w, n int) error {
	if n%50 == 49 {
		return p.Update(func(tx *libpmemobj.Tx) error { return killDo(m.In(tx), w, n) })
	}
	return killDo(m, w, n)
}

func killDo(m anyMap, w, n int) error {
	if v := killValue(w, n); v != nil {
		return m.Put(killKey(w, n), v)
	}
	_, err := m.Delete(killKey(w, n))
	return err
}

// Ensure that what was acknowledged survives SIGKILL, and nothing else but the
// changes under way, over many kills of one pool.
func TestKill(t *testing.T) {
	rounds := 60
	if testing.Short() {
		rounds = 10
	}
	rnd := rand.New(rand.NewPCG(1, uint64(time.Now().UnixNano())))
	p := newPool(t, 32<<20)
	_, err := Open(p, "m")
	require.NoError(t, err)
	require.NoError(t, p.Close())
	path := p.Path()
	var done [killWorkers]int
	busy := 0
	for round := range rounds {
		args := []string{path}
		for _, n := range done {
			args = append(args, strconv.Itoa(n))
		}
		before := done
		testchild.Start(t, "radix", args...).KillAtRandom(t, rnd, 20*time.Millisecond, func(line string) {
			var w, n int
			_, err := fmt.Sscan(line, &w, &n)
			require.NoError(t, err, line)
			require.Equal(t, done[w]+1, n)
			done[w] = n
		})
		if done != before {
			busy++
		}
		require.NoError(t, testpool.PmempoolCheck(t, path))
		p, err := libpmemobj.Open(path, "", libpmemobj.WithVerify(), libpmemobj.WithDurability(libpmemobj.DurabilityProcessCrash))
		require.NoError(t, err)
		m, err := Open(p, "m")
		require.NoError(t, err)
		require.NoError(t, m.t.verify())
		for w := range done {
			have := model{}
			for k, v := range m.All() {
				if k[len(k)-1] == byte('0'+w) {
					have[string(k)] = string(v)
				}
			}
			was, next := model{}, model{}
			killState(w, done[w], was)
			killState(w, done[w]+1, next)
			if fmt.Sprint(have) == fmt.Sprint(next) && fmt.Sprint(have) != fmt.Sprint(was) {
				done[w]++
				continue
			}
			require.Equal(t, was, have, "round %d, worker %d after %d changes", round, w, done[w])
		}
		require.NoError(t, p.Close())
	}
	t.Logf("%d kills, %d of them with work done; changes %v", rounds, busy, done)
	require.Greater(t, busy, rounds/8, "most children were killed before they had done anything")
}
