package libpmemobj

import (
	"sync"
	"sync/atomic"

	"github.com/pmem/pmdk-go/internal/goroutine"
)

// txRegistry knows which goroutine has which transaction open, over all
// pools. PMDK's transactions belong to threads and misuse of them ends the
// process, so it is found by asking here. It also owns the Tx values, so that
// beginning a transaction allocates nothing, and bounds their number: PMDK
// has 1024 lanes in a pool, and a thread that finds none free spins.
//
// A goroutine looks for its own entry alone, so slots need no lock: one is
// taken by swapping an owner in, and given back by storing 0. These two locked
// instructions are all that a transaction pays; each costs as much as the
// rest of the bookkeeping together.
type txRegistry struct {
	buckets [256]txBucket // by a hash of the goroutine

	// Goroutines that find their bucket full come here; if here is no room
	// either, they wait.
	lock     sync.Mutex
	room     sync.Cond
	overflow map[uintptr]*Tx
	spare    []*Tx
}

// maxOverflow makes 768 of the most transactions that can be open. As buckets
// fill unevenly, some may wait when 500 are.
const maxOverflow = 256

// txBucket fills a cache line.
type txBucket struct {
	owners [2]atomic.Uint64 // 0 is free
	txs    [2]*Tx           // touched by the owner of the slot alone
	spilt  atomic.Int64     // how many of this bucket's are in overflow
	_      [24]byte
}

var openTxs = newTxRegistry()

func newTxRegistry() *txRegistry {
	r := &txRegistry{overflow: map[uintptr]*Tx{}}
	r.room.L = &r.lock
	return r
}

// An owner is a goroutine's number and, above it, its transaction's pool, so
// that Close can tell which pools are in use. Addresses have 48 bits at most.
const (
	goroutineBits = 48
	goroutineMask = 1<<goroutineBits - 1
)

func (r *txRegistry) bucket(id uintptr) *txBucket {
	id ^= id >> 15 // the runtime lays descriptors out in a regular pattern
	return &r.buckets[uint64(id)*0x9E3779B97F4A7C15>>56]
}

// find returns the calling goroutine's transaction, or nil.
func (r *txRegistry) find() *Tx {
	id := goroutine.ID()
	b := r.bucket(id)
	if b.owners[0].Load()&goroutineMask == uint64(id) {
		return b.txs[0]
	}
	if b.owners[1].Load()&goroutineMask == uint64(id) {
		return b.txs[1]
	}
	if b.spilt.Load() == 0 {
		return nil
	}
	return r.findOverflow(id)
}

func (r *txRegistry) findOverflow(id uintptr) *Tx {
	r.lock.Lock()
	defer r.lock.Unlock()
	return r.overflow[id]
}

// enter registers a transaction on p for the calling goroutine, unless it has
// one, which is returned as outer then. It waits while too many are open.
func (r *txRegistry) enter(p *Pool) (tx, outer *Tx) {
	id := goroutine.ID()
	b := r.bucket(id)
	first, second := b.owners[0].Load(), b.owners[1].Load()
	switch {
	case first&goroutineMask == uint64(id):
		return nil, b.txs[0]
	case second&goroutineMask == uint64(id):
		return nil, b.txs[1]
	}
	if b.spilt.Load() != 0 {
		if outer := r.findOverflow(id); outer != nil {
			return nil, outer
		}
	}
	owner := uint64(id) | uint64(p.number)<<goroutineBits
	if first == 0 && b.owners[0].CompareAndSwap(0, owner) {
		return b.tx(0), nil
	}
	if second == 0 && b.owners[1].CompareAndSwap(0, owner) {
		return b.tx(1), nil
	}
	return r.enterOverflow(id, owner), nil
}

// tx is the Tx of a slot, for its owner.
func (b *txBucket) tx(i int) *Tx {
	if b.txs[i] == nil {
		b.txs[i] = &Tx{owner: &b.owners[i]}
	}
	return b.txs[i]
}

func (r *txRegistry) enterOverflow(id uintptr, owner uint64) *Tx {
	r.lock.Lock()
	defer r.lock.Unlock()
	for len(r.overflow) == maxOverflow {
		r.room.Wait()
	}
	var tx *Tx
	if n := len(r.spare); n > 0 {
		tx, r.spare = r.spare[n-1], r.spare[:n-1]
	} else {
		tx = &Tx{owner: new(atomic.Uint64), spilt: true}
	}
	tx.owner.Store(owner)
	r.overflow[id] = tx
	r.bucket(id).spilt.Add(1)
	return tx
}

// leave takes tx back.
func (r *txRegistry) leave(tx *Tx) {
	if tx.spilt {
		r.leaveOverflow(tx)
		return
	}
	tx.owner.Store(0)
}

func (r *txRegistry) leaveOverflow(tx *Tx) {
	id := uintptr(tx.owner.Load() & goroutineMask)
	r.lock.Lock()
	defer r.lock.Unlock()
	tx.owner.Store(0)
	delete(r.overflow, id)
	r.spare = append(r.spare, tx)
	r.bucket(id).spilt.Add(-1)
	r.room.Signal()
}

// uses says whether a transaction on p is open, in any goroutine.
func (r *txRegistry) uses(p *Pool) bool {
	for i := range r.buckets {
		for j := range r.buckets[i].owners {
			if r.buckets[i].owners[j].Load()>>goroutineBits == uint64(p.number) {
				return true
			}
		}
	}
	r.lock.Lock()
	defer r.lock.Unlock()
	for _, tx := range r.overflow {
		if tx.owner.Load()>>goroutineBits == uint64(p.number) {
			return true
		}
	}
	return false
}
