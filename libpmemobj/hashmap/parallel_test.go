package hashmap_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/testpool"
	"github.com/pmem/pmdk-go/libpmemobj"
	"github.com/pmem/pmdk-go/libpmemobj/hashmap"
)

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
