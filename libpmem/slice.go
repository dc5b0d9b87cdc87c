package libpmem

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The functions below work on slices of mappings: what Mapping.Bytes returns,
// and what is sliced from it. Any other memory, that of a closed mapping
// included, is refused with ErrNotMapped before C sees it. An empty slice,
// whatever it points to, is a no-op that returns nil.

// find gives the start of b, which is not empty, and its region or nil.
func find(b []byte) (unsafe.Pointer, *region) {
	p := unsafe.Pointer(unsafe.SliceData(b))
	return p, regionOf(uintptr(p), len(b))
}

// Persist makes all stores to b durable: it flushes the processor's caches
// and waits, or calls msync where b is not on persistent memory. Other bytes
// of the same cache lines or pages may become durable with them.
//
// Implements: pmem_persist(3)
func Persist(b []byte) error {
	if len(b) == 0 {
		return nil
	}
	p, r := find(b)
	if r == nil {
		return ErrNotMapped
	}
	return r.flush(&opPersist, p, len(b))
}

// Flush begins to make all stores to b durable; they are after Drain on the
// same thread. Several Flushes may share one Drain. Where b is not on
// persistent memory, Flush calls msync and b is durable when it returns.
//
// Implements: pmem_flush(3)
func Flush(b []byte) error {
	if len(b) == 0 {
		return nil
	}
	p, r := find(b)
	if r == nil {
		return ErrNotMapped
	}
	return r.flush(&opFlush, p, len(b))
}

// Drain waits until everything that the calling thread flushed is durable.
//
// Implements: pmem_drain(3)
func Drain() { drain() }

// Msync makes all stores to b durable by msync(2), on any storage but Device
// DAX, where msync does nothing. Persist chooses by itself.
//
// Implements: pmem_msync(3)
func Msync(b []byte) error {
	if len(b) == 0 {
		return nil
	}
	p, r := find(b)
	if r == nil {
		return ErrNotMapped
	}
	return r.msync("msync", p, len(b))
}

// DeepFlush is Flush with caches flushed even if PMEM_NO_FLUSH says that the
// platform does so by itself. DeepDrain follows it.
//
// Implements: pmem_deep_flush(3)
func DeepFlush(b []byte) error {
	if len(b) == 0 {
		return nil
	}
	p, r := find(b)
	if r == nil {
		return ErrNotMapped
	}
	return r.flush(&opDeepFlush, p, len(b))
}

// DeepDrain waits until what was deep-flushed of b is in the most reliable
// persistence domain that software can reach, past the memory controller's
// write queues.
//
// Implements: pmem_deep_drain(3)
func DeepDrain(b []byte) error {
	if len(b) == 0 {
		return nil
	}
	p, r := find(b)
	if r == nil {
		return ErrNotMapped
	}
	return r.deepDrain("deep drain", p, len(b))
}

// DeepPersist is DeepFlush and DeepDrain. It costs much more than Persist and
// is meant for the few bytes that recovery after a power failure needs.
//
// Implements: pmem_deep_persist(3)
func DeepPersist(b []byte) error {
	if len(b) == 0 {
		return nil
	}
	p, r := find(b)
	if r == nil {
		return ErrNotMapped
	}
	return r.deepPersist("deep persist", p, len(b))
}

// IsPmem reports whether all of b is persistent memory. It is false for empty
// slices and memory outside the mappings of this package. It takes long;
// Mapping.IsPmem has the answer for a whole mapping.
//
// Implements: pmem_is_pmem(3)
func IsPmem(b []byte) bool {
	if len(b) == 0 {
		return false
	}
	p, r := find(b)
	return r != nil && r.isPmem(p, len(b))
}

// Memcpy copies src to the start of dst and makes it durable as flags say.
// dst lies in a mapping; src is any memory. src must not be longer than dst,
// nor overlap with where it goes: both fail with EINVAL and copy nothing.
//
// A crash can leave any part of the copy behind. The manual promises stores of 8
// bytes where all is aligned, but PMDK 1.12 makes two of 4 bytes of the last 8:
// what must be old or new as a whole is stored as a word, by Go, and persisted.
//
// Implements: pmem_memcpy(3)
func Memcpy(dst, src []byte, flags Flags) error {
	return memcpy(&opMemcpy, dst, src, flags)
}

