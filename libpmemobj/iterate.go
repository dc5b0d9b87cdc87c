package libpmemobj

// #cgo noescape pmemgo_obj_objects
// #cgo nocallback pmemgo_obj_objects
// #include "shim.h"
import "C"

import (
	"iter"
	"unsafe"
)

// batch is how many objects one crossing fetches.
const batch = 512

// Objects ranges over every object of the pool but the root, in the order of
// their addresses. The loop's body may free the object it was given, any it
// has seen, and no other; what is allocated meanwhile may or may not appear.
// Objects of a transaction that is still open do not.
//
// The sequence is empty once the pool is closed.
//
// Implements: pmemobj_first(3), pmemobj_next(3)
func (p *Pool) Objects() iter.Seq[OID] { return p.objects(false, 0) }

// ObjectsOf ranges over the objects of T's type number, like
// [Pool.Objects]. Objects of NewArray appear once, by their first element. It
// panics with a *TypeError if T cannot live in a pool.
//
// Implements: pmemobj_first(3), pmemobj_next(3), pmemobj_type_num(3)
func ObjectsOf[T any](p *Pool) iter.Seq[Ptr[T]] {
	oids := p.objects(true, TypeNum[T]())
	return func(yield func(Ptr[T]) bool) {
		for oid := range oids {
			if !yield(Ptr[T]{oid}) {
				return
			}
		}
	}
}

func (p *Pool) objects(only bool, typeNum uint64) iter.Seq[OID] {
	var cOnly C.int
	if only {
		cOnly = 1
	}
	return func(yield func(OID) bool) {
		var offs [batch]uint64
		for from := uint64(0); ; {
			got := p.fetch(from, cOnly, typeNum, offs[:])
			show := got
			if got == batch {
				// The last one is kept for the next batch, which starts from
				// it: the body cannot have freed it before.
				show--
				from = offs[show]
			}
			for _, off := range offs[:show] {
				if !yield(OID{p.uuid, off}) {
					return
				}
			}
			if got < batch {
				return
			}
		}
	}
}

// fetch gets objects, starting with the one at from, or the first if from is
// 0, and returns how many there were.
func (p *Pool) fetch(from uint64, only C.int, typeNum uint64, offs []uint64) int {
	if p.enterAny("objects") != nil {
		return 0
	}
	defer p.leave()
	if _, alive := p.heap.Object(from); from != 0 && !alive {
		// Another goroutine freed it: go on behind its place.
		if from, alive = p.heap.Next(from); !alive {
			return 0
		}
	}
	return int(C.pmemgo_obj_objects(p.handle, cOIDValue(OID{p.uuid, from}), only, C.uint64_t(typeNum),
		(*C.uint64_t)(unsafe.Pointer(unsafe.SliceData(offs))), C.size_t(len(offs))))
}
