package libpmemobj

// #include "lock_shim.h"
import "C"

import (
	"slices"
	"unsafe"

	"github.com/pmem/pmdk-go/internal/goroutine"
)

// TxLock is what a transaction can lock: a [*Mutex] or a [*RWMutex].
type TxLock interface {
	forTx() (addr unsafe.Pointer, param C.uint64_t)
}

func (m *Mutex) forTx() (unsafe.Pointer, C.uint64_t) {
	return unsafe.Pointer(m), C.TX_PARAM_MUTEX
}

func (rw *RWMutex) forTx() (unsafe.Pointer, C.uint64_t) {
	return unsafe.Pointer(rw), C.TX_PARAM_RWLOCK
}

// Lock takes locks, in this order, and waits for each; the transaction holds
// them until the outermost Update ends, however it does. It is what C programs
// name in TX_BEGIN_PARAM. An [RWMutex] is locked for writing; to read, RLock it
// before Update. The locks must lie in tx's pool. What the transaction holds
// already is passed over; what the goroutine has locked itself is refused with
// ErrLockHeld.
//
// A rollback leaves these locks out when it restores memory, so that objects
// with such a lock may be snapshotted as a whole.
//
// If Lock fails, the transaction keeps the locks before the failing one, and
// can go on. Two transactions that take two locks in different orders wait for
// each other for ever; to give up after some time, take the lock by LockContext
// before Update. But take one lock always in the same way: when hundreds of
// transactions wait for it, there may be room for no other, which a goroutine
// that has locked it itself would wait for in Update.
//
// Implements: pmemobj_tx_lock(3), pmemobj_tx_xlock(3)
func (tx *Tx) Lock(locks ...TxLock) error {
	const op = "lock"
	if err := tx.usable(op); err != nil {
		return err
	}
	for _, l := range locks {
		if err := tx.lock(op, l); err != nil {
			return err
		}
	}
	return nil
}

func (tx *Tx) lock(op string, l TxLock) error {
	if l == nil {
		return stateErr(op, ErrNull, "")
	}
	addr, param := l.forTx()
	if err := tx.lockable(op, addr); err != nil {
		return err
	}
	u := lockUse{owner: goroutine.ID(), addr: uintptr(addr), pool: tx.pool, tx: tx, mode: lockWaiting}
	if held, ok := lockUses.find(u.owner, u.addr); ok {
		if held.tx == tx {
			return nil
		}
		return held.again(op)
	}
	if err := lockUses.checkAbandoned(op, u.addr); err != nil {
		return err
	}
	lockUses.put(u)
	tx.c.off, tx.c.flags = C.uint64_t(u.addr-uintptr(tx.pool.base)), param
	if err := tx.call(op, opTxLock, mayWait); err != nil {
		lockUses.remove(u.owner, u.addr)
		return err
	}
	u.mode = lockExclusive
	lockUses.put(u)
	tx.locks = append(tx.locks, u.addr)
	raceAcquire(u.addr)
	return nil
}

var opTxLock = operation(C.pmemgo_obj_tx_lock)

// lockable checks that a lock lies in a live object of tx's pool.
func (tx *Tx) lockable(op string, addr unsafe.Pointer) error {
	if addr == nil {
		return stateErr(op, ErrNull, "")
	}
	if _, ok := tx.pool.offset(Range{uintptr(addr), lockSize}); ok {
		return tx.pool.placed(op, addr, lockSize)
	}
	if poolHolding(addr) == nil {
		return stateErr(op, ErrNotPersistent, "address %#x: take it from a Ptr's Get, not from a copy", uintptr(addr))
	}
	return stateErr(op, ErrForeignPool, "the lock is not in pool %s", tx.pool.path)
}

// beforeUnlock is called before C gives the transaction's locks back.
func (tx *Tx) beforeUnlock() {
	for _, addr := range tx.locks {
		raceRelease(addr)
	}
}

// forgetLocks is called after C has given the transaction's locks back.
func (tx *Tx) forgetLocks() {
	owner := goroutine.ID()
	for _, addr := range tx.locks {
		lockUses.remove(owner, addr)
	}
	tx.locks = tx.locks[:0]
}

// unlocked checks that a snapshot holds no lock in use, as a rollback would
// restore its old state. PMDK leaves out the transaction's own.
func (tx *Tx) unlocked(op string, off, n uint64) error {
	for _, u := range lockUses.within(uintptr(tx.pool.base)+uintptr(off), uintptr(n)) {
		if !tx.holds(u.addr) {
			return stateErr(op, ErrLockHeld, "the range has a lock in it, at offset %#x, that a goroutine holds or waits for; snapshot the fields beside it (MutAt), or take it by Tx.Lock", u.addr-uintptr(tx.pool.base))
		}
	}
	return nil
}

func (tx *Tx) holds(addr uintptr) bool {
	return slices.Contains(tx.locks, addr)
}
