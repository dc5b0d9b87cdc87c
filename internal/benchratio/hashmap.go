package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/pmem/pmdk-go/internal/cmap"
	"github.com/pmem/pmdk-go/libpmemobj"
	"github.com/pmem/pmdk-go/libpmemobj/hashmap"
)

// hashmapBench compares hashmap.Map with C's hashmap_tx: 8-byte random keys,
// 64-byte values.
type hashmapBench struct {
	dir     string
	wanted  *regexp.Regexp
	entries int
	rounds  int
	reopen  int // entries of the map that is reopened
}

// The cases and what they are to reach.
const (
	hashmapPut      = 0.20
	hashmapGet      = 0.50
	hashmapDelete   = 0.25
	hashmapScaleGet = 1.7
	hashmapScalePut = 1.5
)

// hashmapRatios times the cases of hashmap whose names match, in pools in dir.
func hashmapRatios(dir string, wanted *regexp.Regexp) error {
	b := &hashmapBench{dir: dir, wanted: wanted, entries: 200_000, rounds: 6, reopen: 1_000_000}
	for _, cases := range []struct {
		names string
		run   func() error
	}{
		{"hashmap/put hashmap/get hashmap/delete", b.compare},
		{"scale/hashmap-get scale/hashmap-put", b.scale},
		{"hashmap/reopen", b.timeReopen},
	} {
		if !b.any(cases.names) {
			continue
		}
		if err := cases.run(); err != nil {
			return err
		}
	}
	return nil
}

func (b *hashmapBench) any(names string) bool {
	for name := range strings.FieldsSeq(names) {
		if b.wanted.MatchString(name) {
			return true
		}
	}
	return false
}

func (b *hashmapBench) compare() error {
	if err := cmap.Available(); err != nil {
		fmt.Fprintln(os.Stderr, "no comparison with hashmap_tx:", err)
		return nil
	}
	c := cmap.Comparison{Kind: cmap.HashmapTx, Dir: b.dir, Entries: b.entries, Rounds: b.rounds, New: func() (cmap.Side, error) {
		return b.newSide(cmap.PoolSize(b.entries))
	}}
	r, err := c.Run()
	if err != nil {
		return err
	}
	b.report("hashmap/put", r.Put, hashmapPut)
	b.report("hashmap/get", r.Get, hashmapGet)
	b.report("hashmap/delete", r.Delete, hashmapDelete)
	fmt.Fprintf(os.Stderr, "    bytes of pool for an entry: Go %.1f, C %.1f\n", r.GoBytes, r.CBytes)
	return nil
}

func (b *hashmapBench) report(name string, t cmap.Times, target float64) {
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
func (b *hashmapBench) scale() error {
	s, err := b.newSide(cmap.PoolSize(2 * b.entries))
	if err != nil {
		return err
	}
	defer s.Close()
	if err := s.Put(0, b.entries); err != nil {
		return err
	}
	order := cmap.Shuffled(b.entries)
	b.scaled("scale/hashmap-get", hashmapScaleGet, func(first, count int) error {
		_, err := s.Get(order, first, count)
		return err
	})
	b.scaled("scale/hashmap-put", hashmapScalePut, s.Put)
	return nil
}

func (b *hashmapBench) scaled(name string, target float64, work func(first, count int) error) {
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
func (b *hashmapBench) timeReopen() error {
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
	fmt.Fprintf(os.Stderr, "    hashmap/reopen: %v with %d entries, %v empty\n", best[1], b.reopen, best[0])
	return nil
}

// hashmapSide is a map in a pool of its own.
type hashmapSide struct {
	dir  string
	pool *libpmemobj.Pool
	m    *hashmap.Map[uint64, cmap.Value]
}

func (b *hashmapBench) newSide(size int64) (*hashmapSide, error) {
	dir, err := os.MkdirTemp(b.dir, "hashmap-")
	if err != nil {
		return nil, err
	}
	s := &hashmapSide{dir: dir}
	s.pool, err = libpmemobj.Create(s.path(), "hashmap", libpmemobj.WithSize(size), libpmemobj.WithDurability(libpmemobj.DurabilityProcessCrash))
	if err == nil {
		err = s.pool.SetStatsMode(libpmemobj.StatsBoth)
	}
	if err == nil {
		err = s.open()
	}
	if err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func (s *hashmapSide) path() string { return filepath.Join(s.dir, "pool") }

func (s *hashmapSide) open() (err error) {
	s.m, err = hashmap.Open[uint64, cmap.Value](s.pool, "map")
	return err
}

func (s *hashmapSide) reopen() (took time.Duration, err error) {
	if err := s.pool.Close(); err != nil {
		return 0, err
	}
	runtime.GC()
	start := time.Now()
	if s.pool, err = libpmemobj.Open(s.path(), "hashmap", libpmemobj.WithDurability(libpmemobj.DurabilityProcessCrash)); err != nil {
		return 0, err
	}
	err = s.open()
	return time.Since(start), err
}

func (s *hashmapSide) Put(first, count int) error {
	for i := first; i < first+count; i++ {
		k := cmap.Key(i)
		if err := s.m.Put(k, cmap.ValueOf(k)); err != nil {
			return err
		}
	}
	return nil
}

func (s *hashmapSide) Get(o cmap.Order, first, count int) (sum uint64, err error) {
	for i := first; i < first+count; i++ {
		v, found, err := s.m.Get(cmap.Key(o.At(i)))
		if err != nil || !found {
			return 0, cmap.Missing(o.At(i), err)
		}
		sum += v.Sum()
	}
	return sum, nil
}

func (s *hashmapSide) Delete(o cmap.Order, first, count int) error {
	for i := first; i < first+count; i++ {
		if found, err := s.m.Delete(cmap.Key(o.At(i))); err != nil || !found {
			return cmap.Missing(o.At(i), err)
		}
	}
	return nil
}

// Used is what is allocated in the pool.
func (s *hashmapSide) Used() (uint64, error) {
	st, err := s.pool.Stats()
	return uint64(st.Allocated), err
}

// Close closes the pool and removes it.
func (s *hashmapSide) Close() error {
	var err error
	if s.pool != nil {
		err = s.pool.Close()
	}
	if removed := os.RemoveAll(s.dir); err == nil {
		err = removed
	}
	return err
}
