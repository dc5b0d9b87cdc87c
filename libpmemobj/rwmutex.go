package libpmemobj

// #include "lock_shim.h"
import "C"

import (
	"context"
	"unsafe"

	"github.com/pmem/pmdk-go/cgoutil"
)

// RWMutex is a lock that any number of readers or one writer can hold, and
// that lies in a pool: a PMEMrwlock, of 64 bytes. What is said of [Mutex]
// holds for it as well.
//
// A goroutine holds it once: it can neither lock it again for reading, nor turn
// a lock for reading into one for writing. Both are refused with ErrLockHeld.
// Readers may go on to overtake a writer that waits.
type RWMutex struct {
	_    cgoutil.NoCopy
	data [lockSize / 8]uint64
}

// A PMEMrwlock is as large as an RWMutex.
var _ [C.sizeof_PMEMrwlock]struct{} = [unsafe.Sizeof(RWMutex{})]struct{}{}

var readLocker = locker{
	mode:   lockShared,
	try:    operation(C.pmemgo_obj_rwlock_tryrdlock),
	wait:   operation(C.pmemgo_obj_rwlock_rdlock),
	timed:  operation(C.pmemgo_obj_rwlock_timedrdlock),
	unlock: operation(C.pmemgo_obj_rwlock_unlock),
}

var writeLocker = locker{
	mode:   lockExclusive,
	try:    operation(C.pmemgo_obj_rwlock_trywrlock),
	wait:   operation(C.pmemgo_obj_rwlock_wrlock),
	timed:  operation(C.pmemgo_obj_rwlock_timedwrlock),
	unlock: operation(C.pmemgo_obj_rwlock_unlock),
}

// Lock locks rw for writing, and waits until nobody holds it.
//
// Implements: pmemobj_rwlock_wrlock(3)
func (rw *RWMutex) Lock() error {
	return writeLocker.lock(context.Background(), "lock", unsafe.Pointer(rw))
}

// LockContext is Lock until ctx is done, like [Mutex.LockContext].
//
// Implements: pmemobj_rwlock_timedwrlock(3)
func (rw *RWMutex) LockContext(ctx context.Context) error {
	return writeLocker.lock(ctx, "lock", unsafe.Pointer(rw))
}

// TryLock locks rw for writing if nobody holds it, and says whether it did.
//
// Implements: pmemobj_rwlock_trywrlock(3)
func (rw *RWMutex) TryLock() (bool, error) {
	return writeLocker.tryLock("try lock", unsafe.Pointer(rw))
}

// Unlock undoes a Lock of this goroutine's, like [Mutex.Unlock].
//
// Implements: pmemobj_rwlock_unlock(3)
func (rw *RWMutex) Unlock() error {
	return writeLocker.release("unlock", unsafe.Pointer(rw))
}

// RLock locks rw for reading, and waits until nobody holds it for writing.
//
// Implements: pmemobj_rwlock_rdlock(3)
func (rw *RWMutex) RLock() error {
	return readLocker.lock(context.Background(), "read lock", unsafe.Pointer(rw))
}

// RLockContext is RLock until ctx is done, like [Mutex.LockContext].
//
// Implements: pmemobj_rwlock_timedrdlock(3)
func (rw *RWMutex) RLockContext(ctx context.Context) error {
	return readLocker.lock(ctx, "read lock", unsafe.Pointer(rw))
}

// TryRLock locks rw for reading if nobody holds it for writing, and says
// whether it did. It does not if this goroutine holds it already.
//
// Implements: pmemobj_rwlock_tryrdlock(3)
func (rw *RWMutex) TryRLock() (bool, error) {
	return readLocker.tryLock("try read lock", unsafe.Pointer(rw))
}

// RUnlock undoes an RLock of this goroutine's, like [Mutex.Unlock].
//
// Implements: pmemobj_rwlock_unlock(3)
func (rw *RWMutex) RUnlock() error {
	return readLocker.release("read unlock", unsafe.Pointer(rw))
}

// Zero makes an unlocked RWMutex of memory with any content, like [Mutex.Zero].
//
// Implements: pmemobj_rwlock_zero(3)
func (rw *RWMutex) Zero() error {
	return zeroLock("zero", unsafe.Pointer(rw), operation(C.pmemgo_obj_rwlock_zero))
}
