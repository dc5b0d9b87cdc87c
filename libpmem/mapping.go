package libpmem

import (
	"fmt"
	"io"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/cgoutil"
)

// Mapping is a mapped file. Methods take offsets and lengths in bytes from
// its start; a range that is not within it fails with EINVAL, and an empty
// one is a no-op. All methods may be called from any number of goroutines.
type Mapping struct {
	_ cgoutil.NoCopy

	region *region
	len    int // 0 keeps a zero Mapping's methods away from its region
	watch  *cgoutil.Watcher
}

var (
	_ io.ReaderAt = (*Mapping)(nil)
	_ io.WriterAt = (*Mapping)(nil)
	_ io.Closer   = (*Mapping)(nil)
)

// Len is the length of the mapping in bytes, also after Close.
func (m *Mapping) Len() int { return m.len }

// Path is the path that was given to Map.
func (m *Mapping) Path() string {
	if m.region == nil {
		return ""
	}
	return m.region.path
}

// IsPmem reports whether the mapping is persistent memory, which decides how
// the methods make data durable. It is what Map found out.
func (m *Mapping) IsPmem() bool { return m.region != nil && m.region.pmem }

// Bytes is the mapped memory itself; stores to it change the file, and are
// durable after Persist. The slice can't be appended to. It is nil after
// Close, and one that was returned before must not be touched any more.
func (m *Mapping) Bytes() []byte {
	if m.region.check() != nil {
		return nil
	}
	return m.region.bytes(m.region.base, m.len)
}

// Persist makes all stores to n bytes at off durable: it flushes the
// processor's caches and waits, or calls msync on an ordinary file.
//
// Implements: pmem_persist(3)
func (m *Mapping) Persist(off, n int) error {
	if !m.has(off, n) {
		return m.rangeError("persist", off, n)
	}
	return m.region.flush(&opPersist, m.at(off), n)
}

// Sync is Persist of the whole mapping.
func (m *Mapping) Sync() error { return m.Persist(0, m.len) }

// Flush begins to make all stores to n bytes at off durable; they are after
// Drain on the same goroutine. Several Flushes may share one Drain. On an
// ordinary file it calls msync, and they are durable when it returns.
//
// Implements: pmem_flush(3)
func (m *Mapping) Flush(off, n int) error {
	if !m.has(off, n) {
		return m.rangeError("flush", off, n)
	}
	return m.region.flush(&opFlush, m.at(off), n)
}

// Drain waits until everything that the calling thread flushed is durable,
// whichever mapping it is in.
//
// Implements: pmem_drain(3)
func (m *Mapping) Drain() error {
	if err := m.region.check(); err != nil {
		return err
	}
	drain()
	return nil
}

// Msync makes all stores to n bytes at off durable by msync(2), on any
// storage but Device DAX, where msync does nothing. Persist chooses by
// itself.
//
// Implements: pmem_msync(3)
func (m *Mapping) Msync(off, n int) error {
	if !m.has(off, n) {
		return m.rangeError("msync", off, n)
	}
	return m.region.msync("msync", m.at(off), n)
}

// DeepFlush is Flush with caches flushed even if PMEM_NO_FLUSH says that the
// platform does so by itself. DeepDrain follows it.
//
// Implements: pmem_deep_flush(3)
func (m *Mapping) DeepFlush(off, n int) error {
	if !m.has(off, n) {
		return m.rangeError("deep flush", off, n)
	}
	return m.region.flush(&opDeepFlush, m.at(off), n)
}

// DeepDrain waits until what was deep-flushed of n bytes at off is in the
// most reliable persistence domain that software can reach.
//
// Implements: pmem_deep_drain(3)
func (m *Mapping) DeepDrain(off, n int) error {
	if !m.has(off, n) {
		return m.rangeError("deep drain", off, n)
	}
	return m.region.deepDrain("deep drain", m.at(off), n)
}

// DeepPersist is DeepFlush and DeepDrain. It costs much more than Persist and
// is meant for the few bytes that recovery after a power failure needs.
//
// Implements: pmem_deep_persist(3)
func (m *Mapping) DeepPersist(off, n int) error {
	if !m.has(off, n) {
		return m.rangeError("deep persist", off, n)
	}
	return m.region.deepPersist("deep persist", m.at(off), n)
}

