package libpmemobj

// #cgo noescape pmemgo_obj_memcpy
// #cgo nocallback pmemgo_obj_memcpy
// #cgo noescape pmemgo_obj_memmove
// #cgo nocallback pmemgo_obj_memmove
// #cgo noescape pmemgo_obj_memset
// #cgo nocallback pmemgo_obj_memset
// #include "shim.h"
import "C"

import "unsafe"

// MemFlag says how Memcpy, Memmove and Memset write. The flags combine,
// except where the comments say otherwise; most are hints.
type MemFlag uint32

// The flags; see pmemobj_memcpy(3).
const (
	MemNoDrain     MemFlag = C.PMEMOBJ_F_MEM_NODRAIN     // leave the drain to a later call of Drain
	MemNoFlush     MemFlag = C.PMEMOBJ_F_MEM_NOFLUSH     // do not flush; excludes MemNonTemporal and MemWC
	MemNonTemporal MemFlag = C.PMEMOBJ_F_MEM_NONTEMPORAL // bypass the caches; excludes MemTemporal
	MemTemporal    MemFlag = C.PMEMOBJ_F_MEM_TEMPORAL    // use the caches
	MemWC          MemFlag = C.PMEMOBJ_F_MEM_WC          // write-combining; excludes MemWB
	MemWB          MemFlag = C.PMEMOBJ_F_MEM_WB          // write-back
	MemRelaxed     MemFlag = C.PMEMOBJ_F_RELAXED         // replicas need not be written 8 bytes at a time

	memAll = MemNoDrain | MemNoFlush | MemNonTemporal | MemTemporal | MemWC | MemWB | MemRelaxed
)

// Persist makes the range durable: it flushes it and waits. It is for memory
// that is written outside transactions; a transaction flushes by itself.
//
// Implements: pmemobj_persist(3)
func (p *Pool) Persist(r Range) error {
	const op = "persist"
	if err := p.enterAnyChange(op); err != nil {
		return err
	}
	defer p.leave()
	if err := p.inside(op, r); err != nil {
		return err
	}
	p.flush(opPersist, r)
	return p.settled(op, nil)
}

// Flush starts writing the range back; Drain, called on the same thread,
// waits for it. Between the two the goroutine must be locked to its thread.
//
// Implements: pmemobj_flush(3)
func (p *Pool) Flush(r Range) error {
	const op = "flush"
	if err := p.enterAnyChange(op); err != nil {
		return err
	}
	defer p.leave()
	if err := p.inside(op, r); err != nil {
		return err
	}
	p.flush(opFlush, r)
	return nil
}

// Drain waits for what Flush, or Memcpy with MemNoDrain, has started on this
// thread.
//
// Implements: pmemobj_drain(3)
func (p *Pool) Drain() error {
	const op = "drain"
	if err := p.enterAnyChange(op); err != nil {
		return err
	}
	defer p.leave()
	p.flush(opDrain, Range{})
	return p.settled(op, nil)
}

func (p *Pool) flush(fn operation, r Range) {
	var f C.struct_pmemgo_flush // not a literal; see Pool.atomic
	f.pool, f.addr, f.len = C.uint64_t(p.handle), C.uint64_t(r.addr), C.uint64_t(r.len)
	p.call(fn, unsafe.Pointer(&f), workOfOne+uint64(r.len))
}

// inside checks that a range lies in p. An empty range may lie anywhere.
func (p *Pool) inside(op string, r Range) error {
	if _, ok := p.offset(r); !ok && r.len != 0 {
		return stateErr(op, ErrForeignPool, "%d bytes at %#x are not in pool %s", r.len, r.addr, p.path)
	}
	return nil
}

