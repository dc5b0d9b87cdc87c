package linearize_test

import (
	"errors"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/leaktest"
	"github.com/pmem/pmdk-go/internal/linearize"
	"github.com/pmem/pmdk-go/libpmemobj"
)

func TestMain(m *testing.M) {
	// More threads than processors: the kernel interrupts some of them in the
	// midst of an operation.
	runtime.GOMAXPROCS(2 * goroutines)
	leaktest.Main(m)
}

// errUndo rolls a transaction back.
var errUndo = errors.New("undo")

const goroutines = 4

// rounds is n, or what is enough for a short test.
func rounds(n int) int {
	if testing.Short() {
		return max(n/5, 1)
	}
	return n
}

// record has goroutines do operations side by side.
func record(t *testing.T, each int, do func(rnd *rand.Rand, g int, c *linearize.Client, n int) error) *linearize.History {
	t.Helper()
	return recordAfter(t, func(*linearize.Client) error { return nil }, each, do)
}

// recordAfter is record after something that is done before all else.
func recordAfter(t *testing.T, first func(c *linearize.Client) error, each int, do func(rnd *rand.Rand, g int, c *linearize.Client, n int) error) *linearize.History {
	t.Helper()
	var h linearize.History
	require.NoError(t, first(h.Client()))
	start := make(chan struct{})
	var wg, disturber sync.WaitGroup
	var stop atomic.Bool
	disturber.Go(func() { disturb(&stop) })
	for g := range goroutines {
		c := h.Client()
		seed := rand.Uint64()
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(seed, 0))
			<-start
			for n := range each {
				if rnd.IntN(4) == 0 {
					runtime.Gosched()
				}
				if err := do(rnd, g, c, n); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	close(start)
	wg.Wait()
	stop.Store(true)
	disturber.Wait()
	require.False(t, t.Failed())
	require.NotZero(t, h.Overlaps(), "the operations came one after the other")
	return &h
}

// disturb stops all goroutines again and again, wherever they are, and lets them
// go on in another order: on a machine with few processors, or busy ones, they
// would rarely meet in the midst of an operation.
func disturb(stop *atomic.Bool) {
	var stats runtime.MemStats
	for !stop.Load() {
		runtime.ReadMemStats(&stats)
		runtime.Gosched()
	}
}

// pause lets others run in the midst of an operation.
func pause() { time.Sleep(time.Microsecond) }

// update runs a transaction, which is rolled back if undo says so.
func update(p *libpmemobj.Pool, undo bool, f func(tx *libpmemobj.Tx) error) error {
	err := p.Update(func(tx *libpmemobj.Tx) error {
		if err := f(tx); err != nil {
			return err
		}
		if undo {
			return errUndo
		}
		return nil
	})
	if undo && errors.Is(err, errUndo) {
		return nil
	}
	return err
}

func objects(p *libpmemobj.Pool) (n int) {
	for range p.Objects() {
		n++
	}
	return n
}