// CopyAt copies src to off and makes it durable as flags say: with 0, when
// CopyAt returns. src must not overlap with where it goes (EINVAL); it may be
// any other memory.
//
// Implements: pmem_memcpy(3)
func (m *Mapping) CopyAt(off int, src []byte, flags Flags) error {
	if !flags.valid() {
		return flagsError("copy", flags)
	}
	if !m.has(off, len(src)) {
		return m.rangeError("copy", off, len(src))
	}
	dst := m.at(off)
	from := unsafe.SliceData(src)
	if overlap((*byte)(dst), from, len(src)) {
		return overlapError("copy")
	}
	return m.region.copy(&opCopy, dst, unsafe.Pointer(from), len(src), flags)
}

// MoveAt moves n bytes within the mapping, from offset src to offset dst, and
// makes them durable there as flags say. The two ranges may overlap; a crash
// in between leaves a mixture then, as with any longer store.
//
// Implements: pmem_memmove(3)
func (m *Mapping) MoveAt(dst, src, n int, flags Flags) error {
	if !flags.valid() {
		return flagsError("move", flags)
	}
	if !m.has(dst, n) {
		return m.rangeError("move", dst, n)
	}
	if !m.has(src, n) {
		return m.rangeError("move", src, n)
	}
	return m.region.copy(&opMove, m.at(dst), m.at(src), n, flags)
}

// SetAt sets n bytes at off to c and makes them durable as flags say.
//
// Implements: pmem_memset(3)
func (m *Mapping) SetAt(off, n int, c byte, flags Flags) error {
	if !flags.valid() {
		return flagsError("set", flags)
	}
	if !m.has(off, n) {
		return m.rangeError("set", off, n)
	}
	return m.region.set(&opSet, m.at(off), c, n, flags)
}

// ReadAt copies bytes at off to p. Past the end it returns io.EOF, with the
// bytes before the end copied. A fault (see the package's caveats) is an
// error with EIO, and nothing in p is valid then.
func (m *Mapping) ReadAt(p []byte, off int64) (int, error) {
	if err := m.region.enter(); err != nil {
		return 0, err
	}
	defer m.region.guard.Exit()
	if off < 0 {
		return 0, &Error{Op: "read", Path: m.Path(), Errno: unix.EINVAL, Msg: fmt.Sprintf("negative offset %d", off)}
	}
	if off >= int64(m.len) {
		if len(p) == 0 {
			return 0, nil
		}
		return 0, io.EOF
	}
	n := min(len(p), m.len-int(off))
	if err := copyCatching("read", p[:n], m.region.bytes(m.at(int(off)), n)); err != nil {
		return 0, err
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// WriteAt copies p to off and makes it durable before it returns. The mapping
// doesn't grow: what doesn't fit as a whole fails with EINVAL and is not
// written at all. A fault (see the package's caveats) is an error with EIO,
// and some of p may be written then.
//
// A crash during WriteAt may leave any part of p written.
func (m *Mapping) WriteAt(p []byte, off int64) (int, error) {
	if err := m.region.enter(); err != nil {
		return 0, err
	}
	defer m.region.guard.Exit()
	if !m.has(int(off), len(p)) {
		return 0, m.rangeError("write", int(off), len(p))
	}
	if len(p) == 0 {
		return 0, nil
	}
	dst := m.at(int(off))
	if err := copyCatching("write", m.region.bytes(dst, len(p)), p); err != nil {
		return 0, err
	}
	if err := m.region.flush(&opWrite, dst, len(p)); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Close unmaps the file. It doesn't make anything durable: call Sync before
// if stores through Bytes were not persisted. While a long method is under
// way on another goroutine it returns ErrBusy, and the mapping stays open.
// After a Close that succeeded, Close returns nil.
//
// Implements: pmem_unmap(3)
func (m *Mapping) Close() error {
	r := m.region
	if r == nil {
		return nil
	}
	return r.guard.Close(func() error {
		m.watch.Stop()
		forget(r)
		atomic.StoreUint32(&r.closed, 1)
		return callUnmap(r)
	})
}

// has says whether n bytes at off are within the mapping. A negative value is
// too large as a uint.
func (m *Mapping) has(off, n int) bool {
	return uint(off) <= uint(m.len) && uint(n) <= uint(m.len)-uint(off)
}

// at is the address of an offset that has passed has.
func (m *Mapping) at(off int) unsafe.Pointer {
	if m.region == nil {
		return nil
	}
	return unsafe.Add(m.region.base, off)
}

// rangeError says why has failed; a closed mapping comes first.
func (m *Mapping) rangeError(op string, off, n int) error {
	if err := m.region.check(); err != nil {
		return err
	}
	msg := fmt.Sprintf("%d bytes at offset %d are not within the mapping of %d bytes", n, off, m.len)
	return &Error{Op: op, Path: m.Path(), Errno: unix.EINVAL, Msg: msg}
}
