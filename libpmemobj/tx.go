package libpmemobj

// #include "shim.h"
import "C"

import (
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"unsafe"

	"github.com/pmem/pmdk-go/cgoutil"
	"github.com/pmem/pmdk-go/internal/goroutine"
)

// Tx is an open transaction. It belongs to the goroutine that runs the
// closure of [Pool.Update] and dies with that call; used elsewhere or later,
// its methods return ErrWrongGoroutine or ErrTxDone.
type Tx struct {
	_ cgoutil.NoCopy

	pool   *Pool
	owner  *atomic.Uint64 // the registry's entry; 0 outside Update
	spilt  bool           // into the registry's overflow
	loose  bool           // whoever began it waits for the medium
	extras *txExtras      // nil in most transactions
	locks  []uintptr      // that the transaction holds; see txlock.go

	c    C.struct_pmemgo_tx
	work uint64 // that the end of the transaction will be; see Pool.call

	ended  bool // the closure has returned
	err    error
	thrown *txFailure // the panic that Mut raised

	fresh  spans               // objects allocated here; they need no snapshot
	freed  map[uint64]struct{} // objects freed here
	logged span                // the last snapshot
	live   span                // part of a live object, the last one looked at
	cut    map[uint64]uint64   // arrays of slices that got shorter here: how many elements they had

	onCommit []func()
	onAbort  []func(error)

	ranges []Range // for C

	published []action  // the reservations that Publish takes, for C
	spare     *txExtras // to use again
}

// txFailure is what Mut panics with.
type txFailure struct{ err error }

func (f *txFailure) Error() string { return f.err.Error() }
func (f *txFailure) Unwrap() error { return f.err }

// Update runs fn as a transaction: what fn changes through tx happens as a
// whole or not at all, whatever happens to the process. If fn returns nil,
// the changes are committed, durable when Update returns as far as
// [Pool.Durability] goes. If fn returns an error, panics, or calls
// runtime.Goexit, everything is rolled back; the error is returned, the panic
// goes on. A failed snapshot dooms the transaction: it is rolled back even if
// fn returns nil.
//
// Writes are made in place, after a snapshot: see [Ptr.Mut] and
// [Tx.Snapshot]. PMDK does not isolate transactions. Other goroutines see the
// writes as they are made, so take a lock around Update wherever two may
// touch the same object.
//
// An Update inside fn on the same pool joins the transaction: nothing is
// committed before the outer one is, and an error of the inner one, even if
// fn drops it, rolls back everything. On another pool it is refused.
//
// Update locks the goroutine to its thread while fn runs. When some
// 500 to 768 transactions are open in the process, Update waits for one to end.
//
// Implements: pmemobj_tx_begin(3), pmemobj_tx_commit(3), pmemobj_tx_abort(3),
// pmemobj_tx_end(3), pmemobj_tx_stage(3), pmemobj_tx_errno(3)
func (p *Pool) Update(fn func(tx *Tx) error) (err error) {
	if err := p.notConstructing("update"); err != nil {
		return err
	}
	if err := p.changeable("update"); err != nil {
		return err
	}
	runtime.LockOSThread()
	tx, outer, err := p.register()
	if err != nil || outer != nil {
		runtime.UnlockOSThread()
	}
	if err != nil {
		return err
	}
	if outer != nil {
		return outer.join(p, fn)
	}
	tx.pool = p
	defer tx.finish(&err)
	err = fn(tx)
	tx.ended = true
	return err
}

// register enters a transaction of the calling goroutine's, or finds the one
// that it has open.
func (p *Pool) register() (tx, outer *Tx, err error) {
	for {
		tx, outer := openTxs.enter(p)
		if outer != nil || !p.closing.Load() {
			return tx, outer, nil
		}
		openTxs.leave(tx)
		p.closeLock.Lock() // until Close has made up its mind
		closed := p.guard.Closed()
		p.closeLock.Unlock()
		if closed {
			return nil, nil, stateErr("update", ErrClosed, "%s", p.path)
		}
	}
}

