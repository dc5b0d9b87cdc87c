package libpmemobj

// #include "reservation_shim.h"
import "C"

import (
	"errors"
	"runtime"
	"sync/atomic"
	"unsafe"

	"github.com/pmem/pmdk-go/cgoutil"
)

// ErrReservationDone is the error of publishing, cancelling or reading a
// [Reservation] that was published or cancelled, or is at this moment by
// another goroutine.
var ErrReservationDone = errors.New("reservation is published or cancelled")

// Reservation is memory for an object that does not exist yet: the first half
// of an allocation. It is filled in through [Reservation.Value], handed around,
// also to other goroutines, and comes into being when it is published, by
// [Pool.PublishActions], [Tx.Publish] or [Actions.Add]. Until then nothing in
// the pool has changed, and if the process dies or the pool is closed, the
// memory is free again.
//
// A Reservation belongs to the pool that it was made in. Its methods may be
// called from any goroutine: of several that publish or cancel it at a time,
// one wins and the others get ErrReservationDone. Whoever reads or writes the
// memory keeps others from it by other means, as with any memory, and nobody
// may write to it while it is being published.
//
// A Reservation that is dropped, neither published nor cancelled, is cancelled
// when the garbage collector finds it, and its memory may become part of
// another object. So hold on to the Reservation while writing through what
// Value returned; what uses it afterwards, to publish it, does that.
type Reservation[T any] struct {
	_ cgoutil.NoCopy

	held *reservation
}

// Reserved is a *[Reservation] of any type.
type Reserved interface {
	Action
	isReserved()
}

// reservation is what a Reservation holds, apart from it so that the cleanup
// can use it.
type reservation struct {
	pool  *Pool
	count int // of Ts

	c C.struct_pmemgo_reservation // beside its state, changed by who has taken it
}

var (
	opReservationMake    = operation(C.pmemgo_obj_reservation_make)
	opReservationPublish = operation(C.pmemgo_obj_reservation_publish)
	opReservationCancel  = operation(C.pmemgo_obj_reservation_cancel)
	opTxPublish          = operation(C.pmemgo_obj_tx_publish)
)

// The states of a reservation.
const (
	reservationCancelled = C.PMEMGO_RESERVATION_CANCELLED
	reservationTaken     = C.PMEMGO_RESERVATION_TAKEN // being made, published or cancelled by somebody
	reservationHeld      = C.PMEMGO_RESERVATION_HELD
	reservationPublished = C.PMEMGO_RESERVATION_PUBLISHED
)

// NewReservation takes memory for a T out of p's heap. It holds whatever was
// there before: set every field, or ask for AllocZero, which makes the zeros
// durable at once. Flags that choose where the object lies are taken too.
// AllocNoFlush is refused: publishing flushes the object.
//
// It may be called inside a transaction, which does not roll it back. If the
// pool is full, the error matches ErrOutOfSpace.
//
// Implements: pmemobj_reserve(3), pmemobj_xreserve(3)
func NewReservation[T any](p *Pool, flags ...AllocFlags) (*Reservation[T], error) {
	return newReservation[T](p, "reserve", 1, flags)
}

// NewReservationArray is NewReservation for one object with n values of T, as
// [NewArray] allocates one: [Reservation.Slice] gives them all.
//
// Implements: pmemobj_reserve(3), pmemobj_xreserve(3)
func NewReservationArray[T any](p *Pool, n int, flags ...AllocFlags) (*Reservation[T], error) {
	return newReservation[T](p, "reserve array", n, flags)
}

// NewReservationBytes is NewReservation for an object of n bytes, with a type
// number of the caller's choice.
//
// Implements: pmemobj_reserve(3), pmemobj_xreserve(3)
func NewReservationBytes(p *Pool, n int, typeNum uint64, flags ...AllocFlags) (*Reservation[byte], error) {
	const op = "reserve bytes"
	if n <= 0 || n > MaxAlloc {
		return nil, badArgument(op, "%d bytes; an object has 1 to %d", n, MaxAlloc)
	}
	return makeReservation[byte](op, p, n, uint64(n), typeNum, flags)
}

func newReservation[T any](p *Pool, op string, n int, flags []AllocFlags) (*Reservation[T], error) {
	info, err := typeInfoOf[T]()
	if err != nil {
		return nil, err
	}
	if n <= 0 || uint64(n) > MaxAlloc/info.size {
		return nil, badArgument(op, "%d × %d bytes; an object has 1 to %d bytes", n, info.size, MaxAlloc)
	}
	return makeReservation[T](op, p, n, uint64(n)*info.size, info.num, flags)
}

