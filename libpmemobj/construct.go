package libpmemobj

// #include "construct_shim.h"
import "C"

import (
	"runtime"
	"unsafe"

	"github.com/pmem/pmdk-go/cgoutil"
	"github.com/pmem/pmdk-go/internal/goroutine"
)

var (
	opConstructReserve = operation(C.pmemgo_obj_construct_reserve)
	opConstructPublish = operation(C.pmemgo_obj_construct_publish)
	opConstructCancel  = operation(C.pmemgo_obj_construct_cancel)
)

// Construct allocates a T, has fn fill it in, and stores its pointer in *dst,
// all as one atomic step: after a crash, the object exists as fn left it and
// *dst points at it, or there is neither. fn gets the object zeroed and writes
// to it directly; it is flushed afterwards and durable when Construct returns.
// PtrTo(v) is the object's own pointer, for structures that point back.
//
// If fn returns an error, panics or calls runtime.Goexit, there is no object
// and *dst is as it was; the error is returned, the panic goes on. dst may lie
// in a live object of the pool, or in ordinary memory, or be nil; see
// [Pool.Alloc]. What *dst pointed at before is not freed.
//
// Unlike a constructor in C, fn runs with none of PMDK's locks held, on the
// calling goroutine, and may take its time. Allocating, freeing, Update and
// Publish on the same pool are refused inside fn with ErrInConstructor, Close
// with ErrPoolBusy; another pool is not concerned. Construct itself is refused
// inside a transaction, where [New] does this and more. A full pool gives an
// error that matches ErrOutOfSpace, and fn is not run.
//
// flags change where the memory comes from; it is zeroed in any case.
//
// Implements: pmemobj_alloc(3), pmemobj_xalloc(3)
func Construct[T any](p *Pool, dst *Ptr[T], fn func(v *T) error, flags ...AllocFlags) (Ptr[T], error) {
	const op = "construct"
	info, err := typeInfoOf[T]()
	if err != nil {
		return Ptr[T]{}, err
	}
	if fn == nil {
		return Ptr[T]{}, noConstructor(op)
	}
	oid, err := p.construct(op, oidOf(dst), info.size, info.num, flags, func(addr unsafe.Pointer) error {
		return fn((*T)(addr))
	})
	return Ptr[T]{oid}, err
}

// ConstructArray is Construct for one object of n values of T; the pointer is
// to the first.
//
// Implements: pmemobj_alloc(3), pmemobj_xalloc(3)
func ConstructArray[T any](p *Pool, dst *Ptr[T], n int, fn func(v []T) error, flags ...AllocFlags) (Ptr[T], error) {
	const op = "construct array"
	info, err := typeInfoOf[T]()
	if err != nil {
		return Ptr[T]{}, err
	}
	if fn == nil {
		return Ptr[T]{}, noConstructor(op)
	}
	if n <= 0 || uint64(n) > MaxAlloc/info.size {
		return Ptr[T]{}, badArgument(op, "%d × %d bytes; an object has 1 to %d bytes", n, info.size, MaxAlloc)
	}
	oid, err := p.construct(op, oidOf(dst), info.size*uint64(n), info.num, flags, func(addr unsafe.Pointer) error {
		return fn(unsafe.Slice((*T)(addr), n))
	})
	return Ptr[T]{oid}, err
}

// ConstructBytes is Construct for an object of n bytes, which fn gets as a
// capped slice.
//
// Implements: pmemobj_alloc(3), pmemobj_xalloc(3)
func (p *Pool) ConstructBytes(dst *OID, n int, typeNum uint64, fn func(b []byte) error, flags ...AllocFlags) (OID, error) {
	const op = "construct bytes"
	if fn == nil {
		return OID{}, noConstructor(op)
	}
	if n <= 0 || n > MaxAlloc {
		return OID{}, badArgument(op, "%d bytes; an object has 1 to %d", n, MaxAlloc)
	}
	return p.construct(op, dst, uint64(n), typeNum, flags, func(addr unsafe.Pointer) error {
		return fn(unsafe.Slice((*byte)(addr), n))
	})
}

func noConstructor(op string) error {
	return badArgument(op, "no function to fill the object in; Zalloc makes an empty one")
}

func oidOf[T any](dst *Ptr[T]) *OID {
	if dst == nil {
		return nil
	}
	return &dst.oid
}

// construct reserves memory, runs fn on it and publishes it.
func (p *Pool) construct(op string, dst *OID, size, typeNum uint64, flags []AllocFlags, fn func(unsafe.Pointer) error) (OID, error) {
	if err := p.enterChange(op); err != nil {
		return OID{}, err
	}
	defer p.leave()
	all := allFlags(flags)
	if err := p.checkFlags(op, size, all); err != nil {
		return OID{}, err
	}
	if all&AllocNoFlush != 0 {
		return OID{}, badArgument(op, "AllocNoFlush has a meaning in transactions only")
	}
	if err := p.destination(op, dst); err != nil {
		return OID{}, err
	}

	var c C.struct_pmemgo_construct // not a literal; see Pool.atomic
	c.pool, c.uuid = C.uint64_t(p.handle), C.uint64_t(p.uuid)
	c.size, c.type_num = C.uint64_t(size), C.uint64_t(typeNum)
	c.flags = C.uint64_t(all &^ AllocZero) // the caches of this thread want the zeros
	status := (*cgoutil.Status)(unsafe.Pointer(&c.status))
	p.call(opConstructReserve, unsafe.Pointer(&c), p.allocWork(0))
	if status.Errno != 0 {
		return OID{}, p.explain(p.opError(status, op), size, all)
	}
	oid := OID{p.uuid, uint64(c.result)}

	reserved := true
	defer func() {
		if reserved {
			p.call(opConstructCancel, unsafe.Pointer(&c), workOfOne)
		}
	}()
	addr := unsafe.Add(p.base, oid.Off)
	clear(unsafe.Slice((*byte)(addr), size))
	if err := p.runConstructor(addr, fn); err != nil {
		return OID{}, err
	}
	// fn may have lasted; dst may be gone.
	if err := p.destination(op, dst); err != nil {
		return OID{}, err
	}

	_, inPool := p.offset(RangeOf(dst))
	if inPool {
		c.dst = C.uint64_t(uintptr(unsafe.Pointer(dst)))
	}
	reserved = false
	p.call(opConstructPublish, unsafe.Pointer(&c), 3*workOfOne+size)
	if status.Errno != 0 {
		return OID{}, p.opError(status, op)
	}
	if dst != nil && !inPool {
		*dst = oid
	}
	return oid, p.settled(op, nil)
}

// runConstructor runs fn with the goroutine known to be inside.
func (p *Pool) runConstructor(addr unsafe.Pointer, fn func(unsafe.Pointer) error) error {
	if !goroutine.Stable {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
	}
	constructors.enter(p)
	defer constructors.leave(p)
	return fn(addr)
}
