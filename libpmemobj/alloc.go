package libpmemobj

// #cgo noescape pmemgo_obj_strdup
// #cgo nocallback pmemgo_obj_strdup
// #include "shim.h"
import "C"

import (
	"strings"
	"unsafe"

	"github.com/pmem/pmdk-go/cgoutil"
)

// The operations in this file change the heap at once, each atomic and
// durable by itself, and are refused inside transactions, which would not
// roll them back.

// Alloc allocates an object of size bytes, not zeroed, and stores its OID in
// *dst, as one atomic step if dst lies in an object of this pool: after a
// crash, either the object exists and *dst names it, or neither. dst may also
// be ordinary memory, or nil: then the object can be found only by
// [Pool.Objects] if the program loses the OID. What *dst named before is not
// freed.
//
// Set the memory's content before relying on it, and flush it with
// [Pool.Persist]. If the pool is full, the error matches ErrOutOfSpace.
//
// Implements: pmemobj_alloc(3), pmemobj_xalloc(3)
func (p *Pool) Alloc(dst *OID, size, typeNum uint64) (OID, error) {
	return p.alloc("alloc", dst, size, typeNum, 0)
}

// Zalloc is Alloc with the memory set to zero, durably.
//
// Implements: pmemobj_zalloc(3)
func (p *Pool) Zalloc(dst *OID, size, typeNum uint64) (OID, error) {
	return p.alloc("zalloc", dst, size, typeNum, C.POBJ_XALLOC_ZERO)
}

func (p *Pool) alloc(op string, dst *OID, size, typeNum uint64, flags C.uint64_t) (OID, error) {
	if err := p.enterChange(op); err != nil {
		return OID{}, err
	}
	defer p.leave()
	if err := checkAllocSize(op, size); err != nil {
		return OID{}, err
	}
	if err := p.destination(op, dst); err != nil {
		return OID{}, err
	}
	oid, err := p.atomic(op, opAlloc, dst, OID{}, size, typeNum, flags)
	return oid, p.settled(op, err)
}

// atomic makes one crossing. dst is set to the object's OID, by C if it lies
// in the pool.
func (p *Pool) atomic(op string, fn operation, dst *OID, oid OID, size, typeNum uint64, flags C.uint64_t) (OID, error) {
	// Not a literal, which would be built elsewhere and copied: the copy's wide
	// loads wait for every flush on its way.
	var a C.struct_pmemgo_atomic
	a.pool = C.uint64_t(p.handle)
	a.oid.pool_uuid_lo, a.oid.off = C.uint64_t(oid.Pool), C.uint64_t(oid.Off)
	a.size, a.type_num, a.flags = C.uint64_t(size), C.uint64_t(typeNum), flags
	_, inPool := p.offset(RangeOf(dst))
	if inPool {
		a.dst = C.uint64_t(uintptr(unsafe.Pointer(dst)))
	}
	p.call(fn, unsafe.Pointer(&a), p.allocWork(size))
	if a.status.err != 0 {
		return OID{}, p.explain(p.opError((*cgoutil.Status)(unsafe.Pointer(&a.status)), op), size, AllocFlags(flags))
	}
	oid = OID{uint64(a.oid.pool_uuid_lo), uint64(a.oid.off)}
	if dst != nil && !inPool {
		*dst = oid
	}
	return oid, nil
}

// destination checks where C will write an OID: into a live object of p, or
// into memory of no pool.
func (p *Pool) destination(op string, dst *OID) error {
	if dst == nil {
		return nil
	}
	off, ok := p.offset(RangeOf(dst))
	if !ok {
		if _, foreign := pools.Load().holding(unsafe.Pointer(dst)); foreign {
			return stateErr(op, ErrForeignPool, "the OID to set lies in another pool")
		}
		return nil
	}
	if off%8 != 0 || !p.live(off, uint64(unsafe.Sizeof(*dst))) {
		return stateErr(op, ErrNotLive, "the OID to set, at offset %#x", off)
	}
	return nil
}

