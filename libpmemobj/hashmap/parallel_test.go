package hashmap_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/testpool"
	"github.com/pmem/pmdk-go/libpmemobj"
	"github.com/pmem/pmdk-go/libpmemobj/hashmap"
)

// event is one operation on one key, with the times of its beginning and end.
type event struct {
	kind       byte // 'g'et, 'p'ut, 'd'elete, 'u'pdate (adds 1), 'i'nsert if absent
	arg, got   int  // 0 is "not there"
	begin, end int64
}

// apply says what a key holds after the event, if it can happen when the key
// holds state.
func (e event) apply(state int) (next int, ok bool) {
	switch e.kind {
	case 'g':
		return state, e.got == state
	case 'p':
		return e.arg, true
	case 'd':
		return 0, (e.got != 0) == (state != 0)
	case 'u':
		return state + 1000, e.got == state
	}
	if state != 0 {
		return state, e.got == 0
	}
	return e.arg, e.got == 1
}

// linearizable looks for an order of the events, in which each lies between its
// beginning and its end, that a key can go through.
func linearizable(events []event) bool {
	slices.SortFunc(events, func(a, b event) int { return int(a.begin - b.begin) })
	type place struct {
		done  uint64
		state int
	}
	seen := map[place]bool{}
	var try func(p place) bool
	try = func(p place) bool {
		if p.done == 1<<len(events)-1 {
			return true
		}
		if seen[p] {
			return false
		}
		seen[p] = true
		first := int64(1 << 62) // the end of those that must come before all that begin later
		for i, e := range events {
			if p.done>>i&1 == 0 {
				first = min(first, e.end)
			}
		}
		for i, e := range events {
			if p.done>>i&1 != 0 || e.begin > first {
				continue
			}
			if next, ok := e.apply(p.state); ok && try(place{p.done | 1<<i, next}) {
				return true
			}
		}
		return false
	}
	return try(place{})
}

func TestLinearizableChecker(t *testing.T) {
	put, get := event{'p', 1, 0, 1, 2}, event{'g', 0, 1, 3, 4}
	require.True(t, linearizable([]event{get, put}))
	get.got = 0
	require.False(t, linearizable([]event{put, get}), "the get came after the put")
	get.begin = 2
	require.True(t, linearizable([]event{put, get}), "they overlap")
}

// Ensure that what goroutines do to the same keys could have happened one after
// the other, while the map grows under them.
func TestLinearizable(t *testing.T) {
	t.Parallel()
	const goroutines, keys = 4, 8
	rounds := 40
	if testing.Short() {
		rounds = 8
	}
	p := testpool.New(t, libpmemobj.WithSize(64<<20))
	for round := range rounds {
		m, err := hashmap.Open[int64, [60]int64](p, fmt.Sprint(round))
		require.NoError(t, err)
		value := func(n int) (v [60]int64) {
			for i := range v {
				v[i] = int64(n)
			}
			return v
		}
		whole := func(v [60]int64) int {
			for _, w := range v {
				if w != v[0] {
					t.Errorf("torn value: %v", v)
				}
			}
			return int(v[0])
		}
		var clock atomic.Int64
		var histories [goroutines][keys][]event
		var wg sync.WaitGroup
		for g := range goroutines {
			wg.Go(func() {
				rnd := rand.New(rand.NewPCG(uint64(round), uint64(g)))
				for n := range 100 * keys {
					k := rnd.IntN(keys)
					e := event{kind: "gggpduui"[rnd.IntN(8)], arg: n*goroutines + g + 1}
					var err error
					e.begin = clock.Add(1)
					switch e.kind {
					case 'g':
						var v [60]int64
						v, _, err = m.Get(int64(k))
						e.got = whole(v)
					case 'p':
						err = m.Put(int64(k), value(e.arg))
					case 'd':
						var ok bool
						if ok, err = m.Delete(int64(k)); ok {
							e.got = 1
						}
					case 'u':
						err = m.Update(int64(k), func(v [60]int64, _ bool) ([60]int64, error) {
							e.got = whole(v)
							return value(e.got + 1000), nil
						})
					case 'i':
						var ok bool
						if ok, err = m.PutIfAbsent(int64(k), value(e.arg)); ok {
							e.got = 1
						}
					}
					e.end = clock.Add(1)
					if err != nil {
						t.Error(err)
					}
					h := &histories[g][k]
					if *h = append(*h, e); len(*h) == 60/goroutines {
						return // more than the checker takes
					}
				}
			})
		}
		wg.Wait()
		for k := range keys {
			var all []event
			for g := range goroutines {
				all = append(all, histories[g][k]...)
			}
			require.True(t, linearizable(all), "round %d, key %d: %+v", round, k, all)
		}
		require.NoError(t, m.Clear())
	}
}

