package libpmemobj

// #include "list_shim.h"
import "C"

import (
	"runtime"
	"sync"
	"unsafe"

	"github.com/pmem/pmdk-go/cgoutil"
)

var (
	opListInsert     = operation(C.pmemgo_obj_list_insert)
	opListInsertNew  = operation(C.pmemgo_obj_list_insert_new)
	opListRemove     = operation(C.pmemgo_obj_list_remove)
	opListRemoveFree = operation(C.pmemgo_obj_list_remove_free)
	opListMove       = operation(C.pmemgo_obj_list_move)
)

// listWork is the work of relinking some elements; see Pool.call.
const listWork = 3 * workOfOne

// listPlace is a place in a list: before or after mark, or the head (before)
// or the tail if mark is null.
type listPlace struct {
	mark   OID
	marked bool // mark counts, null or not
	before bool
}

var (
	listAtHead = listPlace{before: true}
	listAtTail = listPlace{}
)

func listBefore(mark OID) listPlace { return listPlace{mark, true, true} }
func listAfter(mark OID) listPlace  { return listPlace{mark, true, false} }

// InsertHead makes e, an object that is in no list, the first element.
//
// If e is in a list already by the same entry, the error matches ErrInList.
//
// Implements: pmemobj_list_insert(3), POBJ_LIST_INSERT_HEAD(3)
func (l List[T]) InsertHead(e Ptr[T]) error {
	return l.list.insert("list insert", e.oid, listAtHead)
}

// InsertTail makes e, an object that is in no list, the last element; see
// InsertHead.
//
// Implements: pmemobj_list_insert(3), POBJ_LIST_INSERT_TAIL(3)
func (l List[T]) InsertTail(e Ptr[T]) error {
	return l.list.insert("list insert", e.oid, listAtTail)
}

// InsertBefore puts e, an object that is in no list, before the element mark;
// see InsertHead.
//
// Implements: pmemobj_list_insert(3), POBJ_LIST_INSERT_BEFORE(3)
func (l List[T]) InsertBefore(e, mark Ptr[T]) error {
	return l.list.insert("list insert", e.oid, listBefore(mark.oid))
}

// InsertAfter puts e, an object that is in no list, behind the element mark;
// see InsertHead.
//
// Implements: pmemobj_list_insert(3), POBJ_LIST_INSERT_AFTER(3)
func (l List[T]) InsertAfter(e, mark Ptr[T]) error {
	return l.list.insert("list insert", e.oid, listAfter(mark.oid))
}

// InsertNewHead allocates an object and makes it the first element, as one
// atomic step. The object holds what init makes of a zeroed T; init may be
// nil. If init returns an error or panics, there is no object.
//
// The T is memory for init to fill in, which is copied into the object: it is
// not the object itself and must not be kept. So init may do what it likes,
// allocate other objects too. What it writes to entries is ignored.
//
// If the pool is full, the error matches ErrOutOfSpace.
//
// Implements: pmemobj_list_insert_new(3), POBJ_LIST_INSERT_NEW_HEAD(3)
func (l List[T]) InsertNewHead(init func(*T) error) (Ptr[T], error) {
	return l.insertNew(listAtHead, init)
}

// InsertNewTail allocates an object and makes it the last element; see
// InsertNewHead.
//
// Implements: pmemobj_list_insert_new(3), POBJ_LIST_INSERT_NEW_TAIL(3)
func (l List[T]) InsertNewTail(init func(*T) error) (Ptr[T], error) {
	return l.insertNew(listAtTail, init)
}

// InsertNewBefore allocates an object and puts it before the element mark; see
// InsertNewHead.
//
// Implements: pmemobj_list_insert_new(3), POBJ_LIST_INSERT_NEW_BEFORE(3)
func (l List[T]) InsertNewBefore(mark Ptr[T], init func(*T) error) (Ptr[T], error) {
	return l.insertNew(listBefore(mark.oid), init)
}

// InsertNewAfter allocates an object and puts it behind the element mark; see
// InsertNewHead.
//
// Implements: pmemobj_list_insert_new(3), POBJ_LIST_INSERT_NEW_AFTER(3)
func (l List[T]) InsertNewAfter(mark Ptr[T], init func(*T) error) (Ptr[T], error) {
	return l.insertNew(listAfter(mark.oid), init)
}

// Remove takes e out of the list. The object lives on, in no list.
//
// If e is not in the list, the error matches ErrNotInList.
//
// Implements: pmemobj_list_remove(3), POBJ_LIST_REMOVE(3)
func (l List[T]) Remove(e Ptr[T]) error {
	return l.list.remove("list remove", e.oid, false)
}

