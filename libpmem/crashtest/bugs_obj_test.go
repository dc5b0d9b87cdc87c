package crashtest_test

import (
	"errors"
	"fmt"
	"slices"

	"github.com/pmem/pmdk-go/libpmem/crashtest"
	. "github.com/pmem/pmdk-go/libpmemobj"
)

var objBugs = []seeded{
	{name: "missing snapshot", run: missingSnapshot, says: "the sum is", hint: "hint: @ modifies"},
	{name: "snapshot after the store", run: lateSnapshot, says: "the sum is", hint: "hint: @ stores before the snapshot"},
	{name: "two transactions for one change", run: twoTransactions, says: "the sum is", hint: "inside @ (in (*Pool).Update)"},
	{name: "tracked without undo", run: trackedOnly, says: "the sum is", hint: "stored at @ in a transaction, without a snapshot"},
	{name: "two publications for one change", run: twoPublications, says: "the sum is", hint: "inside @ (in (*Pool).PublishActions)"},
	{name: "snapshot of too few bytes", run: shortSnapshot, says: "differs from", hint: "hint: @ modifies"},
	{name: "snapshot without flush", run: snapshotNoFlush, says: "was acknowledged", hint: "nothing flushes what @ stores"},
	{name: "acknowledged before the commit", run: ackInUpdate, says: "was acknowledged", hint: "after @ (in crashtest.Ack)"},
	{name: "counter outside the transaction", run: counterOutside, says: "nodes, the counter says", hint: "and before @"},
	{name: "store beside the publication", run: storeBesidePublish, says: "nodes, the counter says", hint: "@: stored, but never flushed"},
	{name: "pointer published before its object is flushed", run: publishBeforeFlush, says: "node holds", hint: "nothing flushes what @ stores"},
	{name: "object filled in after its allocation", run: fillAfterAlloc, says: "node holds", hint: "and before @"},
	{name: "reservation written after its publication", run: writeAfterPublish, says: "node holds", hint: "and before @"},
	{name: "published with a buffer that is not flushed", run: bufferNotFlushed, says: "byte", hint: "nothing flushes what @ stores"},
	{name: "allocated without flush", run: allocNoFlush, says: "node holds", hint: "nothing flushes what @ stores"},
	{name: "wrong object flushed", run: wrongObject, says: "node holds", hint: "nothing flushes what @ stores"},
	{name: "list link before node", run: linkBeforeNode, says: "is not in the list", hint: "and before @"},
	{name: "list element filled in after its insertion", run: elementLater, says: "element holds", hint: "and before @"},
	{name: "removed and inserted rather than moved", run: removeAndInsert, says: "is in no list", hint: "and before @ (in List.InsertTail)"},
	{name: "free before unlink", run: freeBeforeUnlink, says: "is not alive", hint: "inside @ (in (*Pool).Free)"},
	{name: "second pointer to an object that moves", run: secondPointer, says: "is not alive", hint: "and before @ (in (*Pool).PublishActions)"},
	{name: "linked in the next transaction", run: leaked, says: "leads to", hint: "inside @ (in (*Pool).Update)"},
	{name: "lock state kept persistent", run: persistentLock, says: "locked for ever", hint: "inside @ (in (*Pool).Persist)"},
	{name: "string changed in place", run: stringInPlace, says: "the name is", hint: "what @ stores is not all in one line"},
	{name: "copy into an object that does not flush", run: memcpyNoFlush, says: "the name is", hint: "nothing flushes what @ stores"},
}

// bank is two accounts, in two cache lines, that hold 100 together.
type bank struct {
	A uint64
	_ line
	B uint64
}

// open sets the accounts up, without crash points.
func (b *bank) open(p *Pool) error {
	return crashtest.Unchecked(func() error {
		return p.Update(func(tx *Tx) error {
			*MutAt(tx, &b.A) = 100
			return nil
		})
	})
}

func onBank(transfer func(p *Pool, b *bank, buggy bool) error) runner {
	return onPool(func(p *Pool, b *bank, buggy bool) error {
		return errors.Join(b.open(p), transfer(p, b, buggy), transfer(p, b, buggy))
	}, func(_ *Pool, b *bank, _ crashtest.Acked) error {
		if s := b.A + b.B; s != 100 {
			return fmt.Errorf("the sum is %d", s)
		}
		return nil
	})
}

// One of two accounts is not snapshotted: nothing brings it back.
var missingSnapshot = onBank(func(p *Pool, b *bank, buggy bool) error {
	return p.Update(func(tx *Tx) error {
		*MutAt(tx, &b.A) -= 10
		if !buggy {
			MutAt(tx, &b.B)
		}
		b.B += 10 // BUG: missing snapshot
		return nil
	})
})

