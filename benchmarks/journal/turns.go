package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"github.com/pmem/pmdk-go/benchmarks/internal/disk"
	"github.com/pmem/pmdk-go/benchmarks/internal/engine"
	"github.com/pmem/pmdk-go/benchmarks/internal/load"
)

// cell is what an engine did with a number of goroutines, in each round.
type cell struct {
	rate           []float64 // puts a second
	p50, p99, p999 []float64 // ns
	max            time.Duration
	puts           uint64
}

func (c *cell) add(r *load.Result) {
	c.rate = append(c.rate, r.Rate())
	c.p50 = append(c.p50, float64(r.Latency.Quantile(0.5)))
	c.p99 = append(c.p99, float64(r.Latency.Quantile(0.99)))
	c.p999 = append(c.p999, float64(r.Latency.Quantile(0.999)))
	c.max = max(c.max, r.Latency.Max())
	c.puts += r.Puts
}

// results are the cells by number of goroutines and engine.
type results map[int]map[string]*cell

func turns(s *settings, dir string, out *output) error {
	kinds, err := engine.Find(s.engines...)
	if err != nil {
		return err
	}
	all := make(results)
	for _, n := range s.goroutines {
		all[n] = make(map[string]*cell)
		for _, k := range kinds {
			all[n][k.Name] = &cell{}
		}
	}
	for round := range s.rounds {
		for _, n := range s.goroutines {
			out.note("round %d of %d, %d goroutines", round+1, s.rounds, n)
			spec := load.Spec{
				Goroutines: n,
				Keys:       load.Keys{Seed: s.seed + uint64(round)<<40},
				Warmup:     s.warmup / 5,
				Measure:    s.turn,
			}
			for _, i := range rand.Perm(len(kinds)) {
				r, err := turn(kinds[i], s, dir, spec)
				if err != nil {
					return fmt.Errorf("%s with %d goroutines: %w", kinds[i].Name, n, err)
				}
				all[n][kinds[i].Name].add(r)
			}
		}
	}
	all.report(s, out)
	return nil
}

// warmers are the goroutines that bring a fresh store into the state that a
// store in use is in: it has grown, and has logs that it uses again.
const warmers = 64

// turn measures one engine with a fresh store.
func turn(kind engine.Kind, s *settings, dir string, spec load.Spec) (r *load.Result, err error) {
	dir = filepath.Join(dir, kind.Name)
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, err
	}
	defer func() {
		// The next turn must not wait for blocks that this one frees.
		err = errors.Join(err, os.RemoveAll(dir), disk.Settle(filepath.Dir(dir)))
	}()
	e, err := kind.Open(engine.Config{Dir: dir, Size: s.size, Goroutines: spec.Goroutines})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, e.Close()) }()
	if s.warmup > 0 {
		warm := load.Spec{
			Goroutines: max(warmers, spec.Goroutines),
			Keys:       load.Keys{Seed: spec.Keys.Seed + 1<<39}, // other ones
			Measure:    s.warmup,
		}
		if _, err := load.Run(e, warm); err != nil {
			return nil, err
		}
	}
	if err := disk.Settle(dir); err != nil {
		return nil, err
	}
	runtime.GC()
	return load.Run(e, spec)
}

func (all results) report(s *settings, out *output) {
	for _, n := range s.goroutines {
		out.note("\n%d goroutines; medians of %d rounds, times in ms", n, s.rounds)
		out.table("engine\tputs/s\tp50\tp99\tp99.9\tmax\tall puts", func(line func(string, ...any)) {
			for _, name := range s.engines {
				c := all[n][name]
				line("%s\t%.0f\t%s\t%s\t%s\t%s\t%d", name, median(c.rate),
					ms(time.Duration(median(c.p50))), ms(time.Duration(median(c.p99))), ms(time.Duration(median(c.p999))),
					ms(c.max), c.puts)
			}
		})
	}
	out.note("")
	for _, n := range s.goroutines {
		for _, r := range ratios(all[n], s) {
			out.ratio(fmt.Sprintf("%s/%s-%d-vs-%s", s.ours, r.what, n, r.theirs), r.value, targets[target{r.what, n, r.theirs}])
		}
	}
}

func median(v []float64) float64 {
	v = slices.Sorted(slices.Values(v))
	return (v[(len(v)-1)/2] + v[len(v)/2]) / 2
}
