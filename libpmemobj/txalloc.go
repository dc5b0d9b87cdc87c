package libpmemobj

// #include "shim.h"
import "C"

import (
	"unsafe"
)

// New allocates an object for a T in tx's pool. It exists once tx commits.
// Its memory holds whatever was there before: set every field, or use
// [NewZeroed]. Until the end of the transaction it is written without
// snapshots, and it is flushed by the commit.
//
// If the pool is full, the error matches ErrOutOfSpace and the transaction
// can go on.
//
// Implements: pmemobj_tx_alloc(3), pmemobj_tx_xalloc(3)
func New[T any](tx *Tx) (Ptr[T], error) {
	return newOf[T](tx, "new", 1, 0)
}

// NewZeroed is New with the memory set to zero.
//
// Implements: pmemobj_tx_zalloc(3)
func NewZeroed[T any](tx *Tx) (Ptr[T], error) {
	return newOf[T](tx, "new", 1, C.POBJ_XALLOC_ZERO)
}

// NewArray allocates one object for n values of T, zeroed, and returns a
// pointer to the first; [Ptr.Slice] gives all of them. The object has T's
// type number.
//
// Implements: pmemobj_tx_zalloc(3)
func NewArray[T any](tx *Tx, n int) (Ptr[T], error) {
	return newOf[T](tx, "new array", n, C.POBJ_XALLOC_ZERO)
}

func newOf[T any](tx *Tx, op string, n int, flags C.uint64_t) (Ptr[T], error) {
	info, err := typeInfoOf[T]()
	if err != nil {
		return Ptr[T]{}, err
	}
	if n <= 0 || uint64(n) > MaxAlloc/info.size {
		return Ptr[T]{}, tx.failed(badArgument(op, "%d × %d bytes; an object has 1 to %d bytes", n, info.size, MaxAlloc))
	}
	oid, err := tx.alloc(op, info.size*uint64(n), info.num, flags)
	return Ptr[T]{oid}, err
}

// NewBytes allocates an object of n bytes, not zeroed, and returns it with a
// capped view of its memory, which may be written until the end of the
// transaction. typeNum tells objects apart when iterating; any number will
// do.
//
// Implements: pmemobj_tx_alloc(3)
func NewBytes(tx *Tx, n int, typeNum uint64) (OID, []byte, error) {
	const op = "new bytes"
	if n <= 0 || n > MaxAlloc {
		return OID{}, nil, tx.failed(badArgument(op, "%d bytes; an object has 1 to %d", n, MaxAlloc))
	}
	oid, err := tx.alloc(op, uint64(n), typeNum, 0)
	if err != nil {
		return OID{}, nil, err
	}
	return oid, unsafe.Slice((*byte)(unsafe.Add(tx.pool.base, oid.Off)), n), nil
}

// NewString allocates an object holding s and a terminating NUL byte, which
// C programs read as a string. s must not contain a NUL.
//
// Implements: pmemobj_tx_strdup(3), pmemobj_tx_xstrdup(3)
func NewString(tx *Tx, s string, typeNum uint64) (OID, error) {
	const op = "new string"
	if err := checkString(op, s); err != nil {
		return OID{}, tx.failed(err)
	}
	oid, view, err := NewBytes(tx, len(s)+1, typeNum)
	if err != nil {
		return OID{}, err
	}
	view[copy(view, s)] = 0
	return oid, nil
}

func (tx *Tx) alloc(op string, size, typeNum uint64, flags C.uint64_t) (OID, error) {
	if err := tx.usable(op); err != nil {
		return OID{}, err
	}
	return tx.allocNow(op, size, typeNum, flags)
}

// allocNow is alloc for a caller who knows that tx is usable.
func (tx *Tx) allocNow(op string, size, typeNum uint64, flags C.uint64_t) (OID, error) {
	if tx.extras != nil {
		if err := tx.roomForIntents(op, 1); err != nil {
			return OID{}, tx.failed(err)
		}
	}
	tx.c.size, tx.c.type_num, tx.c.flags = C.uint64_t(size), C.uint64_t(typeNum), flags
	if err := tx.call(op, opTxAlloc, tx.pool.allocWork(size)); err != nil {
		return OID{}, tx.explain(err, size, AllocFlags(flags))
	}
	return tx.allocated(size), nil
}

