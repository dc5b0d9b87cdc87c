package radix

import "github.com/pmem/pmdk-go/libpmemobj"

// Operations in a transaction have the tree alone. They write in place, after
// snapshots: of a leaf's first line, and of slots, which may have been given up
// by the same transaction.

// endTx is called at the end of the transaction that had the tree.
func (t *tree) endTx(committed bool) {
	t.changing = false
	t.reguide()
	if committed {
		t.epochs.add(t.pending)
	}
	t.pending = 0
}

// txPut is put in a transaction.
func (t *tree) txPut(tx *libpmemobj.Tx, key, value []byte, onlyNew bool) (found bool, err error) {
	c := change{tree: t, tx: tx}
	h := hash(key)
	l := t.peek(key)
	if l.off == 0 {
		if err := c.addLeaf(); err != nil {
			return false, err
		}
		l = t.peek(key)
	}
	i := t.find(l.leaf, l.used, h, key, guard{})
	if i >= 0 && onlyNew {
		return true, nil
	}
	if i < 0 && entries(l.used) >= leafFull {
		if _, err := c.split(t.trace(key), key); err != nil {
			return false, err
		}
		l = t.peek(key)
	}
	return i >= 0, t.txWrite(tx, &l, i, h, key, value)
}

// txWrite is write in a transaction.
func (t *tree) txWrite(tx *libpmemobj.Tx, l *locked, i int, hash uint64, key, value []byte) error {
	used := l.used
	if i >= 0 {
		if err := t.txDrop(tx, l, i); err != nil {
			return err
		}
		used &^= 1 << i
	}
	j := freeSlot(l.used, hash)
	s := t.slot(l.leaf, j)
	if err := tx.Snapshot(l.line(), t.slotRange(s)); err != nil {
		return err
	}
	if t.fits(len(key), len(value)) {
		s.fill(key, value)
	} else {
		oid, _, err := libpmemobj.NewBytes(tx, recordSize(len(key), len(value)), recordType)
		if err != nil {
			return err
		}
		t.writeRecord(oid.Off, key, value)
		s.refer(len(key), len(value), oid.Off)
	}
	*l.print(j) = fingerprint(hash)
	*l.bitmap() = used | 1<<j
	if i < 0 {
		t.pending++
	}
	return nil
}

// txDrop frees the record of slot i, if it has one.
func (t *tree) txDrop(tx *libpmemobj.Tx, l *locked, i int) error {
	if record := t.slot(l.leaf, i).record(); record != 0 {
		return tx.Free(t.oid(record))
	}
	return nil
}

// txRemove is remove in a transaction.
func (t *tree) txRemove(tx *libpmemobj.Tx, key []byte) (found bool, err error) {
	l := t.peek(key)
	if l.off == 0 {
		return false, nil
	}
	i := t.find(l.leaf, l.used, hash(key), key, guard{})
	if i < 0 {
		return false, nil
	}
	if err := t.txDrop(tx, &l, i); err != nil {
		return false, err
	}
	used := l.used &^ (1 << i)
	*libpmemobj.MutAt(tx, l.bitmap()) = used
	t.pending--
	if !worthMerging(entries(used)) {
		return true, nil
	}
	p := t.trace(key)
	second := t.neighbour(p)
	if !t.mergeable(p.leaf, second) {
		return true, nil
	}
	c := change{tree: t, tx: tx}
	return true, c.merge(p, second)
}
