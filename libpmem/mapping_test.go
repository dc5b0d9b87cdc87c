package libpmem_test

import (
	"bytes"
	"errors"
	"io"
	"math"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/libpmem"
)

// rangeMethods are all methods that take an offset and a length.
func rangeMethods(m *libpmem.Mapping) map[string]func(off, n int) error {
	return map[string]func(off, n int) error{
		"Persist":     m.Persist,
		"Flush":       m.Flush,
		"Msync":       m.Msync,
		"DeepFlush":   m.DeepFlush,
		"DeepDrain":   m.DeepDrain,
		"DeepPersist": m.DeepPersist,
		"SetAt":       func(off, n int) error { return m.SetAt(off, n, 7, 0) },
		"MoveAt dst":  func(off, n int) error { return m.MoveAt(off, 0, n, 0) },
		"MoveAt src":  func(off, n int) error { return m.MoveAt(0, off, n, 0) },
	}
}

func TestMappingRanges(t *testing.T) {
	const size = 64 << 10
	m := newMapping(t, size)
	tests := []struct {
		name   string
		off, n int
		ok     bool
	}{
		{"all", 0, size, true},
		{"one line", 64, 64, true},
		{"unaligned", 4095, 3, true},
		{"more than a leaf call", 1, 40 << 10, true},
		{"last byte", size - 1, 1, true},
		{"empty", 17, 0, true},
		{"empty at the end", size, 0, true},
		{"one too many", 1, size, false},
		{"past the end", size, 1, false},
		{"empty past the end", size + 1, 0, false},
		{"negative offset", -1, 1, false},
		{"negative length", 10, -1, false},
		{"sum overflows", math.MaxInt, math.MaxInt, false},
		{"sum is in range again", 16, math.MinInt, false},
		{"smallest", math.MinInt, math.MinInt, false},
	}
	for _, tt := range tests {
		for name, method := range rangeMethods(m) {
			err := method(tt.off, tt.n)
			if tt.ok {
				require.NoError(t, err, "%s, %s", tt.name, name)
				continue
			}
			requireErrno(t, err, unix.EINVAL, "are not within the mapping of 65536 bytes", m.Path())
		}
	}
}

func TestMappingCopyMoveSet(t *testing.T) {
	m := newMapping(t, 256<<10)
	b := m.Bytes()
	for _, n := range []int{1, 7, 8, 63, 64, 65, 4096, 32 << 10, 32<<10 + 1, 100_000} {
		src := bytes.Repeat([]byte("abcdefghijk"), n/11+1)[:n]
		require.NoError(t, m.CopyAt(3, src, 0))
		require.Equal(t, src, b[3:3+n])
		require.NoError(t, m.MoveAt(8, 3, n, 0), "ranges may overlap")
		require.Equal(t, src, b[8:8+n])
		require.NoError(t, m.MoveAt(0, 8, n, libpmem.NoDrain))
		require.NoError(t, m.Drain())
		require.Equal(t, src, b[:n])
		require.NoError(t, m.SetAt(1, n, 'x', 0))
		require.Equal(t, bytes.Repeat([]byte{'x'}, n), b[1:1+n])
		require.Equal(t, src[0], b[0])
		clear(b)
	}
}

func TestMappingCopyRefuses(t *testing.T) {
	m := newMapping(t, 4096)
	requireErrno(t, m.CopyAt(4090, make([]byte, 7), 0), unix.EINVAL, "7 bytes at offset 4090")
	requireErrno(t, m.CopyAt(-1, []byte("x"), 0), unix.EINVAL, "offset -1")
	requireErrno(t, m.CopyAt(10, m.Bytes()[5:15], 0), unix.EINVAL, "overlap")
	requireErrno(t, m.CopyAt(10, m.Bytes()[15:25], libpmem.NoFlush), unix.EINVAL, "overlap")
}

func TestMappingCopyNothing(t *testing.T) {
	m := newMapping(t, 4096)
	assert.NoError(t, m.CopyAt(4096, nil, 0))
	assert.NoError(t, m.CopyAt(0, []byte{}, 0))
	_, err := m.WriteAt(nil, 4096)
	assert.NoError(t, err)
}

