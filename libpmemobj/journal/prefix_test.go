package journal_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/interpose"
	"github.com/pmem/pmdk-go/internal/testpool"
	"github.com/pmem/pmdk-go/libpmem/crashtest"
	"github.com/pmem/pmdk-go/libpmemobj"
	"github.com/pmem/pmdk-go/libpmemobj/journal"
	"github.com/pmem/pmdk-go/libpmemobj/journal/internal/flushlog"
)

// effective skips tests in programs whose PMDK cannot be listened to.
func effective(t testing.TB) {
	t.Helper()
	if !interpose.Effective {
		t.Skip("programs built with the tag pmdk_dynamic have no journal")
	}
}

// header is what the journal keeps apart.
const header = 4096

// recording is what a workload has flushed, and when it was promised what.
type recording struct {
	base    []byte // before the first flush
	flushes []flushlog.Flush
	acks    map[int][]int // of each worker: after how many flushes n was acknowledged
}

// record runs a workload in a pool with a journal, and a second sink beside it.
func record(t testing.TB, path string, workload func(p *libpmemobj.Pool, ack func(worker int, n uint64))) *recording {
	t.Helper()
	file, err := os.ReadFile(path)
	require.NoError(t, err)
	p, err := libpmemobj.Open(path, layout, journal.With(small))
	require.NoError(t, err)
	r := &recording{acks: map[int][]int{}}
	var log *flushlog.Log
	require.NoError(t, p.Quiescent(func(base unsafe.Pointer, size int64) (err error) {
		memory := unsafe.Slice((*byte)(base), size)
		log, err = flushlog.Start(memory)
		r.base = slices.Clone(memory)
		copy(r.base[:header], file)
		return err
	}))
	var mu sync.Mutex
	workload(p, func(worker int, n uint64) {
		at := log.Count()
		mu.Lock()
		defer mu.Unlock()
		require.EqualValues(t, len(r.acks[worker])+1, n)
		r.acks[worker] = append(r.acks[worker], at)
	})
	r.flushes = log.Stop()
	require.NoError(t, p.Close())
	return r
}

// acked is what a worker was promised when there had been k flushes.
func (r *recording) acked(worker, k int) uint64 {
	n, _ := slices.BinarySearchFunc(r.acks[worker], k, func(at, k int) int {
		if at <= k {
			return -1
		}
		return 1
	})
	return uint64(n)
}

func apply(image []byte, f flushlog.Flush, which func(line int) bool) {
	const line = 64
	for i := 0; i < len(f.Data); i += line {
		if f.Off+i >= header && which(i/line) {
			copy(image[f.Off+i:], f.Data[i:i+line])
		}
	}
}

func every(int) bool { return true }

// check opens images of prefixes of the flushes, about n of them, some of which
// have a part of the lines of one more flush.
func (r *recording) check(t testing.TB, path string, n int, look func(p *libpmemobj.Pool, acked func(worker int) uint64) error) {
	t.Helper()
	rnd := rand.New(rand.NewPCG(rand.Uint64(), 0))
	ks := []int{0, len(r.flushes)}
	for range n - 2 {
		ks = append(ks, rnd.IntN(len(r.flushes)+1))
	}
	slices.Sort(ks)
	ks = slices.Compact(ks)
	image, done, torn := slices.Clone(r.base), 0, 0
	for i, k := range ks {
		for ; done < k; done++ {
			apply(image, r.flushes[done], every)
		}
		what := fmt.Sprintf("%d of %d flushes", k, len(r.flushes))
		crashed := image
		if i%2 == 1 && k < len(r.flushes) {
			what += fmt.Sprintf(", and a part of %d lines", len(r.flushes[k].Data)/64)
			crashed = slices.Clone(image)
			apply(crashed, r.flushes[k], func(int) bool { return rnd.IntN(2) == 0 })
			torn++
		}
		require.NoError(t, os.WriteFile(path, crashed, 0o600))
		if i%16 == 3 {
			require.NoError(t, testpool.PmempoolCheck(t, path), what)
		}
		p, err := libpmemobj.Open(path, layout, libpmemobj.WithVerify(), libpmemobj.WithDurability(libpmemobj.DurabilityProcessCrash))
		require.NoError(t, err, what)
		require.NoError(t, look(p, func(worker int) uint64 { return r.acked(worker, k) }), what)
		require.NoError(t, p.Close(), what)
	}
	t.Logf("crashtest: %d images at %d crash points (0 equal ones skipped), 0 failures; %d with a torn flush", len(ks), len(r.flushes)+1, torn)
}

