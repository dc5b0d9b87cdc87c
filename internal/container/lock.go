package container

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/pmem/pmdk-go/internal/goroutine"
	"github.com/pmem/pmdk-go/internal/percpu"
	"github.com/pmem/pmdk-go/libpmemobj"
)

// Lock keeps the operations on one container apart: those by themselves share
// it, a transaction has it to itself, and the pool is not closed under any. A
// container's state embeds it and calls Init.
//
// Sharing costs two atomic operations on a cache line of the processor's own.
type Lock struct {
	pool *pool

	_     [64]byte // what follows is read by everybody and seldom written
	state atomic.Uint32
	slots []slot
	_     [64]byte

	owner atomic.Uintptr // the goroutine whose transaction has it
	onEnd func(committed bool)
	gone  func() // see OnGone

	mu      sync.Mutex
	changed sync.Cond // state has changed, or somebody left
}

// slot counts who entered on one processor. It fills two cache lines, which
// processors fetch in pairs.
type slot struct {
	ops   atomic.Int64 // operations that a transaction waits for
	reads atomic.Int64 // operations that only Close waits for
	_     [112]byte
}

// Bits of a lock's state.
const (
	stateTx       = 1 << iota // a transaction has it or waits for it
	stateClosing              // the pool is about to be closed
	stateClosed               // the pool is closed
	stateRemoving             // the transaction that has it removes it
	stateRemoved              // the container was removed
	stateJoined               // a transaction changes it beside others
)

const maxSlots = 64

// Init makes the lock the one of a container in p. onEnd, if it is not nil, is
// called at the end of every transaction that had the container to itself,
// before it gives it back: it adjusts the state in memory to what happened. It
// must not panic.
func (l *Lock) Init(p *libpmemobj.Pool, onEnd func(committed bool)) error {
	shared, err := poolOf(p)
	if err != nil {
		return err
	}
	l.pool, l.onEnd = shared, onEnd
	l.slots = make([]slot, percpu.Slots(maxSlots))
	l.changed.L = &l.mu
	shared.add(l)
	return nil
}

// OnGone has f called when the pool has been closed or the container removed,
// to wake those who wait for something else than the lock. It is called once at
// most, must not wait for anything, and comes before the lock is in use.
func (l *Lock) OnGone(f func()) { l.gone = f }

// wakeAll ends all waiting: the container is gone.
func (l *Lock) wakeAll() {
	l.wake()
	if l.gone != nil {
		l.gone()
	}
}

// Hold is a share of a lock.
type Hold struct {
	lock  *Lock
	count *atomic.Int64
}

// Release gives the share back. It is called once.
func (h Hold) Release() {
	if h.count.Add(-1) == 0 && h.lock.state.Load()&^stateJoined != 0 {
		h.lock.wake()
	}
}

func (l *Lock) slot() *slot { return &l.slots[percpu.Index()&(len(l.slots)-1)] }

// Shared waits until no transaction has the container, and keeps transactions
// and Close out until Release. Between the two the caller does not wait for
// other operations on containers, and so does not call functions of the user's
// that might; nor does it begin a transaction that touches containers.
//
// It fails with ErrClosed after Close, with ErrRemoved after the removal of
// the container, and with ErrInTx if the caller's own transaction has it.
func (l *Lock) Shared(op string) (Hold, error) {
	return l.enter(op, &l.slot().ops, ^uint32(stateJoined))
}

// Read is Shared for operations that need nothing from transactions but that
// the pool is open: they go on while a transaction has the container, also
// that of the caller's goroutine.
func (l *Lock) Read(op string) (Hold, error) {
	return l.enter(op, &l.slot().reads, ^uint32(stateTx|stateJoined))
}

// enter counts the caller, and waits until none of the bits is set.
func (l *Lock) enter(op string, count *atomic.Int64, bits uint32) (Hold, error) {
	h := Hold{l, count}
	for {
		count.Add(1)
		if l.state.Load()&bits == 0 {
			return h, nil
		}
		h.Release()
		if err := l.await(op, bits); err != nil {
			return Hold{}, err
		}
	}
}

// await waits until none of the bits is set, unless there is no use in it.
func (l *Lock) await(op string, bits uint32) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for {
		state := l.state.Load()
		if err := gone(op, state); err != nil {
			return err
		}
		if state&bits == 0 {
			return nil
		}
		if state&bits&(stateTx|stateRemoving) != 0 && l.mine() {
			return &Error{Op: op, Err: errOwnTx}
		}
		l.changed.Wait()
	}
}

// gone is the error of using a container that is gone, by its lock's state.
func gone(op string, state uint32) error {
	switch {
	case state&stateClosed != 0:
		return &Error{Op: op, Err: libpmemobj.ErrClosed}
	case state&stateRemoved != 0:
		return &Error{Op: op, Err: ErrRemoved}
	}
	return nil
}

var errOwnTx = fmt.Errorf("%w that changes the same container: use the operations of In(tx)", libpmemobj.ErrInTx)

var errNoTx = errors.New("no transaction: In was given nil")

// mine says whether the calling goroutine's transaction has the lock. A
// goroutine with a transaction is locked to its thread.
func (l *Lock) mine() bool { return l.owner.Load() == goroutine.ID() }

