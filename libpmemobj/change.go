package libpmemobj

import (
	"fmt"
	"slices"
	"unsafe"
)

// Change is what a [String], a [Bytes] or a [Slice] is changed in: the *Tx of
// [Pool.Update] or the *Actions of [Pool.Publish]. Their methods do the same in
// both.
type Change interface {
	// Pool is the pool that is changed, nil after the end.
	Pool() *Pool
	change()
}

func (*Tx) change()      {}
func (*Actions) change() {}

// noChange is the error for a Change that is nil.
func noChange(op string) error {
	return badArgument(op, "neither a *Tx nor an *Actions was passed")
}

// ValueError is the error, and the value of the panic, of using a [String],
// [Bytes] or [Slice] that does not describe what lies in the pool: its object
// is dead, or shorter than the length says.
type ValueError struct {
	OID    OID    // the object
	Len    uint64 // bytes that it should hold
	Reason string

	cause error
}

// Error names the object and what is wrong with it.
func (e *ValueError) Error() string {
	return fmt.Sprintf("value of %d bytes at %v: %s", e.Len, e.OID, e.Reason)
}

// Unwrap gives ErrNotLive, or the *PtrError, if there is no object at all.
func (e *ValueError) Unwrap() error { return e.cause }

// room returns the address of the n bytes at off, in an object of that type
// number. As with [Ptr.Get], that the object is alive is the caller's word.
func (p *Pool) room(off, n, typeNum uint64) (unsafe.Pointer, error) {
	oid := OID{p.uuid, off}
	addr, err := resolve(oid, 1) // says whether the pool is open
	if err != nil {
		return nil, &ValueError{oid, n, err.Error(), err}
	}
	usable, ok := p.heap.Tagged(off, typeNum)
	if !ok {
		// Written by C, with a header of another kind, or wrong.
		if usable, ok = p.capacity(off); !ok {
			return nil, &ValueError{oid, n, ErrNotLive.Error(), ErrNotLive}
		}
	}
	if n > usable {
		return nil, &ValueError{oid, n, fmt.Sprintf("the object has room for %d", usable), nil}
	}
	return addr, nil
}

// capacity is how many bytes the live object at off has room for. An object
// that the calling goroutine's transaction has allocated is alive to it.
func (p *Pool) capacity(off uint64) (uint64, bool) {
	if usable, ok := p.heap.Object(off); ok {
		return usable, true
	}
	if tx := openTxs.find(); tx != nil && tx.pool == p {
		return tx.fresh.starting(off)
	}
	return 0, false
}

// starting is the length of the span that starts at off.
func (s spans) starting(off uint64) (uint64, bool) {
	if i, ok := s.search(off); ok && s[i].start == off {
		return s[i].end - off, true
	}
	return 0, false
}

// field finds the place of a field that is to be changed.
func (p *Pool) field(op string, r Range) (off uint64, err error) {
	if r.addr == 0 {
		return 0, stateErr(op, ErrNull, "there is no field to change")
	}
	off, ok := p.offset(r)
	if !ok {
		return 0, stateErr(op, ErrForeignPool, "the field is not in pool %s; change it where it lies, not in a copy", p.path)
	}
	return off, nil
}

// isOf checks that an old value's object is none of another type, which a field
// that was never set may name. Objects without a header have no type.
func (p *Pool) isOf(op string, oid OID, typeNum uint64) error {
	if num := p.heap.TypeNum(oid.Off); num != typeNum && num != 0 {
		return stateErr(op, ErrNotLive, "%v, which the field names, has type number %#x instead of %#x; was the field ever set?", oid, num, typeNum)
	}
	return nil
}

// droppable checks that an old value's object may be freed, and gives its size.
func (tx *Tx) droppable(op string, oid OID, typeNum uint64) (usable uint64, err error) {
	if usable, err = tx.freeable(op, oid); err != nil {
		return 0, err
	}
	if _, fresh := tx.fresh.starting(oid.Off); fresh {
		return usable, nil
	}
	return usable, tx.pool.isOf(op, oid, typeNum)
}

// swap makes room in a field for a new object and frees the old one. If that
// fails, it is the new one that is freed.
func (tx *Tx) swap(op string, field Range, oid, old OID) error {
	err := tx.log(op, field)
	if err == nil {
		err = tx.Free(old)
	}
	if err != nil {
		_ = tx.Free(oid)
	}
	return err
}

// field checks that a field may be changed in tx.
func (tx *Tx) field(op string, r Range) error {
	if err := tx.usable(op); err != nil {
		return err
	}
	if _, err := tx.pool.field(op, r); err != nil {
		return err
	}
	_, err := tx.needsSnapshot(op, r)
	return err
}

// log is Snapshot of one range.
func (tx *Tx) log(op string, r Range) error {
	need, err := tx.needsSnapshot(op, r)
	if err == nil && need {
		tx.ranges = append(tx.ranges[:0], r)
		err = tx.snapshot(op)
	}
	if err != nil {
		tx.doom(err)
	}
	return err
}

// flushed has the commit wait for memory that was written without a snapshot.
func (tx *Tx) flushed(r Range) {
	if off, _ := tx.pool.offset(r); !tx.fresh.covers(off, uint64(r.len)) {
		tx.pool.flush(opFlush, r)
	}
}

