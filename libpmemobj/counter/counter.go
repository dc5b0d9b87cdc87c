package counter

import (
	"fmt"
	"sync/atomic"

	"github.com/pmem/pmdk-go/internal/container"
	"github.com/pmem/pmdk-go/internal/percpu"
	"github.com/pmem/pmdk-go/libpmemobj"
	"github.com/pmem/pmdk-go/libpmemobj/directory"
)

// Sharded is a number in a pool that scales over goroutines. Handles are made by
// [Open], which may be called any number of times for one counter; they end
// with the pool.
type Sharded struct {
	name string
	s    *state
}

// Open returns the counter that has the name in the pool's directory, and makes
// one that is 0 if nothing has it. If the name stands for something else, the
// error is a *directory.KindError. A new counter cannot be made inside
// [libpmemobj.Pool.Update].
func Open(p *libpmemobj.Pool, name string) (*Sharded, error) {
	off, err := directory.Open(p, name, directory.Kind{Name: kind, Version: version}, create)
	if err != nil {
		return nil, err
	}
	s, err := stateOf(p, off)
	if err != nil {
		return nil, err
	}
	return &Sharded{name, s}, nil
}

// Name is the name that the counter was opened by.
func (c *Sharded) Name() string { return c.name }

// fail is how operations return their errors.
func (c *Sharded) fail(op string, err error) error {
	if e, ok := err.(*container.Error); ok && e.Name == "" {
		err = e.Err
	}
	return &container.Error{Op: "counter " + op, Name: c.name, Err: err}
}

// Add adds delta, which may be negative. The sum wraps around at its limits.
func (c *Sharded) Add(delta int64) error {
	const op = "add"
	if libpmemobj.InUpdate() {
		return c.fail(op, errInUpdate)
	}
	s := c.s
	if err := s.pool.Failed(); err != nil {
		return c.fail(op, err)
	}
	h, err := s.Shared(op)
	if err != nil {
		return c.fail(op, err)
	}
	shard := &s.shards[percpu.Index()&(len(s.shards)-1)].value
	atomic.AddInt64(shard, delta)
	s.pool.PersistInside(libpmemobj.RangeOf(shard))
	h.Release()
	return c.settled(op)
}

// settled waits for the pool's medium, with everything released.
func (c *Sharded) settled(op string) error {
	if err := c.s.pool.AwaitDurable(); err != nil {
		return c.fail(op, err)
	}
	return nil
}

var errInUpdate = fmt.Errorf("%w: use the operations of In(tx)", libpmemobj.ErrInTx)

// Load returns the counter's value: the sum of all additions that had returned
// when Load began, of committed transactions, and of some that are under way,
// which may not be durable yet. While goroutines add positive and negative
// numbers, it may be a value that the counter never had; [Tx.Load] is exact.
func (c *Sharded) Load() (int64, error) {
	const op = "load"
	s := c.s
	h, err := s.Shared(op)
	if err != nil {
		return 0, c.fail(op, err)
	}
	defer h.Release()
	return s.base.Load() + s.sum(), nil
}

// sum is that of the shards.
func (s *state) sum() (n int64) {
	for i := range s.shards {
		n += atomic.LoadInt64(&s.shards[i].value)
	}
	return n
}

// Store sets the counter. It waits for the additions under way, and others wait
// for it.
func (c *Sharded) Store(n int64) error {
	const op = "store"
	if libpmemobj.InUpdate() {
		return c.fail(op, errInUpdate)
	}
	s := c.s
	if err := s.pool.Failed(); err != nil {
		return c.fail(op, err)
	}
	if err := s.Exclusive(op); err != nil {
		return c.fail(op, err)
	}
	atomic.StoreInt64(&s.common.value, n-s.sum())
	s.pool.PersistInside(libpmemobj.RangeOf(&s.common.value))
	s.base.Store(s.common.value)
	s.ReleaseExclusive()
	return c.settled(op)
}

// Tx is a counter inside a transaction: what its methods change is part of the
// transaction, and seen by others when that is committed. From the first of
// them to the end of the transaction, other transactions wait for the containers
// of the pool.
type Tx struct {
	c  *Sharded
	tx *libpmemobj.Tx
}

// In returns the counter as a part of tx, for use where tx can be used.
func (c *Sharded) In(tx *libpmemobj.Tx) Tx { return Tx{c, tx} }

// Add adds delta, which may be negative. Additions by themselves go on in other
// goroutines meanwhile.
func (t Tx) Add(delta int64) error {
	const op = "add"
	s := t.c.s
	if err := s.JoinTx(op, t.tx); err != nil {
		return t.c.fail(op, err)
	}
	return t.set(op, s.common.value+delta)
}

// set changes the cell that transactions add to.
func (t Tx) set(op string, n int64) error {
	s := t.c.s
	if err := t.tx.Snapshot(libpmemobj.RangeOf(&s.common.value)); err != nil {
		return t.c.fail(op, err)
	}
	s.common.value = n
	return nil
}

// Load returns the counter's value with what the transaction has done. It is
// exact: other goroutines wait for the counter until the end of the transaction.
func (t Tx) Load() (int64, error) {
	const op = "load"
	s := t.c.s
	if err := s.InTx(op, t.tx); err != nil {
		return 0, t.c.fail(op, err)
	}
	return s.common.value + s.sum(), nil
}

// Store sets the counter. Other goroutines wait for it until the end of the
// transaction.
func (t Tx) Store(n int64) error {
	const op = "store"
	s := t.c.s
	if err := s.InTx(op, t.tx); err != nil {
		return t.c.fail(op, err)
	}
	return t.set(op, n-s.sum())
}
