package libpmemobj

// #include "shim.h"
import "C"

import (
	"cmp"
	"slices"
	"sync"
	"unsafe"

	"github.com/pmem/pmdk-go/internal/goroutine"
)

var actionsPool = sync.Pool{New: func() any { return &Actions{} }}

// Publish runs fn and then makes everything that fn put into a happen as a
// whole: new objects come into being, words are stored, objects are freed.
// Nothing of it is visible before, to this or another goroutine; reads inside
// fn see it through [Load]. It is durable when Publish returns, as far as
// [Pool.Durability] goes. If fn returns an error or panics, nothing happens
// and the reserved memory is free again, except that of a [Reservation], which
// is held as before.
//
// Publish is the cheap way to change little: a store costs a third of a
// transaction, a new node linked into a list about two thirds. Where many or
// adjacent words make a transaction cheaper, Publish runs one instead, to the
// same effect.
//
// Like transactions, publications are not isolated from one another: two
// goroutines that change the same words need a lock. They do not lock the
// goroutine to a thread. Publish cannot be called inside a transaction.
//
// Implements: pmemobj_publish(3), pmemobj_tx_publish(3),
// pmemobj_tx_xpublish(3), pmemobj_cancel(3)
func (p *Pool) Publish(fn func(a *Actions) error) error {
	return p.publish(fn, (*Actions).publishDurably)
}

// PublishUnsettled is [Pool.Publish] that leaves the wait for a medium to
// [Pool.AwaitDurable]. It is for a [PoolUser] that publishes while it has
// something locked.
func (p *Pool) PublishUnsettled(fn func(a *Actions) error) error {
	return p.publish(fn, (*Actions).publish)
}

func (p *Pool) publish(fn func(a *Actions) error, end func(a *Actions) error) error {
	a, err := p.newActions("publish")
	if err != nil {
		return err
	}
	defer a.finish()
	if err := fn(a); err != nil {
		return err
	}
	if a.err != nil {
		return a.err
	}
	return end(a)
}

// publishDurably publishes and waits for the medium, if something happens at
// all.
func (a *Actions) publishDurably() error {
	if a.pool.keeper == nil {
		return a.publish()
	}
	nothing := len(a.acts)+len(a.prepared)+len(a.frees)+len(a.stores) == 0
	if err := a.publish(); err != nil || nothing {
		return err
	}
	return a.pool.await("publish")
}

// newActions begins a publication in the calling goroutine.
func (p *Pool) newActions(op string) (*Actions, error) {
	if err := p.enterChange(op); err != nil {
		return nil, err
	}
	a := actionsPool.Get().(*Actions)
	a.pool = p
	if id := goroutine.ID(); a.owner.Load() != id {
		a.owner.Store(id) // several times the price of the comparison
	}
	return a, nil
}

// finish ends the publication, cancelling what was not published, and
// returning what came from outside.
func (a *Actions) finish() {
	if len(a.acts) > 0 {
		a.c.acts = C.uint64_t(uintptr(unsafe.Pointer(unsafe.SliceData(a.acts))))
		a.c.nres = C.uint64_t(len(a.acts))
		_ = a.call("cancel", opCancel, a.work)
	}
	a.endPrepared(reservationHeld)
	p := a.pool
	a.reset()
	actionsPool.Put(a)
	p.leave()
}

func (a *Actions) reset() {
	const keep = 1024
	if cap(a.stores)+cap(a.acts)+cap(a.frees) > keep {
		a.stores, a.acts, a.frees = nil, nil, nil
		a.objects, a.fresh, a.places, a.prepared = nil, nil, nil, nil
	}
	a.pool, a.err, a.work = nil, nil, 0
	a.stores, a.acts, a.objects = a.stores[:0], a.acts[:0], a.objects[:0]
	a.fresh, a.frees = a.fresh[:0], a.frees[:0]
	clear(a.places)
}

func (a *Actions) publish() error {
	if len(a.acts)+len(a.prepared)+len(a.frees) == 0 {
		switch len(a.stores) {
		case 0:
			return nil
		case 1:
			// An aligned word is stored whole or not at all, without any log.
			a.c.stores = C.uint64_t(uintptr(unsafe.Pointer(unsafe.SliceData(a.stores))))
			return a.call("publish", opStore, a.work)
		}
	}
	if a.transactionIsCheaper() {
		return a.cross(opPublishTx)
	}
	return a.cross(opPublish)
}

// cross does the publication in one crossing. If it fails, the reservations
// are as before.
func (a *Actions) cross(fn operation) error {
	own := len(a.acts)
	for _, r := range a.prepared {
		h := r.reservation()
		memory, _ := h.memory()
		a.acts, a.objects = append(a.acts, h.c.act), append(a.objects, memory)
	}
	a.c.nres = C.uint64_t(len(a.acts))
	a.acts = slices.Grow(a.acts, len(a.frees)+len(a.stores))
	a.c.acts = C.uint64_t(uintptr(unsafe.Pointer(unsafe.SliceData(a.acts))))
	a.c.reserved = C.uint64_t(uintptr(unsafe.Pointer(unsafe.SliceData(a.objects))))
	a.c.frees, a.c.nfree = C.uint64_t(uintptr(unsafe.Pointer(unsafe.SliceData(a.frees)))), C.uint64_t(len(a.frees))
	a.c.stores, a.c.nstore = C.uint64_t(uintptr(unsafe.Pointer(unsafe.SliceData(a.stores)))), C.uint64_t(len(a.stores))
	a.acts, a.objects = a.acts[:own], a.objects[:own]
	err := a.call("publish", fn, a.work)
	if a.c.nres == 0 {
		a.acts = a.acts[:0]
		a.endPrepared(reservationPublished)
	}
	return err
}

// The cost of a publication and of the transaction that does the same, in
// nanoseconds on persistent memory. Only their proportions matter; measured
// by BenchmarkPublishOrTx.
const (
	costPublish      = 300 // beyond the words
	costPublishWord  = 90  // on a cache line of its own
	costPublishClose = 250 // on the line of the word before
	costPublishGrow  = 2500
	publishFits      = 40 // actions before PMDK's log has to grow

	costTx      = 500
	costTxRange = 330 // a run of adjacent words, the first included
	costTxWord  = 40  // each further word of it
)

// fewStores never make a transaction cheaper.
const fewStores = 3

// transactionIsCheaper compares the two for the stores at hand, which it sorts
// by address; reservations and frees cost about the same in both.
func (a *Actions) transactionIsCheaper() bool {
	if len(a.stores) <= fewStores {
		return false
	}
	slices.SortFunc(a.stores, func(x, y word) int { return cmp.Compare(x.addr, y.addr) })
	const line = ^uintptr(63)
	publish, tx := costPublish, costTx
	if len(a.stores)+len(a.acts)+len(a.prepared)+len(a.frees) > publishFits {
		publish += costPublishGrow
	}
	var last uintptr
	for _, s := range a.stores {
		if s.addr&line == last&line {
			publish += costPublishClose
		} else {
			publish += costPublishWord
		}
		if s.addr == last+8 {
			tx += costTxWord
		} else {
			tx += costTxRange
		}
		last = s.addr
	}
	return tx < publish
}