func makeReservation[T any](op string, p *Pool, n int, size, typeNum uint64, flags []AllocFlags) (*Reservation[T], error) {
	h := &reservation{pool: p, count: n}
	h.c.state = reservationTaken
	h.c.pool, h.c.size, h.c.type_num = C.uint64_t(p.handle), C.uint64_t(size), C.uint64_t(typeNum)
	if err := h.reserve(op, flags); err != nil {
		return nil, err
	}
	r := &Reservation[T]{held: h}
	runtime.AddCleanup(r, (*reservation).drop, h)
	return r, nil
}

// Renew reserves memory for another object of the same size and type, in the
// same pool, once the one before was published or cancelled. It allocates
// nothing on the Go heap. Goroutines that still use the Reservation for the
// object before must be done with it.
//
// Implements: pmemobj_reserve(3), pmemobj_xreserve(3)
func (r *Reservation[T]) Renew(flags ...AllocFlags) error {
	const op = "renew reservation"
	h := r.reservation()
	if h == nil {
		return errNoReservation(op)
	}
	before := h.state()
	if before == reservationHeld || before == reservationTaken || !h.swapState(before, reservationTaken) {
		return badArgument(op, "it holds an object that is not published; publish or cancel that first")
	}
	if err := h.reserve(op, flags); err != nil {
		h.setState(before)
		return err
	}
	runtime.KeepAlive(r)
	return nil
}

// Ptr is a pointer to the object, null if the reservation was cancelled. It
// can be stored anywhere, but leads to an object only after the publication.
func (r *Reservation[T]) Ptr() Ptr[T] {
	h := r.reservation()
	if h == nil || h.state() == reservationCancelled {
		return Ptr[T]{}
	}
	return Ptr[T]{OID{h.pool.uuid, h.off()}}
}

// Value returns the address of the object, for writing and reading before it
// is published. Afterwards it is as good as what [Ptr.Get] returns. Value
// panics with an error: ErrReservationDone if the reservation was cancelled,
// ErrClosed if its pool is closed.
func (r *Reservation[T]) Value() *T { return (*T)(r.reservation().mustAddress("value")) }

// Slice is Value for all that was reserved: the elements of an array or the
// bytes, as a capped slice; one value otherwise.
func (r *Reservation[T]) Slice() []T {
	addr := r.reservation().mustAddress("slice")
	return unsafe.Slice((*T)(addr), r.held.count)
}

// Cancel gives the memory back. It may be called inside a transaction. A
// reservation that is not held anymore gives ErrReservationDone, so that a
// deferred Cancel after a publication does no harm.
//
// Implements: pmemobj_cancel(3)
func (r *Reservation[T]) Cancel() error {
	const op = "cancel reservation"
	h := r.reservation()
	if h == nil {
		return errNoReservation(op)
	}
	if err := h.pool.enterAny(op); err != nil {
		return err
	}
	defer h.pool.leave()
	if err := h.claim(op); err != nil {
		return err
	}
	h.cancel()
	runtime.KeepAlive(r)
	return nil
}

func (r *Reservation[T]) reservation() *reservation {
	if r == nil {
		return nil
	}
	return r.held
}

func (r *Reservation[T]) addTo(a *Actions) { a.addReserved(r) }
func (*Reservation[T]) isReserved()        {}

// errNoReservation is the error of a nil or zero Reservation.
func errNoReservation(op string) error {
	return stateErr(op, ErrNull, "no reservation; NewReservation makes one")
}

func (h *reservation) mustAddress(op string) unsafe.Pointer {
	if h == nil {
		panic(errNoReservation(op))
	}
	if h.state() == reservationCancelled {
		panic(stateErr(op, ErrReservationDone, "it was cancelled"))
	}
	if h.pool.guard.Closed() {
		panic(stateErr(op, ErrClosed, "%s", h.pool.path))
	}
	return unsafe.Add(h.pool.base, h.off())
}

func (h *reservation) state() uint32     { return atomic.LoadUint32((*uint32)(&h.c.state)) }
func (h *reservation) setState(s uint32) { atomic.StoreUint32((*uint32)(&h.c.state), s) }

func (h *reservation) swapState(from, to uint32) bool {
	return atomic.CompareAndSwapUint32((*uint32)(&h.c.state), from, to)
}