// Memcpy copies src to dst, a slice of this pool's memory inside one live
// object, and makes it durable unless the flags say otherwise. The two must
// have one length and not overlap. A crash can leave any part of it behind: PMDK
// 1.12 writes the last 8 bytes by two stores of 4, whatever the manual says. What
// must be old or new as a whole is stored as a word, by Go, and persisted.
//
// Implements: pmemobj_memcpy(3), pmemobj_memcpy_persist(3)
func (p *Pool) Memcpy(dst, src []byte, flags MemFlag) error {
	const op = "memcpy"
	if err := p.enterAnyChange(op); err != nil {
		return err
	}
	defer p.leave()
	if overlap(dst, src) {
		return badArgument(op, "source and destination overlap; use Memmove")
	}
	if err := p.copyable(op, dst, len(src), flags); err != nil || len(dst) == 0 {
		return err
	}
	C.pmemgo_obj_memcpy(p.handle, chars(dst), chars(src), C.size_t(len(dst)), C.uint(flags))
	return p.copied(op, flags)
}

// Memmove is Memcpy for slices that may overlap.
//
// Implements: pmemobj_memmove(3)
func (p *Pool) Memmove(dst, src []byte, flags MemFlag) error {
	const op = "memmove"
	if err := p.enterAnyChange(op); err != nil {
		return err
	}
	defer p.leave()
	if err := p.copyable(op, dst, len(src), flags); err != nil || len(dst) == 0 {
		return err
	}
	C.pmemgo_obj_memmove(p.handle, chars(dst), chars(src), C.size_t(len(dst)), C.uint(flags))
	return p.copied(op, flags)
}

// Memset sets every byte of dst to c, like Memcpy.
//
// Implements: pmemobj_memset(3), pmemobj_memset_persist(3)
func (p *Pool) Memset(dst []byte, c byte, flags MemFlag) error {
	const op = "memset"
	if err := p.enterAnyChange(op); err != nil {
		return err
	}
	defer p.leave()
	if err := p.copyable(op, dst, len(dst), flags); err != nil || len(dst) == 0 {
		return err
	}
	C.pmemgo_obj_memset(p.handle, chars(dst), C.int(c), C.size_t(len(dst)), C.uint(flags))
	return p.copied(op, flags)
}

// copied waits for the medium if the flags let the copy be durable.
func (p *Pool) copied(op string, flags MemFlag) error {
	if flags&(MemNoDrain|MemNoFlush) != 0 {
		return nil
	}
	return p.settled(op, nil)
}

// copyable checks the destination and the flags of a copy.
func (p *Pool) copyable(op string, dst []byte, srcLen int, flags MemFlag) error {
	both := func(a, b MemFlag) bool { return flags&a != 0 && flags&b != 0 }
	switch {
	case flags&^memAll != 0:
		return badArgument(op, "unknown flags %#x", uint32(flags&^memAll))
	case both(MemNonTemporal, MemTemporal), both(MemWC, MemWB):
		return badArgument(op, "flags %#x hold two that exclude each other", uint32(flags))
	case both(MemNoFlush, MemNonTemporal|MemWC):
		return badArgument(op, "MemNoFlush excludes MemNonTemporal and MemWC, which do not go through the caches")
	case len(dst) != srcLen:
		return badArgument(op, "%d bytes to copy into %d", srcLen, len(dst))
	case len(dst) == 0:
		return nil
	}
	r := RangeOfSlice(dst)
	off, ok := p.offset(r)
	if !ok {
		return p.inside(op, r)
	}
	if !p.live(off, uint64(r.len)) {
		return stateErr(op, ErrNotLive, "%d bytes at offset %#x", r.len, off)
	}
	return nil
}

// chars passes a slice to C.
func chars(b []byte) *C.char { return (*C.char)(unsafe.Pointer(unsafe.SliceData(b))) }

func overlap(a, b []byte) bool {
	if len(a) == 0 || len(b) == 0 {
		return false
	}
	x, y := uintptr(unsafe.Pointer(&a[0])), uintptr(unsafe.Pointer(&b[0]))
	return x < y+uintptr(len(b)) && y < x+uintptr(len(a))
}
