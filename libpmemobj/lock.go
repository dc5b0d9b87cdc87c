package libpmemobj

// #include "lock_shim.h"
import "C"

import (
	"context"
	"errors"
	"math"
	"runtime"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/internal/goroutine"
)

// What errors.Is finds in the errors of [Mutex], [RWMutex] and [Cond].
var (
	// ErrLockHeld is returned for locking what this goroutine holds already,
	// where C would wait for ever, and for zeroing, freeing or snapshotting the
	// memory of a lock that somebody holds or waits for.
	ErrLockHeld = errors.New("lock is held")

	// ErrLockNotHeld is returned for unlocking, or waiting with, a lock that
	// this goroutine does not hold.
	ErrLockNotHeld = errors.New("lock is not held by this goroutine")

	// ErrLockAbandoned is returned for locking what a goroutine has left locked
	// at its end. The lock's Zero method makes it usable again.
	ErrLockAbandoned = errors.New("the goroutine that held the lock has ended")

	// ErrLockWaiters is returned by Wait of a [Cond] when so many goroutines
	// wait that Go might run out of threads.
	ErrLockWaiters = errors.New("too many goroutines wait for locks")
)

// lockSize is the size of every lock in bytes.
const lockSize = C.sizeof_PMEMmutex

// mayWait is the work of an operation that must not be a leaf call.
const mayWait = maxLeafWork + 1

// lockSlice is how long C waits at a time where Go looks in between, for a
// context that is done or a holder that has ended.
const lockSlice = 20 * time.Millisecond

// maxLockThreads bounds how many goroutines wait in C at a time. Each occupies
// a thread, and Go ends a process that has 10,000.
const maxLockThreads = 512

var lockThreads atomic.Int64 // that wait in C

const forever = time.Duration(math.MaxInt64)

// locker is one way of taking a lock, and of giving it back.
type locker struct {
	mode                     lockMode
	try, wait, timed, unlock operation
}

// lock takes the lock at addr, waiting for it until ctx is done.
func (k *locker) lock(ctx context.Context, op string, addr unsafe.Pointer) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	_, err := k.take(ctx, op, addr)
	return err
}

// tryLock takes the lock at addr if nobody has it.
func (k *locker) tryLock(op string, addr unsafe.Pointer) (bool, error) {
	return k.take(nil, op, addr)
}

// take takes the lock at addr, at once or not at all if ctx is nil.
func (k *locker) take(ctx context.Context, op string, addr unsafe.Pointer) (taken bool, err error) {
	p, err := enterHolding(op, addr, lockSize)
	if err != nil {
		return false, err
	}
	runtime.LockOSThread()
	// Both last until the lock is given back.
	defer func() {
		if !taken {
			runtime.UnlockOSThread()
			p.leave()
		}
	}()
	u := lockUse{owner: goroutine.ID(), addr: uintptr(addr), pool: p, mode: k.mode}
	if held, ok := lockUses.find(u.owner, u.addr); ok {
		if ctx == nil {
			return false, nil
		}
		return false, held.again(op)
	}
	var l C.struct_pmemgo_lock // not a literal; see Pool.atomic
	l.pool, l.lock = C.uint64_t(p.handle), C.uint64_t(u.addr)
	p.call(k.try, unsafe.Pointer(&l), workOfOne)
	if l.err == C.EBUSY {
		if ctx == nil {
			return false, nil
		}
		if err := k.await(ctx, op, u, &l); err != nil {
			return false, err
		}
		u.owner = goroutine.ID() // which may be the thread's
	}
	if l.err != 0 {
		return false, lockError(op, &l)
	}
	u.thread = int32(l.thread)
	lockUses.put(u)
	raceAcquire(u.addr)
	return true, nil
}

func lockError(op string, l *C.struct_pmemgo_lock) error {
	return &Error{Op: op, Errno: unix.Errno(l.err)}
}

// again is the error of taking a lock that the goroutine seems to have.
func (u *lockUse) again(op string) error {
	switch {
	case u.tx != nil:
		return stateErr(op, ErrLockHeld, "this goroutine's transaction has it until its end")
	case u.abandoned(): // the runtime uses the numbers of goroutines again
		return abandonedError(op, u)
	}
	return stateErr(op, ErrLockHeld, "this goroutine has it; locking it again would wait for ever")
}

func abandonedError(op string, u *lockUse) error {
	return stateErr(op, ErrLockAbandoned, "lock at offset %#x; its Zero method unlocks it", u.addr-uintptr(u.pool.base))
}

