package libpmemobj

// #include "reservation_shim.h"
import "C"

import (
	"runtime"
	"unsafe"

	"github.com/pmem/pmdk-go/cgoutil"
)

// Action is one thing that a publication does: bring a *[Reservation] into
// being, set a word ([SetValue], [SetOff], [SetPtr], [SetOID]) or free an
// object ([DeferFree]). Making one does and checks nothing; it may be kept,
// and handed to another goroutine.
type Action interface {
	// addTo makes the action part of a, or a fail.
	addTo(a *Actions)
	// reservation is nil unless the action is one.
	reservation() *reservation
}

type (
	setWord struct {
		dst unsafe.Pointer
		v   uint64
	}
	setOID struct {
		dst *OID
		v   OID
	}
	deferFree struct{ oid OID }
)

// SetValue is the action that sets *dst to v, under the rules of [Store].
//
// Implements: pmemobj_set_value(3)
func SetValue[W Word](dst *W, v W) Action { return setWord{unsafe.Pointer(dst), uint64(v)} }

// SetOff is SetValue for an [Off].
func SetOff[T any](dst *Off[T], v Off[T]) Action { return setWord{unsafe.Pointer(dst), v.off} }

// SetPtr is SetValue for a [Ptr].
func SetPtr[T any](dst *Ptr[T], v Ptr[T]) Action {
	return setOID{(*OID)(unsafe.Pointer(dst)), v.oid} // dst may be nil
}

// SetOID is SetValue for an [OID].
func SetOID(dst *OID, v OID) Action { return setOID{dst, v} }

// DeferFree is the action that frees an object, under the rules of
// [Actions.Free].
//
// Implements: pmemobj_defer_free(3)
func DeferFree(oid OID) Action { return deferFree{oid} }

func (s setWord) addTo(a *Actions)   { a.store(s.dst, s.v) }
func (f deferFree) addTo(a *Actions) { a.Free(f.oid) }

func (s setOID) addTo(a *Actions) {
	if s.dst == nil {
		a.store(nil, s.v.Off) // fails
		return
	}
	StoreOID(a, s.dst, s.v)
}

func (setWord) reservation() *reservation   { return nil }
func (setOID) reservation() *reservation    { return nil }
func (deferFree) reservation() *reservation { return nil }

// PublishActions makes all the actions happen as a whole, durably, as
// [Pool.Publish] does; the objects are flushed first. The reservations, all in
// p, are used up then. If it fails, nothing has happened, and the reservations
// are held as before: they can be published again, or cancelled.
//
// Reservations cost no memory on the Go heap, the other actions a few bytes
// each; Publish, which takes reservations by [Actions.Add], has none of that.
// PublishActions cannot be called inside a transaction; there, [Tx.Publish]
// takes reservations.
//
// Implements: pmemobj_publish(3)
func (p *Pool) PublishActions(actions ...Action) error {
	const op = "publish"
	if len(actions) == 1 && actions[0] != nil {
		if h := actions[0].reservation(); h != nil {
			done, err := p.publishOne(op, h)
			runtime.KeepAlive(actions[0])
			if done {
				return err
			}
		}
	}
	a, err := p.newActions(op)
	if err != nil {
		return err
	}
	defer a.finish()
	for _, action := range actions {
		a.add(action)
	}
	if a.err != nil {
		return a.err
	}
	return a.publishDurably()
}

// publishOne publishes a reservation alone, for the price that it has in C. If
// C fails, for no reason that is known, done is false.
func (p *Pool) publishOne(op string, h *reservation) (done bool, err error) {
	if err := p.enterChange(op); err != nil {
		return true, err
	}
	done = true
	if err = h.claimFor(op, p); err == nil {
		p.call(opReservationPublish, unsafe.Pointer(&h.c), workOfOne+h.size())
		if h.c.failed != 0 {
			h.setState(reservationHeld)
			done = false
		} else {
			err = p.settled(op, nil)
		}
	}
	p.leave() // not deferred, which shows in the price
	return done, err
}

