package radix

import (
	"errors"

	"github.com/pmem/pmdk-go/libpmemobj"
)

// put makes a key have a value; if onlyNew, only if it has none. found says
// whether it had one. The caller shares the Lock.
func (t *tree) put(key, value []byte, onlyNew bool) (found bool, err error) {
	h := hash(key)
	for {
		l := t.lock(h, key)
		if l.off == 0 {
			if err := t.addLeaf(); err != nil {
				return false, err
			}
			continue
		}
		i := t.find(l.leaf, l.used, h, key, guard{})
		if i >= 0 && onlyNew {
			l.unlock()
			return true, nil // durable: its stripe was locked
		}
		if i >= 0 || entries(l.used) < leafFull {
			t.remember(key, l.off, t.gone.Load())
			err := t.write(&l, i, h, key, value)
			l.unlock()
			if err == nil && i < 0 {
				t.epochs.add(1)
			}
			return i >= 0, err
		}
		l.unlock()
		if err := t.split(key); err != nil {
			return false, err
		}
	}
}

// remove removes a key. The caller shares the Lock.
func (t *tree) remove(key []byte) (found bool, err error) {
	h := hash(key)
	l := t.lock(h, key)
	if l.off == 0 {
		return false, nil
	}
	i := t.find(l.leaf, l.used, h, key, guard{})
	if i < 0 {
		l.unlock()
		return false, nil
	}
	used := l.used &^ (1 << i)
	if record := t.slot(l.leaf, i).record(); record != 0 {
		err = t.publish(&l, used, nil, record)
	} else {
		t.commit(&l, libpmemobj.Range{}, used)
	}
	if err == nil {
		l.stripe.freed.Add(1)
		t.epochs.add(-1)
	}
	l.unlock()
	if err != nil {
		return true, err
	}
	if worthMerging(entries(used)) {
		// There is nothing wrong with a small leaf if there is no room for a
		// better one.
		if err := t.merge(key); err != nil && !errors.Is(err, libpmemobj.ErrOutOfSpace) {
			return true, err
		}
	}
	return true, nil
}

// write puts an entry into a leaf with a free slot, in the place of slot i if
// that is not negative.
//
// The slot and its fingerprint are written where nobody looks; then one word
// takes the new slot in and the old one out.
func (t *tree) write(l *locked, i int, hash uint64, key, value []byte) (err error) {
	used, old := l.used, uint64(0)
	if i >= 0 {
		old = t.slot(l.leaf, i).record()
		used &^= 1 << i
	}
	j := freeSlot(l.used, hash)
	used |= 1 << j
	s := t.slot(l.leaf, j)
	*l.print(j) = fingerprint(hash)
	if old == 0 && t.fits(len(key), len(value)) {
		s.fill(key, value)
		t.commit(l, t.slotRange(s), used)
	} else if err := t.publish(l, used, &newEntry{s, key, value}, old); err != nil {
		return err
	}
	if i >= 0 {
		l.stripe.freed.Add(1)
	}
	return nil
}

// commit sets a leaf's bitmap once the range is durable.
func (t *tree) commit(l *locked, r libpmemobj.Range, used uint64) {
	l.stripe.busy.Store(1)
	t.pool.PersistThenSet(r, l.bitmap(), used)
	l.stripe.busy.Store(0)
}

// newEntry is an entry on its way into a slot.
type newEntry struct {
	slot       slot
	key, value []byte
}

// publish sets a leaf's bitmap where a record comes into being or goes with it.
func (t *tree) publish(l *locked, used uint64, e *newEntry, old uint64) error {
	s := &t.shards[t.stripeNumber(l.off)%recordShards]
	s.mu.Lock()
	defer s.mu.Unlock()
	var dead []uint64
	if old != 0 {
		dead = append(dead, old)
	}
	l.stripe.busy.Store(1)
	defer l.stripe.busy.Store(0)
	err := t.pool.PublishUnsettled(func(a *libpmemobj.Actions) error {
		if e != nil {
			if err := t.prepare(a, l, e); err != nil {
				return err
			}
		}
		if err := t.drop(s, a, dead); err != nil {
			return err
		}
		libpmemobj.Store(a, l.bitmap(), used)
		return nil
	})
	if err == nil {
		t.dropped(s, len(dead))
	}
	return err
}

// prepare writes a slot, its record if it needs one, and its fingerprint.
func (t *tree) prepare(a *libpmemobj.Actions, l *locked, e *newEntry) error {
	if t.fits(len(e.key), len(e.value)) {
		e.slot.fill(e.key, e.value)
	} else {
		oid, _, err := a.ReserveBytes(recordSize(len(e.key), len(e.value)), recordType)
		if err != nil {
			return err
		}
		t.writeRecord(oid.Off, e.key, e.value)
		e.slot.refer(len(e.key), len(e.value), oid.Off)
	}
	return t.pool.PersistRanges(t.slotRange(e.slot), l.line())
}