// Realloc resizes the object that *oid names and stores the new OID in *oid,
// as one atomic step if oid lies in an object of this pool. What fits of the
// content is kept, the rest is undefined. A null *oid is allocated; size 0
// frees and stores null. On an error nothing has changed.
//
// Implements: pmemobj_realloc(3)
func (p *Pool) Realloc(oid *OID, size, typeNum uint64) error {
	return p.realloc("realloc", oid, size, typeNum, 0)
}

// Zrealloc is Realloc with what is added set to zero.
//
// Implements: pmemobj_zrealloc(3)
func (p *Pool) Zrealloc(oid *OID, size, typeNum uint64) error {
	return p.realloc("zrealloc", oid, size, typeNum, C.POBJ_XALLOC_ZERO)
}

func (p *Pool) realloc(op string, oid *OID, size, typeNum uint64, flags C.uint64_t) error {
	if oid == nil {
		return stateErr(op, ErrNull, "no place for the OID")
	}
	if size == 0 {
		return p.Free(oid)
	}
	if err := p.enterChange(op); err != nil {
		return err
	}
	defer p.leave()
	if size > MaxAlloc {
		return tooLarge(op, size)
	}
	if err := p.destination(op, oid); err != nil {
		return err
	}
	if !oid.IsNull() {
		if _, err := p.freeable(op, *oid); err != nil {
			return err
		}
	}
	_, err := p.atomic(op, opRealloc, oid, *oid, size, typeNum, flags)
	return p.settled(op, err)
}

// Free frees the object that *oid names and sets *oid to null, as one atomic
// step if oid lies in an object of this pool. Freeing null does nothing. The
// object must be alive, in this pool, and not the root.
//
// Two goroutines that free one object at the same moment are not told apart
// from two objects: that corrupts the heap, as in C.
//
// Implements: pmemobj_free(3)
func (p *Pool) Free(oid *OID) error {
	const op = "free"
	if err := p.enterChange(op); err != nil {
		return err
	}
	defer p.leave()
	if oid == nil || oid.IsNull() {
		return nil
	}
	if err := p.destination(op, oid); err != nil {
		return err
	}
	if _, err := p.freeable(op, *oid); err != nil {
		return err
	}
	_, err := p.atomic(op, opFree, oid, *oid, 0, 0, 0)
	return p.settled(op, err)
}

// freeable checks that oid is a live object of p's and may be freed.
func (p *Pool) freeable(op string, oid OID) (usable uint64, err error) {
	usable, err = p.ownObject(op, oid)
	if err == nil && p.heap.IsRoot(oid.Off) {
		err = badArgument(op, "%v is the root object, which lives as long as the pool", oid)
	}
	if err == nil {
		err = p.unlocked(op, oid.Off, usable)
	}
	if err == nil {
		err = p.txLogs.free(op, oid.Off, usable)
	}
	return usable, err
}

// Strdup allocates an object holding s and a terminating NUL byte and stores
// its OID in *dst, like Alloc; C programs read it as a string. s must not
// contain a NUL.
//
// Implements: pmemobj_strdup(3)
func (p *Pool) Strdup(dst *OID, s string, typeNum uint64) (OID, error) {
	const op = "strdup"
	if err := p.enterChange(op); err != nil {
		return OID{}, err
	}
	defer p.leave()
	if err := checkString(op, s); err != nil {
		return OID{}, err
	}
	if err := p.destination(op, dst); err != nil {
		return OID{}, err
	}
	c, err := cgoutil.CString(op, "string", s, MaxAlloc-1)
	if err != nil {
		return OID{}, err
	}
	var st cgoutil.Status
	off := uint64(C.pmemgo_obj_strdup(p.handle, cOID(dst), (*C.char)(unsafe.Pointer(unsafe.SliceData(c))), C.uint64_t(typeNum), cStatus(&st)))
	if st.Errno != 0 {
		return OID{}, p.explain(p.opError(&st, op), uint64(len(s)+1), 0)
	}
	return OID{p.uuid, off}, p.settled(op, nil)
}

func checkString(op, s string) error {
	if len(s) >= MaxAlloc {
		return badArgument(op, "string of %d bytes; an object has at most %d", len(s), MaxAlloc)
	}
	if i := strings.IndexByte(s, 0); i >= 0 {
		return badArgument(op, "the string has a NUL byte at %d, where C would see its end", i)
	}
	return nil
}
