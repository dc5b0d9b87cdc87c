package libpmemobj

// #include "ctl_shim.h"
import "C"

import "reflect"

// ClassOf is an allocation class for objects that hold one T. The zero ClassOf
// is none.
type ClassOf[T any] struct {
	Class
	typ *typeInfo // of T
}

// typeClass is what a pool knows its typed classes by.
type typeClass struct {
	typ    reflect.Type
	header Header
}

// ClassFor is the allocation class whose units have just the size of a T, made
// at the first call and found by later ones. Call it after each Open, where
// the program also looks up its root.
//
// With [HeaderNone], objects of 64 bytes take 64 where [New] takes 128, and a
// transaction that allocates 16 of them takes six tenths of the time, because
// no headers are written and flushed. The price is that such objects have no
// type number: [ObjectsOf] does not find them, and their references must be
// kept. With [HeaderCompact] they are like those of New, in blocks of their
// own.
//
// Units are multiples of 16 bytes; see [AllocClass]. Classes cannot be removed,
// and a pool has room for 200 besides PMDK's own.
//
// Implements: pmemobj_ctl_set(3), the node heap.alloc_class.new.desc
func ClassFor[T any](p *Pool, h Header) (ClassOf[T], error) {
	const op = "class for"
	info, err := typeInfoOf[T]()
	if err != nil {
		return ClassOf[T]{}, err
	}
	if err := p.enterAny(op); err != nil {
		return ClassOf[T]{}, err
	}
	defer p.leave()
	key := typeClass{info.typ, h}
	if c, ok := p.typeClasses.Load(key); ok {
		return ClassOf[T]{c.(Class), info}, nil
	}
	c, err := p.classFor(op, info.size, h)
	if err != nil {
		return ClassOf[T]{}, err
	}
	first, _ := p.typeClasses.LoadOrStore(key, c)
	return ClassOf[T]{first.(Class), info}, nil
}

// New is [New] in this class.
//
// Implements: pmemobj_tx_xalloc(3)
func (c ClassOf[T]) New(tx *Tx) (Ptr[T], error) { return c.alloc(tx, 0) }

// NewZeroed is [NewZeroed] in this class.
//
// Implements: pmemobj_tx_xalloc(3)
func (c ClassOf[T]) NewZeroed(tx *Tx) (Ptr[T], error) { return c.alloc(tx, AllocZero) }

func (c ClassOf[T]) alloc(tx *Tx, flags AllocFlags) (Ptr[T], error) {
	const op = "new"
	if err := tx.usable(op); err != nil {
		return Ptr[T]{}, err
	}
	if c.pool != tx.pool {
		return Ptr[T]{}, c.foreign(op)
	}
	oid, err := tx.allocNow(op, c.typ.size, c.typ.num, C.uint64_t(flags|c.Flag()))
	return Ptr[T]{oid}, err
}

// Reserve is [Reserve] in this class.
//
// Implements: pmemobj_xreserve(3)
func (c ClassOf[T]) Reserve(a *Actions) (Ptr[T], *T, error) {
	const op = "reserve"
	if err := a.usable(op); err != nil {
		return Ptr[T]{}, nil, err
	}
	if c.pool != a.pool {
		return Ptr[T]{}, nil, c.foreign(op)
	}
	oid, addr, err := a.reserve(op, c.typ.size, c.typ.num, []AllocFlags{c.Flag()})
	if err != nil {
		return Ptr[T]{}, nil, err
	}
	return Ptr[T]{oid}, (*T)(addr), nil
}

// foreign is the error of using a class in another pool than its own, where
// its number means something else or nothing.
func (c Class) foreign(op string) error {
	if c.pool == nil {
		return stateErr(op, ErrNull, "the zero class; see ClassFor")
	}
	return stateErr(op, ErrForeignPool, "class %d is of pool %s; each pool, and each Open, has classes of its own", c.ID(), c.pool.path)
}
