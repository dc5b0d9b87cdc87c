package libpmemobj

// #include "shim.h"
import "C"

import (
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"unsafe"
	"weak"

	"github.com/pmem/pmdk-go/cgoutil"
	"github.com/pmem/pmdk-go/internal/medium"
	"github.com/pmem/pmdk-go/internal/objheap"
	"github.com/pmem/pmdk-go/internal/poolfile"
)

// Pool is an open pool. Its methods may be called from any goroutine.
//
// A pool stays open until Close: one that is lost without it is reported (see
// [cgoutil.SetLeakReporter]) but stays mapped, because pointers into it may
// still be around.
type Pool struct {
	_ cgoutil.NoCopy

	guard  cgoutil.Guard // who is inside, transactions excepted
	number uint16        // by which the registry of transactions knows the pool
	// closing is looked at by a transaction after it has registered, and set
	// by Close before it looks for transactions: one of the two sees the
	// other. closeLock is held by Close meanwhile.
	closing   atomic.Bool
	closeLock sync.Mutex

	handle C.pmemgo_pool
	base   unsafe.Pointer // the same address
	uuid   uint64
	size   int64 // when it was opened
	heap   *objheap.Heap

	growth   *growth      // nil if it stays as large as it is
	span     uint64       // the addresses from base on that are the pool's, now or later
	lastSize atomic.Int64 // of a growing pool, when it was closed

	path       string
	layout     string
	durability Durability
	leaf       bool // flushing never waits for a disk
	warm       atomic.Bool

	keeper   medium.Keeper // nil unless the pool is kept on a medium
	closeErr error         // what closing said; under closeLock

	// What every transaction looks at comes before the large fields below.
	locks  atomic.Int64  // of this pool that goroutines hold or wait for; see lockregistry.go
	txLogs logRegistry   // buffers that transactions keep their logs in
	runID  atomic.Uint64 // of volatile values constructed since open; 0 until there is one

	rootLock sync.Mutex          // held while the root object is made or grown
	userData atomic.Pointer[any] // see SetUserData
	attached attachments         // see Attach

	lists listLocks // see listlock.go

	// What belongs to the allocator's run time: see ctl.go. Nothing is removed
	// from it while the pool is open.
	ctlLock      sync.Mutex    // while arenas, classes and settings change
	arenas       atomic.Uint32 // how many are known to exist
	knownClasses [maxClassID + 1]atomic.Pointer[classInfo]
	typeClasses  sync.Map // typeClass → Class

	file  *os.File // the file that Create made; nil after Open
	watch *cgoutil.Watcher
}

// newPool wraps what C opened and makes its objects resolvable. growth is nil
// for a pool that stays as large as it is, keeper for one without a medium.
func newPool(pop *C.PMEMobjpool, path, layout string, d Durability, size int64, g *growth, keeper medium.Keeper) (*Pool, error) {
	p := &Pool{
		handle:     C.pmemgo_pool(uintptr(unsafe.Pointer(pop))),
		base:       unsafe.Pointer(pop),
		uuid:       uint64(C.pmemgo_obj_uuid(C.pmemgo_pool(uintptr(unsafe.Pointer(pop))))),
		path:       path,
		layout:     layout,
		durability: d,
		leaf:       keeper == nil && (d == DurabilityDAX || d == DurabilityProcessCrash),
		keeper:     keeper,
		size:       size,
		growth:     g,
		span:       uint64(spanOf(size, g)),
	}
	heap, err := objheap.NewGrowingHeap(p.base, uint64(size), p.span)
	if err != nil {
		C.pmemobj_close(pop)
		return nil, corrupt("open", path, err)
	}
	p.heap = heap
	if p.number, err = poolNumbers.take(); err != nil {
		C.pmemobj_close(pop)
		return nil, err
	}
	start, end := heap.Bounds()
	s := slot{uuid: p.uuid, base: p.base, min: start, heap: heap.SizeWord(), span: p.span, pool: weak.Make(p)}
	if g == nil {
		// In memory that nothing in the pool can spoil.
		size := end - start + objheap.HeapMeta
		s.heap = &size
	}
	addToTable(s)
	p.watch = cgoutil.Watch(p, "libpmemobj pool", path)
	return p, nil
}

