package libpmemobj

import (
	"errors"
	"unsafe"
)

// ErrNotPersistent is returned for a lock or a volatile value that does not lie
// in the memory of an open pool.
var ErrNotPersistent = errors.New("not in the memory of an open pool")

// enterHolding enters the pool in a live object of which the n bytes at addr
// lie, for what C wants aligned to 8 bytes.
func enterHolding(op string, addr unsafe.Pointer, n uintptr) (*Pool, error) {
	if addr == nil {
		return nil, stateErr(op, ErrNull, "")
	}
	p := poolHolding(addr)
	if p == nil {
		return nil, stateErr(op, ErrNotPersistent, "address %#x: take it from a Ptr's Get, not from a copy", uintptr(addr))
	}
	if err := p.enterAny(op); err != nil {
		return nil, err
	}
	if err := p.placed(op, addr, n); err != nil {
		p.leave()
		return nil, err
	}
	return p, nil
}

// poolHolding is the open pool in whose memory addr lies, or nil.
func poolHolding(addr unsafe.Pointer) *Pool {
	s, ok := pools.Load().holding(addr)
	if !ok {
		return nil
	}
	return s.pool.Value()
}

// placed checks that the n bytes at addr, in p, are aligned and alive.
func (p *Pool) placed(op string, addr unsafe.Pointer, n uintptr) error {
	if uintptr(addr)%8 != 0 {
		return badArgument(op, "address %#x is not a multiple of 8", uintptr(addr))
	}
	if off := uint64(uintptr(addr) - uintptr(p.base)); !p.live(off, uint64(n)) {
		return stateErr(op, ErrNotLive, "%d bytes at offset %#x", n, off)
	}
	return nil
}
