package libpmemobj

import (
	"errors"
	"fmt"
	"unsafe"

	"github.com/pmem/pmdk-go/internal/objheap"
)

// What is checked before C sees a list. C follows the links of the element,
// of the mark and of the list's ends, writes to what they lead to, and never
// asks whether they are in the list.

// valid checks that the list was made by ListOf.
func (l *list) valid(op string) error {
	if l.pool == nil {
		return badArgument(op, "the zero List is no list; ListOf makes one")
	}
	return nil
}

// enter admits a change of the list and takes the locks of its head and of
// others. leave ends it.
func (l *list) enter(op string, others listLockSet) (listLockSet, error) {
	if err := l.valid(op); err != nil {
		return 0, err
	}
	if openTxs.find() != nil {
		return 0, stateErr(op, ErrInTx, "do it before or after; what was done could not be rolled back")
	}
	if err := l.pool.notConstructing(op); err != nil {
		return 0, err
	}
	if err := l.pool.changeable(op); err != nil {
		return 0, err
	}
	return l.read(op, others)
}

// read admits the reading of the list, like enter.
func (l *list) read(op string, others listLockSet) (listLockSet, error) {
	if err := l.valid(op); err != nil {
		return 0, err
	}
	locks := listLockOf(l.head) | others
	l.pool.lists.lock(locks)
	err := l.usable(op)
	if err != nil {
		l.leave(locks)
	}
	return locks, err
}

func (l *list) leave(locks listLockSet) { l.pool.lists.unlock(locks) }

// usable is asked under the lock.
func (l *list) usable(op string) error {
	if l.pool.guard.Closed() {
		return stateErr(op, ErrClosed, "%s", l.pool.path)
	}
	return l.headLives(op)
}

func (l *list) headLives(op string) error {
	if !l.pool.live(l.head, listHeadSize) {
		return stateErr(op, ErrNotLive, "the list's head, at offset %#x; make the list anew if its object has moved", l.head)
	}
	return nil
}

// first is the OID in the head.
func (l *list) first() *OID { return (*OID)(unsafe.Add(l.pool.base, l.head)) }

// link is the entry of the element at offset elem.
func (l *list) link(elem uint64) *listLink {
	return (*listLink)(unsafe.Add(l.pool.base, elem+l.entry))
}

// state is touched under the lock.
func (l *list) state() *listState { return &l.pool.lists.lists[listNumber(l.head)] }

// element checks that e is an object with room for the entry.
func (l *list) element(op string, e OID) error {
	usable, err := l.pool.ownObject(op, e)
	if err != nil {
		return err
	}
	if usable < l.entry+listEntrySize {
		return badArgument(op, "%v has %d bytes; the entry ends at %d", e, usable, l.entry+listEntrySize)
	}
	start := e.Off + l.entry
	if start%8 != 0 {
		return badArgument(op, "the entry of %v would not be aligned to 8 bytes", e)
	}
	if start < l.head+listHeadSize && start+listEntrySize > l.head {
		return badArgument(op, "the list's head lies where %v has its entry", e)
	}
	return nil
}

// linked says whether an entry is in use: one of the elements that it leads to
// must lead back. Other links are left over from a move to a list by another
// entry, were copied from another element, or are what the memory held.
func (l *list) linked(elem uint64) bool {
	k := l.link(elem)
	if k.next.Off == 0 && k.prev.Off == 0 {
		return false
	}
	return l.canBe(k.next) && l.link(k.next.Off).prev.Off == elem ||
		l.canBe(k.prev) && l.link(k.prev.Off).next.Off == elem
}

// unlinked checks that e's entry is not in use.
func (l *list) unlinked(op string, e OID) error {
	if l.linked(e.Off) {
		return stateErr(op, ErrInList, "%v; remove it there first", e)
	}
	return nil
}

// resident checks that the element at offset to, found in the one at from or
// in the head, is an object still. That it is the start of one was found out
// when it was inserted.
func (l *list) resident(from, to uint64, near *objheap.Near) error {
	if l.pool.heap.AllocatedNear(to+l.entry, near) {
		return nil
	}
	return l.broken(from, "what it links to, %v, is not a live object: freed, and not removed?", l.oid(to))
}

// canBe says whether an element can be where oid says; that it can be read at
// least.
func (l *list) canBe(oid OID) bool {
	return oid.Pool == l.pool.uuid && l.pool.heap.Within(oid.Off, l.entry+listEntrySize) && (oid.Off+l.entry)%8 == 0
}