// closePool closes a pool that was never wrapped.
func closePool(pop *C.PMEMobjpool) { C.pmemobj_close(pop) }

// Close makes the pool's changes durable and unmaps it. Every pointer into it
// is dead afterwards: reading through one kept from before is a fault, while
// Ptr.Get panics. Closing again does nothing.
//
// In a pool that a medium keeps (see [WithMedium]), Close writes what it has not
// written yet to the files, and returns its error: the pool is closed then, and
// what was durable is still to be found when it is opened the next time.
//
// While a transaction, a publication or another operation is under way, or a
// lock in the pool is held, in this goroutine or another, Close returns
// ErrPoolBusy and the pool stays open.
//
// Implements: pmemobj_close(3)
func (p *Pool) Close() error {
	if p.guard.Closed() {
		return nil
	}
	if tx := openTxs.find(); tx != nil && tx.pool == p {
		return stateErr("close", ErrPoolBusy, "this goroutine has a transaction open in it")
	}
	if p.notConstructing("close") != nil {
		return stateErr("close", ErrPoolBusy, "this goroutine is inside a constructor")
	}
	p.closeLock.Lock()
	defer p.closeLock.Unlock()
	p.closing.Store(true)
	defer func() { p.closing.Store(p.guard.Closed()) }()
	if openTxs.uses(p) {
		return stateErr("close", ErrPoolBusy, "transactions are open in other goroutines")
	}
	lockUses.dropAbandoned(uintptr(p.base), uintptr(p.span))
	closed := p.attached.closing()
	if closed == nil {
		return stateErr("close", ErrPoolBusy, "other goroutines are inside what is attached to it")
	}
	defer func() { closed(p.guard.Closed()) }()
	err := p.guard.Close(p.release)
	if errors.Is(err, cgoutil.ErrBusy) {
		if p.locks.Load() > 0 {
			return stateErr("close", ErrPoolBusy, "locks in it are held or waited for")
		}
		return stateErr("close", ErrPoolBusy, "other goroutines are inside")
	}
	return err
}

func (p *Pool) release() error {
	p.lists.drain()
	p.lastSize.Store(int64(p.heap.End()))
	removeFromTable(p.uuid)
	p.userData.Store(nil)
	poolNumbers.give(p.number)
	p.watch.Stop()
	closeEntered((*C.PMEMobjpool)(p.base))
	if p.keeper != nil {
		if err := p.keeper.Close(); err != nil {
			p.closeErr = p.failed("close", err)
		}
	}
	poolfile.Enter()
	defer poolfile.Leave()
	if p.growth != nil && !p.growth.frozen {
		p.growth.tidy(p.lastSize.Load())
	}
	if p.file != nil {
		return errors.Join(p.closeErr, p.file.Close())
	}
	return p.closeErr
}

// enter admits an operation outside transactions; leave ends it.
func (p *Pool) enter(op string) error {
	if openTxs.find() != nil {
		return stateErr(op, ErrInTx, "use the transaction's own methods, or do it before or after")
	}
	if err := p.notConstructing(op); err != nil {
		return err
	}
	return p.enterAny(op)
}

// enterAny admits an operation that transactions do not mind.
func (p *Pool) enterAny(op string) error {
	if _, err := p.guard.Enter(); err != nil {
		return stateErr(op, ErrClosed, "%s", p.path)
	}
	return nil
}

func (p *Pool) leave() { p.guard.Exit() }

// Path is the path that the pool was opened with.
func (p *Pool) Path() string { return p.path }