// What the snapshot keeps is the new content.
var lateSnapshot = onBank(func(p *Pool, b *bank, buggy bool) error {
	return p.Update(func(tx *Tx) error {
		*MutAt(tx, &b.A) -= 10
		if !buggy {
			MutAt(tx, &b.B)
		}
		b.B += 10 // BUG: snapshot after the store
		if buggy {
			MutAt(tx, &b.B)
		}
		return nil
	})
})

// Between the two transactions, money is nowhere.
var twoTransactions = onBank(func(p *Pool, b *bank, buggy bool) error {
	take := func(tx *Tx) error { *MutAt(tx, &b.A) -= 10; return nil }
	give := func(tx *Tx) error { *MutAt(tx, &b.B) += 10; return nil }
	if buggy {
		return errors.Join(p.Update(take), p.Update(give)) // BUG: two transactions for one change
	}
	return p.Update(func(tx *Tx) error { return errors.Join(take(tx), give(tx)) })
})

// Track has the account flushed, but keeps nothing that a rollback could
// bring back.
var trackedOnly = onBank(func(p *Pool, b *bank, buggy bool) error {
	return p.Update(func(tx *Tx) error {
		keep := tx.Snapshot
		if buggy {
			keep = tx.Track
		}
		if err := errors.Join(tx.Snapshot(RangeOf(&b.A)), keep(RangeOf(&b.B))); err != nil {
			return err
		}
		b.A -= 10
		b.B += 10 // BUG: tracked without undo
		return nil
	})
})

// Each publication is atomic; both together are not.
var twoPublications = onBank(func(p *Pool, b *bank, buggy bool) error {
	take, give := SetValue(&b.A, b.A-10), SetValue(&b.B, b.B+10)
	if buggy {
		return errors.Join(p.PublishActions(take), p.PublishActions(give)) // BUG: two publications for one change
	}
	return p.PublishActions(take, give)
})

// row is words that are always equal.
type row [32]uint64

func (r *row) check(acked crashtest.Acked) error {
	for i, w := range r {
		if w != r[0] {
			return fmt.Errorf("word %d, %d, differs from the first, %d", i, w, r[0])
		}
	}
	if r[0] < uint64(acked.Last()) {
		return fmt.Errorf("the words are %d, %d was acknowledged", r[0], acked.Last())
	}
	return nil
}

func onRow(set func(p *Pool, r *row, n uint64, buggy bool) error) runner {
	return onPool(func(p *Pool, r *row, buggy bool) error {
		for n := uint64(1); n < 3; n++ {
			if err := set(p, r, n, buggy); err != nil {
				return err
			}
			crashtest.Ack(int64(n))
		}
		return nil
	}, func(_ *Pool, r *row, acked crashtest.Acked) error { return r.check(acked) })
}

// The row has grown from 16 words; its snapshot has not.
var shortSnapshot = onRow(func(p *Pool, r *row, n uint64, buggy bool) error {
	return p.Update(func(tx *Tx) error {
		size := len(r)
		if buggy {
			size = 16
		}
		if err := tx.Snapshot(RangeOfSlice(r[:size])); err != nil {
			return err
		}
		for i := range r {
			r[i] = n // BUG: snapshot of too few bytes
		}
		return nil
	})
})

// The commit does not flush the row; nobody else does.
var snapshotNoFlush = onRow(func(p *Pool, r *row, n uint64, buggy bool) error {
	return p.Update(func(tx *Tx) error {
		if err := tx.SnapshotWith(SnapshotNoFlush, RangeOf(r)); err != nil {
			return err
		}
		for i := range r {
			r[i] = n // BUG: snapshot without flush
		}
		if buggy {
			return nil
		}
		return p.Persist(RangeOf(r))
	})
})

// The change is acknowledged while it can still be rolled back.
var ackInUpdate = onRow(func(p *Pool, r *row, n uint64, buggy bool) error {
	return p.Update(func(tx *Tx) error {
		MutAt(tx, r)
		for i := range r {
			r[i] = n
		}
		if buggy {
			crashtest.Ack(int64(n)) // BUG: acknowledged before the commit
		}
		return nil
	})
})

// element is one of a List.
type (
	element struct {
		Value [16]uint64
		Link  ListEntry[element]
	}
	lists struct{ From, To ListHead[element] }
)

// open gives both lists.
func (l *lists) open(p *Pool) (from, to List[element], err error) {
	link := func(e *element) *ListEntry[element] { return &e.Link }
	from, err = ListOf(p, &l.From, link)
	if err == nil {
		to, err = ListOf(p, &l.To, link)
	}
	return from, to, err
}