// join runs fn as part of the transaction that is open already.
func (tx *Tx) join(p *Pool, fn func(tx *Tx) error) (err error) {
	const op = "update"
	if tx.pool != p {
		return stateErr(op, ErrForeignPool, "a transaction on pool %s is open in this goroutine; one cannot span pools", tx.pool.path)
	}
	if tx.ended {
		return stateErr(op, ErrTxDone, "the transaction is being finished")
	}
	// What fn leaves half-done must not be committed, even if the outer
	// closure recovers its panic.
	err = errUnfinished
	failure := tx.failureBehavior()
	defer func() {
		if tx.extras != nil {
			tx.extras.failure = failure
		}
		if err != nil {
			tx.doom(fmt.Errorf("nested update: %w", err))
		}
	}()
	err = fn(tx)
	return err
}

// errUnfinished is the cause of a rollback after a panic or Goexit.
var errUnfinished = errors.New("panic or Goexit in the transaction")

// doom makes the transaction roll back whatever fn returns.
func (tx *Tx) doom(err error) {
	if tx.err == nil {
		tx.err = err
	}
}

// finish ends the transaction: fn has returned, panicked, or called Goexit.
func (tx *Tx) finish(err *error) {
	// Only our own panic is caught. Others go on by themselves, with their
	// stack, as does Goexit.
	if tx.thrown != nil && !tx.ended {
		switch r := recover(); r {
		case any(tx.thrown):
			tx.ended = true
			*err = tx.thrown.err
		case nil:
		default:
			defer panic(r) // raised while ours was on its way
		}
	}
	if *err == nil {
		*err = tx.err
	}
	commit := tx.ended && *err == nil
	if tx.extras != nil && tx.extras.onStage != nil {
		tx.finishInStages(err, commit)
		return
	}
	begun := tx.c.begun != 0
	if begun {
		if len(tx.locks) > 0 {
			tx.beforeUnlock()
		}
		if commit {
			*err = tx.call("commit", opTxCommit, tx.work)
			commit = *err == nil
		} else {
			tx.pool.call(opTxAbort, unsafe.Pointer(&tx.c), tx.work)
		}
	}
	over := outcome{tx.onCommit, tx.onAbort}
	if tx.extras != nil {
		tx.extras.committed = commit
	}
	p := tx.toSettle(commit && begun)
	tx.leave()
	if p != nil {
		if *err = p.awaitOutside("update"); *err != nil {
			return
		}
	}
	if over.onCommit != nil || over.onAbort != nil {
		over.tell(commit, *err)
	}
}

// toSettle is the pool whose medium is to be waited for after the end of the
// transaction, or nil.
func (tx *Tx) toSettle(changed bool) *Pool {
	if !changed || tx.pool.keeper == nil || tx.loose {
		return nil
	}
	return tx.pool
}

// UpdateUnsettled is [Pool.Update] that leaves the wait for a medium to
// [Pool.AwaitDurable]; functions given to [Tx.OnCommit] are called before. It is
// for a [PoolUser] that has something locked around the transaction. Inside
// another transaction, it is that one that waits or not.
func (p *Pool) UpdateUnsettled(fn func(tx *Tx) error) error {
	if p.keeper == nil || openTxs.find() != nil {
		return p.Update(fn)
	}
	return p.Update(func(tx *Tx) error {
		tx.loose = true
		return fn(tx)
	})
}

// leave readies tx for its next use and gives it back to the registry.
// Nothing of it may be used afterwards. Memory of one large transaction is not
// kept for the small ones.
func (tx *Tx) leave() {
	if len(tx.locks) > 0 {
		tx.forgetLocks()
	}
	const keep = 1024
	if tx.extras != nil {
		tx.dropExtras()
	}
	tx.pool = nil
	tx.ended, tx.loose, tx.work = false, false, 0
	tx.err, tx.thrown = nil, nil
	tx.logged, tx.live = span{}, span{}
	tx.onCommit, tx.onAbort = nil, nil
	tx.fresh = tx.fresh[:0]
	if cap(tx.fresh) > keep {
		tx.fresh = nil
	}
	if len(tx.freed) > keep {
		tx.freed = nil
	}
	if cap(tx.ranges) > keep {
		tx.ranges = nil
	}
	if len(tx.cut) > keep {
		tx.cut = nil
	}
	if cap(tx.published) > keep {
		tx.published = nil
	}
	// Even an empty map is a call to clear.
	if len(tx.freed) > 0 {
		clear(tx.freed)
	}
	if len(tx.cut) > 0 {
		clear(tx.cut)
	}
	openTxs.leave(tx)
	runtime.UnlockOSThread()
}