// await waits for a lock that somebody has, until ctx is done or the lock
// turns out to be abandoned. Else the outcome is in l.
func (k *locker) await(ctx context.Context, op string, u lockUse, l *C.struct_pmemgo_lock) error {
	u.mode = lockWaiting
	lockUses.put(u)
	defer lockUses.remove(u.owner, u.addr)
	poll := lockThreads.Add(1) > maxLockThreads
	defer lockThreads.Add(-1)
	for {
		if err := lockUses.checkAbandoned(op, u.addr); err != nil {
			return err
		}
		slice, err := nextSlice(ctx)
		if err != nil {
			return err
		}
		l.timeout = C.int64_t(slice)
		switch {
		case poll:
			// A goroutine that sleeps on its thread would have it to itself.
			runtime.UnlockOSThread()
			time.Sleep(min(slice, lockSlice))
			runtime.LockOSThread()
			u.pool.call(k.try, unsafe.Pointer(l), workOfOne)
		case slice == forever:
			u.pool.call(k.wait, unsafe.Pointer(l), mayWait)
		default:
			u.pool.call(k.timed, unsafe.Pointer(l), mayWait)
		}
		if l.err != C.EBUSY && l.err != C.ETIMEDOUT {
			return nil
		}
	}
}

// nextSlice is how long to wait before looking at ctx again: lockSlice at
// most, and forever if ctx never ends. It is an error if ctx is done.
func nextSlice(ctx context.Context) (time.Duration, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	end, ok := ctx.Deadline()
	if !ok {
		if ctx.Done() == nil {
			return forever, nil
		}
		return lockSlice, nil
	}
	left := time.Until(end)
	if left <= 0 {
		return 0, context.DeadlineExceeded // ctx is about to notice
	}
	return min(left, lockSlice), nil
}

// release gives the lock at addr back.
func (k *locker) release(op string, addr unsafe.Pointer) error {
	u, err := k.own(op, addr)
	if err != nil {
		return err
	}
	p := u.pool
	// An object that was freed must not be written to.
	err = p.placed(op, addr, lockSize)
	if err == nil {
		var l C.struct_pmemgo_lock
		l.pool, l.lock, l.thread = C.uint64_t(p.handle), C.uint64_t(u.addr), C.int32_t(u.thread)
		raceRelease(u.addr)
		p.call(k.unlock, unsafe.Pointer(&l), workOfOne)
		if l.err == C.EPERM {
			return abandonedError(op, &u)
		}
		if l.err != 0 {
			return lockError(op, &l)
		}
	}
	lockUses.remove(u.owner, u.addr)
	p.leave()
	runtime.UnlockOSThread()
	return err
}

// own finds a lock that the calling goroutine holds in k's way.
func (k *locker) own(op string, addr unsafe.Pointer) (lockUse, error) {
	u, ok := lockUses.find(goroutine.ID(), uintptr(addr))
	switch {
	case addr == nil:
		return u, stateErr(op, ErrNull, "")
	case !ok:
		return u, lockUses.notHeld(op, addr)
	case u.tx != nil:
		return u, stateErr(op, ErrLockNotHeld, "the transaction holds it, and unlocks it at its end")
	case u.mode != k.mode && u.mode == lockShared:
		return u, stateErr(op, ErrLockNotHeld, "it holds it for reading, not for writing")
	case u.mode != k.mode:
		return u, stateErr(op, ErrLockNotHeld, "it holds it for writing, not for reading")
	}
	return u, nil
}

// zeroLock makes a lock of whatever is at addr.
func zeroLock(op string, addr unsafe.Pointer, zero operation) error {
	p, err := enterHolding(op, addr, lockSize)
	if err != nil {
		return err
	}
	defer p.leave()
	for _, u := range lockUses.within(uintptr(addr), 1) {
		if !u.abandoned() {
			return u.inUse(op)
		}
	}
	lockUses.dropAbandoned(uintptr(addr), 1)
	var l C.struct_pmemgo_lock
	l.pool, l.lock = C.uint64_t(p.handle), C.uint64_t(uintptr(addr))
	p.call(zero, unsafe.Pointer(&l), workOfOne)
	return nil
}

// unlocked checks that nobody holds, or waits for, a lock that begins in the n
// bytes at off.
func (p *Pool) unlocked(op string, off, n uint64) error {
	if p.locks.Load() == 0 {
		return nil
	}
	for _, u := range lockUses.within(uintptr(p.base)+uintptr(off), uintptr(n)) {
		return u.inUse(op)
	}
	return nil
}

func (u *lockUse) inUse(op string) error {
	return stateErr(op, ErrLockHeld, "a goroutine holds the lock at offset %#x, or waits for it", u.addr-uintptr(u.pool.base))
}
