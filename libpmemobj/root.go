package libpmemobj

// #include "shim.h"
import "C"

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/cgoutil"
)

// Root returns the pool's root object as a T: the one object that needs no
// pointer to be found. The first call allocates it, zeroed. When T has grown
// since, the root grows with it, and the new part is zeroed; fields must only
// be added at the end then. A T smaller than the root is an error.
//
// The root moves when it grows: pointers to it from before are dead.
//
// Root must not be called inside a transaction, unless the root has T's size
// already.
//
// Implements: pmemobj_root(3), pmemobj_root_size(3)
func Root[T any](p *Pool) (Ptr[T], error) {
	info, err := typeInfoOf[T]()
	if err != nil {
		return Ptr[T]{}, err
	}
	off, err := p.root("root", info.size, nil)
	if err != nil {
		return Ptr[T]{}, err
	}
	return Ptr[T]{OID{p.uuid, off}}, nil
}

// root finds, makes or grows the root object. If it is made, construct gives
// its content, unless it is nil.
func (p *Pool) root(op string, size uint64, construct func() (unsafe.Pointer, error)) (off uint64, err error) {
	if err := p.enterAny(op); err != nil {
		return 0, err
	}
	defer p.leave()
	have := p.rootSize()
	if size > have {
		if err := p.changeable(op); err != nil {
			return 0, err
		}
		if openTxs.find() != nil {
			return 0, stateErr(op, ErrInTx, "the root object must be made or grown outside")
		}
		if err := p.notConstructing(op); err != nil {
			return 0, err
		}
		// Whoever makes the root makes it alone: a constructor is not to run
		// for nothing.
		defer func() { err = p.settled(op, err) }() // when the lock is given back
		p.rootLock.Lock()
		defer p.rootLock.Unlock()
		have = p.rootSize()
	}
	if size < have {
		return 0, &Error{Op: op, Path: p.path, Errno: unix.EINVAL, Msg: fmt.Sprintf("the root object has %d bytes, the type asked for only %d: another program's pool, or an older version of the type", have, size)}
	}
	if size > have && have > 0 && p.locks.Load() > 0 {
		return 0, stateErr(op, ErrLockHeld, "the root object must not move while locks of the pool are held or waited for")
	}
	var st cgoutil.Status
	if have == 0 && construct != nil {
		content, err := construct()
		if err != nil {
			return 0, err
		}
		off = p.constructRoot(size, content, &st)
	} else {
		off = uint64(C.pmemgo_obj_root(p.handle, C.size_t(size), cStatus(&st)))
	}
	if off == 0 {
		return 0, p.explain(p.opError(&st, op), size, 0)
	}
	return off, nil
}

func (p *Pool) rootSize() uint64 {
	return uint64(C.pmemobj_root_size((*C.PMEMobjpool)(p.base)))
}

// RootSize is the size of the root object in bytes, 0 if there is none yet.
//
// Implements: pmemobj_root_size(3)
func (p *Pool) RootSize() (uint64, error) {
	if err := p.enterAny("root size"); err != nil {
		return 0, err
	}
	defer p.leave()
	return p.rootSize(), nil
}