// claim takes a held reservation, for the caller alone to deal with.
func (h *reservation) claim(op string) error {
	if h.swapState(reservationHeld, reservationTaken) {
		return nil
	}
	reason := "it was cancelled"
	switch h.state() {
	case reservationTaken:
		reason = "it is given twice, or another goroutine publishes or cancels it at this moment"
	case reservationPublished:
		reason = "it was published"
	}
	return stateErr(op, ErrReservationDone, "%s", reason)
}

// claimFor is claim for a publication in p, in which the caller is.
func (h *reservation) claimFor(op string, p *Pool) error {
	if h == nil {
		return errNoReservation(op)
	}
	if h.pool == p {
		return h.claim(op)
	}
	if h.pool.guard.Closed() {
		return stateErr(op, ErrClosed, "the reservation ended with pool %s", h.pool.path)
	}
	return stateErr(op, ErrForeignPool, "the reservation is in pool %s", h.pool.path)
}

// memory is where the object lies.
func (h *reservation) memory() (Range, span) {
	off, size := h.off(), h.size()
	return Range{uintptr(h.pool.base) + uintptr(off), uintptr(size)}, span{off, off + size}
}

// reserve makes a reservation; the caller has taken it.
func (h *reservation) reserve(op string, flags []AllocFlags) error {
	p := h.pool
	if err := p.enterAny(op); err != nil {
		return err
	}
	all, err := p.reserveFlags(op, h.size(), flags)
	if err == nil {
		h.c.flags = C.uint64_t(all)
		p.call(opReservationMake, unsafe.Pointer(&h.c), p.reserveWork(h.size(), all))
		if h.c.failed != 0 {
			err = h.reserveAgain(op, all)
		}
	}
	p.leave() // not deferred, which shows in the price
	return err
}

// reserveAgain is for what has failed, to find out why.
func (h *reservation) reserveAgain(op string, flags AllocFlags) error {
	p := h.pool
	var c C.struct_pmemgo_publication
	off, err := p.reserve(op, &c, &h.c.act, h.size(), uint64(h.c.type_num), flags)
	if err == nil {
		h.c.off = C.uint64_t(off)
		h.setState(reservationHeld)
	}
	return err
}

func (h *reservation) size() uint64 { return uint64(h.c.size) }
func (h *reservation) off() uint64  { return uint64(h.c.off) }

// cancel ends a reservation that the caller has taken, inside the pool.
func (h *reservation) cancel() {
	h.pool.call(opReservationCancel, unsafe.Pointer(&h.c), workOfOne)
	h.setState(reservationCancelled)
}

// drop is the cleanup of a Reservation. Close does not run meanwhile: it would
// find the pool busy for no reason that its caller can see.
func (h *reservation) drop() {
	p := h.pool
	p.closeLock.Lock()
	defer p.closeLock.Unlock()
	if p.enterAny("cancel reservation") != nil {
		return // the reservation ended with the pool
	}
	defer p.leave()
	if h.claim("cancel reservation") == nil {
		h.cancel()
	}
}

// reserveFlags combines flags and checks them.
func (p *Pool) reserveFlags(op string, size uint64, flags []AllocFlags) (all AllocFlags, err error) {
	if all = allFlags(flags); all == 0 {
		return 0, nil
	}
	if all&AllocNoFlush != 0 {
		return 0, badArgument(op, "AllocNoFlush is for transactions: a publication flushes what it publishes")
	}
	return all, p.checkFlags(op, size, all)
}

// reserve makes one crossing. c is the caller's, to be used as the argument.
func (p *Pool) reserve(op string, c *C.struct_pmemgo_publication, act *action, size, typeNum uint64, flags AllocFlags) (off uint64, err error) {
	c.pool = C.uint64_t(p.handle)
	c.act = C.uint64_t(uintptr(unsafe.Pointer(act)))
	c.size, c.type_num, c.flags = C.uint64_t(size), C.uint64_t(typeNum), C.uint64_t(flags)
	p.call(opReserve, unsafe.Pointer(c), p.reserveWork(size, flags))
	if c.status.err != 0 {
		return 0, p.explain(p.opError((*cgoutil.Status)(unsafe.Pointer(&c.status)), op), size, flags)
	}
	return uint64(c.result), nil
}

// reserveWork is the work of making a reservation; see Pool.call.
func (p *Pool) reserveWork(size uint64, flags AllocFlags) uint64 {
	if flags&AllocZero == 0 {
		size = 0
	}
	return p.allocWork(size)
}