// field checks that a field may be changed in a.
func (a *Actions) field(op string, r Range) error {
	if err := a.usable(op); err != nil {
		return err
	}
	off, err := a.pool.field(op, r)
	if err != nil {
		return err
	}
	if off%8 != 0 {
		return badArgument(op, "the field at offset %#x is not aligned to 8 bytes, so that its change could be torn", off)
	}
	if !a.isFresh(r) && !a.pool.live(off, uint64(r.len)) {
		return stateErr(op, ErrNotLive, "the field at offset %#x", off)
	}
	return nil
}

// isFresh says whether r lies in what this publication has reserved.
func (a *Actions) isFresh(r Range) bool {
	off, _ := a.pool.offset(r)
	return a.fresh.covers(off, uint64(r.len))
}

// put sets a word of a field that has been checked.
func (a *Actions) put(dst *uint64, v uint64) {
	if _, pending := a.pending(uintptr(unsafe.Pointer(dst))); !pending && a.isFresh(RangeOf(dst)) {
		*dst = v
		return
	}
	a.store(unsafe.Pointer(dst), v)
}

// droppable checks that an old value's object may be freed.
func (a *Actions) droppable(op string, oid OID, typeNum uint64) error {
	if _, fresh := a.fresh.starting(oid.Off); fresh {
		if a.reserved(oid.Off) < 0 {
			return stateErr(op, ErrNotLive, "%v is a Reservation's, and no value's", oid)
		}
		return nil
	}
	if _, err := a.pool.freeable(op, oid); err != nil {
		return err
	}
	return a.pool.isOf(op, oid, typeNum)
}

// drop frees an old value's object, which droppable has let pass, or takes
// back its reservation.
func (a *Actions) drop(oid OID) {
	if _, ok := a.fresh.starting(oid.Off); ok {
		a.unreserve(oid.Off)
		return
	}
	if usable, ok := a.pool.heap.Object(oid.Off); ok {
		a.forgetStores(Range{uintptr(unsafe.Add(a.pool.base, oid.Off)), uintptr(usable)})
		a.Free(oid)
	}
}

// reserved is the number of this publication's own reservation at off, or
// negative.
func (a *Actions) reserved(off uint64) int {
	addr := uintptr(unsafe.Add(a.pool.base, off))
	return slices.IndexFunc(a.objects, func(r Range) bool { return r.addr == addr })
}

// unreserve cancels one reservation.
func (a *Actions) unreserve(off uint64) {
	i := a.reserved(off)
	a.forgetStores(a.objects[i])
	a.cancelOne(i)
	a.acts = slices.Delete(a.acts, i, i+1)
	a.objects = slices.Delete(a.objects, i, i+1)
	a.fresh.remove(off)
}

// forgetStores takes out the stores into memory that is going away.
func (a *Actions) forgetStores(r Range) {
	before := len(a.stores)
	a.stores = slices.DeleteFunc(a.stores, func(w word) bool { return w.addr-r.addr < r.len })
	if len(a.stores) == before {
		return
	}
	clear(a.places)
	if len(a.stores) >= manyStores {
		for i, s := range a.stores {
			a.places[s.addr] = i
		}
	}
}

// storeBytes stores v at dst by words, together with what surrounds v in the
// first and the last of them.
func (a *Actions) storeBytes(dst unsafe.Pointer, v []byte) {
	for len(v) > 0 {
		skip := uintptr(dst) % 8
		n := min(8-int(skip), len(v))
		at := (*uint64)(unsafe.Add(dst, -int(skip)))
		if n < 8 {
			// The neighbours must be in the pool to be read.
			if off, ok := a.pool.offset(RangeOf(at)); !ok || !a.isFresh(RangeOf(at)) && !a.pool.live(off, 8) {
				a.fail(stateErr("store", ErrNotLive, "the word at offset %#x, whose other bytes belong to no object", off))
				return
			}
		}
		w := uint64(0)
		if n < 8 {
			w = Load(a, at)
		}
		copy(unsafe.Slice((*byte)(unsafe.Pointer(&w)), 8)[skip:], v[:n])
		a.store(unsafe.Pointer(at), w)
		v = v[n:]
		dst = unsafe.Add(dst, n)
	}
}

// overlay has the stores that are pending keep what has been written to mem
// meanwhile: one to the element before may cover the first bytes of it.
func (a *Actions) overlay(mem []byte) {
	start := uintptr(unsafe.Pointer(unsafe.SliceData(mem)))
	for i := range a.stores {
		w := &a.stores[i]
		if w.addr+8 <= start || w.addr >= start+uintptr(len(mem)) {
			continue
		}
		value := unsafe.Slice((*byte)(unsafe.Pointer(&w.value)), 8)
		if w.addr < start {
			copy(value[start-w.addr:], mem)
		} else {
			copy(value, mem[w.addr-start:])
		}
	}
}

// loadBytes copies what the memory at src will hold after the publication.
func (a *Actions) loadBytes(dst []byte, src unsafe.Pointer) {
	copy(dst, unsafe.Slice((*byte)(src), len(dst)))
	start := uintptr(src)
	for i := range a.stores {
		w := &a.stores[i]
		if w.addr+8 <= start || w.addr >= start+uintptr(len(dst)) {
			continue
		}
		value := unsafe.Slice((*byte)(unsafe.Pointer(&w.value)), 8)
		if w.addr < start {
			copy(dst, value[start-w.addr:])
		} else {
			copy(dst[w.addr-start:], value)
		}
	}
}
