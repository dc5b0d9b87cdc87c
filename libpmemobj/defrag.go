package libpmemobj

// #cgo noescape pmemgo_obj_defrag
// #cgo nocallback pmemgo_obj_defrag
// #include "defrag_shim.h"
import "C"

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"unsafe"

	"github.com/pmem/pmdk-go/cgoutil"
)

// DefragReport says how far a defragmentation has come, in objects.
type DefragReport struct {
	Objects   int // that the pointers name
	Done      int // looked at so far
	Relocated int // of these, moved
}

// Defrag moves objects together, out of the blocks of 256 KiB that are mostly
// empty, so that whole blocks become free for objects of other sizes. refs
// yields the address of every pointer to the objects that may move, for a
// Ptr its [Ptr.Ref]; they are set to the new places. An object of which no
// pointer is yielded stays where it is.
//
// All pointers to an object must be yielded, or none. One that is left out
// leads to freed memory afterwards. Pointers that cannot be yielded are those
// of type [Off], and offsets and addresses that the program keeps: leave out
// every pointer to objects that have such. Null pointers, pointers to
// the root object, which never moves, and repetitions are skipped. Pointers
// may lie in live objects of the pool, those that move included, and in
// ordinary memory.
//
// Each object and all pointers to it change as one atomic step, so a crash
// leaves some objects moved and everything reachable. The work is done in
// batches of some thousand pointers, each one crossing. Between them progress
// is called, unless it is nil, and ctx is looked at: when it is done, Defrag
// stops and returns its error with a report of what was done, and nothing
// needs undoing. A full pool can end the work as well: the error matches
// ErrOutOfSpace then. Addresses of objects, as Get returns them, are dead
// afterwards.
//
// Nothing may use these objects and pointers meanwhile: hold the lock that
// protects them. refs is run to its end before anything moves, and everything
// is checked by then: a pointer to what is no live object, or in another pool,
// is an error and nothing has changed. Neither refs nor progress may change the
// heap. Defrag is refused inside a transaction. It takes some 50 bytes of Go
// memory for each pointer.
//
// Implements: pmemobj_defrag(3)
func (p *Pool) Defrag(ctx context.Context, refs iter.Seq[*OID], progress func(DefragReport)) (_ DefragReport, err error) {
	const op = "defrag"
	if err := p.enterChange(op); err != nil {
		return DefragReport{}, err
	}
	defer p.leave()
	if ctx == nil || refs == nil {
		return DefragReport{}, badArgument(op, "context or pointers are nil")
	}
	d := defrag{p: p}
	if err := d.collect(op, refs); err != nil {
		return DefragReport{}, err
	}
	defer func() {
		if d.report.Done > 0 { // also if it was broken off
			err = errors.Join(err, p.settled(op, nil))
		}
	}()
	for d.next < len(d.refs) {
		if err := ctx.Err(); err != nil {
			return d.report, fmt.Errorf("%s: %w", op, err)
		}
		if err := d.batch(op); err != nil {
			return d.report, err
		}
		if progress != nil {
			progress(d.report)
		}
	}
	return d.report, nil
}

// defragBatch is how many pointers make a batch. Those to one object are
// never divided.
const defragBatch = 4096

// defrag is the state of one defragmentation.
type defrag struct {
	p      *Pool
	refs   []defragRef // by object
	next   int         // the first that is to do
	places []int       // the refs that lie in the pool, by place
	report DefragReport

	// Of a batch:
	objects []OID
	usable  []uint64 // their sizes
	addrs   []uint64 // for C
}

// defragRef is a pointer to an object that may move.
type defragRef struct {
	object uint64 // its offset
	place  uint64 // the pointer's own, where it was found; 0 for ordinary memory
	oid    *OID   // the pointer; follows when the object around it moves
}

// collect lists all pointers and checks them.
func (d *defrag) collect(op string, refs iter.Seq[*OID]) error {
	p := d.p
	for oid := range refs {
		if oid == nil {
			return stateErr(op, ErrNull, "the address of a pointer")
		}
		if err := p.destination(op, oid); err != nil {
			return err
		}
		if oid.IsNull() || oid.Pool == p.uuid && p.heap.IsRoot(oid.Off) {
			continue
		}
		if _, err := p.ownObject(op, *oid); err != nil {
			return err
		}
		place, inPool := p.offset(RangeOf(oid))
		if !inPool {
			place = 0
		}
		d.refs = append(d.refs, defragRef{oid.Off, place, oid})
	}
	d.sort()
	return nil
}

