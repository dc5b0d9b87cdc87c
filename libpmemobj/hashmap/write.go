package hashmap

import (
	"unsafe"

	"github.com/pmem/pmdk-go/libpmemobj"
)

// put makes a key have a value; if onlyNew, only if it has none. found says
// whether it had one.
func (t *table) put(it *item, onlyNew bool) (found bool, err error) {
	for {
		l := t.lock(it.hash)
		i := t.find(l.page, l.used, it.hash, it.key)
		if i >= 0 && onlyNew {
			l.unlock()
			return true, nil
		}
		if i >= 0 || !t.full(l.used) {
			err = t.write(&l, i, it)
			l.unlock()
			return i >= 0, err
		}
		err = t.split(&l)
		l.unlock()
		if err != nil {
			return false, err
		}
	}
}

// update is put with a value that f makes of the one before, as it lies in the
// pool, and leaves in it. The page is split before f is called, so that f is
// called once.
func (t *table) update(it *item, f func(old []byte, found bool) error) error {
	for {
		split, err := t.tryUpdate(it, f)
		if !split {
			return err
		}
	}
}

func (t *table) tryUpdate(it *item, f func(old []byte, found bool) error) (split bool, err error) {
	l := t.lock(it.hash)
	defer l.unlock() // f may panic
	i := t.find(l.page, l.used, it.hash, it.key)
	if i < 0 && t.full(l.used) {
		err := t.split(&l)
		return err == nil, err
	}
	if err := f(t.valueIn(&l, i, it.key), i >= 0); err != nil {
		return false, err
	}
	return false, t.write(&l, i, it)
}

// valueIn is the value in slot i as it lies in the pool, nil if i is negative.
func (t *table) valueIn(l *locked, i int, key []byte) []byte {
	if i < 0 {
		return nil
	}
	slot := t.slot(l.page, i)
	if t.kind == kindFixed {
		return unsafe.Slice((*byte)(unsafe.Add(slot, t.valueAt)), t.valueSize)
	}
	head := (*[3]uint64)(slot)
	at := unsafe.Add(slot, slotHeader)
	if head[1]&isBig != 0 {
		at = t.at(head[2])
	}
	n := valueLen(head[1])
	return unsafe.Slice((*byte)(unsafe.Add(at, round(len(key)))), n)[:n:n]
}

// remove removes a key.
func (t *table) remove(hash uint64, key []byte) (found bool, err error) {
	l := t.lock(hash)
	defer l.unlock()
	i := t.find(l.page, l.used, hash, key)
	if i < 0 {
		return false, nil
	}
	used := l.used &^ (1 << i)
	if big := t.bigOf(&l, i); big != 0 {
		err = t.publish(&l, used, nil, big)
	} else {
		l.stripe.begin()
		t.pool.PersistThenSet(libpmemobj.Range{}, l.word(), used)
		l.stripe.end()
	}
	if err == nil {
		l.stripe.keys--
	}
	return true, err
}

// write puts an item into a page with a free slot, in the place of slot i if
// that is not negative.
//
// The slot and its print are written where nobody looks; then one word of 8
// bytes takes the new slot in and the old one out.
func (t *table) write(l *locked, i int, it *item) (err error) {
	used, old := l.used, uint64(0)
	if i >= 0 {
		if t.valueSize == wordSize && t.kind == kindFixed {
			t.writeWord(l, i, it)
			return nil
		}
		old = t.bigOf(l, i)
		used &^= 1 << i
	}
	j := t.freeSlot(l.used, it.hash)
	used |= 1 << j
	slot := t.slot(l.page, j)
	*l.print(j) = byte(it.hash)
	if old != 0 || !t.fits(len(it.key), len(it.value)) {
		err = t.publish(l, used, &newSlot{slot, l.print(j), it}, old)
	} else {
		t.geometry.put(slot, it)
		l.stripe.begin()
		t.pool.PersistThenSet(t.slotRange(slot), l.word(), used)
		l.stripe.end()
	}
	if err == nil && i < 0 {
		l.stripe.keys++
	}
	return err
}

// writeWord replaces a value of one word where it is.
func (t *table) writeWord(l *locked, i int, it *item) {
	word := (*uint64)(unsafe.Add(t.slot(l.page, i), t.valueAt))
	l.stripe.begin()
	t.pool.PersistThenSet(libpmemobj.Range{}, word, *(*uint64)(unsafe.Pointer(unsafe.SliceData(it.value))))
	l.stripe.end()
}

func (t *table) slotRange(slot unsafe.Pointer) libpmemobj.Range {
	return libpmemobj.RangeOfSlice(unsafe.Slice((*byte)(slot), t.slotSize))
}

// bigOf is the object that slot i has its entry in, or 0.
func (t *table) bigOf(l *locked, i int) uint64 {
	if t.kind == kindFixed {
		return 0
	}
	head := (*[3]uint64)(t.slot(l.page, i))
	if head[1]&isBig == 0 {
		return 0
	}
	return head[2]
}

// newSlot is an item on its way into a slot.
type newSlot struct {
	slot  unsafe.Pointer
	print *uint8
	it    *item
}

// publish sets a page's word where an object comes into being or is freed with
// it.
func (t *table) publish(l *locked, used uint64, into *newSlot, free uint64) error {
	l.stripe.begin()
	defer l.stripe.end()
	return t.pool.PublishUnsettled(func(a *libpmemobj.Actions) error {
		if into != nil {
			if err := t.reserve(a, into); err != nil {
				return err
			}
		}
		if free != 0 {
			a.Free(t.oid(free))
		}
		libpmemobj.Store(a, l.word(), used)
		return nil
	})
}

// reserve writes a slot, and the object that it needs, if it does.
func (t *table) reserve(a *libpmemobj.Actions, into *newSlot) error {
	it := *into.it
	if !t.fits(len(it.key), len(it.value)) {
		oid, _, err := a.ReserveBytes(bigSize(len(it.key), len(it.value)), bigType)
		if err != nil {
			return err
		}
		it.big = oid.Off
		putBoth(t.at(oid.Off), &it)
	}
	t.geometry.put(into.slot, &it)
	// Recovery sets the page's word, without what was stored beside it.
	return t.pool.PersistRanges(t.slotRange(into.slot), libpmemobj.RangeOf(into.print))
}
