package libpmemobj

// #include "shim.h"
import "C"

import (
	"sync/atomic"
	"unsafe"

	"github.com/pmem/pmdk-go/cgoutil"
	"github.com/pmem/pmdk-go/internal/goroutine"
)

// Actions collects what a publication will do. It belongs to the goroutine
// that runs the closure of [Pool.Publish] and dies with that call. Used
// elsewhere or later, what returns an error returns ErrWrongGoroutine or
// ErrTxDone, and the rest panics with it.
type Actions struct {
	_ cgoutil.NoCopy

	pool  *Pool          // nil outside Publish; touched by the owner alone
	owner atomic.Uintptr // the number of the goroutine that has it or had it last
	err   error          // the first failure of a method that returns none

	stores  []word // in the order of the calls, one for each address
	places  map[uintptr]int
	acts    []action // reservations; with room for the rest at publication
	objects []Range  // their memory, in the same order
	fresh   spans    // the same and that of prepared, for lookups
	frees   []OID

	prepared []Reserved // reservations from outside, taken until the end

	c    C.struct_pmemgo_publication
	work uint64 // of the publication; see Pool.call
}

// word is a buffered 8-byte store, as struct pmemgo_store.
type word struct {
	addr  uintptr
	value uint64
}

// action is a struct pobj_action. PMDK fills it in and lets it be moved.
type action = C.struct_pobj_action

// Word is what a single store can change with power-fail atomicity: 8 bytes.
type Word interface {
	~uint64 | ~int64
}

// Reserve takes memory for a T out of the pool's heap and returns it for
// writing. The object comes into being when the publication succeeds, flushed
// and durable; if it does not, or the process dies, the memory is free again.
// It holds whatever was there before: set every field, or ask for AllocZero.
// The flags are those of [NewReservation].
//
// If the pool is full, the error matches ErrOutOfSpace and the publication
// can go on.
//
// Implements: pmemobj_reserve(3), pmemobj_xreserve(3)
func Reserve[T any](a *Actions, flags ...AllocFlags) (Ptr[T], *T, error) {
	info, err := typeInfoOf[T]()
	if err != nil {
		return Ptr[T]{}, nil, err
	}
	oid, addr, err := a.reserve("reserve", info.size, info.num, flags)
	if err != nil {
		return Ptr[T]{}, nil, err
	}
	return Ptr[T]{oid}, (*T)(addr), nil
}

// ReserveArray reserves one object for n values of T, as [NewArray] allocates
// one, but not zeroed unless asked for, and returns a pointer to the first and
// a capped view of all.
//
// Implements: pmemobj_reserve(3), pmemobj_xreserve(3)
func ReserveArray[T any](a *Actions, n int, flags ...AllocFlags) (Ptr[T], []T, error) {
	const op = "reserve array"
	info, err := typeInfoOf[T]()
	if err != nil {
		return Ptr[T]{}, nil, err
	}
	if n <= 0 || uint64(n) > MaxAlloc/info.size {
		return Ptr[T]{}, nil, badArgument(op, "%d × %d bytes; an object has 1 to %d bytes", n, info.size, MaxAlloc)
	}
	oid, addr, err := a.reserve(op, info.size*uint64(n), info.num, flags)
	if err != nil {
		return Ptr[T]{}, nil, err
	}
	return Ptr[T]{oid}, unsafe.Slice((*T)(addr), n), nil
}

// ReserveBytes reserves n bytes and returns them as a capped view.
//
// Implements: pmemobj_reserve(3), pmemobj_xreserve(3)
func (a *Actions) ReserveBytes(n int, typeNum uint64, flags ...AllocFlags) (OID, []byte, error) {
	const op = "reserve bytes"
	if n <= 0 || n > MaxAlloc {
		return OID{}, nil, badArgument(op, "%d bytes; an object has 1 to %d", n, MaxAlloc)
	}
	oid, addr, err := a.reserve(op, uint64(n), typeNum, flags)
	if err != nil {
		return OID{}, nil, err
	}
	return oid, unsafe.Slice((*byte)(addr), n), nil
}

func (a *Actions) reserve(op string, size, typeNum uint64, flags []AllocFlags) (OID, unsafe.Pointer, error) {
	if err := a.usable(op); err != nil {
		return OID{}, nil, err
	}
	p := a.pool
	all, err := p.reserveFlags(op, size, flags)
	if err != nil {
		return OID{}, nil, err
	}
	a.acts = append(a.acts, action{})
	off, err := p.reserve(op, &a.c, &a.acts[len(a.acts)-1], size, typeNum, all)
	if err != nil {
		a.acts = a.acts[:len(a.acts)-1]
		return OID{}, nil, p.explain(err, size, 0)
	}
	a.work += workOfOne + size
	addr := unsafe.Add(p.base, off)
	a.objects = append(a.objects, Range{uintptr(addr), uintptr(size)})
	a.fresh.add(span{off, off + size})
	return OID{p.uuid, off}, addr, nil
}

// Store sets *dst to v when the publication happens. dst must lie in a live
// object of the pool, aligned to 8 bytes; in an object reserved by this
// publication, write directly. A dst that lies elsewhere fails the
// publication. The last of several stores to one place counts.
//
// Implements: pmemobj_set_value(3)
func Store[W Word](a *Actions, dst *W, v W) {
	a.store(unsafe.Pointer(dst), uint64(v))
}

// StoreOff is Store for an [Off].
func StoreOff[T any](a *Actions, dst *Off[T], v Off[T]) {
	a.store(unsafe.Pointer(dst), v.off)
}