// values gives what both lists hold, in one.
func (l *lists) values(p *Pool) (values []uint64, err error) {
	from, to, err := l.open(p)
	if err != nil {
		return nil, err
	}
	for _, list := range []List[element]{from, to} {
		if err := list.Check(); err != nil {
			return nil, err
		}
		for e := range list.All() {
			v := e.Get().Value
			if v[0] == 0 || slices.Contains(v[:], 0) {
				return nil, fmt.Errorf("the element holds %v", v)
			}
			values = append(values, v[0])
		}
	}
	return values, nil
}

// The element is in the list, durably, before it holds anything.
var elementLater = onPool(func(p *Pool, l *lists, buggy bool) error {
	from, _, err := l.open(p)
	if err != nil {
		return err
	}
	for v := range uint64(3) {
		fill := func(e *element) error {
			e.Value = all(v + 1) // BUG: list element filled in after its insertion
			return nil
		}
		if !buggy {
			if _, err := from.InsertNewTail(fill); err != nil {
				return err
			}
			continue
		}
		e, err := from.InsertNewTail(nil)
		if err != nil {
			return err
		}
		if err := errors.Join(fill(e.Get()), p.Persist(RangeOf(&e.Get().Value))); err != nil {
			return err
		}
	}
	return nil
}, func(p *Pool, l *lists, _ crashtest.Acked) error {
	_, err := l.values(p)
	return err
})

// Between the two steps, the element is in neither list.
var removeAndInsert = onPool(func(p *Pool, l *lists, buggy bool) error {
	from, to, err := l.open(p)
	if err != nil {
		return err
	}
	err = crashtest.Unchecked(func() error {
		_, err := from.InsertNewTail(func(e *element) error { e.Value = all(1); return nil })
		return err
	})
	crashtest.Ack(1)
	e := from.First()
	if buggy {
		err = errors.Join(err, from.Remove(e))
		return errors.Join(err, to.InsertTail(e)) // BUG: removed and inserted rather than moved
	}
	return errors.Join(err, from.MoveToTail(e, to))
}, func(p *Pool, l *lists, acked crashtest.Acked) error {
	values, err := l.values(p)
	if err == nil && acked.Any() && len(values) != 1 {
		return errors.New("the element is in no list")
	}
	return err
})

// The node is freed while the list still leads to it.
var freeBeforeUnlink = onPool(func(p *Pool, c *chain, buggy bool) error {
	err := crashtest.Unchecked(func() error {
		_, err := Construct(p, &c.Head, func(n *node) error { n.Value = all(1); return nil })
		return err
	})
	if err != nil {
		return err
	}
	first, next := c.Head, c.Head.Get().Next
	if !buggy {
		return p.PublishActions(DeferFree(first.OID()), SetPtr(&c.Head, next))
	}
	return errors.Join(p.Free(first.Ref()), p.PublishActions(SetPtr(&c.Head, next))) // BUG: free before unlink
}, func(p *Pool, c *chain, _ crashtest.Acked) error {
	_, err := c.walk(p)
	return err
})

// places point at one object of bytes.
type places struct {
	A OID
	_ line
	B OID
}

// Realloc changes the pointer that it is given. The other one points at
// freed memory until it is set too.
var secondPointer = onPool(func(p *Pool, l *places, buggy bool) error {
	set := func(size uint64) func(tx *Tx) error {
		return func(tx *Tx) error {
			MutAt(tx, &l.A)
			MutAt(tx, &l.B)
			var err error
			l.A, err = tx.Realloc(l.A, size, 1)
			l.B = l.A
			return err
		}
	}
	if err := p.Update(set(100)); err != nil {
		return err
	}
	if !buggy {
		return p.Update(set(5000))
	}
	err := p.Realloc(&l.A, 5000, 1)
	return errors.Join(err, p.PublishActions(SetOID(&l.B, l.A))) // BUG: second pointer to an object that moves
}, func(p *Pool, l *places, _ crashtest.Acked) error {
	for _, oid := range []OID{l.A, l.B} {
		if oid.IsNull() {
			continue
		}
		if _, err := p.UsableSize(oid); err != nil {
			return fmt.Errorf("what is pointed at is not alive: %w", err)
		}
	}
	return nil
})