// RemoveFree takes e out of the list and frees it, as one atomic step. If e is
// in another list as well, through another entry, the error matches ErrInList.
//
// Implements: pmemobj_list_remove(3), POBJ_LIST_REMOVE_FREE(3)
func (l List[T]) RemoveFree(e Ptr[T]) error {
	return l.list.remove("list remove and free", e.oid, true)
}

// MoveToHead takes e out of the list and makes it the first element of list
// to, as one atomic step. Both may be the same list. If they are linked by
// different entries, e must not be in a list by the other one yet; the one that
// it leaves is cleared after that step. If the process dies in between, the old
// entry keeps its pointers: e can seem to be in a list by it, and Leaks may call
// what it leads to doubtful, until the program sets the entry to ListEntry[T]{}.
//
// Implements: pmemobj_list_move(3), POBJ_LIST_MOVE_ELEMENT_HEAD(3)
func (l List[T]) MoveToHead(e Ptr[T], to List[T]) error {
	return l.list.move(e.oid, &to.list, listAtHead)
}

// MoveToTail takes e out of the list and makes it the last element of list to;
// see MoveToHead.
//
// Implements: pmemobj_list_move(3), POBJ_LIST_MOVE_ELEMENT_TAIL(3)
func (l List[T]) MoveToTail(e Ptr[T], to List[T]) error {
	return l.list.move(e.oid, &to.list, listAtTail)
}

// MoveBefore takes e out of the list and puts it before mark, an element of
// list to; see MoveToHead. Before itself, it stays where it is.
//
// Implements: pmemobj_list_move(3), POBJ_LIST_MOVE_ELEMENT_BEFORE(3)
func (l List[T]) MoveBefore(e Ptr[T], to List[T], mark Ptr[T]) error {
	return l.list.move(e.oid, &to.list, listBefore(mark.oid))
}

// MoveAfter takes e out of the list and puts it behind mark, an element of
// list to; see MoveToHead. Behind itself, it stays where it is.
//
// Implements: pmemobj_list_move(3), POBJ_LIST_MOVE_ELEMENT_AFTER(3)
func (l List[T]) MoveAfter(e Ptr[T], to List[T], mark Ptr[T]) error {
	return l.list.move(e.oid, &to.list, listAfter(mark.oid))
}

func (l *list) insert(op string, e OID, at listPlace) error {
	return l.settled(op, l.insertNow(op, e, at))
}

// settled waits for the medium with the locks given back.
func (l *list) settled(op string, err error) error {
	if err != nil || l.pool.keeper == nil {
		return err
	}
	return l.pool.awaitOutside(op)
}

func (l *list) insertNow(op string, e OID, at listPlace) error {
	locks, err := l.enter(op, listLockOf(e.Off))
	if err != nil {
		return err
	}
	defer l.leave(locks)
	if err := l.element(op, e); err != nil {
		return err
	}
	if err := l.unlinked(op, e); err != nil {
		return err
	}
	if err := l.neighbours(op, at); err != nil {
		return err
	}
	c := l.arg(e, at)
	return l.call(op, opListInsert, c, listWork)
}

func (l *list) remove(op string, e OID, free bool) error {
	return l.settled(op, l.removeNow(op, e, free))
}

func (l *list) removeNow(op string, e OID, free bool) error {
	locks, err := l.enter(op, listLockOf(e.Off))
	if err != nil {
		return err
	}
	defer l.leave(locks)
	prev, next, err := l.removable(op, e)
	if err != nil {
		return err
	}
	fn, work := opListRemove, uint64(listWork)
	if free {
		if err := l.freeable(op, e); err != nil {
			return err
		}
		fn, work = opListRemoveFree, listWork+workOfOne
	}
	c := l.arg(e, listPlace{})
	if err := l.call(op, fn, c, work); err != nil {
		return err
	}
	l.state().leave(l.head, e.Off, prev, next)
	return nil
}

func (l *list) move(e OID, to *list, at listPlace) error {
	const op = "list move"
	return l.settled(op, l.moveNow(op, e, to, at))
}