func TestMappingReaderAndWriter(t *testing.T) {
	m := newMapping(t, 100)
	n, err := m.WriteAt([]byte("0123456789"), 90)
	require.NoError(t, err)
	assert.Equal(t, 10, n)

	tests := []struct {
		name string
		n    int
		off  int64
		want string
		err  error
	}{
		{"middle", 3, 92, "234", nil},
		{"up to the end", 10, 90, "0123456789", nil},
		{"past the end", 11, 95, "56789", io.EOF},
		{"at the end", 1, 100, "", io.EOF},
		{"nothing at the end", 0, 100, "", nil},
		{"far out", 1, math.MaxInt64, "", io.EOF},
		{"nothing", 0, 5, "", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := make([]byte, tt.n)
			n, err := m.ReadAt(p, tt.off)
			assert.Equal(t, tt.err, err)
			assert.Equal(t, tt.want, string(p[:n]))
		})
	}
	_, err = m.ReadAt(make([]byte, 1), -1)
	requireErrno(t, err, unix.EINVAL, "negative offset -1")

	// Ensure that what doesn't fit is not written in part.
	for _, off := range []int64{91, 100, -1, math.MaxInt64, math.MinInt64} {
		n, err = m.WriteAt([]byte("abcdefghij"), off)
		assert.Zero(t, n)
		requireErrno(t, err, unix.EINVAL, "write", "not within the mapping of 100 bytes")
	}
	assert.Equal(t, "0123456789", string(m.Bytes()[90:]))

	// Ensure that the standard library's wrappers work on a mapping.
	all, err := io.ReadAll(io.NewSectionReader(m, 0, int64(m.Len())))
	require.NoError(t, err)
	assert.Equal(t, m.Bytes(), all)
	_, err = io.Copy(io.NewOffsetWriter(m, 0), bytes.NewReader(make([]byte, 100)))
	require.NoError(t, err)
	assert.Equal(t, make([]byte, 100), m.Bytes())
}

func TestMappingSync(t *testing.T) {
	m := newMapping(t, 1<<20)
	copy(m.Bytes(), "stored")
	require.NoError(t, m.Sync())
	data, err := os.ReadFile(m.Path())
	require.NoError(t, err)
	assert.Equal(t, "stored", string(data[:6]))
}

// Ensure that everything after Close is ErrClosed, and Close itself nil.
func TestMappingAfterClose(t *testing.T) {
	m, stale := closedMapping(t)
	require.NoError(t, m.Close(), "Close is idempotent")
	for name, method := range rangeMethods(m) {
		assert.ErrorIs(t, method(0, 64), libpmem.ErrClosed, name)
		assert.ErrorIs(t, method(0, 0), libpmem.ErrClosed, "%s of nothing", name)
		assert.ErrorIs(t, method(-1, 9999), libpmem.ErrClosed, "%s out of range", name)
	}
	assert.ErrorIs(t, m.CopyAt(0, []byte("x"), 0), libpmem.ErrClosed)
	assert.ErrorIs(t, m.Drain(), libpmem.ErrClosed)
	assert.ErrorIs(t, m.Sync(), libpmem.ErrClosed)
	_, err := m.ReadAt(make([]byte, 1), 0)
	assert.ErrorIs(t, err, libpmem.ErrClosed)
	_, err = m.WriteAt(make([]byte, 1), 0)
	assert.ErrorIs(t, err, libpmem.ErrClosed)
	assert.Nil(t, m.Bytes())
	assert.Equal(t, 8192, m.Len())
	assert.NotEmpty(t, m.Path())

	for name, function := range sliceFunctions() {
		assert.ErrorIs(t, function(stale), libpmem.ErrNotMapped, name)
	}
	assert.False(t, libpmem.IsPmem(stale))
}

// Ensure that a Mapping that Map didn't make behaves like a closed one.
func TestMappingZero(t *testing.T) {
	var m libpmem.Mapping
	for name, method := range rangeMethods(&m) {
		assert.ErrorIs(t, method(0, 0), libpmem.ErrClosed, name)
		assert.ErrorIs(t, method(0, 1), libpmem.ErrClosed, name)
	}
	assert.ErrorIs(t, m.CopyAt(0, nil, 0), libpmem.ErrClosed)
	assert.ErrorIs(t, m.CopyAt(0, []byte("x"), 0), libpmem.ErrClosed)
	assert.ErrorIs(t, m.Drain(), libpmem.ErrClosed)
	_, err := m.ReadAt(nil, 0)
	assert.ErrorIs(t, err, libpmem.ErrClosed)
	_, err = m.WriteAt(nil, 0)
	assert.ErrorIs(t, err, libpmem.ErrClosed)
	assert.Nil(t, m.Bytes())
	assert.Zero(t, m.Len())
	assert.Empty(t, m.Path())
	assert.False(t, m.IsPmem())
	assert.NoError(t, m.Close())
}

