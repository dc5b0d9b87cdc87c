package libpmemobj

// #include "lock_shim.h"
import "C"

import (
	"context"
	"errors"
	"time"
	"unsafe"

	"github.com/pmem/pmdk-go/cgoutil"
	"github.com/pmem/pmdk-go/internal/goroutine"
)

// Cond is a condition to wait for that lies in a pool: a PMEMcond, of 64
// bytes. What is said of [Mutex] about memory and lifetime holds for it as
// well; in a Go program, [sync.Cond] or a channel is the better choice. After
// the pool has been opened, nobody waits.
//
// Whoever changes what others wait for does so, and calls Signal or Broadcast,
// while holding the [Mutex] that they wait with. All must wait with the same.
type Cond struct {
	_    cgoutil.NoCopy
	data [lockSize / 8]uint64
}

// A PMEMcond is as large as a Cond.
var _ [C.sizeof_PMEMcond]struct{} = [unsafe.Sizeof(Cond{})]struct{}{}

// Wait unlocks m, waits for Signal or Broadcast, and locks m again. It may
// return without a signal: call it in a loop that looks at what is waited for.
//
// m must lie in the same pool and be locked by this goroutine, not by its
// transaction. With more than some 500 goroutines waiting for locks, Wait
// fails with ErrLockWaiters.
//
// Implements: pmemobj_cond_wait(3)
func (c *Cond) Wait(m *Mutex) error {
	return c.WaitContext(context.Background(), m)
}

// WaitContext is Wait until ctx is done: then it returns ctx.Err(), with m
// locked as after any return.
//
// A context that can end makes it return without a signal every 20 ms.
//
// Implements: pmemobj_cond_timedwait(3)
func (c *Cond) WaitContext(ctx context.Context, m *Mutex) error {
	const op = "wait"
	slice, err := nextSlice(ctx)
	if err != nil {
		return err
	}
	p, err := enterHolding(op, unsafe.Pointer(c), lockSize)
	if err != nil {
		return err
	}
	defer p.leave()
	held, err := mutexLocker.own(op, unsafe.Pointer(m))
	if err != nil {
		return err
	}
	if held.pool != p {
		return stateErr(op, ErrForeignPool, "the mutex is in pool %s, the condition in %s", held.pool.path, p.path)
	}
	if err := p.placed(op, unsafe.Pointer(m), lockSize); err != nil {
		return err
	}
	if err := c.wait(op, p, held, slice); err != errSliceOver {
		return err
	}
	// To wait on here, without the caller's look at what it waits for, would
	// miss a signal from the moment before m was locked again.
	_, err = nextSlice(ctx)
	return err
}

var errSliceOver = errors.New("no signal in a slice of time")

// wait waits until a signal, or for a slice of time.
func (c *Cond) wait(op string, p *Pool, held lockUse, slice time.Duration) error {
	waiting := lockUse{owner: goroutine.ID(), addr: uintptr(unsafe.Pointer(c)), pool: p, mode: lockWaiting, mutex: held.addr}
	for _, u := range lockUses.within(waiting.addr, 1) {
		if u.mutex != waiting.mutex {
			return badArgument(op, "others wait for this condition with another mutex, that at offset %#x", u.mutex-uintptr(p.base))
		}
	}
	defer lockThreads.Add(-1)
	if lockThreads.Add(1) > maxLockThreads {
		return stateErr(op, ErrLockWaiters, "%d already", maxLockThreads)
	}
	lockUses.put(waiting)
	defer lockUses.remove(waiting.owner, waiting.addr)
	// Meanwhile another goroutine may have the mutex.
	unlocked := held
	unlocked.mode = lockWaiting
	lockUses.put(unlocked)
	defer lockUses.put(held)

	var l C.struct_pmemgo_lock
	l.pool, l.lock, l.mutex = C.uint64_t(p.handle), C.uint64_t(waiting.addr), C.uint64_t(held.addr)
	l.thread, l.timeout = C.int32_t(held.thread), C.int64_t(slice)
	raceRelease(held.addr)
	defer raceAcquire(held.addr)
	if slice == forever {
		p.call(operation(C.pmemgo_obj_cond_wait), unsafe.Pointer(&l), mayWait)
	} else {
		p.call(operation(C.pmemgo_obj_cond_timedwait), unsafe.Pointer(&l), mayWait)
	}
	switch l.err {
	case 0:
		return nil
	case C.ETIMEDOUT:
		return errSliceOver
	case C.EPERM:
		return abandonedError(op, &held)
	}
	return lockError(op, &l)
}

// Signal wakes one goroutine, or thread of C code, that waits; none if none
// does.
//
// Implements: pmemobj_cond_signal(3)
func (c *Cond) Signal() error {
	return c.wake("signal", operation(C.pmemgo_obj_cond_signal))
}

// Broadcast wakes all that wait.
//
// Implements: pmemobj_cond_broadcast(3)
func (c *Cond) Broadcast() error {
	return c.wake("broadcast", operation(C.pmemgo_obj_cond_broadcast))
}

func (c *Cond) wake(op string, fn operation) error {
	p, err := enterHolding(op, unsafe.Pointer(c), lockSize)
	if err != nil {
		return err
	}
	defer p.leave()
	var l C.struct_pmemgo_lock
	l.pool, l.lock = C.uint64_t(p.handle), C.uint64_t(uintptr(unsafe.Pointer(c)))
	p.call(fn, unsafe.Pointer(&l), workOfOne)
	if l.err != 0 {
		return lockError(op, &l)
	}
	return nil
}

// Zero makes a Cond of memory with any content, durably. While goroutines wait,
// it fails with ErrLockHeld.
//
// Implements: pmemobj_cond_zero(3)
func (c *Cond) Zero() error {
	return zeroLock("zero", unsafe.Pointer(c), operation(C.pmemgo_obj_cond_zero))
}
