package libpmemobj

import (
	"os"
	"sync"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// lockRegistry knows which goroutine holds which lock, or waits for it. C does
// not: unlocking what one does not hold, or locking what one does, damages the
// lock there or waits for ever.
//
// A goroutine mostly looks for its own entries, so they are spread by
// goroutine; questions about a stretch of memory look through all shards that
// are not empty.
type lockRegistry struct {
	shards [64]lockShard
}

// lockShard fills a cache line.
type lockShard struct {
	used atomic.Int64 // len(uses), to be read without the lock
	lock sync.Mutex
	uses []lockUse // few: each belongs to a goroutine that has a thread to itself
	_    [24]byte
}

type lockMode uint8

const (
	lockExclusive lockMode = iota + 1
	lockShared
	lockWaiting // for a lock, or on a condition, also with the lock it needs
)

// lockUse is what one goroutine does with one lock.
type lockUse struct {
	owner  uintptr // the goroutine
	addr   uintptr
	pool   *Pool
	tx     *Tx // which gives the lock back; or nil
	mode   lockMode
	thread int32   // of a holder's, 0 if it is the transaction's
	mutex  uintptr // of a wait on a condition
}

var lockUses lockRegistry

func (r *lockRegistry) shard(owner uintptr) *lockShard {
	id := owner ^ owner>>15 // see txRegistry
	return &r.shards[uint64(id)*0x9E3779B97F4A7C15>>58]
}

// index finds an entry of a locked shard.
func (s *lockShard) index(owner, addr uintptr) int {
	for i := range s.uses {
		if s.uses[i].owner == owner && s.uses[i].addr == addr {
			return i
		}
	}
	return -1
}

// delete removes an entry of a locked shard.
func (s *lockShard) delete(i int) {
	last := len(s.uses) - 1
	s.uses[i].pool.locks.Add(-1)
	s.uses[i] = s.uses[last]
	s.uses[last] = lockUse{}
	s.uses = s.uses[:last]
	s.used.Store(int64(last))
}

func (r *lockRegistry) find(owner, addr uintptr) (u lockUse, ok bool) {
	s := r.shard(owner)
	if s.used.Load() == 0 {
		return lockUse{}, false
	}
	s.lock.Lock()
	defer s.lock.Unlock()
	if i := s.index(owner, addr); i >= 0 {
		return s.uses[i], true
	}
	return lockUse{}, false
}

// put adds an entry or replaces that of the same goroutine and lock.
func (r *lockRegistry) put(u lockUse) {
	s := r.shard(u.owner)
	s.lock.Lock()
	defer s.lock.Unlock()
	if i := s.index(u.owner, u.addr); i >= 0 {
		s.uses[i] = u
		return
	}
	s.uses = append(s.uses, u)
	s.used.Store(int64(len(s.uses)))
	u.pool.locks.Add(1)
}

func (r *lockRegistry) remove(owner, addr uintptr) {
	s := r.shard(owner)
	s.lock.Lock()
	defer s.lock.Unlock()
	if i := s.index(owner, addr); i >= 0 {
		s.delete(i)
	}
}

// within lists what is done, by any goroutine, with locks that begin in the n
// bytes at addr.
func (r *lockRegistry) within(addr, n uintptr) (uses []lockUse) {
	for i := range r.shards {
		s := &r.shards[i]
		if s.used.Load() == 0 {
			continue
		}
		s.lock.Lock()
		for _, u := range s.uses {
			if u.addr-addr < n {
				uses = append(uses, u)
			}
		}
		s.lock.Unlock()
	}
	return uses
}

// abandoned says whether the goroutine that holds the lock has ended. It had
// its thread to itself, which ended with it.
func (u *lockUse) abandoned() bool {
	return u.mode != lockWaiting && u.thread != 0 &&
		unix.Tgkill(os.Getpid(), int(u.thread), 0) == unix.ESRCH
}

// checkAbandoned is an error if a holder of the lock has ended.
func (r *lockRegistry) checkAbandoned(op string, addr uintptr) error {
	for _, u := range r.within(addr, 1) {
		if u.abandoned() {
			return abandonedError(op, &u)
		}
	}
	return nil
}

// dropAbandoned forgets the locks in these bytes whose holders have ended. In C
// they stay locked.
func (r *lockRegistry) dropAbandoned(addr, n uintptr) {
	for _, u := range r.within(addr, n) {
		if u.abandoned() && r.drop(u) {
			u.pool.leave()
		}
	}
}

// drop removes an entry if it is there still, as it was found.
func (r *lockRegistry) drop(u lockUse) bool {
	s := r.shard(u.owner)
	s.lock.Lock()
	defer s.lock.Unlock()
	i := s.index(u.owner, u.addr)
	if i < 0 || s.uses[i] != u {
		return false
	}
	s.delete(i)
	return true
}

// notHeld is the error of unlocking what the goroutine has not locked.
func (r *lockRegistry) notHeld(op string, addr unsafe.Pointer) error {
	if poolHolding(addr) == nil {
		return stateErr(op, ErrNotPersistent, "address %#x", uintptr(addr))
	}
	for _, u := range r.within(uintptr(addr), 1) {
		if u.mode != lockWaiting {
			return stateErr(op, ErrLockNotHeld, "another goroutine has it")
		}
	}
	return stateErr(op, ErrLockNotHeld, "it is not locked, or not by Go")
}
