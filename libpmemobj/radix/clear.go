package radix

import (
	"math/bits"

	"github.com/pmem/pmdk-go/libpmemobj"
)

// clear empties the map, in one step, and then frees what was in it, in many:
// what a crash leaves of it is freed by the next one who opens the map.
// The wait for a medium is left to the caller.
func (t *tree) clear(op string) error {
	if err := t.pool.Failed(); err != nil {
		return failed(op, "", err)
	}
	if err := t.Exclusive(op); err != nil {
		return err
	}
	defer t.ReleaseExclusive()
	t.change()
	defer t.reguide()
	if err := t.freeDoomed(); err != nil { // of a Clear that failed
		return err
	}
	if t.hdr.root != 0 {
		err := t.pool.PublishUnsettled(func(a *libpmemobj.Actions) error {
			libpmemobj.Store(a, &t.hdr.doomed, t.hdr.root)
			libpmemobj.Store(a, &t.hdr.root, 0)
			return nil
		})
		if err != nil {
			return err
		}
	}
	t.before.Store(-t.epochs.sum())
	t.counted.Store(true)
	if err := t.freeChains(); err != nil { // nobody is in the tree
		return err
	}
	return t.freeDoomed()
}

// freeDoomed frees the tree that clear has taken away.
func (t *tree) freeDoomed() error {
	off, height := topmost(t.hdr.doomed)
	if off == 0 {
		return nil
	}
	if err := t.walkFrom(off, height, t.freeBelow); err != nil {
		return err
	}
	return t.pool.PublishUnsettled(func(a *libpmemobj.Actions) error {
		a.Free(t.oid(off))
		libpmemobj.Store(a, &t.hdr.doomed, 0)
		return nil
	})
}

// freeBelow frees what a node of the doomed tree refers to: nodes that nothing
// is below any more, or records.
func (t *tree) freeBelow(off uint64, height int) error {
	if height == 0 {
		return t.freeRecords(t.leaf(off))
	}
	const atOnce = 12 // as many frees and stores have room in the log
	n := t.inner(off)
	count := n.children()
	for from := 0; from < count; from += atOnce {
		err := t.pool.PublishUnsettled(func(a *libpmemobj.Actions) error {
			for i := from; i < min(from+atOnce, count); i++ {
				kid := n.child(count, i)
				if *kid != 0 {
					a.Free(t.oid(*kid))
					libpmemobj.Store(a, kid, 0)
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (t *tree) freeRecords(l leaf) error {
	used := l.load()
	for {
		left := used
		err := t.pool.PublishUnsettled(func(a *libpmemobj.Actions) error {
			n := 0
			for m := used; m != 0 && n < freeAtOnce; m &= m - 1 {
				i := bits.TrailingZeros64(m)
				if record := t.slot(l, i).record(); record != 0 {
					a.Free(t.oid(record))
					left &^= 1 << i
					n++
				}
			}
			if left != used {
				libpmemobj.Store(a, l.bitmap(), left)
			}
			return nil
		})
		if err != nil || left == used {
			return err
		}
		used = left
	}
}

// txClear empties the map in a transaction.
func (t *tree) txClear(tx *libpmemobj.Tx) error {
	if t.hdr.root == 0 {
		return nil
	}
	n := t.countEntries()
	if err := t.txFree(tx, t.hdr.root); err != nil {
		return err
	}
	*libpmemobj.MutAt(tx, &t.hdr.root) = 0
	t.pending -= n
	return nil
}

// txFree frees a tree in a transaction.
func (t *tree) txFree(tx *libpmemobj.Tx, word uint64) error {
	off, height := topmost(word)
	return t.walkFrom(off, height, func(off uint64, height int) error {
		if height == 0 {
			l := t.leaf(off)
			for m := l.load(); m != 0; m &= m - 1 {
				if record := t.slot(l, bits.TrailingZeros64(m)).record(); record != 0 {
					if err := tx.Free(t.oid(record)); err != nil {
						return err
					}
				}
			}
		}
		return tx.Free(t.oid(off))
	})
}