// images is how many images a test checks: a few, or those of a long run.
func images(few int) int {
	n, err := strconv.Atoi(flag.Lookup("crashtest.images").Value.String())
	switch {
	case err == nil && n > 0:
		return n
	case testing.Short():
		return few / 4
	}
	return few
}

// plainPool makes a pool without a journal.
func plainPool(t testing.TB, size int64) (path string) {
	t.Helper()
	path = testpool.Path(t)
	p, err := libpmemobj.Create(path, layout, libpmemobj.WithSize(size), libpmemobj.WithDurability(libpmemobj.DurabilityProcessCrash))
	require.NoError(t, err)
	require.NoError(t, p.Close())
	return path
}

// Ensure that every prefix of the order of the flushes, as a journal keeps it, is
// a pool that recovers, with all that was acknowledged by then and nothing of
// what came later: one goroutine, all sorts of changes.
func TestCrashPrefixes(t *testing.T) {
	t.Parallel()
	effective(t)
	path := plainPool(t, 16<<20)
	const n = 260
	r := record(t, path, func(p *libpmemobj.Pool, ack func(int, uint64)) {
		m, err := openMix(p)
		require.NoError(t, err)
		for i := range uint64(n) {
			require.NoError(t, m.change(i+1), "change %d", i+1)
			ack(0, i+1)
		}
	})
	noticed := 0
	r.check(t, path, images(60), func(p *libpmemobj.Pool, acked func(int) uint64) error {
		m, err := openMix(p)
		if err != nil {
			return err
		}
		if m.check(acked(0)+2) != nil {
			noticed++
		}
		return m.check(acked(0))
	})
	require.NotZero(t, noticed, "the check finds nothing missing")
}

// Ensure the same for goroutines that change a pool side by side, whose flushes
// are mixed.
func TestCrashPrefixesParallel(t *testing.T) {
	t.Parallel()
	effective(t)
	path := plainPool(t, 16<<20)
	p, err := libpmemobj.Open(path, layout, libpmemobj.WithDurability(libpmemobj.DurabilityProcessCrash))
	require.NoError(t, err)
	_, err = openWork(p)
	require.NoError(t, err)
	require.NoError(t, p.Close())
	var left atomic.Int64
	left.Store(400)
	r := record(t, path, func(p *libpmemobj.Pool, ack func(int, uint64)) {
		w, err := openWork(p)
		require.NoError(t, err)
		var wg sync.WaitGroup
		for i := range writers {
			wg.Go(func() {
				for n := uint64(1); left.Add(-1) >= 0; n++ {
					if err := w.change(i, n); err != nil {
						t.Error(err)
						return
					}
					ack(i, n)
				}
			})
		}
		wg.Wait()
	})
	r.check(t, path, images(50), func(p *libpmemobj.Pool, acked func(int) uint64) error {
		w, err := openWork(p)
		for i := 0; i < writers && err == nil; i++ {
			_, err = w.check(i, acked(i))
		}
		return err
	})
}

// Ensure that no crash, as persistent memory has them, breaks a pool whose
// flushes go to a journal and to the recorder: the journal must see no other
// order than a processor would.
func TestCrashRecorded(t *testing.T) {
	c := crashtest.Config{Layout: layout, Size: 16 << 20, Options: []libpmemobj.Option{journal.With(small)}}
	if !testing.Short() {
		c.Images = 120
	}
	crashtest.Run(t, c, func(p *libpmemobj.Pool) error {
		m, err := openMix(p)
		for i := uint64(1); i <= 100 && err == nil; i++ {
			err = m.change(i)
			crashtest.Ack(int64(i))
		}
		return err
	}, func(p *libpmemobj.Pool, acked crashtest.Acked) error {
		m, err := openMix(p)
		if err != nil {
			return err
		}
		return m.check(uint64(acked.Last()))
	})
}
