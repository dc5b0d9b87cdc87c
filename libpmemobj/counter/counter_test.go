package counter_test

import (
	"errors"
	"fmt"
	"log"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/fuzzpool"
	"github.com/pmem/pmdk-go/internal/testpool"
	"github.com/pmem/pmdk-go/libpmemobj"
	"github.com/pmem/pmdk-go/libpmemobj/counter"
	"github.com/pmem/pmdk-go/libpmemobj/directory"
)

func open(t testing.TB, p *libpmemobj.Pool, name string) *counter.Sharded {
	t.Helper()
	c, err := counter.Open(p, name)
	require.NoError(t, err)
	return c
}

func load(t testing.TB, c *counter.Sharded) int64 {
	t.Helper()
	n, err := c.Load()
	require.NoError(t, err)
	return n
}

func runModel(t *testing.T, p *fuzzpool.Pool, steps []byte, rnd *rand.Rand) {
	c := open(t, p.Pool, "c")
	var model int64
	rollBack := errors.New("roll back")
	for _, step := range steps {
		delta := rnd.Int64() >> rnd.IntN(64) // the largest wrap around
		if step%2 == 0 {
			delta = -delta
		}
		switch step / 2 % 8 {
		case 0, 1, 2:
			require.NoError(t, c.Add(delta))
			model += delta
		case 3:
			require.NoError(t, c.Store(delta))
			model = delta
		case 4, 5, 6:
			after := model
			err := p.Update(func(tx *libpmemobj.Tx) error {
				for range rnd.IntN(4) {
					switch rnd.IntN(4) {
					case 0:
						require.NoError(t, c.In(tx).Store(delta))
						after = delta
					case 1:
						n, err := c.In(tx).Load()
						require.NoError(t, err)
						require.Equal(t, after, n)
					default:
						require.NoError(t, c.In(tx).Add(delta))
						after += delta
					}
				}
				if step >= 128 {
					return rollBack
				}
				return nil
			})
			if err == nil {
				model = after
			}
		case 7:
			if step < 64 {
				p.Reopen(t)
				c = open(t, p.Pool, "c")
			}
		}
		require.Equal(t, model, load(t, c))
	}
	p.Reopen(t)
	require.Equal(t, model, load(t, open(t, p.Pool, "c")))
}

// Ensure that random operations have the results that they have on a number.
func TestModel(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	steps := make([]byte, 1000)
	for i := range steps {
		steps[i] = byte(rnd.Uint32())
	}
	runModel(t, fuzzpool.New(t), steps, rnd)
}

func FuzzCounter(f *testing.F) {
	f.Add([]byte{0, 1, 6, 8, 9, 200, 14, 15, 10})
	p := fuzzpool.NewShared(f)
	f.Fuzz(func(t *testing.T, steps []byte) {
		if len(steps) > 500 {
			t.Skip("long sequences are TestModel's")
		}
		runModel(t, p, steps, rand.New(rand.NewPCG(uint64(len(steps)), 1)))
		require.NoError(t, directory.Remove(p.Pool, "c"))
	})
}