// Nothing leads to the node if the second transaction does not happen.
var leaked = onChain(func(p *Pool, c *chain, v uint64, buggy bool) error {
	var e Ptr[node]
	alloc := func(tx *Tx) (err error) {
		if e, err = New[node](tx); err != nil {
			return err
		}
		*e.Get() = node{c.Head, all(v)}
		return nil
	}
	link := func(tx *Tx) error { *MutAt(tx, &c.Head) = e; return nil }
	if buggy {
		return errors.Join(p.Update(alloc), p.Update(link)) // BUG: linked in the next transaction
	}
	return p.Update(func(tx *Tx) error { return errors.Join(alloc(tx), link(tx)) })
}, func(c *chain, p *Pool, acked crashtest.Acked) error {
	root, err := Root[chain](p)
	if err != nil {
		return err
	}
	leaks, err := p.Leaks(root)
	if err != nil {
		return err
	}
	if leaks.Count() > 0 {
		return fmt.Errorf("nothing leads to %d objects: %s", leaks.Count(), leaks)
	}
	return c.check(p, acked)
})

// guarded is a value with a lock.
type guarded struct {
	Locked uint64
	_      line
	Lock   Mutex
	Value  uint64
}

// A crash between lock and unlock leaves the value locked: nobody is there to
// unlock it. A Mutex is unlocked whenever the pool is opened.
var persistentLock = onPool(func(p *Pool, g *guarded, buggy bool) error {
	for range 2 {
		if buggy {
			g.Locked = 1
			if err := p.Persist(RangeOf(&g.Locked)); err != nil { // BUG: lock state kept persistent
				return err
			}
		} else if err := g.Lock.Lock(); err != nil {
			return err
		}
		err := p.Update(func(tx *Tx) error { *MutAt(tx, &g.Value)++; return nil })
		if buggy {
			g.Locked = 0
			err = errors.Join(err, p.Persist(RangeOf(&g.Locked)))
		} else {
			err = errors.Join(err, g.Lock.Unlock())
		}
		if err != nil {
			return err
		}
	}
	return nil
}, func(_ *Pool, g *guarded, _ crashtest.Acked) error {
	ok, err := g.Lock.TryLock()
	if err != nil {
		return err
	}
	if ok {
		err = g.Lock.Unlock()
	}
	if !ok || g.Locked != 0 {
		return errors.New("the value is locked for ever")
	}
	return err
})

// named is an object with a name.
type named struct {
	Name [128]byte
	Set  uint64
}

func fillName(c byte) (name [128]byte) {
	for i := range name {
		name[i] = c
	}
	return name
}

func (n *named) check() error {
	if n.Set != 0 && n.Name != fillName('a') && n.Name != fillName('b') {
		return fmt.Errorf("the name is %q", n.Name[:])
	}
	return nil
}

// The name is overwritten where it stands: a crash leaves parts of both.
var stringInPlace = onPool(func(p *Pool, n *named, buggy bool) error {
	set := func(name [128]byte) error {
		return p.Update(func(tx *Tx) error {
			*MutAt(tx, &n.Name) = name
			*MutAt(tx, &n.Set) = 1
			return nil
		})
	}
	err := crashtest.Unchecked(func() error { return set(fillName('a')) })
	if err != nil || !buggy {
		return errors.Join(err, set(fillName('b')))
	}
	b := fillName('b')
	return p.Memcpy(n.Name[:], b[:], 0) // BUG: string changed in place
}, func(_ *Pool, n *named, _ crashtest.Acked) error { return n.check() })

// The copy is not flushed; the flag that follows is.
var memcpyNoFlush = onPool(func(p *Pool, n *named, buggy bool) error {
	var flags MemFlag
	if buggy {
		flags = MemNoFlush
	}
	a := fillName('a')
	err := p.Memcpy(n.Name[:], a[:], flags) // BUG: copy into an object that does not flush
	n.Set = 1
	return errors.Join(err, p.Persist(RangeOf(&n.Set)))
}, func(_ *Pool, n *named, _ crashtest.Acked) error { return n.check() })

// album is a picture and where it lies.
type album struct{ Picture OID }

// What the publication makes reachable was allocated before, and is not
// flushed by it as reserved objects are.
var bufferNotFlushed = onPool(func(p *Pool, l *album, buggy bool) error {
	oid, err := p.Zalloc(nil, 300, 1)
	if err != nil {
		return err
	}
	b, err := p.Bytes(oid, 0, 300)
	if err != nil {
		return err
	}
	for i := range b {
		b[i] = 'x' // BUG: published with a buffer that is not flushed
	}
	if !buggy {
		err = p.Persist(RangeOfSlice(b))
	}
	return errors.Join(err, p.PublishActions(SetOID(&l.Picture, oid)))
}, func(p *Pool, l *album, _ crashtest.Acked) error {
	if l.Picture.IsNull() {
		return nil
	}
	b, err := p.Bytes(l.Picture, 0, 300)
	if err != nil {
		return err
	}
	for i, c := range b {
		if c != 'x' {
			return fmt.Errorf("byte %d of the picture is %d", i, c)
		}
	}
	return nil
})
