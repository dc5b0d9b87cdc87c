package record_test

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/interpose"
	"github.com/pmem/pmdk-go/internal/leaktest"
	"github.com/pmem/pmdk-go/libpmem"
	"github.com/pmem/pmdk-go/libpmem/crashtest/internal/record"
	"github.com/pmem/pmdk-go/libpmem/crashtest/internal/record/internal/privatemap"
	"github.com/pmem/pmdk-go/libpmem/crashtest/internal/trace"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// watched is a mapping of n bytes and a recorder that has begun.
func watched(t testing.TB, n int64) (*libpmem.Mapping, *record.Recorder) {
	t.Helper()
	if !interpose.Effective {
		t.Skip(record.ErrNotEffective)
	}
	var m *libpmem.Mapping
	r, err := record.Watch(func() (err error) {
		m, err = libpmem.Map(filepath.Join(t.TempDir(), "file"), libpmem.Create(n, 0o600))
		return err
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, m.Close()) })
	require.NoError(t, r.Start())
	return m, r
}

// requireLine asserts that an event happened in a function, or in what it called.
func requireLine(t *testing.T, tr *trace.Trace, e trace.Event, function string) {
	t.Helper()
	pcs := slices.Clone(tr.Stacks[e.Stack])
	require.NotEmpty(t, pcs)
	if e.Kind == trace.Store {
		pcs[0]++ // frames are looked up before a return address
	}
	var names []string
	frames := runtime.CallersFrames(pcs)
	for more := true; more; {
		var f runtime.Frame
		if f, more = frames.Next(); strings.HasSuffix(f.Function, function) {
			return
		}
		names = append(names, f.Function)
	}
	t.Fatalf("event %+v is not in %s but in %s", e, function, names)
}

//go:noinline
func storeWord(b []byte, v uint64) { *(*uint64)(unsafe.Pointer(&b[0])) = v }

//go:noinline
func storeAndFlush(m *libpmem.Mapping) error {
	storeWord(m.Bytes()[64:], 5)
	return m.Flush(64, 8)
}

// Ensure that stores and what follows are there, in order, with the code that
// did it.
func TestOrder(t *testing.T) {
	m, r := watched(t, 8192)
	storeWord(m.Bytes(), 7)
	storeWord(m.Bytes()[8:], 7)
	require.NoError(t, storeAndFlush(m))
	require.NoError(t, m.Drain())
	record.Mark(3, 9)
	record.Pause()
	require.NoError(t, m.SetAt(4096, 64, 0xff, 0))
	record.Resume()
	require.NoError(t, m.Msync(0, 100))
	storeWord(m.Bytes()[72:], 1)
	tr, err := r.Stop()
	require.NoError(t, err)

	require.Equal(t, make([]byte, 8192), tr.Base)
	want := []struct {
		kind  trace.Kind
		off   uint64
		len   uint64
		words uint8
		in    string
	}{
		{trace.Store, 0, 64, 1, "storeWord"},
		{trace.Store, 0, 64, 2, "storeWord"},
		{trace.Store, 64, 64, 1, "storeAndFlush"},
		{trace.Flush, 64, 8, 0, "storeAndFlush"},
		{trace.Fence, 0, 0, 0, "TestOrder"},
		{trace.Mark, 0, 0, 0, "TestOrder"},
		{trace.Pause, 0, 0, 0, "TestOrder"},
		{trace.Store, 4096, 64, 255, "TestOrder"},
		{trace.Flush, 4096, 64, 0, "TestOrder"},
		{trace.Fence, 0, 0, 0, "TestOrder"},
		{trace.Resume, 0, 0, 0, "TestOrder"},
		{trace.Sync, 0, 100, 0, "TestOrder"},
		{trace.Store, 64, 64, 2, "TestOrder"},
	}
	events := coalesced(tr.Events)
	require.Len(t, events, len(want), "%+v", events)
	for i, w := range want {
		e := events[i]
		require.Equal(t, w.kind, e.Kind, "event %d: %+v", i, e)
		require.Equal(t, w.off, e.Off, "event %d: %+v", i, e)
		require.Equal(t, w.words, e.Words, "event %d: %+v", i, e)
		if w.kind != trace.Store {
			require.Equal(t, w.len, e.Len, "event %d: %+v", i, e)
		}
		requireLine(t, tr, e, w.in)
	}
	require.EqualValues(t, 3, events[5].Worker)
	require.EqualValues(t, 9, events[5].N)
	require.EqualValues(t, 7, events[1].Data[8])
}

// coalesced joins the steps of a copy, whose number is libpmem's affair.
func coalesced(events []trace.Event) (all []trace.Event) {
	for _, e := range events {
		if n := len(all) - 1; e.Kind == trace.Store && n >= 0 && all[n].Kind == trace.Store &&
			all[n].Off == e.Off && e.Off == 4096 {
			e.Words |= all[n].Words
			all[n] = e
			continue
		}
		all = append(all, e)
	}
	return all
}

