package libpmemobj

// #include "list_shim.h"
import "C"

import (
	"math/bits"
	"sync"
	"sync/atomic"
)

// listLocks keep the goroutines apart that use a pool's lists: between the
// checks of an operation, made in Go, and what C does, nobody may change the
// lists or the element. C's own lock, in the head, is taken by C too late. An
// operation locks each head and the element, so that two cannot put one
// element into two lists; lists with other locks go on.
//
// The locks are the bits of one word, so that any set of them is taken and
// given back by an instruction each: beside a flush, these are what an
// operation pays for. It does not enter the pool's guard for the same reason;
// Close takes all locks instead.
type listLocks struct {
	held    atomic.Uint64
	lists   [listLockCount]listState // each touched under its lock alone
	waiting sync.Mutex
	freed   sync.Cond
}

const (
	listLockCount = 63
	// listWaiter is set in held while somebody waits.
	listWaiter = 1 << listLockCount

	allListLocks = listLockSet(listWaiter - 1)
)

// listState belongs to all lists that have one lock.
type listState struct {
	c       *C.struct_pmemgo_list // the argument of operations, nil at first
	cursors []listCursor          // of loops
}

// listLockSet is a set of locks, a bit for each.
type listLockSet uint64

// listNumber is the number of the lock of the head or the element at an
// offset.
func listNumber(off uint64) uint64 {
	const golden = 0x9e3779b97f4a7c15
	number, _ := bits.Mul64(off*golden, listLockCount)
	return number
}

func listLockOf(off uint64) listLockSet { return 1 << listNumber(off) }

// lock takes all locks of a set at once, when all are free.
func (l *listLocks) lock(set listLockSet) {
	for {
		held := l.held.Load()
		if held&uint64(set) != 0 {
			l.wait(set)
			continue
		}
		if l.held.CompareAndSwap(held, held|uint64(set)) {
			return
		}
	}
}

func (l *listLocks) wait(set listLockSet) {
	l.waiting.Lock()
	defer l.waiting.Unlock()
	l.freed.L = &l.waiting
	if l.held.Or(listWaiter)&uint64(set) != 0 {
		l.freed.Wait()
	}
}

func (l *listLocks) unlock(set listLockSet) {
	if l.held.And(^uint64(set))&listWaiter == 0 {
		return
	}
	l.waiting.Lock()
	defer l.waiting.Unlock()
	l.held.And(^uint64(listWaiter))
	l.freed.Broadcast()
}

// drain waits for the operations under way to end. Those that begin meanwhile
// find the pool closed.
func (l *listLocks) drain() {
	for i := range listLockCount {
		l.lock(1 << i)
		l.unlock(1 << i)
	}
}

// arg is the argument for C of an operation under the lock. To make one each
// time would mean to clear the room for PMDK's messages each time.
func (l *listState) arg() *C.struct_pmemgo_list {
	if l.c == nil {
		l.c = new(C.struct_pmemgo_list)
	}
	return l.c
}

// listCursor is the place of a loop over a list. Operations keep it right when
// they take elements out of the list.
type listCursor struct {
	head uint64 // of the list; 0 if the cursor is free
	back bool
	cur  uint64 // the current element; 0 before the first, or if it is gone
	next uint64 // if cur is 0, the element that is next; 0 at the end
}

// begin returns the number of a new cursor.
func (l *listState) begin(c listCursor) int {
	for i := range l.cursors {
		if l.cursors[i].head == 0 {
			l.cursors[i] = c
			return i
		}
	}
	l.cursors = append(l.cursors, c)
	return len(l.cursors) - 1
}

// at says whether a loop over the list is at the element, which then is in it.
func (l *listState) at(head, elem uint64) bool {
	for i := range l.cursors {
		if c := &l.cursors[i]; c.head == head && c.cur == elem {
			return true
		}
	}
	return false
}

// leave takes cursors off an element that has left the list, where it stood
// between prev and next, of which one is 0 at the end of the list.
func (l *listState) leave(head, elem, prev, next uint64) {
	for i := range l.cursors {
		c := &l.cursors[i]
		if c.head != head || c.cur != elem && (c.cur != 0 || c.next != elem) {
			continue
		}
		c.cur, c.next = 0, next
		if c.back {
			c.next = prev
		}
	}
}
