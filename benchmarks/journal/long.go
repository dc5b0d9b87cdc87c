package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/pmem/pmdk-go/benchmarks/internal/disk"
	"github.com/pmem/pmdk-go/benchmarks/internal/engine"
	"github.com/pmem/pmdk-go/benchmarks/internal/load"
)

const (
	peak = 100 * time.Millisecond

	// bytesPerValue is what a hashmap.Map needs when its pages are half full, and
	// some more. The rest of a pool is for logs, and what arenas hold.
	bytesPerValue = 200
	bytesForRest  = 16 * mib
)

func long(s *settings, dir string, out *output) error {
	kinds, err := engine.Find(s.engines...)
	if err != nil {
		return err
	}
	for _, k := range kinds {
		if k.Fill == nil {
			return fmt.Errorf("there is no long run with %s", k.Name)
		}
	}
	if s.size < 2*bytesForRest {
		return fmt.Errorf("a pool of %d MiB is too small for a long run", s.size/mib)
	}
	for _, n := range s.goroutines {
		for _, k := range kinds {
			spec := load.Spec{
				Goroutines: n,
				Keys:       load.Keys{Seed: s.seed, Among: uint64((s.size - bytesForRest) / bytesPerValue)},
				Warmup:     s.warmup,
				Measure:    s.longFor,
			}
			if err := longTurn(k, s, dir, spec, out); err != nil {
				return fmt.Errorf("%s with %d goroutines: %w", k.Name, n, err)
			}
		}
	}
	return nil
}

func longTurn(kind engine.Kind, s *settings, dir string, spec load.Spec, out *output) (err error) {
	dir = filepath.Join(dir, kind.Name)
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir), disk.Settle(filepath.Dir(dir))) }()

	config := engine.Config{Dir: dir, Size: s.size, Goroutines: spec.Goroutines}
	start := time.Now()
	if err := kind.Fill(config, spec.Keys.Content()); err != nil {
		return fmt.Errorf("fill: %w", err)
	}
	out.note("\n%s: a store of %d values, filled in %v", kind.Name, spec.Keys.Among, time.Since(start).Round(time.Second))
	e, err := kind.Open(config)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, e.Close()) }()
	if err := disk.Settle(dir); err != nil {
		return err
	}
	runtime.GC()
	before := checkpoints(e)
	r, err := load.Run(e, spec)
	if err != nil {
		return err
	}
	counted := "checkpoints not counted"
	if _, ok := e.(engine.Checkpointer); ok {
		counted = fmt.Sprintf("%d checkpoints", checkpoints(e)-before)
	}
	reportLong(kind.Name, r, spec, counted, s, out)
	return nil
}

func checkpoints(e engine.Engine) int64 {
	if c, ok := e.(engine.Checkpointer); ok {
		return c.Checkpoints()
	}
	return 0
}

func reportLong(name string, r *load.Result, spec load.Spec, counted string, s *settings, out *output) {
	peaks := 0
	out.table("second\tputs\tmax ms", func(line func(string, ...any)) {
		for i, second := range r.Seconds {
			mark := ""
			if second.Max > peak {
				peaks++
				mark = " *"
			}
			line("%d\t%d\t%s%s", i+1, second.Puts, ms(second.Max), mark)
		}
	})
	out.note("%s, %d goroutines, %v: %.0f puts/s, p50 %s, p99 %s, p99.9 %s, max %s ms; %s; %d seconds with a put over %v",
		name, spec.Goroutines, r.Elapsed, r.Rate(),
		ms(r.Latency.Quantile(0.5)), ms(r.Latency.Quantile(0.99)), ms(r.Latency.Quantile(0.999)), ms(r.Latency.Max()),
		counted, peaks, peak)

	limit := 0.0
	if name == s.ours {
		limit = 1
	}
	out.ratio(fmt.Sprintf("%s/long-peak-vs-%dms", name, peak.Milliseconds()), float64(r.Latency.Max())/float64(peak), limit)
}
