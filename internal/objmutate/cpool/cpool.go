// Package cpool makes and uses pools the way C programs do, without the
// libpmemobj package and its checks. Tests compare with it, or give it what a
// check let through.
package cpool

import (
	"errors"
	"fmt"
	"unsafe"

	_ "github.com/pmem/pmdk-go/third_party/pmdk" // links libpmemobj
)

// #cgo CFLAGS: -I${SRCDIR}/../../../third_party/pmdk/include
// #include <stdlib.h>
// #include "cpool.h"
import "C"

// Headers of objects in a custom allocation class.
const (
	HeaderLegacy  = C.POBJ_HEADER_LEGACY
	HeaderCompact = C.POBJ_HEADER_COMPACT
	HeaderNone    = C.POBJ_HEADER_NONE
)

// Pool is an open pool. Its methods do what C does, faults included.
type Pool struct {
	pop  *C.PMEMobjpool
	size uint64
}

// Create makes a pool of size bytes.
func Create(path string, size uint64) (*Pool, error) {
	p := C.CString(path)
	defer C.free(unsafe.Pointer(p))
	layout := C.CString("cpool")
	defer C.free(unsafe.Pointer(layout))
	pop := C.pmemobj_create(p, layout, C.size_t(size), 0o600)
	if pop == nil {
		return nil, fmt.Errorf("create %s: %s", path, C.GoString(C.pmemobj_errormsg()))
	}
	return &Pool{pop, size}, nil
}

// Open opens the pool at path, whose file has size bytes.
func Open(path string, size uint64) (*Pool, error) {
	p := C.CString(path)
	defer C.free(unsafe.Pointer(p))
	pop := C.pmemobj_open(p, nil)
	if pop == nil {
		return nil, fmt.Errorf("open %s: %s", path, C.GoString(C.pmemobj_errormsg()))
	}
	return &Pool{pop, size}, nil
}

// Close closes the pool.
func (p *Pool) Close() { C.pmemobj_close(p.pop) }

// Base is where the pool is mapped.
func (p *Pool) Base() unsafe.Pointer { return unsafe.Pointer(p.pop) }

// Size is the size of the pool's file.
func (p *Pool) Size() uint64 { return p.size }

// Bytes is the whole mapping.
func (p *Pool) Bytes() []byte { return unsafe.Slice((*byte)(p.Base()), p.size) }

// UUIDLo is what identifies the pool in a PMEMoid. It makes a root object if
// there is none.
func (p *Pool) UUIDLo() uint64 { return uint64(C.pmemgo_cpool_uuid(p.pop)) }

// Root returns the offset of the root object, of at least size bytes.
func (p *Pool) Root(size uint64) uint64 {
	return uint64(C.pmemobj_root(p.pop, C.size_t(size)).off)
}

// Alloc allocates an object of a custom class, or of the default ones if class
// is 0. It returns 0 if that fails.
func (p *Pool) Alloc(size, typeNum uint64, class int) uint64 {
	return uint64(C.pmemgo_cpool_alloc(p.pop, C.size_t(size), C.uint64_t(typeNum), C.uint64_t(class)<<48))
}

// Free frees the object at off.
func (p *Pool) Free(off uint64) { C.pmemgo_cpool_free(p.pop, C.uint64_t(off)) }

// Usable is pmemobj_alloc_usable_size of the object at off.
func (p *Pool) Usable(off uint64) uint64 {
	return uint64(C.pmemgo_cpool_usable(p.pop, C.uint64_t(off)))
}

// TypeNum is pmemobj_type_num of the object at off.
func (p *Pool) TypeNum(off uint64) uint64 {
	return uint64(C.pmemgo_cpool_type_num(p.pop, C.uint64_t(off)))
}

// Objects lists the objects as pmemobj_first and pmemobj_next do.
func (p *Pool) Objects() []uint64 {
	var all []uint64
	for off := C.pmemgo_cpool_first(p.pop); off != 0; off = C.pmemgo_cpool_next(p.pop, off) {
		all = append(all, uint64(off))
	}
	return all
}

// NewClass registers an allocation class and returns its id.
func (p *Pool) NewClass(unit, align uint64, units int, header int) (int, error) {
	id := C.pmemgo_cpool_class(p.pop, C.size_t(unit), C.size_t(align), C.uint(units), C.int(header))
	if id < 0 {
		return 0, errors.New(C.GoString(C.pmemobj_errormsg()))
	}
	return int(id), nil
}

// Fill fills the pool with a root object and about rounds objects of many
// sizes, a third of which it frees again, and with objects of custom allocation
// classes if wanted.
func (p *Pool) Fill(seed uint32, rounds int, classes bool) {
	c := C.int(0)
	if classes {
		c = 1
	}
	C.pmemgo_cpool_fill(p.pop, C.uint(seed), C.int(rounds), c)
}

// LeaveOpen starts that many transactions, each on a thread of its own, and
// leaves them open. The process should die next.
func (p *Pool) LeaveOpen(transactions int) {
	C.pmemgo_cpool_unfinished(p.pop, C.int(transactions))
}

// Churn changes the pool in every way until the process is killed.
func (p *Pool) Churn(seed uint32) { C.pmemgo_cpool_churn(p.pop, C.uint(seed)) }

// Use opens the pool at path, uses all of it and closes it. The error is that of
// opening.
func Use(path string) error {
	p := C.CString(path)
	defer C.free(unsafe.Pointer(p))
	var what *C.char
	if C.pmemgo_cpool_use(p, &what) != 0 {
		return errors.New(C.GoString(what))
	}
	return nil
}
