package libpmem_test

import (
	"os"
	"path/filepath"
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/libpmem"
)

// truncated is a mapping of 64 KiB whose file has 4 KiB left.
func truncated(t *testing.T) *libpmem.Mapping {
	t.Helper()
	m := newMapping(t, 64<<10)
	require.NoError(t, os.Truncate(m.Path(), 4096))
	return m
}

// Ensure that a file which was truncated under its mapping gives an error,
// that the rest of it stays usable, and that Close works.
func TestTruncatedFile(t *testing.T) {
	m := truncated(t)
	p := make([]byte, 8192)

	_, err := m.ReadAt(p, 60<<10)
	requireErrno(t, err, unix.EIO, "read", m.Path(), "memory fault at offset", "truncated")
	n, err := m.WriteAt(p[:100], 60<<10)
	assert.Zero(t, n)
	requireErrno(t, err, unix.EIO, "write", "memory fault at offset 61440")

	_, err = m.WriteAt([]byte("still there"), 100)
	require.NoError(t, err)
	_, err = m.ReadAt(p[:11], 100)
	require.NoError(t, err)
	assert.Equal(t, "still there", string(p[:11]))
}

// Ensure that on ordinary files the copying methods catch faults as well. On
// persistent memory they fault in C, which nothing can catch.
func TestTruncatedFileCopies(t *testing.T) {
	if forced() {
		t.Skip("a fault in C ends the process: see the package's caveats")
	}
	m := truncated(t)
	other := newMapping(t, 4096)
	b := m.Bytes()
	const off = 32 << 10
	for name, call := range map[string]func() error{
		"CopyAt":      func() error { return m.CopyAt(off, []byte("x"), 0) },
		"MoveAt to":   func() error { return m.MoveAt(off, 0, 16, 0) },
		"MoveAt from": func() error { return m.MoveAt(0, off, 16, 0) },
		"SetAt":       func() error { return m.SetAt(off, 16, 1, libpmem.NoFlush) },
		"Memcpy":      func() error { return libpmem.MemcpyPersist(b[off:], []byte("x")) },
		"Memset":      func() error { return libpmem.MemsetPersist(b[off:off+1], 1) },
		"from it":     func() error { return libpmem.MemcpyPersist(other.Bytes(), b[off:off+16]) },
	} {
		t.Run(name, func(t *testing.T) {
			requireErrno(t, call(), unix.EIO, "memory fault at offset 32768", m.Path())
		})
	}
	// The pages past the end of the file are gone: nothing to write, no fault.
	assert.NoError(t, m.Persist(off, 16))
	assert.NoError(t, m.Sync())
}

// Ensure that a fault in the caller's own memory is not taken for one of the
// mapping, and that the mapping can be closed after it.
func TestFaultInCallersMemory(t *testing.T) {
	m := newMapping(t, 8192)
	file, err := os.Create(filepath.Join(t.TempDir(), "other"))
	require.NoError(t, err)
	defer file.Close()
	require.NoError(t, file.Truncate(4096))
	theirs, err := unix.Mmap(int(file.Fd()), 0, 4096, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	require.NoError(t, err)
	defer func() { assert.NoError(t, unix.Munmap(theirs)) }()
	require.NoError(t, file.Truncate(0))

	assert.Panics(t, func() { _, _ = m.ReadAt(theirs, 0) })
	assert.Panics(t, func() { _, _ = m.WriteAt(theirs, 0) })
	assert.NoError(t, m.Close())
}

// Ensure that the goroutine's own fault setting is as it was.
func TestPanicOnFaultRestored(t *testing.T) {
	m := truncated(t)
	for _, setting := range []bool{true, false} {
		original := debug.SetPanicOnFault(setting)
		_, err := m.ReadAt(make([]byte, 1), 0)
		require.NoError(t, err)
		_, err = m.WriteAt([]byte{1}, 60<<10)
		requireErrno(t, err, unix.EIO)
		assert.Equal(t, setting, debug.SetPanicOnFault(original))
	}
}