// Add makes actions that were prepared outside part of the publication. What
// cannot be part of it fails the publication: Add returns the error, and
// Publish will. If the publication does not happen, the reservations among
// the actions are held as before.
func (a *Actions) Add(actions ...Action) error {
	if err := a.usable("add"); err != nil {
		return err
	}
	for _, action := range actions {
		a.add(action)
	}
	return a.err
}

func (a *Actions) add(action Action) {
	if action == nil {
		a.fail(stateErr("publish", ErrNull, "an action is nil"))
		return
	}
	action.addTo(a)
}

// addReserved takes r until the end of the publication.
func (a *Actions) addReserved(r Reserved) {
	h := r.reservation()
	if err := h.claimFor("publish", a.pool); err != nil {
		a.fail(err)
		return
	}
	_, offsets := h.memory()
	a.prepared = append(a.prepared, r)
	a.fresh.add(offsets)
	a.work += workOfOne + h.size()
}

// endPrepared gives the reservations from outside their next state. Whoever
// waits for them to become unreachable, the cleanups, had to wait until here.
func (a *Actions) endPrepared(state uint32) {
	for _, r := range a.prepared {
		r.reservation().setState(state)
	}
	clear(a.prepared)
	a.prepared = a.prepared[:0]
}

// Publish brings reservations into being when the transaction commits; if it
// does not, they are free again. They belong to the transaction from now on:
// their objects may be written until its end, without snapshots, and are
// flushed by the commit, as those of [New]. If Publish fails, the reservations
// are held as before and the transaction goes on.
//
// Implements: pmemobj_tx_publish(3), pmemobj_tx_xpublish(3)
func (tx *Tx) Publish(reservations ...Reserved) error {
	const op = "publish"
	if err := tx.usable(op); err != nil {
		return err
	}
	taken := 0
	next := uint32(reservationHeld)
	defer func() {
		for _, r := range reservations[:taken] {
			r.reservation().setState(next)
		}
		clear(tx.published)
		tx.published, tx.ranges = tx.published[:0], tx.ranges[:0]
	}()
	tx.ranges = tx.ranges[:0]
	for _, r := range reservations {
		if r == nil {
			return tx.failed(errNoReservation(op))
		}
		h := r.reservation()
		if err := h.claimFor(op, tx.pool); err != nil {
			return tx.failed(err)
		}
		taken++
		memory, _ := h.memory()
		tx.published = append(tx.published, h.c.act)
		tx.ranges = append(tx.ranges, memory)
	}
	if taken == 0 {
		return nil
	}
	if err := tx.roomForIntents(op, taken); err != nil {
		return tx.failed(err)
	}
	handed, err := tx.publish(op)
	if !handed {
		return tx.failed(err)
	}
	next = reservationPublished
	for _, r := range reservations {
		h := r.reservation()
		_, offsets := h.memory()
		tx.fresh.add(offsets)
		tx.work += workOfOne + h.size()
	}
	if err != nil {
		tx.doom(err)
	}
	return err
}

// publish makes one crossing with what Publish has gathered.
func (tx *Tx) publish(op string) (handed bool, err error) {
	var c C.struct_pmemgo_tx_publication
	c.tx = C.uint64_t(uintptr(unsafe.Pointer(&tx.c)))
	c.acts = C.uint64_t(uintptr(unsafe.Pointer(unsafe.SliceData(tx.published))))
	c.reserved = C.uint64_t(uintptr(unsafe.Pointer(unsafe.SliceData(tx.ranges))))
	c.n = C.uint64_t(len(tx.published))
	tx.c.pool = C.uint64_t(tx.pool.handle)
	tx.pool.call(opTxPublish, unsafe.Pointer(&c), workOfOne*uint64(len(tx.published)))
	if tx.c.status.err != 0 {
		err = tx.pool.opError((*cgoutil.Status)(unsafe.Pointer(&tx.c.status)), op)
	}
	return c.handed != 0, err
}