// Ensure that what many goroutines store is all there, whatever they write
// with, and that the recording ends with what the file holds.
func TestNothingMissed(t *testing.T) {
	const each = 64 << 10
	m, r := watched(t, 4*each)
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			b := m.Bytes()[i*each : (i+1)*each]
			for n := range 300 {
				at := (n * 1327) % (each - 600)
				switch n % 4 {
				case 0:
					storeWord(b[at&^7:], uint64(n))
				case 1:
					copy(b[at:], bytes.Repeat([]byte{byte(n)}, n))
				case 2:
					clear(b[at : at+n])
				case 3:
					_ = m.CopyAt(i*each+at, bytes.Repeat([]byte{byte(n)}, n), 0)
				}
				if n%8 == 0 {
					_ = m.Persist(i*each+at, 8)
				}
			}
		})
	}
	wg.Wait()
	tr, err := r.Stop()
	require.NoError(t, err)
	file := tr.Base
	for _, e := range tr.Events {
		if e.Kind == trace.Store {
			copy(file[e.Off:], e.Data[:])
		}
	}
	require.Equal(t, m.Bytes(), file)
}

// Ensure that faults that are not the recorder's are still Go's.
func TestOtherFaults(t *testing.T) {
	m, r := watched(t, 4096)
	require.Panics(t, func() {
		var p *[10]int
		p[3] = 1 //nolint:nilness
	})
	storeWord(m.Bytes(), 1)
	tr, err := r.Stop()
	require.NoError(t, err)
	require.Len(t, tr.Events, 1)
	require.Panics(t, func() {
		var p *[10]int
		p[3] = 1 //nolint:nilness
	})
}

// Ensure that a file that is mapped privately does not change.
func TestPrivate(t *testing.T) {
	if !interpose.Effective {
		t.Skip(record.ErrNotEffective)
	}
	path := filepath.Join(t.TempDir(), "file")
	m, err := libpmem.Map(path, libpmem.Create(4096, 0o600))
	require.NoError(t, err)
	defer m.Close()
	require.NoError(t, record.Private(func() error {
		private, err := libpmem.Map(path)
		require.NoError(t, err)
		require.NoError(t, private.SetAt(0, 4096, 0xaa, 0))
		return private.Close()
	}))
	require.Equal(t, make([]byte, 4096), m.Bytes())
}

// Ensure that a private mapping that another sink listens to is recorded, and
// that both are told of every flush.
func TestPrivateWithSink(t *testing.T) {
	if !interpose.Effective {
		t.Skip(record.ErrNotEffective)
	}
	f, err := os.Create(filepath.Join(t.TempDir(), "file"))
	require.NoError(t, err)
	defer f.Close()
	content := bytes.Repeat([]byte{7}, 8192)
	_, err = f.Write(content)
	require.NoError(t, err)

	var m *privatemap.Mapping
	r, err := record.Watch(func() (err error) {
		m, err = privatemap.Map(f, 8192)
		return err
	})
	require.NoError(t, err)
	defer m.Close()
	m.Persist(0, 64)
	require.NoError(t, r.Start())
	storeWord(m.Bytes(), 5)
	m.Persist(0, 8)
	storeWord(m.Bytes()[4096:], 6)
	m.Persist(4096, 8)
	tr, err := r.Stop()
	require.NoError(t, err)
	m.Persist(0, 64)

	require.Equal(t, 4, m.Flushes())
	require.Equal(t, content, tr.Base)
	want := []trace.Kind{trace.Store, trace.Flush, trace.Fence, trace.Store, trace.Flush, trace.Fence}
	var kinds []trace.Kind
	file := tr.Base
	for _, e := range tr.Events {
		kinds = append(kinds, e.Kind)
		if e.Kind == trace.Store {
			copy(file[e.Off:], e.Data[:])
		}
	}
	require.Equal(t, want, kinds)
	require.Equal(t, m.Bytes(), file)
	require.NotEqual(t, content, file)
	now, err := os.ReadFile(f.Name())
	require.NoError(t, err)
	require.Equal(t, content, now)
}

func TestMisuse(t *testing.T) {
	if !interpose.Effective {
		t.Skip(record.ErrNotEffective)
	}
	_, err := record.Watch(func() error { return nil })
	require.ErrorContains(t, err, "no file was mapped")
	var m *libpmem.Mapping
	r, err := record.Watch(func() (err error) {
		m, err = libpmem.Map(filepath.Join(t.TempDir(), "file"), libpmem.Create(4096, 0o600))
		return err
	})
	require.NoError(t, err)
	defer m.Close()
	_, err = r.Stop()
	require.ErrorContains(t, err, "not begun")
	record.Mark(1, 2) // goes nowhere
}

func BenchmarkRecording(b *testing.B) {
	m, r := watched(b, 8<<20)
	for b.Loop() {
		storeWord(m.Bytes(), uint64(b.N))
		_ = m.Persist(0, 8)
		storeWord(m.Bytes(), 0)
		_ = m.Persist(0, 8)
	}
	_, err := r.Stop()
	require.NoError(b, err)
}