// allocated notes the object that C has just allocated.
func (tx *Tx) allocated(size uint64) OID {
	off := uint64(tx.c.result)
	tx.work += workOfOne + size // the commit flushes it
	tx.fresh.add(span{off, off + size})
	if len(tx.freed) > 0 {
		delete(tx.freed, off) // freed and given out again in one transaction
	}
	return OID{tx.pool.uuid, off}
}

// Free frees an object when the transaction commits; until then it can be
// read. Freeing null does nothing. The object must be alive, in tx's pool,
// not the root, and not freed before in this transaction. A failed Free
// leaves the transaction as it was.
//
// Implements: pmemobj_tx_free(3), pmemobj_tx_xfree(3)
func (tx *Tx) Free(oid OID) error {
	const op = "free"
	if err := tx.usable(op); err != nil {
		return err
	}
	if oid.IsNull() {
		return nil
	}
	if _, err := tx.freeable(op, oid); err != nil {
		return tx.failed(err)
	}
	if err := tx.roomForIntents(op, 1); err != nil {
		return tx.failed(err)
	}
	tx.c.uuid, tx.c.off = C.uint64_t(oid.Pool), C.uint64_t(oid.Off)
	if err := tx.call(op, opTxFree, workOfOne); err != nil {
		return err
	}
	tx.noteFreed(oid.Off)
	return nil
}

// freeable checks what C would not.
func (tx *Tx) freeable(op string, oid OID) (usable uint64, err error) {
	if err := tx.pool.own(op, oid); err != nil {
		return 0, err
	}
	if _, twice := tx.freed[oid.Off]; twice {
		return 0, stateErr(op, ErrNotLive, "%v was freed before in this transaction", oid)
	}
	if i, ok := tx.fresh.search(oid.Off); ok && tx.fresh[i].start == oid.Off {
		usable = tx.fresh[i].end - oid.Off
		return usable, tx.pool.unlocked(op, oid.Off, usable)
	}
	return tx.pool.freeable(op, oid)
}

func (tx *Tx) noteFreed(off uint64) {
	tx.work += workOfOne
	tx.fresh.remove(off)
	if tx.freed == nil {
		tx.freed = map[uint64]struct{}{}
	}
	tx.freed[off] = struct{}{}
}

// Realloc moves an object to one of size bytes with the given type number and
// returns that; the old one is freed by the commit. What fits of the content
// is copied, the rest is undefined. A null oid is allocated anew; size 0 frees
// and returns null. If there is no room, the error matches ErrOutOfSpace, the
// object is unchanged, and the transaction can go on.
//
// Implements: pmemobj_tx_realloc(3)
func (tx *Tx) Realloc(oid OID, size, typeNum uint64) (OID, error) {
	return tx.realloc("realloc", oid, size, typeNum, false)
}

// Zrealloc is Realloc with what is added set to zero.
//
// Implements: pmemobj_tx_zrealloc(3)
func (tx *Tx) Zrealloc(oid OID, size, typeNum uint64) (OID, error) {
	return tx.realloc("zrealloc", oid, size, typeNum, true)
}

func (tx *Tx) realloc(op string, oid OID, size, typeNum uint64, zero bool) (OID, error) {
	if err := tx.usable(op); err != nil {
		return OID{}, err
	}
	if size > MaxAlloc {
		return OID{}, tx.failed(tooLarge(op, size))
	}
	if size == 0 {
		return OID{}, tx.Free(oid)
	}
	var flags C.uint64_t
	if zero {
		flags = C.POBJ_XALLOC_ZERO
	}
	if oid.IsNull() {
		return tx.alloc(op, size, typeNum, flags)
	}
	usable, err := tx.freeable(op, oid)
	if err != nil {
		return OID{}, tx.failed(err)
	}
	if err := tx.roomForIntents(op, 2); err != nil {
		return OID{}, tx.failed(err)
	}
	tx.c.uuid, tx.c.off, tx.c.keep = C.uint64_t(oid.Pool), C.uint64_t(oid.Off), C.uint64_t(min(usable, size))
	tx.c.size, tx.c.type_num, tx.c.flags = C.uint64_t(size), C.uint64_t(typeNum), flags
	if err := tx.call(op, opTxRealloc, tx.pool.allocWork(2*size)); err != nil {
		return OID{}, tx.explain(err, size, 0)
	}
	tx.noteFreed(oid.Off)
	return tx.allocated(size), nil
}
