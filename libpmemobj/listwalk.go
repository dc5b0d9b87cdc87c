package libpmemobj

import (
	"errors"
	"iter"

	"github.com/pmem/pmdk-go/internal/objheap"
)

// First returns the first element, null if the list is empty.
//
// Like the other methods that read a list, it panics where [Ptr.Get] would,
// with an error: if the pool is closed or the list is broken (*[ListError]).
// They may be called inside transactions.
//
// Implements: POBJ_LIST_FIRST(3)
func (l List[T]) First() Ptr[T] { return PtrOf[T](l.list.end(false)) }

// Last returns the last element, null if the list is empty; see First.
//
// Implements: POBJ_LIST_LAST(3)
func (l List[T]) Last() Ptr[T] { return PtrOf[T](l.list.end(true)) }

// Empty says whether the list has no elements; see First.
//
// Implements: POBJ_LIST_EMPTY(3)
func (l List[T]) Empty() bool { return l.list.end(false).IsNull() }

// Next returns the element behind e, null if e is the last; see First. It
// panics with an error that matches ErrNotInList if e is in no list; that e is
// in another list is not noticed.
//
// Implements: POBJ_LIST_NEXT(3)
func (l List[T]) Next(e Ptr[T]) Ptr[T] { return PtrOf[T](l.list.beside(e.oid, false)) }

// Prev returns the element before e, null if e is the first; see Next.
//
// Implements: POBJ_LIST_PREV(3)
func (l List[T]) Prev(e Ptr[T]) Ptr[T] { return PtrOf[T](l.list.beside(e.oid, true)) }

// Contains says whether e is in the list, by walking from e to the nearer end
// of the list. The error says that e is no object, or as a *[ListError] that
// its links lead nowhere.
func (l List[T]) Contains(e Ptr[T]) (bool, error) { return l.list.contains(e.oid) }

// Check walks the whole list and returns a *[ListError] if it is broken: every
// element must be a live object, and linked both ways.
func (l List[T]) Check() error { return l.list.check() }

// All ranges over the list from head to tail. The loop's body may change the
// list in any way: it may remove, free or move the current element or any
// other. Elements that are inserted behind the current one appear, others do
// not. Where the current element is removed or moved, the loop goes on with
// the one that followed it. This also holds for what other goroutines do.
//
// The sequence ends when the pool is closed. It panics with a *[ListError] if
// the list is broken.
//
// Implements: POBJ_LIST_FOREACH(3)
func (l List[T]) All() iter.Seq[Ptr[T]] { return seqOf[T](l.list, false) }

// Backward ranges over the list from tail to head, like All.
//
// Implements: POBJ_LIST_FOREACH_REVERSE(3)
func (l List[T]) Backward() iter.Seq[Ptr[T]] { return seqOf[T](l.list, true) }

func seqOf[T any](l list, back bool) iter.Seq[Ptr[T]] {
	return func(yield func(Ptr[T]) bool) {
		c, ok := l.begin(back)
		if !ok {
			return
		}
		defer l.finish(c)
		for {
			oid, ok := l.step(c)
			if !ok || !yield(Ptr[T]{oid}) {
				return
			}
		}
	}
}

func (l *list) oid(off uint64) OID {
	if off == 0 {
		return OID{}
	}
	return OID{l.pool.uuid, off}
}

func (l *list) end(last bool) OID {
	locks, err := l.read("list", 0)
	if err != nil {
		panic(err)
	}
	defer l.leave(locks)
	head, tail, err := l.ends(new(objheap.Near))
	if err != nil {
		panic(err)
	}
	if last {
		return l.oid(tail)
	}
	return l.oid(head)
}

func (l *list) beside(e OID, back bool) OID {
	const op = "list"
	locks, err := l.read(op, 0)
	if err != nil {
		panic(err)
	}
	defer l.leave(locks)
	if err := l.element(op, e); err != nil {
		panic(err)
	}
	if !l.linked(e.Off) {
		panic(stateErr(op, ErrNotInList, "%v", e))
	}
	off, err := l.after(e.Off, back)
	if err != nil {
		panic(err)
	}
	return l.oid(off)
}

// after returns the element that a loop comes to after elem, 0 at the end.
func (l *list) after(elem uint64, back bool) (uint64, error) {
	to, err := l.follow(elem, back)
	if err != nil {
		return 0, err
	}
	first := l.first().Off
	if back && elem == first || !back && to == first {
		return 0, nil
	}
	return to, nil
}

func (l *list) contains(e OID) (bool, error) {
	const op = "list contains"
	locks, err := l.read(op, listLockOf(e.Off))
	if err != nil {
		return false, err
	}
	defer l.leave(locks)
	if err := l.element(op, e); err != nil {
		return false, err
	}
	err = l.member(op, e, new(objheap.Near))
	if err == nil {
		return true, nil
	}
	if broken := (*ListError)(nil); errors.As(err, &broken) || !errors.Is(err, ErrNotInList) {
		return false, err
	}
	return false, nil
}

func (l *list) check() error {
	locks, err := l.read("list check", 0)
	if err != nil {
		return err
	}
	defer l.leave(locks)
	var near objheap.Near
	elem, _, err := l.ends(&near)
	for elem != 0 && err == nil {
		var next uint64
		if next, err = l.after(elem, false); err == nil && next != 0 {
			err = l.resident(elem, next, &near)
		}
		elem = next
	}
	return err
}

// begin starts a loop; false says that the pool is closed.
func (l *list) begin(back bool) (cursor int, ok bool) {
	locks, err := l.read("list", 0)
	if errors.Is(err, ErrClosed) {
		return 0, false
	}
	if err != nil {
		panic(err)
	}
	defer l.leave(locks)
	first, last, err := l.ends(new(objheap.Near))
	if err != nil {
		panic(err)
	}
	if back {
		first = last
	}
	return l.state().begin(listCursor{head: l.head, back: back, next: first}), true
}

// step moves a loop to the next element.
func (l *list) step(cursor int) (OID, bool) {
	locks, err := l.read("list", 0)
	if errors.Is(err, ErrClosed) {
		return OID{}, false
	}
	if err != nil {
		panic(err)
	}
	defer l.leave(locks)
	c := &l.state().cursors[cursor]
	next, from := c.next, l.head
	if c.cur != 0 {
		if next, err = l.after(c.cur, c.back); err != nil {
			panic(err)
		}
		from = c.cur
	}
	if next == 0 {
		return OID{}, false
	}
	if err := l.resident(from, next, new(objheap.Near)); err != nil {
		panic(err)
	}
	c.cur, c.next = next, 0
	return l.oid(next), true
}

func (l *list) finish(cursor int) {
	locks := listLockOf(l.head)
	l.pool.lists.lock(locks)
	defer l.leave(locks)
	l.state().cursors[cursor] = listCursor{}
}
