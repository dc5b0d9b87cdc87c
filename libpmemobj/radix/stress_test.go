package radix

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/libpmemobj"
)

// event is an operation on one key, with the moments of its call and return.
type event struct {
	call, ret int64
	write     bool
	value     string // written or read; "" is none
	old       bool   // a write that says whether there was a value
	had       bool
}

// linearizable says whether the events of a key can be put into an order that
// agrees with their times and in which each reads what was written last.
func linearizable(events []event, start string) bool {
	type state struct {
		done  uint64
		value string
	}
	seen := map[state]bool{}
	var try func(s state) bool
	try = func(s state) bool {
		if s.done == 1<<len(events)-1 {
			return true
		}
		if seen[s] {
			return false
		}
		seen[s] = true
		first := int64(1 << 62) // no event can come after one that has returned
		for i, e := range events {
			if s.done>>i&1 == 0 {
				first = min(first, e.ret)
			}
		}
		for i, e := range events {
			if s.done>>i&1 != 0 || e.call > first {
				continue
			}
			next := state{s.done | 1<<i, s.value}
			if !e.write && e.value != s.value || e.old && e.had != (s.value != "") {
				continue
			}
			if e.write {
				next.value = e.value
			}
			if try(next) {
				return true
			}
		}
		return false
	}
	return try(state{0, start})
}

// Ensure that the checker knows what is not linearizable.
func TestLinearizable(t *testing.T) {
	write := func(call, ret int64, v string) event { return event{call: call, ret: ret, write: true, value: v} }
	read := func(call, ret int64, v string) event { return event{call: call, ret: ret, value: v} }
	assert.True(t, linearizable([]event{write(0, 3, "a"), read(1, 2, "a")}, ""))
	assert.True(t, linearizable([]event{write(0, 3, "a"), read(1, 2, "")}, ""))
	assert.False(t, linearizable([]event{write(0, 1, "a"), read(2, 3, "")}, ""))
	assert.False(t, linearizable([]event{write(0, 9, "a"), read(1, 2, "a"), read(3, 4, "")}, ""))
	assert.False(t, linearizable([]event{{call: 0, ret: 1, write: true, old: true, had: true}}, ""))
}