// Ensure that no addition of many goroutines is lost, by itself or in
// transactions, that the sum never goes back, and that transactions move amounts
// between counters unseen.
func TestParallel(t *testing.T) {
	p := testpool.New(t)
	c, a, b := open(t, p, "c"), open(t, p, "a"), open(t, p, "b")
	require.NoError(t, a.Store(1000))
	const goroutines, each = 4, 500
	var wg, watch sync.WaitGroup
	var stop atomic.Bool
	watch.Go(func() {
		last := int64(0)
		for !stop.Load() {
			n, err := c.Load()
			if err != nil || n < last {
				t.Errorf("%d after %d, %v", n, last, err)
				return
			}
			last = n
			err = p.Update(func(tx *libpmemobj.Tx) error {
				x, err := a.In(tx).Load()
				if err != nil {
					return err
				}
				y, err := b.In(tx).Load()
				if x+y != 1000 {
					t.Errorf("%d + %d is not 1000", x, y)
				}
				return err
			})
			if err != nil {
				t.Error(err)
			}
		}
	})
	rollBack := errors.New("roll back")
	for range goroutines {
		wg.Go(func() {
			for i := range each {
				var err error
				switch i % 10 {
				case 0, 1:
					err = p.Update(func(tx *libpmemobj.Tx) error {
						if err := errors.Join(c.In(tx).Add(1), a.In(tx).Add(-1), b.In(tx).Add(1)); err != nil {
							return err
						}
						if i%10 == 1 {
							return rollBack
						}
						return nil
					})
					if errors.Is(err, rollBack) {
						err = c.Add(1)
					}
				default:
					err = c.Add(1)
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	stop.Store(true)
	watch.Wait()
	require.EqualValues(t, goroutines*each, load(t, c))
	p = testpool.Reopen(t, p)
	require.EqualValues(t, goroutines*each, load(t, open(t, p, "c")))
	require.EqualValues(t, 1000-goroutines*each/10, load(t, open(t, p, "a")))
}

// Ensure what is refused, and what a closed or removed counter says.
func TestMisuse(t *testing.T) {
	p := testpool.New(t)
	c := open(t, p, "c")
	require.NoError(t, c.Add(5))
	require.Equal(t, "c", c.Name())
	_, err := directory.Open(p, "c", directory.Kind{Name: "other"}, nil)
	var wrong *directory.KindError
	require.ErrorAs(t, err, &wrong)
	require.NoError(t, p.Update(func(tx *libpmemobj.Tx) error {
		_, err := counter.Open(p, "new")
		require.ErrorIs(t, err, libpmemobj.ErrInTx)
		require.ErrorIs(t, c.Add(1), libpmemobj.ErrInTx)
		require.ErrorContains(t, c.Store(1), "In(tx)")
		require.NoError(t, c.In(tx).Add(1))
		require.EqualValues(t, 5, load(t, c), "seen by others")
		_, err = c.In(tx).Load()
		require.NoError(t, err)
		_, err = c.Load()
		require.ErrorIs(t, err, libpmemobj.ErrInTx)
		return nil
	}))
	require.ErrorContains(t, c.In(nil).Add(1), "no transaction")
	for e, err := range directory.List(p) {
		require.NoError(t, err)
		require.Equal(t, "counter.Sharded", e.Kind.Name)
		require.EqualValues(t, 1, e.Entries)
		require.Positive(t, e.Bytes)
	}
	n := 0
	for range p.Objects() {
		n++
	}
	require.NoError(t, directory.Remove(p, "c"))
	for range p.Objects() {
		n--
	}
	require.Equal(t, 1, n)
	require.ErrorContains(t, c.Add(1), `counter add "c": the container was removed`)
	c = open(t, p, "c")
	require.Zero(t, load(t, c))
	require.NoError(t, p.Close())
	require.ErrorIs(t, c.Add(1), libpmemobj.ErrClosed)
	require.ErrorIs(t, c.Store(1), libpmemobj.ErrClosed)
	_, err = c.Load()
	require.ErrorIs(t, err, libpmemobj.ErrClosed)
}

// Ensure that operations need no memory of Go's heap.
func TestGoHeap(t *testing.T) {
	if testpool.AddressSanitizer {
		t.Skip("with the address sanitizer every call into C goes through cgo, whose arguments escape")
	}
	p := testpool.New(t)
	c := open(t, p, "c")
	inTx := func(tx *libpmemobj.Tx) error { return c.In(tx).Add(1) }
	require.Zero(t, testing.AllocsPerRun(100, func() {
		_ = c.Add(1)
		_, _ = c.Load()
		_ = c.Store(5)
		_ = p.Update(inTx)
	}))
	require.EqualValues(t, 6, load(t, c))
}

func Example() {
	dir, err := os.MkdirTemp("", "counter")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	pool, err := libpmemobj.Create(filepath.Join(dir, "pool"), "hits")
	if err != nil {
		log.Fatal(err)
	}
	defer pool.Close()

	hits, err := counter.Open(pool, "hits")
	if err != nil {
		log.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			if err := hits.Add(1); err != nil {
				log.Print(err)
			}
		})
	}
	wg.Wait()
	n, err := hits.Load()
	fmt.Println(n, err)
	// Output: 10 <nil>
}

func BenchmarkAdd(b *testing.B) {
	p := testpool.New(b)
	c := open(b, p, "c")
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := c.Add(1); err != nil {
				b.Error(err)
			}
		}
	})
}

// BenchmarkPersist is what an Add cannot do without.
func BenchmarkPersist(b *testing.B) {
	p := testpool.New(b)
	root, err := libpmemobj.Root[[100]int64](p)
	require.NoError(b, err)
	var next atomic.Int64
	b.RunParallel(func(pb *testing.PB) {
		word := &root.Get()[next.Add(1)*16]
		for pb.Next() {
			*word++
			if err := p.Persist(libpmemobj.RangeOf(word)); err != nil {
				b.Error(err)
			}
		}
	})
}

func BenchmarkLoad(b *testing.B) {
	c := open(b, testpool.New(b), "c")
	for b.Loop() {
		if _, err := c.Load(); err != nil {
			b.Fatal(err)
		}
	}
}