func (l *list) moveNow(op string, e OID, to *list, at listPlace) error {
	if err := to.valid(op); err != nil {
		return err
	}
	if err := l.valid(op); err != nil {
		return err
	}
	if l.pool != to.pool {
		return stateErr(op, ErrForeignPool, "the two lists lie in different pools")
	}
	if l.head == to.head && l.entry != to.entry {
		return badArgument(op, "both lists have the same head, but different entries: offsets %d and %d of an element", l.entry, to.entry)
	}
	locks, err := l.enter(op, listLockOf(to.head)|listLockOf(e.Off))
	if err != nil {
		return err
	}
	defer l.leave(locks)
	if err := to.headLives(op); err != nil {
		return err
	}
	prev, next, err := l.removable(op, e)
	if err != nil {
		return err
	}
	if err := to.element(op, e); err != nil {
		return err
	}
	if l.entry != to.entry {
		if err := to.unlinked(op, e); err != nil {
			return err
		}
	}
	if err := to.neighbours(op, at); err != nil {
		return err
	}
	c := l.arg(e, at)
	c.new_head, c.new_entry = C.uint64_t(uintptr(unsafe.Add(l.pool.base, to.head))), C.uint64_t(to.entry)
	if err := l.call(op, opListMove, c, 2*listWork); err != nil {
		return err
	}
	l.state().leave(l.head, e.Off, prev, next)
	return nil
}

// listContents keeps memory for new elements. It is not the stack's, because C
// gets its address as a number.
var listContents = sync.Pool{New: func() any { return &listContent{} }}

type listContent struct {
	words []uint64
}

// maxListContent is the most bytes that are kept.
const maxListContent = 64 << 10

// take returns size zeroed bytes.
func (c *listContent) take(size uint64) unsafe.Pointer {
	n := int(size+7) / 8
	if cap(c.words) < n {
		c.words = make([]uint64, n)
	} else {
		c.words = c.words[:n]
		clear(c.words)
	}
	return unsafe.Pointer(unsafe.SliceData(c.words))
}

func (c *listContent) give() {
	if cap(c.words)*8 > maxListContent {
		c.words = nil
	}
	listContents.Put(c)
}

func (l List[T]) insertNew(at listPlace, init func(*T) error) (Ptr[T], error) {
	const op = "list insert new"
	if err := l.list.ready(op); err != nil {
		return Ptr[T]{}, err
	}
	content := listContents.Get().(*listContent)
	addr := content.take(l.list.typ.size)
	if init != nil {
		if err := init((*T)(addr)); err != nil {
			content.give()
			return Ptr[T]{}, err
		}
	}
	oid, err := l.list.insertNew(op, addr, at)
	content.give()
	return Ptr[T]{oid}, l.list.settled(op, err)
}

// ready says beforehand, and so without init having run, what would stop an
// insertion.
func (l *list) ready(op string) error {
	locks, err := l.enter(op, 0)
	if err != nil {
		return err
	}
	l.leave(locks)
	return nil
}

func (l *list) insertNew(op string, content unsafe.Pointer, at listPlace) (OID, error) {
	for _, off := range l.typ.entries {
		*(*listLink)(unsafe.Add(content, off)) = listLink{}
	}
	locks, err := l.enter(op, 0)
	if err != nil {
		return OID{}, err
	}
	defer l.leave(locks)
	if err := l.neighbours(op, at); err != nil {
		return OID{}, err
	}
	c := l.arg(OID{}, at)
	c.size, c.type_num = C.uint64_t(l.typ.size), C.uint64_t(l.typ.num)
	c.content = C.uint64_t(uintptr(content))
	err = l.call(op, opListInsertNew, c, listWork+l.pool.allocWork(l.typ.size))
	runtime.KeepAlive(content)
	if err != nil {
		return OID{}, l.pool.explain(err, l.typ.size, 0)
	}
	return OID{l.pool.uuid, uint64(c.oid.off)}, nil
}

// arg returns what every operation needs. The head's lock is held.
func (l *list) arg(e OID, at listPlace) *C.struct_pmemgo_list {
	c := l.state().arg()
	c.pool = C.uint64_t(l.pool.handle)
	c.head, c.entry = C.uint64_t(uintptr(unsafe.Add(l.pool.base, l.head))), C.uint64_t(l.entry)
	c.oid.pool_uuid_lo, c.oid.off = C.uint64_t(e.Pool), C.uint64_t(e.Off)
	c.dest.pool_uuid_lo, c.dest.off = C.uint64_t(at.mark.Pool), C.uint64_t(at.mark.Off)
	c.before = 0
	if at.before {
		c.before = 1
	}
	return c
}

// call makes one crossing.
func (l *list) call(op string, fn operation, c *C.struct_pmemgo_list, work uint64) error {
	l.pool.call(fn, unsafe.Pointer(c), work)
	if c.status.err == 0 {
		return nil
	}
	return l.pool.opError((*cgoutil.Status)(unsafe.Pointer(&c.status)), op)
}