func (l *Lock) wake() {
	l.mu.Lock()
	l.changed.Broadcast()
	l.mu.Unlock()
}

// busy says whether operations are inside that a transaction waits for.
func (l *Lock) busy() bool {
	for i := range l.slots {
		if l.slots[i].ops.Load() != 0 {
			return true
		}
	}
	return false
}

// inUse says whether anybody is inside.
func (l *Lock) inUse() bool {
	return l.state.Load()&(stateTx|stateJoined) != 0 || l.busy() || l.read()
}

// read says whether operations are inside that began with Read.
func (l *Lock) read() bool {
	for i := range l.slots {
		if l.slots[i].reads.Load() != 0 {
			return true
		}
	}
	return false
}

// InTx makes the container the transaction's until its end, unless it is
// already. It waits for other transactions that have containers of the pool,
// and for the operations under way. Every operation in a transaction calls it;
// after the first time it costs a few nanoseconds.
func (l *Lock) InTx(op string, tx *libpmemobj.Tx) error {
	if tx == nil {
		return &Error{Op: op, Err: errNoTx}
	}
	id := goroutine.ID()
	if l.owner.Load() == id && tx.Stage() == libpmemobj.StageWork {
		return gone(op, l.state.Load())
	}
	if err := l.turn(op, tx, id); err != nil {
		return err
	}
	l.takeAll(id, stateTx)
	l.pool.hold(l)
	return nil
}

// JoinTx is InTx for operations that go well with those of others: it waits for
// the transaction's turn, has the container told of its end, and leaves others
// in, except in Exclusive. InTx may follow.
func (l *Lock) JoinTx(op string, tx *libpmemobj.Tx) error {
	if tx == nil {
		return &Error{Op: op, Err: errNoTx}
	}
	if err := l.turn(op, tx, goroutine.ID()); err != nil {
		return err
	}
	if !l.pool.holds(l) {
		l.mu.Lock()
		for l.state.Load()&stateTx != 0 { // an Exclusive
			l.changed.Wait()
		}
		l.state.Or(stateJoined)
		l.mu.Unlock()
	}
	l.pool.hold(l)
	return nil
}

// turn waits for the transaction's turn, unless it has it.
func (l *Lock) turn(op string, tx *libpmemobj.Tx, id uintptr) error {
	if l.pool.owner.Load() != id {
		if err := l.pool.take(tx); err != nil {
			return &Error{Op: op, Err: err}
		}
	}
	if tx.Stage() != libpmemobj.StageWork {
		return &Error{Op: op, Err: libpmemobj.ErrTxDone}
	}
	return gone(op, l.state.Load())
}

// takeAll waits for those who have the lock by one of the bits, keeps others
// out, and waits for those inside.
func (l *Lock) takeAll(id uintptr, bits uint32) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.state.Load()&bits != 0 {
		l.changed.Wait()
	}
	l.state.Or(stateTx)
	for l.busy() {
		l.changed.Wait()
	}
	l.owner.Store(id)
}

// Exclusive is Shared for an operation that wants the container to itself,
// and calls ReleaseExclusive at its end.
func (l *Lock) Exclusive(op string) error {
	id := goroutine.ID()
	if l.mine() || l.state.Load()&stateJoined != 0 && l.pool.owner.Load() == id {
		return &Error{Op: op, Err: errOwnTx}
	}
	for {
		l.takeAll(id, stateTx|stateJoined)
		// The pool is not closed under the bit that takeAll has set.
		if l.state.Load()&^stateTx == 0 {
			return nil
		}
		l.free()
		if err := l.await(op, ^uint32(stateTx)); err != nil {
			return err
		}
	}
}

// ReleaseExclusive is the end of Exclusive.
func (l *Lock) ReleaseExclusive() { l.free() }

// free lets others in again.
func (l *Lock) free() {
	l.owner.Store(0)
	l.state.And(^uint32(stateTx | stateRemoving))
	l.wake()
}

// expel keeps those out who do not mind transactions, too.
func (l *Lock) expel() {
	l.state.Or(stateRemoving)
	awaitPinned()
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.read() {
		l.changed.Wait()
	}
}

// take waits for the transaction's turn.
func (p *pool) take(tx *libpmemobj.Tx) error {
	at := tx.Pool()
	if at == nil {
		return libpmemobj.ErrTxDone
	}
	if own, err := poolOf(at); err != nil || own != p {
		return errors.Join(libpmemobj.ErrForeignPool, err)
	}
	if tx.Stage() != libpmemobj.StageWork {
		return libpmemobj.ErrWrongGoroutine
	}
	p.turn.Lock()
	if err := tx.OnEnd(p); err != nil {
		p.turn.Unlock()
		return err
	}
	p.owner.Store(goroutine.ID())
	return nil
}

// endTx is the end of a transaction that has the lock, or joined.
func (l *Lock) endTx(committed bool) {
	if l.onEnd != nil {
		l.onEnd(committed)
	}
	l.state.And(^uint32(stateJoined))
	if l.mine() {
		l.free()
		return
	}
	l.wake()
}
