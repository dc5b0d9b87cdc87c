package crashtest_test

import (
	"errors"
	"fmt"
	"slices"
	"unsafe"

	"github.com/pmem/pmdk-go/libpmem/crashtest"
	. "github.com/pmem/pmdk-go/libpmemobj"
)

// node is an element of a list that programs link by themselves. All of Value
// has one value.
type (
	node struct {
		Next  Ptr[node]
		Value [16]uint64
	}
	chain struct {
		Head  Ptr[node]
		_     line
		Count uint64
	}
)

const nodeSize = uint64(unsafe.Sizeof(node{}))

// all is a value.
func all(v uint64) (value [16]uint64) {
	for i := range value {
		value[i] = v
	}
	return value
}

// walk gives the nodes, and an error for one that is not an object, or not
// filled in.
func (c *chain) walk(p *Pool) (values []uint64, err error) {
	for e := c.Head; !e.IsNull(); {
		if _, err := p.TypeNum(e.OID()); err != nil {
			return values, fmt.Errorf("node %d is not alive: %w", len(values), err)
		}
		n, err := e.TryGet()
		if err != nil {
			return values, err
		}
		for i, w := range n.Value {
			if w == 0 || w != n.Value[0] {
				return values, fmt.Errorf("the node holds %d, word %d of %v", w, i, n.Value)
			}
		}
		values = append(values, n.Value[0])
		if len(values) > 100 {
			return values, errors.New("the list has no end")
		}
		e = n.Next
	}
	return values, nil
}

// check wants every node that was acknowledged.
func (c *chain) check(p *Pool, acked crashtest.Acked) error {
	values, err := c.walk(p)
	if err != nil {
		return err
	}
	for n := range acked.Last() {
		if !slices.Contains(values, uint64(n+1)) {
			return fmt.Errorf("node %d is not in the list, which is %v", n+1, values)
		}
	}
	return nil
}

// count wants as many nodes as are counted.
func (c *chain) count(p *Pool, _ crashtest.Acked) error {
	values, err := c.walk(p)
	if err != nil {
		return err
	}
	if len(values) != int(c.Count) {
		return fmt.Errorf("there are %d nodes, the counter says %d", len(values), c.Count)
	}
	return nil
}

// onChain is a program that adds nodes 1 and 2 to a list.
func onChain(add func(p *Pool, c *chain, v uint64, buggy bool) error, check func(c *chain, p *Pool, acked crashtest.Acked) error) runner {
	return onPool(func(p *Pool, c *chain, buggy bool) error {
		for v := range uint64(2) {
			if err := add(p, c, v+1, buggy); err != nil {
				return err
			}
			crashtest.Ack(int64(v + 1))
		}
		return nil
	}, func(p *Pool, c *chain, acked crashtest.Acked) error { return check(c, p, acked) })
}

// The counter follows when the node is in the list for good.
var counterOutside = onChain(func(p *Pool, c *chain, v uint64, buggy bool) error {
	err := p.Update(func(tx *Tx) error {
		e, err := New[node](tx)
		if err != nil {
			return err
		}
		*e.Get() = node{c.Head, all(v)}
		*MutAt(tx, &c.Head) = e
		if !buggy {
			*MutAt(tx, &c.Count)++
		}
		return nil
	})
	if err != nil || !buggy {
		return err
	}
	c.Count++ // BUG: counter outside the transaction
	return p.Persist(RangeOf(&c.Count))
}, (*chain).count)

// The counter is not part of what is published: a plain store.
var storeBesidePublish = onChain(func(p *Pool, c *chain, v uint64, buggy bool) error {
	return p.Publish(func(a *Actions) error {
		e, n, err := Reserve[node](a)
		if err != nil {
			return err
		}
		*n = node{c.Head, all(v)}
		StorePtr(a, &c.Head, e)
		if buggy {
			c.Count++ // BUG: store beside the publication
		} else {
			Store(a, &c.Count, c.Count+1)
		}
		return nil
	})
}, (*chain).count)

// allocNode allocates a node that nothing points at yet.
func allocNode(p *Pool) (Ptr[node], error) {
	oid, err := p.Alloc(nil, nodeSize, TypeNum[node]())
	return PtrOf[node](oid), err
}

// The pointer can be durable before what it points at.
var publishBeforeFlush = onChain(func(p *Pool, c *chain, v uint64, buggy bool) error {
	e, err := allocNode(p)
	if err != nil {
		return err
	}
	*e.Get() = node{c.Head, all(v)} // BUG: pointer published before its object is flushed
	if !buggy {
		err = p.Persist(e.Range())
	}
	return errors.Join(err, p.PublishActions(SetPtr(&c.Head, e)))
}, (*chain).check)

// The allocation links the node, whatever it holds.
var fillAfterAlloc = onChain(func(p *Pool, c *chain, v uint64, buggy bool) error {
	next := c.Head
	fill := func(n *node) error {
		*n = node{next, all(v)} // BUG: object filled in after its allocation
		return nil
	}
	if !buggy {
		_, err := Construct(p, &c.Head, fill)
		return err
	}
	if _, err := p.Zalloc(c.Head.Ref(), nodeSize, TypeNum[node]()); err != nil {
		return err
	}
	return errors.Join(fill(c.Head.Get()), p.Persist(c.Head.Range()))
}, (*chain).check)

// A publication flushes what is in the object by then.
var writeAfterPublish = onChain(func(p *Pool, c *chain, v uint64, buggy bool) error {
	r, err := NewReservation[node](p)
	if err != nil {
		return err
	}
	n := r.Value()
	n.Next = c.Head
	if !buggy {
		n.Value = all(v)
	}
	err = p.PublishActions(r, SetPtr(&c.Head, r.Ptr()))
	if buggy {
		n.Value = all(v) // BUG: reservation written after its publication
	}
	return err
}, (*chain).check)

// With AllocNoFlush the commit leaves the node to the program.
var allocNoFlush = onChain(func(p *Pool, c *chain, v uint64, buggy bool) error {
	return p.Update(func(tx *Tx) error {
		var flags AllocFlags
		if buggy {
			flags = AllocNoFlush
		}
		e, err := XNew[node](tx, flags)
		if err != nil {
			return err
		}
		*e.Get() = node{c.Head, all(v)} // BUG: allocated without flush
		*MutAt(tx, &c.Head) = e
		return nil
	})
}, (*chain).check)

// The node before the new one is flushed.
var wrongObject = onChain(func(p *Pool, c *chain, v uint64, buggy bool) error {
	e, err := allocNode(p)
	if err != nil {
		return err
	}
	*e.Get() = node{c.Head, all(v)} // BUG: wrong object flushed
	flushed := e
	if buggy && !c.Head.IsNull() {
		flushed = c.Head
	}
	return errors.Join(p.Persist(flushed.Range()), p.PublishActions(SetPtr(&c.Head, e)))
}, (*chain).check)

// The new node is the first one before it knows the second.
var linkBeforeNode = onChain(func(p *Pool, c *chain, v uint64, buggy bool) error {
	e, err := allocNode(p)
	if err != nil {
		return err
	}
	n, next := e.Get(), c.Head
	*n = node{Value: all(v)}
	err = p.Persist(RangeOf(n))
	link := func() error {
		n.Next = next // BUG: list link before node
		return p.Persist(RangeOf(&n.Next))
	}
	if !buggy {
		err = errors.Join(err, link())
	}
	err = errors.Join(err, p.PublishActions(SetPtr(&c.Head, e)))
	if buggy {
		err = errors.Join(err, link())
	}
	return err
}, (*chain).check)
