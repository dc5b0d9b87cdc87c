package libpmemobj

import (
	"errors"
	"fmt"
	"reflect"
	"sync"
	"unsafe"

	"github.com/pmem/pmdk-go/cgoutil"
)

// What errors.Is finds in the errors of a [List], beside the others.
var (
	// ErrInList is the error of inserting an element that is in a list
	// already, or of freeing one that is in another list as well.
	ErrInList = errors.New("element is in a list")

	// ErrNotInList is the error of using an element that is not in the list.
	ErrNotInList = errors.New("element is not in this list")
)

// ListHead is where a list begins: a field of a persistent struct, 80 bytes
// long, with the layout of C's POBJ_LIST_HEAD. It starts out as zero, which is
// an empty list; the root object and what NewZeroed returns are zero. [ListOf]
// makes a list of it.
//
// A head is not copied: two heads of one list damage it.
type ListHead[T any] struct {
	_     cgoutil.NoCopy
	first Ptr[T]
	lock  [8]uint64 // a PMEMmutex, which C holds inside each operation
}

// ListEntry links an element into a list: a field of the element, 32 bytes
// long, with the layout of C's POBJ_LIST_ENTRY. It need not be set to zero
// first. An element with several entries can be in as many lists at once.
type ListEntry[T any] struct {
	next, prev Ptr[T]
}

// listEntry is implemented by every ListEntry, and by structs that embed one.
type listEntry interface{ listEntry() reflect.Type }

func (ListEntry[T]) listEntry() reflect.Type { return reflect.TypeFor[ListEntry[T]]() }

// listLink is what a ListEntry is to untyped code.
type listLink struct{ next, prev OID }

const (
	listHeadSize  = uint64(unsafe.Sizeof(ListHead[byte]{}))
	listEntrySize = uint64(unsafe.Sizeof(listLink{}))
)

// List is a doubly linked list of objects in a pool, of which each change is
// atomic and durable by itself: after a crash, an element is in the list with
// all its links or not at all. C programs see it as the list that the
// POBJ_LIST macros work on.
//
// A List is a handle: cheap to copy, and good as long as its head stays where
// it is. Its methods may be called from any goroutine. Changes are not possible
// inside transactions (the error matches ErrInTx), which would not roll them
// back; for lists in transactions, link elements by [Ptr] fields.
//
// Before an element is removed or moved, or serves as a mark, the list is
// searched for it from the element on, in both directions, until its head is
// found: C would damage lists if the element were in another one. That costs
// nothing at both ends of the list and for the current element of a loop over
// it, and some nanoseconds for each element between there and the nearer end
// otherwise.
//
// To free an element, use RemoveFree: what [Pool.Free] frees without removing
// it leaves the list broken. A broken list is noticed where it is touched; the
// error is a *[ListError].
type List[T any] struct {
	list list
}

// list is a List without its type.
type list struct {
	pool  *Pool
	head  uint64 // offset in the pool
	entry uint64 // offset in an element
	typ   *listType
}

// listType is what lists know of their elements.
type listType struct {
	size, num uint64
	entries   []uint64 // the offsets of all entries
}

// ListOf returns the list that begins at head, a field of a live object of
// p's. Its elements are linked by the entry that the function returns the
// address of:
//
//	list, err := libpmemobj.ListOf(pool, &root.Get().Tasks,
//		func(t *Task) *libpmemobj.ListEntry[Task] { return &t.Link })
//
// The same entry must be named each time. The function is called once, with a
// T that is in no pool.
//
// When the head moves, as those in a root object do when the root grows, the
// list must be made anew.
func ListOf[T any](p *Pool, head *ListHead[T], entry func(*T) *ListEntry[T]) (List[T], error) {
	const op = "list"
	if err := p.enterAny(op); err != nil {
		return List[T]{}, err
	}
	defer p.leave()
	info, err := typeInfoOf[T]()
	if err != nil {
		return List[T]{}, err
	}
	if head == nil {
		return List[T]{}, stateErr(op, ErrNull, "no head")
	}
	at, ok := p.offset(RangeOf(head))
	if !ok {
		return List[T]{}, stateErr(op, ErrForeignPool, "the head must lie in an object of pool %s", p.path)
	}
	if at%8 != 0 || !p.live(at, listHeadSize) {
		return List[T]{}, stateErr(op, ErrNotLive, "the head, at offset %#x", at)
	}
	off, err := entryOffset(op, info, entry)
	if err != nil {
		return List[T]{}, err
	}
	return List[T]{list{p, at, off, listTypeOf(info)}}, nil
}

// entryOffset finds the entry that a function returns the address of.
func entryOffset[T any](op string, info *typeInfo, entry func(*T) *ListEntry[T]) (uint64, error) {
	if entry == nil {
		return 0, badArgument(op, "no function that names the entry of an element")
	}
	v := new(T)
	off := uint64(uintptr(unsafe.Pointer(entry(v))) - uintptr(unsafe.Pointer(v)))
	if off%8 != 0 || info.size < listEntrySize || off > info.size-listEntrySize {
		return 0, badArgument(op, "the function must return the address of a ListEntry inside the %v that it is given", info.typ)
	}
	return off, nil
}

var listTypes sync.Map // *typeInfo → *listType

func listTypeOf(info *typeInfo) *listType {
	if t, ok := listTypes.Load(info); ok {
		return t.(*listType)
	}
	t := &listType{info.size, info.num, entriesIn(info.typ)}
	listTypes.Store(info, t)
	return t
}

var listEntryType = reflect.TypeFor[listEntry]()

// entriesIn lists the offsets of the entries in a t.
func entriesIn(t reflect.Type) (offs []uint64) {
	if t.Implements(listEntryType) && uint64(t.Size()) == listEntrySize {
		if reflect.Zero(t).Interface().(listEntry).listEntry() == t {
			return []uint64{0}
		}
	}
	switch t.Kind() {
	case reflect.Struct:
		for i := range t.NumField() {
			f := t.Field(i)
			for _, off := range entriesIn(f.Type) {
				offs = append(offs, uint64(f.Offset)+off)
			}
		}
	case reflect.Array:
		in := entriesIn(t.Elem())
		for i := 0; len(in) > 0 && i < t.Len(); i++ {
			for _, off := range in {
				offs = append(offs, uint64(i)*uint64(t.Elem().Size())+off)
			}
		}
	}
	return offs
}

// ListError says that a list is broken: an element was freed and not removed,
// or its entry or the head was overwritten.
type ListError struct {
	Head   OID // the place of the list's head, which need not be an object's start
	Elem   OID // where the fault is: an element, or the head
	Reason string
}

// Error names the list, the element and the fault.
func (e *ListError) Error() string {
	return fmt.Sprintf("the list with its head at %v is broken at %v: %s", e.Head, e.Elem, e.Reason)
}

func (l *list) broken(elem uint64, format string, args ...any) error {
	return &ListError{l.oid(l.head), l.oid(elem), fmt.Sprintf(format, args...)}
}
