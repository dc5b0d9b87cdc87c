package libpmemobj

// #cgo noescape pmemgo_obj_root_construct
// #cgo nocallback pmemgo_obj_root_construct
// #include "construct_shim.h"
import "C"

import (
	"unsafe"

	"github.com/pmem/pmdk-go/cgoutil"
)

// ConstructRoot is [Root] with the content that a new root begins its life
// with: if the pool has no root object, fn fills one in and it is made, as one
// atomic step. If fn fails or the process dies, there still is none. fn runs
// at most once for a root that comes into being, however many goroutines ask,
// and never for one that exists: that one is returned as it is, grown with
// zeros if T is larger. To set up fields that were added to T, look for their
// zeros and use [Pool.Update]; PMDK cannot do it while the root grows.
//
// fn gets a zeroed T in ordinary memory, which is copied into the pool
// afterwards: its address is not the root's. What is refused inside fn is said
// at [Construct]. Goroutines that call Root or ConstructRoot wait for fn.
//
// Implements: pmemobj_root_construct(3)
func ConstructRoot[T any](p *Pool, fn func(v *T) error) (Ptr[T], error) {
	const op = "construct root"
	info, err := typeInfoOf[T]()
	if err != nil {
		return Ptr[T]{}, err
	}
	if fn == nil {
		return Ptr[T]{}, badArgument(op, "no function to fill the root in; Root makes an empty one")
	}
	off, err := p.root(op, info.size, func() (unsafe.Pointer, error) {
		v := new(T)
		err := p.runConstructor(unsafe.Pointer(v), func(unsafe.Pointer) error { return fn(v) })
		return unsafe.Pointer(v), err
	})
	if err != nil {
		return Ptr[T]{}, err
	}
	return Ptr[T]{OID{p.uuid, off}}, nil
}

// constructRoot makes the root from size bytes of content. The caller holds
// rootLock and knows that there is none.
func (p *Pool) constructRoot(size uint64, content unsafe.Pointer, st *cgoutil.Status) (off uint64) {
	return uint64(C.pmemgo_obj_root_construct(p.handle, C.size_t(size), (*C.char)(content), cStatus(st)))
}
