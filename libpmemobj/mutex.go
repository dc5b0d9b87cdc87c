package libpmemobj

// #include "lock_shim.h"
import "C"

import (
	"context"
	"unsafe"

	"github.com/pmem/pmdk-go/cgoutil"
)

// Mutex is a mutual exclusion lock that lies in a pool: a PMEMmutex, of 64
// bytes, which C code in the same process may lock as well. Whatever its
// state was when the pool was closed or the process died, it is unlocked when
// the pool is opened again.
//
// To protect data from other goroutines of a Go program, a [sync.Mutex]
// outside the pool is the better choice: it costs less than a tenth, and a goroutine
// that waits for it needs no thread. Mutex is for data whose lock is shared
// with C, and for layouts that have one.
//
// All methods want the Mutex where it lies in the pool, in a live object, as
// [Ptr.Get] gives it. In other memory the error matches ErrNotPersistent. The
// zero Mutex is unlocked: objects of [NewZeroed] are ready, others need Zero.
//
// # Goroutines
//
// A lock belongs to the goroutine that took it, and to its thread: the
// goroutine is locked to the thread until it unlocks, and is the only one that
// may. Locking a lock that it has is an error, as is unlocking one that it has
// not; both match ErrLockHeld or ErrLockNotHeld, and change nothing.
//
// Each goroutine that waits occupies a thread; when some 500 do, others look
// every now and then whether the lock is free.
//
// A goroutine that ends without unlocking leaves the lock locked. Locking
// it then fails with ErrLockAbandoned; a goroutine that was waiting in Lock
// already waits for ever. Goroutines that end on the program's main thread
// are not noticed.
//
// # Lifetime
//
// While a lock is held or waited for, the pool cannot be closed, and the lock's
// object not be freed. A lock is not data: [Ptr.Mut] of an object with a lock
// in it would bring back an old state of the lock when the transaction is
// rolled back. Use [MutAt] for the fields beside it, or take the lock through
// [Tx.Lock], which is left out of the rollback. A snapshot of a lock that is
// held otherwise is refused with ErrLockHeld; one of a lock that is not held
// yet is not noticed.
type Mutex struct {
	_    cgoutil.NoCopy
	data [lockSize / 8]uint64
}

// A PMEMmutex is as large as a Mutex.
var _ [C.sizeof_PMEMmutex]struct{} = [unsafe.Sizeof(Mutex{})]struct{}{}

var mutexLocker = locker{
	mode:   lockExclusive,
	try:    operation(C.pmemgo_obj_mutex_trylock),
	wait:   operation(C.pmemgo_obj_mutex_lock),
	timed:  operation(C.pmemgo_obj_mutex_timedlock),
	unlock: operation(C.pmemgo_obj_mutex_unlock),
}

// Lock locks m, and waits for it if it is locked.
//
// Implements: pmemobj_mutex_lock(3)
func (m *Mutex) Lock() error {
	return mutexLocker.lock(context.Background(), "lock", unsafe.Pointer(m))
}

// LockContext is Lock until ctx is done: then it returns ctx.Err(). A
// cancellation is noticed after some 20 ms, a deadline at once.
//
// Implements: pmemobj_mutex_timedlock(3)
func (m *Mutex) LockContext(ctx context.Context) error {
	return mutexLocker.lock(ctx, "lock", unsafe.Pointer(m))
}

// TryLock locks m if it is not locked, and says whether it did.
//
// Implements: pmemobj_mutex_trylock(3)
func (m *Mutex) TryLock() (bool, error) {
	return mutexLocker.tryLock("try lock", unsafe.Pointer(m))
}

// Unlock unlocks m, which this goroutine must have locked. If m's object has
// been freed meanwhile, the error matches ErrNotLive; m counts as unlocked
// nevertheless.
//
// Implements: pmemobj_mutex_unlock(3)
func (m *Mutex) Unlock() error {
	return mutexLocker.release("unlock", unsafe.Pointer(m))
}

// Zero makes an unlocked Mutex of memory with any content, durably. It also
// unlocks what was abandoned. While m is held or waited for, it fails with
// ErrLockHeld.
//
// Implements: pmemobj_mutex_zero(3)
func (m *Mutex) Zero() error {
	return zeroLock("zero", unsafe.Pointer(m), operation(C.pmemgo_obj_mutex_zero))
}