// StorePtr is Store for a [Ptr]: one word if *dst points into the pool and
// goes on to do so, else two. An [Off] is always one.
func StorePtr[T any](a *Actions, dst *Ptr[T], v Ptr[T]) {
	StoreOID(a, &dst.oid, v.oid)
}

// StoreOID is Store for an [OID], like StorePtr.
func StoreOID(a *Actions, dst *OID, v OID) {
	a.mustBeUsable("store")
	// Only what lies in the pool is read; store refuses the rest.
	if _, ok := a.pool.offset(RangeOf(dst)); !ok || Load(a, &dst.Pool) != v.Pool {
		a.store(unsafe.Pointer(&dst.Pool), v.Pool)
	}
	a.store(unsafe.Pointer(&dst.Off), v.Off)
}

// Load returns what *src will be after the publication: the value of a Store
// before, or else what is there now.
func Load[W Word](a *Actions, src *W) W {
	a.mustBeUsable("load")
	if i, ok := a.pending(uintptr(unsafe.Pointer(src))); ok {
		return W(a.stores[i].value)
	}
	return *src
}

// LoadOff is Load for an [Off].
func LoadOff[T any](a *Actions, src *Off[T]) Off[T] {
	return Off[T]{Load(a, &src.off)}
}

// LoadPtr is Load for a [Ptr].
func LoadPtr[T any](a *Actions, src *Ptr[T]) Ptr[T] {
	return Ptr[T]{LoadOID(a, &src.oid)}
}

// LoadOID is Load for an [OID].
func LoadOID(a *Actions, src *OID) OID {
	return OID{Load(a, &src.Pool), Load(a, &src.Off)}
}

// Free frees an object when the publication happens. Freeing null does
// nothing. An object that is not alive, was freed before in this publication,
// or was reserved by it, or the root, fails the publication.
//
// Implements: pmemobj_defer_free(3)
func (a *Actions) Free(oid OID) {
	const op = "free"
	a.mustBeUsable(op)
	if oid.IsNull() {
		return
	}
	if _, err := a.pool.freeable(op, oid); err != nil {
		a.fail(err)
		return
	}
	for _, f := range a.frees {
		if f.Off == oid.Off {
			a.fail(stateErr(op, ErrNotLive, "%v was freed before in this publication", oid))
			return
		}
	}
	a.work += workOfOne
	a.frees = append(a.frees, oid)
}

// Pool is the pool that the publication changes, nil after its end.
func (a *Actions) Pool() *Pool { return a.pool }

// manyStores is the number from which on a map finds a store faster than a
// look at all of them.
const manyStores = 16

func (a *Actions) store(dst unsafe.Pointer, v uint64) {
	a.mustBeUsable("store")
	addr := uintptr(dst)
	if i, ok := a.pending(addr); ok {
		a.stores[i].value = v
		return
	}
	if !a.storable(addr) {
		return
	}
	a.work += workOfOne
	a.stores = append(a.stores, word{addr, v})
	switch n := len(a.stores); {
	case n < manyStores:
	case n == manyStores:
		if a.places == nil {
			a.places = map[uintptr]int{}
		}
		for i, s := range a.stores {
			a.places[s.addr] = i
		}
	default:
		a.places[addr] = n - 1
	}
}

// pending finds the store to addr.
func (a *Actions) pending(addr uintptr) (i int, ok bool) {
	if len(a.stores) >= manyStores {
		i, ok = a.places[addr]
		return i, ok
	}
	for i := len(a.stores) - 1; i >= 0; i-- {
		if a.stores[i].addr == addr {
			return i, true
		}
	}
	return 0, false
}

func (a *Actions) storable(addr uintptr) bool {
	const op = "store"
	off, ok := a.pool.offset(Range{addr, 8})
	switch {
	case !ok:
		a.fail(stateErr(op, ErrForeignPool, "address %#x is not in pool %s", addr, a.pool.path))
	case addr%8 != 0:
		a.fail(badArgument(op, "address %#x is not a multiple of 8, so that the store could be torn", addr))
	case !a.fresh.covers(off, 8) && !a.pool.live(off, 8):
		a.fail(stateErr(op, ErrNotLive, "8 bytes at offset %#x", off))
	default:
		return true
	}
	return false
}

// usable checks that the caller may use a now.
func (a *Actions) usable(op string) error {
	if goroutine.Stable && a.owner.Load() != goroutine.ID() {
		return stateErr(op, ErrWrongGoroutine, "")
	}
	if a.pool == nil {
		return stateErr(op, ErrTxDone, "")
	}
	return nil
}

func (a *Actions) mustBeUsable(op string) {
	if err := a.usable(op); err != nil {
		panic(err)
	}
}

// call makes one crossing.
func (a *Actions) call(op string, fn operation, work uint64) error {
	a.c.pool = C.uint64_t(a.pool.handle)
	a.pool.call(fn, unsafe.Pointer(&a.c), work)
	status := (*cgoutil.Status)(unsafe.Pointer(&a.c.status))
	if status.Errno == 0 {
		return nil
	}
	return a.pool.opError(status, op)
}

// cancelOne gives the memory of reservation i back.
func (a *Actions) cancelOne(i int) {
	a.c.acts, a.c.nres = C.uint64_t(uintptr(unsafe.Pointer(&a.acts[i]))), 1
	_ = a.call("cancel", opCancel, workOfOne)
}

func (a *Actions) fail(err error) {
	if a.err == nil {
		a.err = err
	}
}
