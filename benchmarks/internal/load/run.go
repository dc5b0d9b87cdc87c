package load

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pmem/pmdk-go/benchmarks/internal/engine"
	"github.com/pmem/pmdk-go/benchmarks/internal/latency"
)

// Spec says what to do. Each goroutine puts, waits, and puts again.
type Spec struct {
	Goroutines int
	Keys       Keys
	Warmup     time.Duration // before what is measured
	Measure    time.Duration
}

// Result is what was measured.
type Result struct {
	Puts    uint64
	Elapsed time.Duration
	Latency latency.Histogram
	Seconds []Second // of Elapsed
}

// Second is a second of a run. A put belongs to that in which it ends, or to the
// last one.
type Second struct {
	Puts uint64
	Max  time.Duration
}

// Rate is how many puts there were in a second.
func (r *Result) Rate() float64 { return float64(r.Puts) / r.Elapsed.Seconds() }

// Run puts into an engine, and at the end reads some of the keys back if the
// engine can.
func Run(e engine.Engine, s Spec) (*Result, error) {
	if s.Goroutines < 1 || s.Measure <= 0 || s.Warmup < 0 {
		return nil, fmt.Errorf("%d goroutines for %v after %v: nothing to measure", s.Goroutines, s.Measure, s.Warmup)
	}
	workers := make([]*worker, s.Goroutines)
	for i := range workers {
		workers[i] = &worker{Spec: s, id: i}
		workers[i].Seconds = make([]Second, (s.Measure+time.Second-1)/time.Second)
	}
	var stop atomic.Bool
	var wg sync.WaitGroup
	start := time.Now()
	for _, w := range workers {
		wg.Go(func() { w.run(e, start, &stop) })
	}
	wg.Wait()

	sum := &Result{Elapsed: s.Measure, Seconds: make([]Second, len(workers[0].Seconds))}
	for _, w := range workers {
		if w.err != nil {
			return nil, w.err
		}
		sum.add(&w.Result)
	}
	for _, w := range workers {
		if err := w.verify(e); err != nil {
			return nil, err
		}
	}
	return sum, nil
}

func (r *Result) add(other *Result) {
	r.Puts += other.Puts
	r.Latency.Merge(&other.Latency)
	for i, s := range other.Seconds {
		r.Seconds[i].Puts += s.Puts
		r.Seconds[i].Max = max(r.Seconds[i].Max, s.Max)
	}
}

type worker struct {
	Spec
	Result
	id   int
	puts uint64 // with those not measured
	err  error
}

// key is the number of the worker's i-th key in the sequence.
func (w *worker) key(i uint64) uint64 {
	return w.Keys.At(i*uint64(w.Goroutines) + uint64(w.id))
}

func (w *worker) run(e engine.Engine, start time.Time, stop *atomic.Bool) {
	var v engine.Value
	end := w.Warmup + w.Measure
	for began := time.Since(start); began < end && !stop.Load(); {
		key := w.key(w.puts)
		ValueOf(key, &v)
		if err := e.Put(key, &v); err != nil {
			w.err = fmt.Errorf("put %d of goroutine %d: %w", w.puts, w.id, err)
			stop.Store(true)
			return
		}
		w.puts++
		now := time.Since(start)
		w.count(began-w.Warmup, now-w.Warmup)
		began = now
	}
}

// count is told when a put began and ended. Times are those of the puts that
// began in what is measured, however long they took; as many as ended in it
// were done.
func (w *worker) count(began, ended time.Duration) {
	last := len(w.Seconds) - 1
	s := &w.Seconds[min(int(max(ended, 0)/time.Second), last)]
	if began >= 0 {
		w.Latency.Add(ended - began)
		s.Max = max(s.Max, ended-began)
	}
	if ended >= 0 && ended < w.Measure {
		w.Puts++
		s.Puts++
	}
}

// verify reads the last key and some others.
func (w *worker) verify(e engine.Engine) error {
	r, ok := e.(engine.Reader)
	if !ok || w.puts == 0 {
		return nil
	}
	step := w.puts/16 + 1
	for i := w.puts - 1; ; i -= step {
		key := w.key(i)
		var want engine.Value
		ValueOf(key, &want)
		switch got, found, err := r.Get(key); {
		case err != nil:
			return err
		case !found:
			return fmt.Errorf("put %d of goroutine %d is gone", i, w.id)
		case got != want:
			return fmt.Errorf("put %d of goroutine %d has another value", i, w.id)
		}
		if i < step {
			return nil
		}
	}
}
