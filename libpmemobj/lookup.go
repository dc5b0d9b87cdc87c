package libpmemobj

import "unsafe"

// PoolOf returns the open pool that oid names something in. Whether the object
// exists is not asked. A null OID gives an error that matches ErrNull; one of
// a pool that is not open, or was dropped without Close, a *[PtrError].
//
// It is a lookup in Go, without a lock. Any goroutine may call it.
//
// Implements: pmemobj_pool_by_oid(3)
func PoolOf(oid OID) (*Pool, error) {
	if oid.IsNull() {
		return nil, stateErr("pool of OID", ErrNull, "")
	}
	s, ok := pools.Load().find(oid.Pool)
	if !ok {
		return nil, &PtrError{oid}
	}
	p := s.pool.Value()
	if p == nil {
		return nil, &PtrError{oid}
	}
	return p, nil
}

// PoolAt returns the open pool in whose memory v lies: in an object or
// anywhere else between the pool's start and the end of its heap. If there is
// none, the error matches ErrForeignPool. v is not read.
//
// Implements: pmemobj_pool_by_ptr(3)
func PoolAt[T any](v *T) (*Pool, error) {
	const op = "pool at address"
	s, err := slotAt(op, unsafe.Pointer(v))
	if err != nil {
		return nil, err
	}
	p := s.pool.Value()
	if p == nil {
		return nil, stateErr(op, ErrClosed, "the pool at %p was dropped without Close", v)
	}
	return p, nil
}

// PtrTo is the way back from [Ptr.Get]: the persistent pointer to what v
// points at in an open pool. v may also point into an object, at a field or
// an element. Such a pointer can be read and written through, for as long as
// the object lives, but names no object: Free and UsableSize refuse it.
//
// If v lies in no open pool, the error matches ErrForeignPool; if it lies in
// one, but not in its heap, ErrNotLive. That there is a live object is not
// checked, and v is not read.
//
// Implements: pmemobj_oid(3)
func PtrTo[T any](v *T) (Ptr[T], error) {
	const op = "pointer to address"
	s, err := slotAt(op, unsafe.Pointer(v))
	if err != nil {
		return Ptr[T]{}, err
	}
	off, n := uint64(uintptr(unsafe.Pointer(v))-uintptr(s.base)), uint64(unsafe.Sizeof(*v))
	if off-s.min >= max(s.limit(), n)-n {
		return Ptr[T]{}, stateErr(op, ErrNotLive, "%d bytes at offset %#x are not in the pool's heap", n, off)
	}
	return Ptr[T]{OID{s.uuid, off}}, nil
}

// slotAt finds the pool that addr lies in.
func slotAt(op string, addr unsafe.Pointer) (slot, error) {
	if addr == nil {
		return slot{}, stateErr(op, ErrNull, "")
	}
	s, ok := pools.Load().holding(addr)
	if !ok {
		return slot{}, stateErr(op, ErrForeignPool, "%p lies in no open pool", addr)
	}
	return s, nil
}
