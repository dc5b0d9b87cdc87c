package libpmemobj

// #include "shim.h"
import "C"

import "github.com/pmem/pmdk-go/cgoutil"

// RootObject returns the pool's root object as it is, and its size in bytes,
// for code that knows only the beginning of it. If the pool has none, the OID
// is null and the size 0. See [Root], which also says when the object moves.
//
// Implements: pmemobj_root(3), pmemobj_root_size(3)
func (p *Pool) RootObject() (oid OID, size uint64, err error) {
	const op = "root object"
	if err := p.enterAny(op); err != nil {
		return OID{}, 0, err
	}
	defer p.leave()
	p.rootLock.Lock()
	defer p.rootLock.Unlock()
	if size = p.rootSize(); size == 0 {
		return OID{}, 0, nil
	}
	var st cgoutil.Status
	off := uint64(C.pmemgo_obj_root(p.handle, C.size_t(size), cStatus(&st)))
	if off == 0 {
		return OID{}, 0, p.opError(&st, op)
	}
	return OID{p.uuid, off}, size, nil
}
