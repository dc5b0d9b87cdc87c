package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"regexp"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/pmem/pmdk-go/internal/cmap"
	"github.com/pmem/pmdk-go/libpmemobj"
)

// mapBench compares a map in Go with one of the C examples: 8-byte random keys,
// 64-byte values.
type mapBench struct {
	name             string // of the Go package
	like             cmap.Kind
	put, get, remove float64 // ratios to reach
	open             func(*libpmemobj.Pool) (goMap, error)

	dir     string
	wanted  *regexp.Regexp
	entries int
	rounds  int
	reopen  int // entries of the map that is reopened
}

// goMap is a map in Go: loops over its operations, as cmap.Side has them.
type goMap interface {
	Put(first, count int) error
	Get(o cmap.Order, first, count int) (sum uint64, err error)
	Delete(o cmap.Order, first, count int) error
}

// How much more two goroutines are to do than one.
const (
	scaleGet = 1.7
	scalePut = 1.5
)

func mapBenches() []*mapBench {
	return []*mapBench{
		{name: "hashmap", like: cmap.HashmapTx, put: 0.20, get: 0.50, remove: 0.25, open: openHashmap},
		{name: "radix", like: cmap.Btree, put: 0.40, get: 0.30, remove: 0.45, open: openRadix},
	}
}

// mapRatios times the cases of maps whose names match, in pools in dir.
func mapRatios(dir string, wanted *regexp.Regexp) error {
	for _, b := range mapBenches() {
		b.dir, b.wanted, b.entries, b.rounds, b.reopen = dir, wanted, 200_000, 6, 1_000_000
		if err := b.run(); err != nil {
			return err
		}
	}
	return nil
}

func (b *mapBench) run() error {
	for _, cases := range []struct {
		names []string
		run   func() error
	}{
		{[]string{b.name + "/put", b.name + "/get", b.name + "/delete"}, b.compare},
		{[]string{"scale/" + b.name + "-get", "scale/" + b.name + "-put"}, b.scale},
		{[]string{b.name + "/reopen"}, b.timeReopen},
	} {
		if !slices.ContainsFunc(cases.names, b.wanted.MatchString) {
			continue
		}
		if err := cases.run(); err != nil {
			return err
		}
	}
	return nil
}

func (b *mapBench) compare() error {
	if err := cmap.Available(); err != nil {
		fmt.Fprintln(os.Stderr, "no comparison of "+b.name+":", err)
		return nil
	}
	c := cmap.Comparison{Kind: b.like, Dir: b.dir, Entries: b.entries, Rounds: b.rounds, New: func() (cmap.Side, error) {
		return b.newSide(cmap.PoolSize(b.entries))
	}}
	r, err := c.Run()
	if err != nil {
		return err
	}
	b.report(b.name+"/put", r.Put, b.put)
	b.report(b.name+"/get", r.Get, b.get)
	b.report(b.name+"/delete", r.Delete, b.remove)
	fmt.Fprintf(os.Stderr, "    bytes of pool for an entry: Go %.1f, C %.1f\n", r.GoBytes, r.CBytes)
	return nil
}

func (b *mapBench) report(name string, t cmap.Times, target float64) {
	if !b.wanted.MatchString(name) {
		return
	}
	fmt.Printf("ratio %s %.2f\n", name, t.Ratio())
	over := ""
	if t.Ratio() > target {
		over = "  OVER"
	}
	fmt.Fprintf(os.Stderr, "    Go %.1f ns, C %.1f ns, target <= %.2f%s\n", t.Go, t.C, target, over)
}

// scale compares two goroutines with one. Both do all of the operations, so
// that each has half of them.
func (b *mapBench) scale() error {
	s, err := b.newSide(cmap.PoolSize(2 * b.entries))
	if err != nil {
		return err
	}
	defer s.Close()
	if err := s.Put(0, b.entries); err != nil {
		return err
	}
	order := cmap.Shuffled(b.entries)
	b.scaled("scale/"+b.name+"-get", scaleGet, func(first, count int) error {
		_, err := s.Get(order, first, count)
		return err
	})
	b.scaled("scale/"+b.name+"-put", scalePut, s.Put)
	return nil
}

func (b *mapBench) scaled(name string, target float64, work func(first, count int) error) {
	if !b.wanted.MatchString(name) {
		return
	}
	part := min(10_000, b.entries/4)
	var times [2][]float64
	for range 20 * b.rounds {
		for i := range times {
			// Another part each time, which no turn has just brought into a cache.
			first := rand.IntN(b.entries - 2*part)
			took := parallel(i+1, first, 2*part, work)
			times[i] = append(times[i], float64(took)/float64(2*part))
		}
	}
	one, two := median(times[0]), median(times[1])
	ratio := one / two
	fmt.Printf("ratio %s %.2f\n", name, ratio)
	under := ""
	if ratio < target {
		under = "  UNDER"
	}
	fmt.Fprintf(os.Stderr, "    one goroutine %.1f ns, two %.1f ns, target >= %.2f%s\n",
		one, two, target, under)
}

// parallel has goroutines share work, and returns how long the slowest of them
// had the processor: what other processes have in between does not count.
func parallel(goroutines, first, count int, work func(first, count int) error) (slowest time.Duration) {
	var ready, done sync.WaitGroup
	start := make(chan struct{})
	each := count / goroutines
	took := make([]time.Duration, goroutines)
	for g := range took {
		ready.Add(1)
		done.Go(func() {
			runtime.LockOSThread() // whose clock is read
			defer runtime.UnlockOSThread()
			ready.Done()
			<-start
			began := cmap.Now()
			must(work(first+g*each, each))
			took[g] = cmap.Now() - began
		})
	}
	ready.Wait()
	close(start)
	done.Wait()
	return slices.Max(took)
}

// timeReopen compares the opening of a large map's pool, and of the map, with
// those of an empty one.
func (b *mapBench) timeReopen() error {
	var best [2]time.Duration
	for i, entries := range []int{0, b.reopen} {
		s, err := b.newSide(cmap.PoolSize(b.reopen))
		if err != nil {
			return err
		}
		err = s.Put(0, entries)
		for round := 0; round < b.rounds && err == nil; round++ {
			var took time.Duration
			if took, err = s.reopen(); best[i] == 0 || took < best[i] {
				best[i] = took
			}
		}
		if closed := s.Close(); err == nil {
			err = closed
		}
		if err != nil {
			return err
		}
	}
	fmt.Fprintf(os.Stderr, "    %s/reopen: %v with %d entries, %v empty\n", b.name, best[1], b.reopen, best[0])
	return nil
}