// MemcpyPersist is Memcpy with flags 0: durable when it returns.
//
// Implements: pmem_memcpy_persist(3)
func MemcpyPersist(dst, src []byte) error {
	return memcpy(&opMemcpyPersist, dst, src, 0)
}

// MemcpyNodrain is Memcpy with NoDrain: durable after Drain.
//
// Implements: pmem_memcpy_nodrain(3)
func MemcpyNodrain(dst, src []byte) error {
	return memcpy(&opMemcpyNodrain, dst, src, NoDrain)
}

// Memmove is Memcpy for slices that may overlap.
//
// Implements: pmem_memmove(3)
func Memmove(dst, src []byte, flags Flags) error {
	return memmove(&opMemmove, dst, src, flags)
}

// MemmovePersist is Memmove with flags 0: durable when it returns.
//
// Implements: pmem_memmove_persist(3)
func MemmovePersist(dst, src []byte) error {
	return memmove(&opMemmovePersist, dst, src, 0)
}

// MemmoveNodrain is Memmove with NoDrain: durable after Drain.
//
// Implements: pmem_memmove_nodrain(3)
func MemmoveNodrain(dst, src []byte) error {
	return memmove(&opMemmoveNodrain, dst, src, NoDrain)
}

// Memset sets all bytes of dst to c and makes them durable as flags say.
//
// Implements: pmem_memset(3)
func Memset(dst []byte, c byte, flags Flags) error {
	return memset(&opMemset, dst, c, flags)
}

// MemsetPersist is Memset with flags 0: durable when it returns.
//
// Implements: pmem_memset_persist(3)
func MemsetPersist(dst []byte, c byte) error {
	return memset(&opMemsetPersist, dst, c, 0)
}

// MemsetNodrain is Memset with NoDrain: durable after Drain.
//
// Implements: pmem_memset_nodrain(3)
func MemsetNodrain(dst []byte, c byte) error {
	return memset(&opMemsetNodrain, dst, c, NoDrain)
}

func memcpy(op *operation, dst, src []byte, flags Flags) error {
	if len(src) <= len(dst) && overlap(unsafe.SliceData(dst), unsafe.SliceData(src), len(src)) {
		return overlapError(op.name)
	}
	return memmove(op, dst, src, flags)
}

func memmove(op *operation, dst, src []byte, flags Flags) error {
	if !flags.valid() {
		return flagsError(op.name, flags)
	}
	if len(src) > len(dst) {
		return lengthError(op.name, len(dst), len(src))
	}
	if len(src) == 0 {
		return nil
	}
	to := unsafe.Pointer(unsafe.SliceData(dst))
	r := regionOf(uintptr(to), len(src))
	if r == nil {
		return ErrNotMapped
	}
	return r.copy(op, to, unsafe.Pointer(unsafe.SliceData(src)), len(src), flags)
}

func memset(op *operation, dst []byte, c byte, flags Flags) error {
	if !flags.valid() {
		return flagsError(op.name, flags)
	}
	if len(dst) == 0 {
		return nil
	}
	p, r := find(dst)
	if r == nil {
		return ErrNotMapped
	}
	return r.set(op, p, c, len(dst), flags)
}

// overlap says whether n bytes at a and n bytes at b have some in common.
func overlap(a, b *byte, n int) bool {
	x, y := uintptr(unsafe.Pointer(a)), uintptr(unsafe.Pointer(b))
	return x-y < uintptr(n) || y-x < uintptr(n)
}

func overlapError(op string) error {
	return &Error{Op: op, Errno: unix.EINVAL, Msg: "source and destination overlap, which only a move allows"}
}

func lengthError(op string, dst, src int) error {
	return &Error{Op: op, Errno: unix.EINVAL, Msg: fmt.Sprintf("source of %d bytes does not fit into destination of %d", src, dst)}
}
