package container

import (
	"fmt"

	"github.com/pmem/pmdk-go/libpmemobj"
)

// key is by which a pool knows the state of the object at an offset.
type key uint64

// Of returns the state in memory that goes with the object at off of an open
// pool: one *S for each. The first call makes it; make reads what it needs
// from the pool and calls Init of the Lock in it. That fails if another kind
// of container has a state there.
func Of[S any](p *libpmemobj.Pool, off uint64, make func() (*S, error)) (*S, error) {
	v, err := p.Attach(key(off), func() (any, error) { return make() })
	if err != nil {
		return nil, err
	}
	s, ok := v.(*S)
	if !ok {
		return nil, fmt.Errorf("the object at offset %#x is in use as %T, not as %T", off, v, s)
	}
	return s, nil
}

// Remove ends the life of a container whose object at off tx frees: if tx is
// committed, operations fail with ErrRemoved from then on. The caller must not
// be inside Read.
func Remove(tx *libpmemobj.Tx, off uint64, l *Lock) error {
	if err := l.InTx("remove", tx); err != nil {
		return err
	}
	l.expel()
	return tx.OnEnd(&removal{tx.Pool(), off, l})
}

// removal is told of the end of the transaction before the lock is given back.
type removal struct {
	pool *libpmemobj.Pool
	off  uint64
	lock *Lock
}

// TxEnd makes it so.
func (r *removal) TxEnd(committed bool) {
	if !committed {
		return
	}
	r.lock.state.Or(stateRemoved)
	r.lock.pool.remove(r.lock)
	r.pool.Detach(key(r.off))
	r.lock.wakeAll()
}
