package libpmem_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/libpmem"
)

var source = []byte("copied from here")

// sliceFunctions are all functions that need a slice of a mapping.
func sliceFunctions() map[string]func(b []byte) error {
	return map[string]func(b []byte) error{
		"Persist":        libpmem.Persist,
		"Flush":          libpmem.Flush,
		"Msync":          libpmem.Msync,
		"DeepFlush":      libpmem.DeepFlush,
		"DeepDrain":      libpmem.DeepDrain,
		"DeepPersist":    libpmem.DeepPersist,
		"Memcpy":         func(b []byte) error { return libpmem.Memcpy(b, fit(b), 0) },
		"MemcpyPersist":  func(b []byte) error { return libpmem.MemcpyPersist(b, fit(b)) },
		"MemcpyNodrain":  func(b []byte) error { return libpmem.MemcpyNodrain(b, fit(b)) },
		"Memmove":        func(b []byte) error { return libpmem.Memmove(b, fit(b), 0) },
		"MemmovePersist": func(b []byte) error { return libpmem.MemmovePersist(b, fit(b)) },
		"MemmoveNodrain": func(b []byte) error { return libpmem.MemmoveNodrain(b, fit(b)) },
		"Memset":         func(b []byte) error { return libpmem.Memset(b, 1, 0) },
		"MemsetPersist":  func(b []byte) error { return libpmem.MemsetPersist(b, 1) },
		"MemsetNodrain":  func(b []byte) error { return libpmem.MemsetNodrain(b, 1) },
	}
}

// fit is as much of the source as goes into b.
func fit(b []byte) []byte { return source[:min(len(b), len(source))] }

func TestSlices(t *testing.T) {
	m := newMapping(t, 64<<10)
	b := m.Bytes()
	foreign := make([]byte, 128)
	var onStack [64]byte
	for name, function := range sliceFunctions() {
		t.Run(name, func(t *testing.T) {
			assert.NoError(t, function(b))
			assert.NoError(t, function(b[:64]))
			assert.NoError(t, function(b[len(b)-1:]))
			assert.NoError(t, function(b[4095:4097]))

			// Ensure that empty slices are no-ops, whatever they point to.
			assert.NoError(t, function(nil))
			assert.NoError(t, function(b[:0]))
			assert.NoError(t, function(b[len(b):]))
			assert.NoError(t, function(foreign[:0]))

			// Ensure that other memory never reaches C.
			assert.ErrorIs(t, function(foreign), libpmem.ErrNotMapped)
			assert.ErrorIs(t, function(onStack[:]), libpmem.ErrNotMapped)
		})
	}
	assert.Equal(t, make([]byte, 128), foreign)
}

func TestSliceCopies(t *testing.T) {
	m := newMapping(t, 64<<10)
	b := m.Bytes()
	copies := map[string]func(dst, src []byte) error{
		"Memcpy":         func(dst, src []byte) error { return libpmem.Memcpy(dst, src, libpmem.Temporal) },
		"MemcpyPersist":  libpmem.MemcpyPersist,
		"MemcpyNodrain":  libpmem.MemcpyNodrain,
		"Memmove":        func(dst, src []byte) error { return libpmem.Memmove(dst, src, libpmem.NonTemporal) },
		"MemmovePersist": libpmem.MemmovePersist,
		"MemmoveNodrain": libpmem.MemmoveNodrain,
	}
	for name, call := range copies {
		t.Run(name, func(t *testing.T) {
			for _, n := range []int{1, 8, 100, 4096, 40 << 10} {
				clear(b)
				src := bytes.Repeat([]byte{'s'}, n)
				require.NoError(t, call(b[5:], src))
				libpmem.Drain()
				require.Equal(t, src, b[5:5+n])
				require.Zero(t, b[4])
				require.Zero(t, b[5+n], "no more than the source is written")
			}
			requireErrno(t, call(b[:3], source), unix.EINVAL, "source of 16 bytes does not fit into destination of 3")

			// Ensure that the source may lie in the same mapping.
			copy(b, source)
			require.NoError(t, call(b[1000:], b[:16]))
			assert.Equal(t, source, b[1000:1016])
		})
	}

	// Ensure that overlapping slices are moved right and not copied wrong.
	for _, shift := range []int{1, 15} {
		clear(b)
		copy(b[100:], source)
		require.NoError(t, libpmem.MemmovePersist(b[100+shift:], b[100:116]))
		assert.Equal(t, source, b[100+shift:116+shift])
		requireErrno(t, libpmem.MemcpyPersist(b[100+shift:], b[100:116]), unix.EINVAL, "overlap")
		requireErrno(t, libpmem.MemcpyPersist(b[100:], b[100+shift:116+shift]), unix.EINVAL, "overlap")
	}
	copy(b, source)
	require.NoError(t, libpmem.MemcpyPersist(b[16:], b[:16]), "neighbours don't overlap")
	assert.Equal(t, source, b[16:32])
}

func TestSliceCopyBetweenMappings(t *testing.T) {
	from, to := newMapping(t, 64<<10), newMapping(t, 128<<10)
	require.NoError(t, from.SetAt(0, from.Len(), 'f', 0))
	for _, n := range []int{64, 64 << 10} {
		require.NoError(t, libpmem.MemcpyPersist(to.Bytes(), from.Bytes()[:n]))
		assert.Equal(t, from.Bytes()[:n], to.Bytes()[:n])
	}
	require.NoError(t, to.CopyAt(64<<10, from.Bytes(), 0))
	assert.Equal(t, from.Bytes(), to.Bytes()[64<<10:])
}

func TestSliceFill(t *testing.T) {
	m := newMapping(t, 64<<10)
	b := m.Bytes()
	for name, call := range map[string]func(b []byte, c byte) error{
		"Memset":        func(b []byte, c byte) error { return libpmem.Memset(b, c, libpmem.WriteBack) },
		"MemsetPersist": libpmem.MemsetPersist,
		"MemsetNodrain": libpmem.MemsetNodrain,
	} {
		t.Run(name, func(t *testing.T) {
			for _, n := range []int{1, 3, 64, 4097, 40 << 10} {
				require.NoError(t, call(b[7:7+n], 0xee))
				libpmem.Drain()
				require.Equal(t, bytes.Repeat([]byte{0xee}, n), b[7:7+n])
				require.Zero(t, b[6])
				require.Zero(t, b[7+n])
				require.NoError(t, call(b[7:7+n], 0))
				libpmem.Drain()
				require.Zero(t, b[7+n/2])
			}
		})
	}
}

func TestIsPmem(t *testing.T) {
	m := newMapping(t, 8192)
	assert.Equal(t, m.IsPmem(), libpmem.IsPmem(m.Bytes()))
	assert.Equal(t, forced(), libpmem.IsPmem(m.Bytes()[100:200]))
	assert.False(t, libpmem.IsPmem(make([]byte, 10)), "the Go heap is not in a mapping")
	assert.False(t, libpmem.IsPmem(nil))
	assert.False(t, libpmem.IsPmem(m.Bytes()[:0]))
}