// Ensure that histories of parallel operations on a few keys are linearizable,
// while other keys around them make leaves split, merge and go.
func TestLinearizability(t *testing.T) {
	p := newPool(t, 64<<20)
	m, err := Open(p, "m")
	require.NoError(t, err)
	const keys, workers, ops = 3, 3, 5
	for i := range 8000 { // so that there is a guide
		require.NoError(t, m.Put(fmt.Appendf(nil, "key %d", i+keys), nil))
	}
	if plainReads {
		require.NotNil(t, m.t.guide.Load())
	}
	var clock atomic.Int64
	var stop atomic.Bool
	var churn sync.WaitGroup
	churn.Go(func() {
		rnd := rand.New(rand.NewPCG(7, 7))
		for !stop.Load() {
			put := rnd.IntN(2) == 0
			for i := range 120 {
				key := fmt.Appendf(nil, "key %d %03d", rnd.IntN(keys), i)
				if put {
					assert.NoError(t, m.Put(key, key))
				} else if _, err := m.Delete(key); err != nil {
					assert.NoError(t, err)
				}
			}
		}
	})
	value := func(round, worker, op int) string {
		v := fmt.Sprint(round, " ", worker, " ", op)
		if op == 0 { // a record
			return v + string(bytes.Repeat([]byte{'.'}, 100))
		}
		return v
	}
	var start [keys]string
	end := time.Now().Add(3 * time.Second / 2)
	if testing.Short() {
		end = time.Now().Add(time.Second / 2)
	}
	rounds := 0
	for ; rounds < 200 || time.Now().Before(end); rounds++ {
		var mu sync.Mutex
		var history [keys][]event
		var wg sync.WaitGroup
		for w := range workers {
			wg.Go(func() {
				rnd := rand.New(rand.NewPCG(uint64(rounds), uint64(w)))
				for op := range ops {
					k := rnd.IntN(keys)
					key := fmt.Appendf(nil, "key %d", k)
					e := event{call: clock.Add(1)}
					var err error
					switch rnd.IntN(6) {
					case 0, 1:
						e.write, e.value = true, value(rounds, w, op)
						err = m.Put(key, []byte(e.value))
					case 2:
						e.write, e.old = true, true
						e.had, err = m.Delete(key)
					case 3: // as a range
						for got, v := range m.Range(key, append(key, 0)) {
							assert.Equal(t, key, got[:len(key)])
							e.value = string(v)
						}
					default:
						var v []byte
						v, _, err = m.Get(key)
						e.value = string(v)
					}
					e.ret = clock.Add(1)
					assert.NoError(t, err)
					mu.Lock()
					history[k] = append(history[k], e)
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		for k := range keys {
			v, _, err := m.Get(fmt.Appendf(nil, "key %d", k))
			require.NoError(t, err)
			now := clock.Add(1)
			history[k] = append(history[k], event{call: now, ret: now, value: string(v)})
			require.True(t, linearizable(history[k], start[k]), "from %q: %+v", start[k], history[k])
			start[k] = string(v)
		}
	}
	stop.Store(true)
	churn.Wait()
	require.NoError(t, m.t.verify())
	t.Log(rounds, "histories")
}

// Ensure that loops keep their promises while the map is changed: keys ascend
// or descend, those that are there all the time come, and values are whole.
func TestLoopsMeanwhile(t *testing.T) {
	p := newPool(t, 64<<20)
	m, err := Open(p, "m")
	require.NoError(t, err)
	const n = 2000
	key := func(i int) []byte { return AppendUint64(nil, uint64(i)) }
	value := func(k []byte, version int) []byte {
		return bytes.Repeat(append(bytes.Clone(k), byte(version)), 1+version%9*3)
	}
	for i := 0; i < n; i += 2 {
		require.NoError(t, m.Put(key(i), value(key(i), 0)))
	}
	var stop atomic.Bool
	var wg sync.WaitGroup
	for w := range 2 {
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(1, uint64(w)))
			for version := 0; !stop.Load(); version++ {
				from, put := rnd.IntN(n), rnd.IntN(2) == 0
				for i := from; i < min(from+200, n); i++ {
					k := key(i)
					var err error
					switch {
					case i%2 == 0, put: // even keys are always there
						err = m.Put(k, value(k, version%256))
					default:
						_, err = m.Delete(k)
					}
					assert.NoError(t, err)
				}
			}
		})
	}
	end := time.Now().Add(time.Second)
	if testing.Short() {
		end = time.Now().Add(time.Second / 2)
	}
	loops := 0
	for ; loops < 20 || time.Now().Before(end); loops++ {
		all, step := m.All(), 1
		if loops%2 == 1 {
			all, step = m.Backward(nil, nil), -1
		}
		var last []byte
		even := 0
		for k, v := range all {
			if last != nil {
				require.Equal(t, step, bytes.Compare(k, last))
			}
			last = k
			u, _, err := Uint64(k)
			require.NoError(t, err)
			if u%2 == 0 {
				even++
			}
			require.Equal(t, value(k, int(v[8])), v)
		}
		require.Equal(t, n/2, even)
	}
	stop.Store(true)
	wg.Wait()
	require.NoError(t, m.t.verify())
	t.Log(loops, "loops")
}

// Ensure that many goroutines with keys of their own, some with transactions,
// lose nothing, and that what was given up is freed.
func TestParallel(t *testing.T) {
	p := newPool(t, 64<<20)
	m, err := Open(p, "m", WithInline(32))
	require.NoError(t, err)
	empty := allocated(t, p)
	const workers = 8
	var models [workers]model
	var wg sync.WaitGroup
	for w := range workers {
		models[w] = model{}
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(9, uint64(w)))
			rounds := 1500
			if testing.Short() {
				rounds = 400
			}
			for i := range rounds {
				k := fmt.Sprintf("%d/%d", rnd.IntN(300), w)
				if i%100 == 99 {
					assert.NoError(t, p.Update(func(tx *libpmemobj.Tx) error {
						for range 10 {
							randomOp(t, rnd, m.In(tx), models[w], fmt.Sprintf("%d/%d", rnd.IntN(300), w), randomValue(rnd))
						}
						return nil
					}))
					continue
				}
				randomOp(t, rnd, m, models[w], k, randomValue(rnd))
			}
		})
	}
	wg.Wait()
	all := model{}
	for _, one := range models {
		for k, v := range one {
			all[k] = v
		}
	}
	requireEqual(t, m, all, rand.New(rand.NewPCG(1, 1)))
	for k := range all {
		_, err := m.Delete([]byte(k))
		require.NoError(t, err)
	}
	waiting := allocated(t, p) - empty
	assert.Less(t, waiting, uint64(1<<20), "bytes wait to be freed")
	requireEqual(t, m, model{}, rand.New(rand.NewPCG(1, 1)))
}

// Ensure that goroutines can put records into leaves that others have made only
// just now: publications that bring objects into being happen word by word.
func TestNewLeaves(t *testing.T) {
	p := newPool(t, 64<<20)
	m, err := Open(p, "m")
	require.NoError(t, err)
	end := time.Now().Add(3 * time.Second / 2)
	if testing.Short() {
		end = time.Now().Add(time.Second)
	}
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(uint64(w), 7))
			for time.Now().Before(end) {
				put := rnd.IntN(2) == 0
				for i := range 120 {
					key := fmt.Appendf(nil, "key %d %03d", rnd.IntN(3), i)
					var err error
					if put {
						err = m.Put(key, make([]byte, 50*rnd.IntN(3)))
					} else {
						_, err = m.Delete(key)
					}
					if !assert.NoError(t, err) {
						return
					}
				}
			}
		})
	}
	wg.Wait()
	require.NoError(t, m.t.verify())
}