func (d *defrag) sort() {
	slices.SortFunc(d.refs, func(a, b defragRef) int {
		return cmp.Or(cmp.Compare(a.object, b.object), cmp.Compare(uintptr(unsafe.Pointer(a.oid)), uintptr(unsafe.Pointer(b.oid))))
	})
	d.refs = slices.Compact(d.refs) // C refuses to set one pointer twice
	for i, r := range d.refs {
		if i == 0 || r.object != d.refs[i-1].object {
			d.report.Objects++
		}
		if r.place != 0 {
			d.places = append(d.places, i)
		}
	}
	slices.SortFunc(d.places, func(i, j int) int { return cmp.Compare(d.refs[i].place, d.refs[j].place) })
}

// batch does the next objects.
func (d *defrag) batch(op string) error {
	refs := d.refs[d.next:]
	n := min(defragBatch, len(refs))
	for n < len(refs) && refs[n].object == refs[n-1].object {
		n++
	}
	refs = refs[:n]
	if err := d.prepare(op, refs); err != nil {
		return err
	}
	objects := len(d.objects)
	var result C.struct_pmemgo_defrag
	C.pmemgo_obj_defrag(d.p.handle, cOID(unsafe.SliceData(d.objects)), C.size_t(objects),
		(*C.uint64_t)(unsafe.Pointer(unsafe.SliceData(d.addrs))), C.size_t(len(d.addrs)-objects), &result)
	d.settle(refs)
	d.next += n
	d.report.Done += int(result.total)
	d.report.Relocated += int(result.relocated)
	if result.status.err != 0 {
		return d.p.opError((*cgoutil.Status)(unsafe.Pointer(&result.status)), op)
	}
	return nil
}

// prepare lists the objects and the pointers of a batch for C. It checks them
// once more: progress may have done what it must not.
func (d *defrag) prepare(op string, refs []defragRef) error {
	p := d.p
	d.objects, d.usable = d.objects[:0], d.usable[:0]
	for i, r := range refs {
		if i > 0 && r.object == refs[i-1].object {
			continue
		}
		oid := OID{p.uuid, r.object}
		usable, err := p.ownObject(op, oid)
		if err != nil {
			return err
		}
		if err := p.unlocked(op, oid.Off, usable); err != nil {
			return err
		}
		d.objects, d.usable = append(d.objects, oid), append(d.usable, usable)
	}
	d.addrs = slices.Grow(d.addrs[:0], len(d.objects)+len(refs))[:len(d.objects)]
	for _, r := range refs {
		if err := p.destination(op, r.oid); err != nil {
			return err
		}
		if want := (OID{p.uuid, r.object}); *r.oid != want {
			return badArgument(op, "a pointer to %v has become %v meanwhile", want, *r.oid)
		}
		if r.place != 0 {
			d.addrs = append(d.addrs, uint64(uintptr(unsafe.Pointer(r.oid))))
		}
	}
	return nil
}

// settle follows the objects that a batch has moved: pointers to them in
// ordinary memory, which C was not shown, and pointers in them, of which later
// batches need the places.
func (d *defrag) settle(refs []defragRef) {
	base := d.p.base
	for i, to := range d.objects {
		from, usable := refs[0].object, d.usable[i]
		for len(refs) > 0 && refs[0].object == from {
			if refs[0].place == 0 {
				*refs[0].oid = to
			}
			refs = refs[1:]
		}
		if to.Off == from {
			continue
		}
		first, _ := slices.BinarySearchFunc(d.places, from, func(i int, off uint64) int {
			return cmp.Compare(d.refs[i].place, off)
		})
		for _, i := range d.places[first:] {
			r := &d.refs[i]
			if r.place >= from+usable {
				break
			}
			r.oid = (*OID)(unsafe.Add(base, to.Off+r.place-from))
		}
	}
}
