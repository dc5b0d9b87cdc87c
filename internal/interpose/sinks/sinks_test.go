package sinks_test

import (
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/internal/interpose"
	"github.com/pmem/pmdk-go/internal/interpose/sinks/internal/probe"
	"github.com/pmem/pmdk-go/internal/leaktest"
	"github.com/pmem/pmdk-go/libpmem"
)

func TestMain(m *testing.M) {
	os.Setenv("PMEM_IS_PMEM_FORCE", "1") // libpmem's mappings are to flush
	leaktest.Main(m)
}

var all = []probe.Kind{
	probe.IsPmem, probe.Flush, probe.Drain, probe.Sync, probe.Unmap,
	probe.TxBegin, probe.TxEnd, probe.Snapshot, probe.Alloc,
}

func mapped(t testing.TB) *libpmem.Mapping {
	t.Helper()
	if !interpose.Effective {
		t.Skip("shared libraries were linked elsewhere")
	}
	m, err := libpmem.Map(filepath.Join(t.TempDir(), "file"), libpmem.Create(1<<16, 0o600))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, m.Close()) })
	return m
}

// Ensure that both sinks of a range are told the same, in the same order,
// each as much as it wants; and that nothing is said about other memory.
func TestTwoSinks(t *testing.T) {
	m, other := mapped(t), mapped(t)
	r, err := probe.Add(m.Bytes())
	require.NoError(t, err)
	every, err := r.Attach(all...)
	require.NoError(t, err)
	flushes, err := r.Attach(probe.Flush)
	require.NoError(t, err)
	_, err = r.Attach(probe.Flush)
	require.Error(t, err, "there are two sinks at most")

	require.NoError(t, m.Flush(100, 10))
	require.NoError(t, m.Drain())
	require.NoError(t, m.Persist(200, 20))
	require.NoError(t, other.Flush(0, 64))
	require.NoError(t, m.CopyAt(300, make([]byte, 30), libpmem.NoDrain))
	require.NoError(t, m.CopyAt(400, make([]byte, 30), libpmem.NoFlush))
	require.NoError(t, m.SetAt(500, 50, 1, 0))
	require.NoError(t, m.MoveAt(600, 500, 60, 0))
	require.NoError(t, m.Msync(700, 70))
	require.NoError(t, m.DeepPersist(800, 80))
	require.NoError(t, other.Drain(), "a fence is one for everything")
	flush := func(off, n int) probe.Event { return probe.Event{Kind: probe.Flush, Off: off, Len: n} }
	drain := probe.Event{Kind: probe.Drain}
	want := []probe.Event{
		flush(100, 10), drain,
		flush(200, 20), drain,
		flush(300, 30),
		flush(500, 50), drain,
		flush(600, 60), drain,
		{Kind: probe.Sync, Off: 700, Len: 70},
		flush(800, 80), drain,
		drain,
	}
	for i := range want {
		want[i].Seq = uint64(i + 1)
	}
	require.Equal(t, want, every.Detach())
	var only []probe.Event
	for _, e := range want {
		if e.Kind == probe.Flush {
			only = append(only, e)
		}
	}
	require.NoError(t, m.Drain(), "wanted by nobody: no number is used")
	require.NoError(t, m.Flush(0, 1))
	only = append(only, probe.Event{Kind: probe.Flush, Seq: uint64(len(want) + 1), Len: 1})
	require.Equal(t, only, flushes.Detach())
	r.Remove()
	require.NoError(t, m.Persist(0, 64))
}

// Ensure that who watches a part of a range shares it, until the last one has
// removed it, and that a handle of a range that is gone does nothing, not even
// to the next one in its place.
func TestShared(t *testing.T) {
	m := mapped(t)
	r, err := probe.Add(m.Bytes()[:8192])
	require.NoError(t, err)
	all, err := r.Attach(probe.Flush)
	require.NoError(t, err)
	part, err := probe.Add(m.Bytes()[4096:8192])
	require.NoError(t, err)
	other, err := part.Attach(probe.Flush)
	require.NoError(t, err)
	_, err = probe.Add(m.Bytes()[4096:8193])
	require.ErrorIs(t, err, unix.EEXIST)
	_, err = probe.Add(m.Bytes())
	require.ErrorIs(t, err, unix.EEXIST)

	require.NoError(t, m.Flush(4096, 64))
	r.Remove()
	require.NoError(t, m.Flush(4100, 64))
	require.Len(t, all.Detach(), 2)
	part.Remove()
	require.NoError(t, m.Flush(4096, 64))
	require.Equal(t, []probe.Event{{Kind: probe.Flush, Seq: 1, Len: 64}, {Kind: probe.Flush, Seq: 2, Off: 4, Len: 64}}, other.Detach())

	next, err := probe.Add(m.Bytes())
	require.NoError(t, err)
	p, err := next.Attach(probe.Flush)
	require.NoError(t, err)
	part.Remove()
	_, err = r.Attach(probe.Flush)
	require.ErrorIs(t, err, unix.ENXIO)
	require.NoError(t, m.Flush(0, 64))
	require.Len(t, p.Detach(), 1)
	next.Remove()
}

// Ensure that a range ends where it is unmapped, and with it what is watched.
func TestUnmap(t *testing.T) {
	m := mapped(t)
	r, err := probe.Add(m.Bytes())
	require.NoError(t, err)
	p, err := r.Attach(all...)
	require.NoError(t, err)
	require.NoError(t, m.Close())
	require.Equal(t, []probe.Event{{Kind: probe.Unmap, Seq: 1, Len: 1 << 16}}, p.Detach())
}

// Ensure that a length that leads out of the range is cut off.
func TestClamp(t *testing.T) {
	m := mapped(t)
	r, err := probe.Add(m.Bytes()[:4096])
	require.NoError(t, err)
	defer r.Remove()
	p, err := r.Attach(probe.Flush)
	require.NoError(t, err)
	require.NoError(t, m.Flush(4000, 4096))
	require.NoError(t, m.Flush(4096, 64))
	require.Equal(t, []probe.Event{{Kind: probe.Flush, Seq: 1, Off: 4000, Len: 96}}, p.Detach())
}

// Ensure that numbers are unique and without gaps while many threads flush.
func TestSequence(t *testing.T) {
	m := mapped(t)
	r, err := probe.Add(m.Bytes())
	require.NoError(t, err)
	defer r.Remove()
	p, err := r.Attach(probe.Flush, probe.Drain)
	require.NoError(t, err)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 200 {
				_ = m.Persist(0, 8)
			}
		})
	}
	wg.Wait()
	events := p.Detach()
	require.Len(t, events, 1600)
	for i, e := range events {
		require.EqualValues(t, i+1, e.Seq)
	}
}

// What a program that carries the wraps pays while nothing is watched.
func BenchmarkNotWatched(b *testing.B) {
	m := mapped(b)
	b.Run("drain", func(b *testing.B) {
		for b.Loop() {
			_ = m.Drain()
		}
	})
	b.Run("persist", func(b *testing.B) {
		for b.Loop() {
			_ = m.Persist(0, 8)
		}
	})
}