// outcome is who wants to know how the transaction ended.
type outcome struct {
	onCommit []func()
	onAbort  []func(error)
}

// tell calls the functions; err is the cause of a rollback, if it is known.
func (o outcome) tell(committed bool, err error) {
	if committed {
		for _, f := range o.onCommit {
			f()
		}
		return
	}
	if err == nil {
		err = errUnfinished
	}
	for _, f := range o.onAbort {
		f(err)
	}
}

// usable checks that the caller may use tx now.
func (tx *Tx) usable(op string) error {
	owner := uintptr(tx.owner.Load() & goroutineMask)
	if owner == goroutine.ID() && !tx.ended {
		return nil
	}
	if owner == 0 || owner == goroutine.ID() {
		return stateErr(op, ErrTxDone, "")
	}
	return stateErr(op, ErrWrongGoroutine, "")
}

// call makes one crossing, which begins the transaction in C if none did yet.
func (tx *Tx) call(op string, fn operation, work uint64) error {
	tx.c.pool = C.uint64_t(tx.pool.handle)
	tx.pool.call(fn, unsafe.Pointer(&tx.c), work)
	status := (*cgoutil.Status)(unsafe.Pointer(&tx.c.status))
	if status.Errno == 0 {
		return nil
	}
	return tx.failed(tx.pool.opError(status, op))
}

// Pool is the pool that the transaction changes, nil after its end.
func (tx *Tx) Pool() *Pool { return tx.pool }

// Snapshot saves what the ranges hold now, so that an abort or a crash
// restores it; they may be written afterwards. All ranges cost one crossing
// into C. Each must lie inside one live object, or inside an object that this
// transaction has allocated, which needs no snapshot and gets none. Empty
// ranges are skipped.
//
// If Snapshot fails, none of the ranges must be written, and the transaction
// is rolled back in the end.
//
// Implements: pmemobj_tx_add_range(3), pmemobj_tx_add_range_direct(3),
// pmemobj_tx_xadd_range_direct(3), pmemobj_tx_set_failure_behavior(3)
func (tx *Tx) Snapshot(ranges ...Range) error {
	const op = "snapshot"
	if err := tx.usable(op); err != nil {
		return err
	}
	tx.ranges = tx.ranges[:0]
	for _, r := range ranges {
		need, err := tx.needsSnapshot(op, r)
		if err != nil {
			tx.doom(err)
			return err
		}
		if need {
			tx.ranges = append(tx.ranges, r)
		}
	}
	if err := tx.snapshot(op); err != nil {
		tx.doom(err)
		return err
	}
	return nil
}

// snapshot saves tx.ranges.
func (tx *Tx) snapshot(op string) error {
	if len(tx.ranges) == 0 {
		return nil
	}
	work := uint64(0)
	for _, r := range tx.ranges {
		work += workOfOne + uint64(r.len)
	}
	tx.c.ranges = C.uint64_t(uintptr(unsafe.Pointer(unsafe.SliceData(tx.ranges))))
	tx.c.nranges = C.uint64_t(len(tx.ranges))
	if err := tx.call(op, opTxSnapshot, work); err != nil {
		err = tx.explainFull(op, SnapshotLog, err)
		if errors.Is(err, ErrLogFull) {
			return err
		}
		return tx.explain(err, 0, 0)
	}
	tx.work += work
	last := tx.ranges[len(tx.ranges)-1]
	off, _ := tx.pool.offset(last)
	tx.logged = span{off, off + uint64(last.len)}
	return nil
}

