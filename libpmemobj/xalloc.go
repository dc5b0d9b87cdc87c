package libpmemobj

// #include "shim.h"
import "C"

// XNew is [New] with flags: [AllocZero], [AllocNoFlush], an allocation class, an
// arena.
//
// Implements: pmemobj_tx_xalloc(3)
func XNew[T any](tx *Tx, flags AllocFlags) (Ptr[T], error) {
	info, err := typeInfoOf[T]()
	if err != nil {
		return Ptr[T]{}, err
	}
	oid, err := tx.xalloc("new", info.size, info.num, flags)
	return Ptr[T]{oid}, err
}

// Xalloc allocates an object of size bytes when the transaction commits, like
// [NewBytes], with flags: [AllocZero], [AllocNoFlush], an allocation class, an
// arena. A class without headers keeps no type number.
//
// Implements: pmemobj_tx_xalloc(3)
func (tx *Tx) Xalloc(size, typeNum uint64, flags AllocFlags) (OID, error) {
	return tx.xalloc("xalloc", size, typeNum, flags)
}

func (tx *Tx) xalloc(op string, size, typeNum uint64, flags AllocFlags) (OID, error) {
	if err := tx.usable(op); err != nil {
		return OID{}, err
	}
	if err := checkAllocSize(op, size); err != nil {
		return OID{}, tx.failed(err)
	}
	if err := tx.pool.checkFlags(op, size, flags); err != nil {
		return OID{}, tx.failed(err)
	}
	return tx.allocNow(op, size, typeNum, C.uint64_t(flags))
}

// Xalloc is [Pool.Alloc] with flags: [AllocZero], an allocation class, an
// arena. A class without headers keeps no type number.
//
// Implements: pmemobj_xalloc(3)
func (p *Pool) Xalloc(dst *OID, size, typeNum uint64, flags AllocFlags) (OID, error) {
	const op = "xalloc"
	if flags&AllocNoFlush != 0 {
		return OID{}, badArgument(op, "AllocNoFlush has no meaning outside transactions: nothing is flushed here but AllocZero's zeros")
	}
	if err := p.enterChange(op); err != nil {
		return OID{}, err
	}
	defer p.leave()
	if err := checkAllocSize(op, size); err != nil {
		return OID{}, err
	}
	if err := p.checkFlags(op, size, flags); err != nil {
		return OID{}, err
	}
	if err := p.destination(op, dst); err != nil {
		return OID{}, err
	}
	oid, err := p.atomic(op, opAlloc, dst, OID{}, size, typeNum, C.uint64_t(flags))
	return oid, p.settled(op, err)
}

// checkAllocSize refuses sizes that no object has.
func checkAllocSize(op string, size uint64) error {
	if size == 0 {
		return badArgument(op, "0 bytes; an object has 1 to %d", MaxAlloc)
	}
	if size > MaxAlloc {
		return tooLarge(op, size)
	}
	return nil
}