// Ensure that nothing faults when a mapping is closed while others are in the
// middle of everything: they see ErrClosed or ErrNotMapped from some moment
// on, and Close succeeds in the end.
func TestMappingCloseUnderUse(t *testing.T) {
	src := make([]byte, 100)
	large := make([]byte, 40<<10)
	users := map[string]func(m *libpmem.Mapping, b []byte) error{
		"Persist":     func(m *libpmem.Mapping, b []byte) error { return m.Persist(0, 64) },
		"long Flush":  func(m *libpmem.Mapping, b []byte) error { return m.Flush(0, 40<<10) },
		"CopyAt":      func(m *libpmem.Mapping, b []byte) error { return m.CopyAt(0, src, 0) },
		"long CopyAt": func(m *libpmem.Mapping, b []byte) error { return m.CopyAt(4096, large, 0) },
		"SetAt":       func(m *libpmem.Mapping, b []byte) error { return m.SetAt(200, 100, 1, libpmem.NoFlush) },
		"Memcpy":      func(m *libpmem.Mapping, b []byte) error { return libpmem.Memcpy(b, src, 0) },
		"Memmove":     func(m *libpmem.Mapping, b []byte) error { return libpmem.Memmove(b[300:], src, libpmem.NoDrain) },
		"Flush":       func(m *libpmem.Mapping, b []byte) error { return libpmem.Flush(b[:64]) },
		"DeepPersist": func(m *libpmem.Mapping, b []byte) error { return libpmem.DeepPersist(b[:64]) },
		"WriteAt":     func(m *libpmem.Mapping, b []byte) error { _, err := m.WriteAt(src, 60<<10); return err },
		"ReadAt":      func(m *libpmem.Mapping, b []byte) error { _, err := m.ReadAt(make([]byte, 64), 60<<10); return err },
	}
	for range 6 {
		m := newMapping(t, 64<<10)
		b := m.Bytes()
		var used atomic.Int64
		var wg sync.WaitGroup
		for name, use := range users {
			wg.Go(func() {
				// Not for ever: on an ordinary file there is always somebody
				// in an msync, and Close would find it busy every time.
				for range 60 {
					err := use(m, b)
					if errors.Is(err, libpmem.ErrClosed) || errors.Is(err, libpmem.ErrNotMapped) {
						return
					}
					if !assert.NoError(t, err, name) {
						return
					}
					used.Add(1)
				}
			})
		}
		for range 2 {
			wg.Go(func() {
				for used.Load() < 100 {
					runtime.Gosched()
				}
				for {
					err := m.Close()
					if err == nil {
						return
					}
					if !assert.ErrorIs(t, err, libpmem.ErrBusy) {
						return
					}
					runtime.Gosched()
				}
			})
		}
		wg.Wait()
	}
}

// Ensure that many mappings may come and go while others are used.
func TestMappingsConcurrently(t *testing.T) {
	// C changes the umask for a temporary file.
	umask := unix.Umask(0o022)
	defer func() { assert.Equal(t, 0o022, unix.Umask(umask), "the umask was left changed") }()
	dir := t.TempDir()
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for range 50 {
				m, err := libpmem.Map(dir, libpmem.TmpFile(int64(4096*(i+1))))
				if !assert.NoError(t, err) {
					return
				}
				b := m.Bytes()
				assert.NoError(t, libpmem.MemsetPersist(b, byte(i)))
				assert.NoError(t, libpmem.Persist(b[len(b)-1:]))
				assert.Equal(t, byte(i), b[len(b)-1])
				assert.NoError(t, m.Close())
			}
		})
	}
	wg.Wait()
}

// Ensure that Close doesn't look at threads that are gone: each of these ends
// with its goroutine.
func TestCloseAfterThreadsEnded(t *testing.T) {
	m := newMapping(t, 4096)
	for range 5 {
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() {
				runtime.LockOSThread()
				assert.NoError(t, m.Persist(0, 64))
			})
		}
		wg.Wait()
	}
	assert.NoError(t, m.Close())
}