// Ensure that goroutines, transactions and readers together lose nothing, and
// that readers see transactions as a whole.
func TestParallel(t *testing.T) {
	t.Parallel()
	p := testpool.New(t, libpmemobj.WithSize(64<<20))
	m, err := hashmap.Open[uint64, uint64](p, "m")
	require.NoError(t, err)
	b, err := hashmap.OpenBytes(p, "b")
	require.NoError(t, err)
	const goroutines, counters, each = 4, 200, 1500
	var writers, others sync.WaitGroup
	var stop atomic.Bool
	for g := range goroutines {
		writers.Go(func() {
			rnd := rand.New(rand.NewPCG(uint64(g), 1))
			for i := range uint64(each) {
				k := rnd.Uint64N(counters)
				add := func(v uint64, _ bool) (uint64, error) { return v + 1, nil }
				var err error
				if i%20 == 0 {
					err = p.Update(func(tx *libpmemobj.Tx) error {
						if err := m.In(tx).Update(k, add); err != nil {
							return err
						}
						return b.In(tx).Put([]byte("both"), fmt.Append(nil, k))
					})
				} else {
					err = m.Update(k, add)
				}
				if err == nil {
					err = m.Put(1_000_000+uint64(g)*each+i, i) // so that it grows
				}
				if err == nil {
					err = b.Put(fmt.Append(nil, g, "/", i), make([]byte, i%100))
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	for range 2 {
		others.Go(func() {
			for !stop.Load() {
				seen := 0
				for k, v := range m.All() {
					if k >= 1_000_000 && v != (k-1_000_000)%each {
						t.Errorf("key %d has %d", k, v)
					}
					seen++
				}
				if n, err := m.Len(); err != nil || n < seen-goroutines {
					t.Errorf("%d keys seen, then %d, %v", seen, n, err)
				}
				for k, v := range b.All() {
					if got, found, err := b.Get(k); string(k) != "both" && (err != nil || !found || len(got) != len(v)) {
						t.Errorf("key %q: %d bytes, %v, %v", k, len(got), found, err)
					}
				}
			}
		})
	}
	writers.Wait()
	stop.Store(true)
	others.Wait()
	sum := uint64(0)
	for k, v := range m.All() {
		if k < counters {
			sum += v
		}
	}
	require.EqualValues(t, goroutines*each, sum)
	n, err := b.Len()
	require.NoError(t, err)
	require.Equal(t, goroutines*each+1, n)
}

// Ensure that Close comes between the operations of readers and writers, who
// get an error afterwards.
func TestCloseUnderLoad(t *testing.T) {
	t.Parallel()
	for range 10 {
		p := testpool.New(t)
		m, err := hashmap.Open[uint64, [9]uint64](p, "m")
		require.NoError(t, err)
		var wg sync.WaitGroup
		for g := range 3 {
			wg.Go(func() {
				for i := uint64(0); ; i++ {
					var err error
					if g == 0 {
						err = m.Put(i%500, [9]uint64{i, 8: i})
					} else {
						var v [9]uint64
						if v, _, err = m.Get(i % 500); v[0] != v[8] {
							t.Errorf("torn value: %v", v)
						}
					}
					if err != nil {
						require.ErrorIs(t, err, libpmemobj.ErrClosed)
						return
					}
				}
			})
		}
		for p.Close() != nil {
		}
		wg.Wait()
	}
}