// Layout is the layout name that the pool was created with.
func (p *Pool) Layout() string { return p.layout }

// Size is the size of the pool in bytes, PMDK's own structures included. It
// rises when the pool grows.
func (p *Pool) Size() int64 {
	if p.growth == nil {
		return p.size
	}
	// Not after Close: the answer is in the pool.
	if p.enterAny("size") != nil {
		return p.lastSize.Load()
	}
	defer p.leave()
	return int64(p.heap.End())
}

// UUID is the number that stands for the pool in every [OID] of its objects.
func (p *Pool) UUID() uint64 { return p.uuid }

// Durability is what a committed change survives.
func (p *Pool) Durability() Durability { return p.durability }

// Bytes returns n bytes of an object from offset off on, as a capped view of
// the persistent memory. The same rules as for [Ptr.Get] apply; the bytes
// must lie inside the object, else the error matches ErrNotLive.
func (p *Pool) Bytes(oid OID, off, n uint64) ([]byte, error) {
	const op = "bytes"
	if err := p.enterAny(op); err != nil {
		return nil, err
	}
	defer p.leave()
	if err := p.own(op, oid); err != nil {
		return nil, err
	}
	if n == 0 {
		return nil, nil
	}
	if off+n < off || oid.Off+off < off || !p.live(oid.Off+off, n) {
		return nil, stateErr(op, ErrNotLive, "[%d, %d) of %v", off, off+n, oid)
	}
	return unsafe.Slice((*byte)(unsafe.Add(p.base, oid.Off+off)), n), nil
}

// own checks that oid names something in p.
func (p *Pool) own(op string, oid OID) error {
	if oid.IsNull() {
		return stateErr(op, ErrNull, "")
	}
	if oid.Pool != p.uuid {
		return stateErr(op, ErrForeignPool, "%v is not in pool %s (%016x)", oid, p.path, p.uuid)
	}
	return nil
}

// live says whether [off, off+n) lies in one live object, or in one that the
// calling goroutine's transaction has allocated.
func (p *Pool) live(off, n uint64) bool {
	if p.heap.Covers(off, n) {
		return true
	}
	tx := openTxs.find()
	return tx != nil && tx.pool == p && tx.fresh.covers(off, n)
}

// ownObject checks that oid names the start of a live object of p's, and
// returns the object's usable size.
func (p *Pool) ownObject(op string, oid OID) (usable uint64, err error) {
	if err := p.own(op, oid); err != nil {
		return 0, err
	}
	usable, ok := p.heap.Object(oid.Off)
	if !ok {
		return 0, stateErr(op, ErrNotLive, "%v", oid)
	}
	return usable, nil
}

// offset gives the place of a range in p, or false if it is not inside p.
func (p *Pool) offset(r Range) (off uint64, ok bool) {
	o := uint64(r.addr) - uint64(uintptr(p.base))
	return o, o < p.span && uint64(r.len) <= p.span-o
}

// UsableSize is the number of bytes that the object can hold, at least what
// was asked for.
//
// Implements: pmemobj_alloc_usable_size(3)
func (p *Pool) UsableSize(oid OID) (uint64, error) {
	const op = "usable size"
	if err := p.enterAny(op); err != nil {
		return 0, err
	}
	defer p.leave()
	if _, err := p.ownObject(op, oid); err != nil {
		return 0, err
	}
	return uint64(C.pmemobj_alloc_usable_size(cOIDValue(oid))), nil
}

// TypeNum is the type number that the object was allocated with, 0 for none.
//
// Implements: pmemobj_type_num(3)
func (p *Pool) TypeNum(oid OID) (uint64, error) {
	const op = "type number"
	if err := p.enterAny(op); err != nil {
		return 0, err
	}
	defer p.leave()
	if _, err := p.ownObject(op, oid); err != nil {
		return 0, err
	}
	return uint64(C.pmemobj_type_num(cOIDValue(oid))), nil
}