// needsSnapshot checks one range.
func (tx *Tx) needsSnapshot(op string, r Range) (bool, error) {
	if r.len == 0 {
		return false, nil
	}
	off, ok := tx.pool.offset(r)
	if !ok {
		return false, tx.foreign(op, r)
	}
	n := uint64(r.len)
	if tx.logged.covers(off, n) || tx.fresh.covers(off, n) {
		return false, nil
	}
	if tx.extras != nil {
		if err := tx.undoable(op, off, n); err != nil {
			return false, err
		}
	}
	return true, tx.writable(op, off, n)
}

func (tx *Tx) foreign(op string, r Range) error {
	return stateErr(op, ErrForeignPool, "%d bytes at %#x are not in pool %s", r.len, r.addr, tx.pool.path)
}

// writable checks that n bytes at off lie in one object of the user's.
func (tx *Tx) writable(op string, off, n uint64) error {
	if tx.pool.locks.Load() > 0 || tx.pool.txLogs.n.Load() > 0 {
		if err := tx.unused(op, off, n); err != nil {
			return err
		}
	}
	if tx.live.covers(off, n) {
		return nil
	}
	start, end, ok := tx.pool.heap.Around(off, n)
	if !ok {
		return stateErr(op, ErrNotLive, "%d bytes at offset %#x", n, off)
	}
	tx.live = span{start, end}
	return nil
}

// unused checks that n bytes at off hold no lock in use and no log.
func (tx *Tx) unused(op string, off, n uint64) error {
	if err := tx.unlocked(op, off, n); err != nil {
		return err
	}
	return tx.pool.txLogs.free(op, off, n)
}

// mut is Ptr.Mut without the type.
func (tx *Tx) mut(oid OID, n uint64) unsafe.Pointer {
	const op = "mut"
	if err := tx.usable(op); err != nil {
		panic(err)
	}
	if err := tx.pool.own(op, oid); err != nil {
		tx.throw(err)
	}
	addr, err := resolve(oid, n)
	if err != nil {
		tx.throw(err)
	}
	tx.snapshotOne(op, Range{uintptr(addr), uintptr(n)})
	return addr
}

// snapshotOne takes one snapshot or panics.
func (tx *Tx) snapshotOne(op string, r Range) {
	need, err := tx.needsSnapshot(op, r)
	if err != nil {
		tx.throw(err)
	}
	if !need {
		return
	}
	tx.ranges = append(tx.ranges[:0], r)
	if err := tx.snapshot(op); err != nil {
		tx.throw(err)
	}
}

// throw ends the closure with a panic that Update turns into err.
func (tx *Tx) throw(err error) {
	tx.doom(err)
	tx.thrown = &txFailure{err}
	panic(tx.thrown)
}

// MutAt snapshots *field, a part of an object, and returns field for reading
// and writing. It fails like [Ptr.Mut]: by a panic that Update turns into its
// error.
//
// Implements: pmemobj_tx_add_range_direct(3)
func MutAt[F any](tx *Tx, field *F) *F {
	const op = "mut"
	if err := tx.usable(op); err != nil {
		panic(err)
	}
	tx.snapshotOne(op, RangeOf(field))
	return field
}

// OnCommit has f called after the outermost transaction has been committed,
// before its Update returns, in the order of the calls. The transaction is
// over by then, and durable; f may begin another. If the medium of the pool
// fails before, f is not called: see ErrFailed.
func (tx *Tx) OnCommit(f func()) error {
	if err := tx.usable("on commit"); err != nil {
		return err
	}
	tx.onCommit = append(tx.onCommit, f)
	return nil
}

// OnAbort has f called with the cause after the outermost transaction has
// been rolled back, also by a panic or Goexit, before its Update returns.
func (tx *Tx) OnAbort(f func(cause error)) error {
	if err := tx.usable("on abort"); err != nil {
		return err
	}
	tx.onAbort = append(tx.onAbort, f)
	return nil
}
