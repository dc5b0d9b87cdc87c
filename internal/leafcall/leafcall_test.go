package leafcall_test

import (
	"io"
	"runtime"
	"runtime/pprof"
	"sync"
	"sync/atomic"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/leafcall"
	"github.com/pmem/pmdk-go/internal/leafcall/internal/cfunc"
)

func requireAvailable(t *testing.T) {
	t.Helper()
	if !leafcall.Available {
		t.Skip("this build has no leaf calls: see the package's doc comment")
	}
}

func TestCall(t *testing.T) {
	requireAvailable(t)
	assert.EqualValues(t, 42, leafcall.Call(cfunc.Answer, nil))
	var x int
	assert.EqualValues(t, -42, leafcall.Call(cfunc.Answer, unsafe.Pointer(&x)), "results may be negative")

	numbers := [...]int64{1, 2, 3, -10}
	args := cfunc.SumArgs{Numbers: &numbers[0], Count: 4}
	assert.EqualValues(t, -4, leafcall.Call(cfunc.Sum, unsafe.Pointer(&args)))
	assert.EqualValues(t, -4, args.Total)
}

func TestCallNotAvailable(t *testing.T) {
	if leafcall.Available {
		t.Skip("this build has leaf calls")
	}
	assert.PanicsWithValue(t, "leafcall: not available in this build", func() { leafcall.Call(cfunc.Answer, nil) })
}

// sumAtDepth sums n numbers on the stack of the depth-th recursion, so that
// the stack grows and moves again and again.
//
//go:noinline
func sumAtDepth(t *testing.T, depth int) int64 {
	var numbers [16]int64
	for i := range numbers {
		numbers[i] = int64(depth)
	}
	args := cfunc.SumArgs{Numbers: &numbers[0], Count: int64(len(numbers))}
	if got := leafcall.Call(cfunc.Sum, unsafe.Pointer(&args)); int64(got) != 16*int64(depth) {
		t.Errorf("depth %d: got %d", depth, got)
	}
	if depth == 0 {
		return args.Total
	}
	return args.Total + sumAtDepth(t, depth-1)
}

// Ensure that calls are right with arguments on stacks that move, while the
// collector stops the world, the profiler interrupts and goroutines are
// preempted all the time.
func TestCallUnderStress(t *testing.T) {
	requireAvailable(t)
	require.NoError(t, pprof.StartCPUProfile(io.Discard))
	defer pprof.StopCPUProfile()
	var done atomic.Bool
	var collector, callers sync.WaitGroup
	collector.Go(func() {
		for !done.Load() {
			runtime.GC()
		}
	})
	for range 4 {
		callers.Go(func() {
			for range 50 {
				var total int64
				fresh := make(chan struct{})
				go func() {
					defer close(fresh)
					total = sumAtDepth(t, 500)
				}()
				<-fresh
				assert.EqualValues(t, 16*500*501/2, total)
			}
		})
	}
	callers.Wait()
	done.Store(true)
	collector.Wait()
}

// Ensure that a thread which Go doesn't reuse makes leaf calls like others.
func TestCallOnLockedThread(t *testing.T) {
	requireAvailable(t)
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			runtime.LockOSThread() // not unlocked: the thread ends with the goroutine
			assert.EqualValues(t, 42, leafcall.Call(cfunc.Answer, nil))
		})
	}
	wg.Wait()
}

// Ensure that Wait returns after the end of a call that had begun before.
func TestWait(t *testing.T) {
	requireAvailable(t)
	for range 20 {
		args := &cfunc.SpinArgs{Rounds: 1 << 20}
		var caller sync.WaitGroup
		caller.Go(func() { leafcall.Call(cfunc.Spin, unsafe.Pointer(args)) })
		for atomic.LoadInt32(&args.Started) == 0 {
			runtime.Gosched()
		}
		leafcall.Wait()
		assert.EqualValues(t, 1, atomic.LoadInt32(&args.Ended))
		caller.Wait()
	}
}
