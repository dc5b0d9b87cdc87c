package journal_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/internal/testpool"
	"github.com/pmem/pmdk-go/libpmemobj"
	"github.com/pmem/pmdk-go/libpmemobj/journal"
)

// Ensure that a pool with a journal is a plain pool after Close, and none that
// others open before, and that what was changed is there.
func TestPool(t *testing.T) {
	effective(t)
	path := testpool.Path(t)
	p, err := libpmemobj.Create(path, layout, libpmemobj.WithSize(16<<20), journal.With(journal.Options{}))
	require.NoError(t, err)
	require.Equal(t, libpmemobj.DurabilityJournal, p.Durability())
	w, err := openWork(p)
	require.NoError(t, err)
	var wg sync.WaitGroup
	for i := range writers {
		wg.Go(func() {
			for n := range uint64(500) {
				require.NoError(t, w.change(i, n+1))
			}
		})
	}
	wg.Wait()
	require.NoError(t, p.Sync(context.Background()))

	_, err = libpmemobj.Open(path, layout)
	require.ErrorIs(t, err, unix.EAGAIN)
	out, err := exec.Command("pmempool", "info", path).CombinedOutput()
	if _, missing := exec.LookPath("pmempool"); missing == nil {
		require.Error(t, err, "%s", out)
	}
	s, err := journal.ReadStatus(path + journal.Suffix)
	require.NoError(t, err)
	require.NotZero(t, s.Batches)
	pages, err := journal.Trim(p)
	require.NoError(t, err)
	require.NotZero(t, pages)
	for i := range writers {
		n, err := w.check(i, 500)
		require.NoError(t, err)
		require.EqualValues(t, 500, n)
		require.NoError(t, w.change(i, 501))
	}
	require.NoError(t, p.Close())
	testpool.Check(t, path)

	p, err = libpmemobj.Open(path, layout)
	require.NoError(t, err)
	w, err = openWork(p)
	require.NoError(t, err)
	for i := range writers {
		_, err := w.check(i, 501)
		require.NoError(t, err)
	}
	require.NoError(t, p.Close())
	require.FileExists(t, path+journal.Suffix)
	require.NoError(t, os.Remove(path+journal.Suffix), "nobody needs it now")
}

func BenchmarkPut(b *testing.B) {
	for _, g := range []int{1, 16, 64, 256} {
		b.Run(fmt.Sprint(g), func(b *testing.B) {
			path := b.TempDir() + "/pool"
			p, err := libpmemobj.Create(path, layout, libpmemobj.WithSize(256<<20), journal.With(journal.Options{}))
			require.NoError(b, err)
			w, err := openWork(p)
			require.NoError(b, err)
			var wg sync.WaitGroup
			b.ResetTimer()
			for i := range g {
				wg.Go(func() {
					var k [16]byte
					v := make([]byte, 64)
					for n := range b.N / g {
						k[0], k[1], k[2], k[3], k[4] = byte(i), byte(i>>8), byte(n), byte(n>>8), byte(n>>16)
						if err := w.m.Put(k[:], v); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			wg.Wait()
			b.StopTimer()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "ops/s")
			require.NoError(b, p.Close())
		})
	}
}

// Ensure that a journal is as large as the pool deserves or the program wants,
// and that one that exists stays unless the program wants another.
func TestSize(t *testing.T) {
	effective(t)
	path := testpool.Path(t)
	segment := func(o journal.Options, opts ...libpmemobj.Option) (int64, int) {
		p, err := libpmemobj.OpenOrCreate(path, layout, append(opts, journal.With(o))...)
		require.NoError(t, err)
		s, err := journal.StatsOf(p)
		require.NoError(t, err)
		require.NoError(t, p.Close())
		st, err := os.Stat(path + journal.Suffix)
		require.NoError(t, err)
		require.Greater(t, st.Size(), s.SegmentSize*int64(s.Segments))
		return s.SegmentSize, s.Segments
	}
	size, n := segment(journal.Options{}, libpmemobj.WithSize(16<<20))
	require.EqualValues(t, journal.MinDefaultSegment, size)
	require.Equal(t, journal.DefaultSegments, n)
	size, n = segment(small)
	require.EqualValues(t, journal.MinSegment, size)
	require.Equal(t, 2, n)
	size, n = segment(journal.Options{})
	require.EqualValues(t, journal.MinSegment, size)
	require.Equal(t, 2, n)
	size, n = segment(journal.Options{Segments: 3})
	require.EqualValues(t, journal.MinDefaultSegment, size)
	require.Equal(t, 3, n)

	for _, o := range []journal.Options{{SegmentSize: 1 << 20}, {SegmentSize: journal.MinSegment + 1}, {Segments: 1}, {Segments: -1}} {
		_, err := libpmemobj.Open(path, layout, journal.With(o))
		require.ErrorContains(t, err, "at least", "%+v", o)
	}
	testpool.Check(t, path)
}
