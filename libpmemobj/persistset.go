package libpmemobj

// #include "persistset_shim.h"
import "C"

import "unsafe"

var opPersistSet = operation(C.pmemgo_obj_persist_set)

// PersistThenSet makes r durable and then sets *word to v, durably as well: who
// finds v there after a crash finds all of r. That is how a container brings
// something into being with two waits and one crossing into C. *word is set
// as a whole, and after what the caller stored before, so that of stores to
// its own cache line none is lost when it is not.
//
// Nothing is checked: it is for a [PoolUser], which sees to it that the pool
// is open, with memory of its own. r may be empty. Any goroutine may call it. In a
// pool that a medium keeps, the order holds, and the wait is left to
// [Pool.AwaitDurable].
//
// Implements: pmemobj_persist(3)
func (p *Pool) PersistThenSet(r Range, word *uint64, v uint64) {
	var s C.struct_pmemgo_persist_set // not a literal; see Pool.atomic
	s.pool, s.addr, s.len = C.uint64_t(p.handle), C.uint64_t(r.addr), C.uint64_t(r.len)
	s.dst, s.value = C.uint64_t(uintptr(unsafe.Pointer(word))), C.uint64_t(v)
	p.call(opPersistSet, unsafe.Pointer(&s), 2*workOfOne+uint64(r.len))
}