// follow returns the neighbour of elem, which must link back. That alone makes
// every walk end: it cannot come back to an element but to the one that it
// started from.
func (l *list) follow(elem uint64, back bool) (uint64, error) {
	k := l.link(elem)
	to := k.next
	if back {
		to = k.prev
	}
	if !l.canBe(to) {
		return 0, l.broken(elem, "its entry links to %v, where no element can be", to)
	}
	k = l.link(to.Off)
	from := k.prev
	if back {
		from = k.next
	}
	if from.Off != elem {
		return 0, l.broken(elem, "it links to %v, which does not link back", to)
	}
	return to.Off, nil
}

// ends returns the first and the last element, both 0 if the list is empty.
func (l *list) ends(near *objheap.Near) (first, last uint64, err error) {
	oid := *l.first()
	if oid.IsNull() {
		return 0, 0, nil
	}
	if !l.canBe(oid) {
		return 0, 0, l.broken(l.head, "the head says that the first element is %v, where none can be", oid)
	}
	if err := l.resident(l.head, oid.Off, near); err != nil {
		return 0, 0, err
	}
	last, err = l.follow(oid.Off, true)
	return oid.Off, last, err
}

// neighbours checks the elements that a new one will have on both sides.
func (l *list) neighbours(op string, at listPlace) error {
	if at.marked {
		return l.marked(op, at)
	}
	var near objheap.Near
	first, last, err := l.ends(&near)
	if err != nil || last == first {
		return err
	}
	return l.resident(first, last, &near)
}

func (l *list) marked(op string, at listPlace) error {
	var near objheap.Near
	if err := l.member(op, at.mark, &near); err != nil {
		return err
	}
	other, err := l.follow(at.mark.Off, at.before)
	if err != nil {
		return err
	}
	return l.resident(at.mark.Off, other, &near)
}

// removable checks e and the elements around it, and returns these: 0 where e
// is at an end of the list.
func (l *list) removable(op string, e OID) (prev, next uint64, err error) {
	var near objheap.Near
	if err := l.member(op, e, &near); err != nil {
		return 0, 0, err
	}
	if prev, err = l.follow(e.Off, true); err != nil {
		return 0, 0, err
	}
	if next, err = l.follow(e.Off, false); err != nil {
		return 0, 0, err
	}
	if next == e.Off {
		return 0, 0, nil
	}
	if err := l.resident(e.Off, next, &near); err != nil {
		return 0, 0, err
	}
	if prev != next {
		if err := l.resident(e.Off, prev, &near); err != nil {
			return 0, 0, err
		}
	}
	switch l.first().Off {
	case e.Off:
		prev = 0
	case next:
		next = 0
	}
	return prev, next, nil
}

// freeable checks that e, an element, may be freed: it is not the root object
// and in no list by another entry.
func (l *list) freeable(op string, e OID) error {
	usable, err := l.pool.freeable(op, e)
	if err != nil {
		return err
	}
	for _, off := range l.typ.entries {
		if off == l.entry || off+listEntrySize > usable {
			continue
		}
		if other := (list{pool: l.pool, entry: off}); other.linked(e.Off) {
			return stateErr(op, ErrInList, "%v is in another list by its entry at offset %d; remove it there first", e, off)
		}
	}
	return nil
}

// member checks that e is in the list: a loop over the list is at it, or the
// walk along its links, both ways at once, comes to the first element.
func (l *list) member(op string, e OID, near *objheap.Near) error {
	first := *l.first()
	if e == first && l.canBe(e) && l.pool.heap.AllocatedNear(e.Off+l.entry, near) {
		return nil
	}
	if err := l.element(op, e); err != nil {
		return err
	}
	if first.Off == 0 || !l.linked(e.Off) {
		return stateErr(op, ErrNotInList, "%v", e)
	}
	if l.state().at(l.head, e.Off) {
		return nil
	}
	// In another list, which is not locked, elements may come and go under the
	// walk, so that it meets e no more. In this one, each step is another element.
	lo, hi := l.pool.heap.Bounds()
	next, prev := e.Off, e.Off
	for range (hi - lo) / listEntrySize {
		to, err := l.follow(next, false)
		if err == nil {
			prev, err = l.follow(prev, true)
		}
		if err != nil {
			return strayed(op, e, err)
		}
		next = to
		if next == first.Off || prev == first.Off {
			return nil
		}
		if next == e.Off || prev == e.Off {
			break
		}
	}
	return stateErr(op, ErrNotInList, "%v is in another list", e)
}

// strayed is the error of a walk from e that came upon a broken link: e may be
// in the list nevertheless, or have an entry that was never set or copied.
func strayed(op string, e OID, err error) error {
	return &stateError{
		Error{Op: op, Msg: fmt.Sprintf("%v is not known to be in the list: %v", e, err)},
		errors.Join(ErrNotInList, err),
	}
}
