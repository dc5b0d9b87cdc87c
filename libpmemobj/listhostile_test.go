package libpmemobj_test

import (
	"slices"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/internal/testpool"
	. "github.com/pmem/pmdk-go/libpmemobj"
)

// listOp is an operation that an element is passed to.
type listOp struct {
	name string
	do   func(l List[listNode], e Ptr[listNode]) error
}

// listRemovals take an element that is in the list, or use one as a mark.
func listRemovals(to List[listNode], loose Ptr[listNode]) []listOp {
	type elem = Ptr[listNode]
	unreached := func(*listNode) error { return nil }
	return []listOp{
		{"Remove", func(l List[listNode], e elem) error { return l.Remove(e) }},
		{"RemoveFree", func(l List[listNode], e elem) error { return l.RemoveFree(e) }},
		{"MoveToHead", func(l List[listNode], e elem) error { return l.MoveToHead(e, to) }},
		{"MoveToTail", func(l List[listNode], e elem) error { return l.MoveToTail(e, l) }},
		{"MoveBefore", func(l List[listNode], e elem) error { return l.MoveBefore(e, l, e) }},
		{"MoveBefore mark", func(l List[listNode], e elem) error { return l.MoveBefore(l.First(), l, e) }},
		{"MoveAfter mark", func(l List[listNode], e elem) error { return l.MoveAfter(l.First(), l, e) }},
		{"InsertBefore mark", func(l List[listNode], e elem) error { return l.InsertBefore(loose, e) }},
		{"InsertAfter mark", func(l List[listNode], e elem) error { return l.InsertAfter(loose, e) }},
		{"InsertNewBefore mark", func(l List[listNode], e elem) error { _, err := l.InsertNewBefore(e, unreached); return err }},
		{"InsertNewAfter mark", func(l List[listNode], e elem) error { _, err := l.InsertNewAfter(e, unreached); return err }},
	}
}

// listInsertions take an element that is in no list.
func listInsertions(from List[listNode]) []listOp {
	type elem = Ptr[listNode]
	return []listOp{
		{"InsertHead", func(l List[listNode], e elem) error { return l.InsertHead(e) }},
		{"InsertTail", func(l List[listNode], e elem) error { return l.InsertTail(e) }},
		{"InsertBefore", func(l List[listNode], e elem) error { return l.InsertBefore(e, l.Last()) }},
		{"InsertAfter", func(l List[listNode], e elem) error { return l.InsertAfter(e, l.First()) }},
		{"MoveToHead", func(l List[listNode], e elem) error { return from.MoveToHead(e, l) }},
	}
}

// Ensure that every operation refuses what is no object of the pool. In C each
// of these is a crash or silent damage.
func TestListHostileOIDs(t *testing.T) {
	p, other := testpool.New(t), testpool.New(t)
	lists, _ := listsOf(t, p)
	l := lists[0]
	elems := fillList(t, l, 0, 3)
	loose := newListNode(t, p, 9)
	freed := oneObject(t, p, uint64(unsafe.Sizeof(listNode{})), 1)
	stale := freed
	require.NoError(t, p.Free(&freed))
	at := func(off uint64) OID { return OID{p.UUID(), off} }
	live := elems[1].OID().Off
	cases := []struct {
		name string
		oid  OID
		is   error
	}{
		{"null", OID{}, ErrNull},
		{"null of the pool", OID{Pool: p.UUID()}, ErrNull},
		{"another pool", newListNode(t, other, 1).OID(), ErrForeignPool},
		{"no pool", OID{1, live}, ErrForeignPool},
		{"freed", stale, ErrNotLive},
		{"a byte inside", at(live + 1), ErrNotLive},
		{"a word inside", at(live + 8), ErrNotLive},
		{"words inside", at(live + 64), ErrNotLive},
		{"a unit inside", at(live + 128), ErrNotLive},
		{"the pool's header", at(8), ErrNotLive},
		{"the lanes", at(8192), ErrNotLive},
		{"the end", at(testpool.Size), ErrNotLive},
		{"wildest", at(^uint64(0)), ErrNotLive},
		{"the largest that is aligned", at(^uint64(7)), ErrNotLive},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			for _, op := range slices.Concat(listRemovals(lists[1], loose), listInsertions(lists[1])) {
				require.ErrorIs(t, op.do(l, PtrOf[listNode](c.oid)), c.is, op.name)
			}
			_, err := l.Contains(PtrOf[listNode](c.oid))
			require.ErrorIs(t, err, c.is)
			require.ErrorIs(t, errorPanicOf(t, func() { l.Next(PtrOf[listNode](c.oid)) }), c.is)
			require.ErrorIs(t, errorPanicOf(t, func() { l.Prev(PtrOf[listNode](c.oid)) }), c.is)
		})
	}
	require.Equal(t, []uint64{0, 1, 2}, listValues(t, l))

}

// Ensure that an object without room for the entry is refused, and one that is
// not allocated yet, and that the root may be an element but is not freed.
func TestListHostileObjects(t *testing.T) {
	p := testpool.New(t)
	lists, other := listsOf(t, p)
	l := lists[0]
	fillList(t, l, 0, 2)
	small := PtrOf[listNode](oneObject(t, p, 8, 1)) // has room for A, but not for B
	for _, op := range listInsertions(lists[1])[:4] {
		err := op.do(other, small)
		require.ErrorIs(t, err, unix.EINVAL, op.name)
		require.ErrorContains(t, err, "112 bytes; the entry ends at 168", op.name)
	}
	require.NoError(t, p.Publish(func(a *Actions) error {
		n, _, err := Reserve[listNode](a)
		require.ErrorIs(t, l.InsertHead(n), ErrNotLive)
		return err
	}))

	oid, err := Root[listRoot](p)
	require.NoError(t, err)
	root := PtrOf[listNode](OID{p.UUID(), oid.OID().Off})
	// Taken for a node, the root has a head where A would be, and another one
	// where B would be.
	require.ErrorContains(t, l.InsertHead(root), "head lies where")
	atEnd, err := ListOf(p, &oid.Get().Self, func(r *listRoot) *ListEntry[listRoot] { return &r.Link })
	require.NoError(t, err)
	require.NoError(t, atEnd.InsertHead(oid))
	require.ErrorContains(t, atEnd.RemoveFree(oid), "root object")
	require.NoError(t, atEnd.Remove(oid))
	require.Equal(t, []uint64{0, 1}, listValues(t, l))
}

// Ensure that an element cannot be inserted where it is in a list already, nor
// taken from a list that it is not in: in C, an element that is alone in or
// first of another list takes both lists along, and a loose one the pool's
// header.
func TestListHostileMembers(t *testing.T) {
	p := testpool.New(t)
	lists, other := listsOf(t, p)
	l, m, empty := lists[0], lists[1], lists[2]
	in := fillList(t, l, 0, 5)
	loose, spare := newListNode(t, p, 9), newListNode(t, p, 10)
	check := func() {
		t.Helper()
		require.Equal(t, []uint64{0, 1, 2, 3, 4}, listValues(t, l))
		require.Empty(t, listValues(t, empty))
		require.Len(t, objectsIn(p), 5+2+len(listValues(t, m)))
	}
	insert := func(l List[listNode], e Ptr[listNode]) {
		t.Helper()
		for _, op := range listInsertions(other)[:4] {
			err := op.do(l, e)
			if l.Empty() && op.name != "InsertHead" && op.name != "InsertTail" {
				require.ErrorIs(t, err, ErrInList, op.name)
				continue
			}
			require.ErrorIs(t, err, ErrInList, op.name)
			require.ErrorContains(t, err, e.OID().String(), op.name)
		}
	}
	remove := func(l List[listNode], e Ptr[listNode]) {
		t.Helper()
		for _, op := range listRemovals(empty, spare) {
			err := op.do(l, e)
			if l.Empty() && (op.name == "MoveBefore mark" || op.name == "MoveAfter mark") {
				require.ErrorIs(t, err, ErrNull, op.name)
				continue
			}
			require.ErrorIs(t, err, ErrNotInList, op.name)
			require.ErrorContains(t, err, e.OID().String(), op.name)
		}
		in, err := l.Contains(e)
		require.NoError(t, err)
		require.False(t, in)
	}
	for range 2 {
		for _, e := range in {
			insert(l, e)
			insert(m, e)
			insert(empty, e)
			remove(m, e)
			remove(empty, e)
			remove(other, e)
		}
		remove(l, loose)
		remove(m, loose)
		remove(empty, loose)
		for e := range m.All() {
			remove(l, e)
			remove(empty, e)
			insert(l, e)
		}
		check()
		_, err := m.InsertNewTail(nil) // the second time with one that is alone
		require.NoError(t, err)
	}
	require.ErrorIs(t, errorPanicOf(t, func() { l.Next(loose) }), ErrNotInList)
	require.ErrorIs(t, errorPanicOf(t, func() { l.Prev(loose) }), ErrNotInList)
	require.NoError(t, other.InsertHead(in[0]))
	require.NoError(t, other.InsertHead(in[1]))
	require.ErrorIs(t, l.MoveToTail(in[0], other), ErrInList)
	require.ErrorIs(t, l.RemoveFree(in[0]), ErrInList)
	check()

	byB, err := ListOf(p, &listRootOf(t, p).Heads[0], listEntryB)
	require.NoError(t, err)
	require.ErrorContains(t, l.MoveToTail(in[2], byB), "same head, but different entries")
	foreign, _ := listsOf(t, testpool.New(t))
	require.ErrorIs(t, l.MoveToTail(in[2], foreign[0]), ErrForeignPool)
	check()
}

// Ensure that an entry need not be cleared: memory that was never set, and
// copies of elements, are not taken for members.
func TestListHostileEntries(t *testing.T) {
	p := testpool.New(t)
	lists, _ := listsOf(t, p)
	l := lists[0]
	elems := fillList(t, l, 0, 3)
	for i := range uint64(3) {
		e := newListNode(t, p, 0)
		*e.Get() = *elems[i].Get()
		e.Get().Value = 3 + i
		for _, op := range listRemovals(lists[1], newListNode(t, p, 0)) {
			require.ErrorIs(t, op.do(l, e), ErrNotInList, op.name)
		}
		require.NoError(t, l.InsertTail(e))
	}
	rnd := newRand(t)
	for i := range uint64(100) {
		e := newListNode(t, p, 0)
		words := unsafe.Slice((*uint64)(unsafe.Pointer(e.Get())), unsafe.Sizeof(*e.Get())/8)
		for j := range words {
			switch rnd.IntN(4) {
			case 0:
				words[j] = p.UUID()
			case 1:
				words[j] = rnd.Uint64()
			default:
				words[j] = rnd.Uint64N(testpool.Size)
			}
		}
		e.Get().Value = 6 + i
		require.ErrorIs(t, l.Remove(e), ErrNotInList)
		require.NoError(t, l.InsertTail(e))
	}
	require.Len(t, listValues(t, l), 106)
}

// Ensure that an element that was freed and not removed is noticed by what
// comes upon it, and that nothing ends the process.
func TestListHostileFreed(t *testing.T) {
	for _, i := range []int{0, 1, 3} { // the first, one inside, and the last
		p := testpool.New(t)
		lists, _ := listsOf(t, p)
		l := lists[0]
		elems := fillList(t, l, 0, 4)
		oid := elems[i].OID()
		require.NoError(t, p.Free(&oid))

		var broken *ListError
		require.ErrorAs(t, l.Check(), &broken)
		require.ErrorContains(t, broken, "not a live object")
		require.ErrorAs(t, errorPanicOf(t, func() { _ = slices.Collect(l.All()) }), &broken)
		require.ErrorAs(t, errorPanicOf(t, func() { _ = slices.Collect(l.Backward()) }), &broken)
		require.ErrorIs(t, l.Remove(elems[i]), ErrNotLive)
		require.ErrorIs(t, l.RemoveFree(elems[i]), ErrNotLive)
		loose := newListNode(t, p, 9) // takes the room, zeroed
		for _, e := range []int{(i + 1) % 4, (i + 3) % 4} {
			require.Error(t, l.Remove(elems[e]))
			require.Error(t, l.RemoveFree(elems[e]))
			require.Error(t, l.MoveToHead(elems[e], lists[1]))
		}
		if i != 1 {
			require.Error(t, l.InsertHead(loose))
			require.Error(t, l.InsertTail(loose))
			_, err := l.InsertNewHead(nil)
			require.Error(t, err)
		}
		require.NoError(t, lists[1].InsertHead(newListNode(t, p, 1)))
		require.Equal(t, []uint64{1}, listValues(t, lists[1]))
	}
}

// Ensure that lists with links of all kinds, as a bug could write them, make
// every operation return or panic with an error, and no loop go on for ever.
func TestListHostileLinks(t *testing.T) {
	p := testpool.New(t, WithSize(4*testpool.Size))
	lists, _ := listsOf(t, p)
	r := listRootOf(t, p)
	rnd := newRand(t)
	elems := fillList(t, lists[0], 0, 12)
	spare := newListNode(t, p, 99)
	good := unsafe.Slice((*byte)(unsafe.Pointer(&r.Heads)), unsafe.Sizeof(r.Heads))
	goodHeads := slices.Clone(good)
	var goodNodes []listNode
	for _, e := range elems {
		goodNodes = append(goodNodes, *e.Get())
	}
	word := func() uint64 {
		switch rnd.IntN(8) {
		case 0:
			return 0
		case 1:
			return rnd.Uint64()
		case 2:
			return rnd.Uint64N(4 * testpool.Size)
		case 3:
			return elems[rnd.IntN(12)].OID().Off + 8*rnd.Uint64N(3)
		}
		return elems[rnd.IntN(12)].OID().Off
	}
	// Errors and panics with errors are both fine.
	try := func(f func() error) (failed bool) {
		value := panicOf(func() { failed = f() != nil })
		if value != nil {
			_, ok := value.(error)
			require.True(t, ok, "%v", value)
			failed = true
		}
		return failed
	}
	failures := 0
	rounds := 3000
	if testing.Short() {
		rounds = 500
	}
	for range rounds {
		for range 1 + rnd.IntN(3) {
			node := elems[rnd.IntN(12)].Get()
			links := unsafe.Slice((*OID)(unsafe.Pointer(&node.A)), 2)
			link := &links[rnd.IntN(2)]
			if rnd.IntN(6) == 0 {
				link = (*OID)(unsafe.Pointer(&r.Heads[0]))
			}
			link.Off = word()
			if rnd.IntN(8) == 0 {
				link.Pool = word()
			}
		}
		l, m := lists[0], lists[1]
		e, mark := elems[rnd.IntN(12)], elems[rnd.IntN(12)]
		for _, f := range []func() error{
			l.Check,
			func() error { _ = slices.Collect(l.All()); return nil },
			func() error { _ = slices.Collect(l.Backward()); return nil },
			func() error { _, err := l.Contains(e); return err },
			func() error { _, err := m.Contains(e); return err },
			func() error {
				l.Next(e)
				l.Prev(e)
				l.First()
				l.Last()
				l.Empty()
				return nil
			},
			func() error {
				switch rnd.IntN(7) {
				case 0:
					return l.InsertAfter(spare, mark)
				case 1:
					return l.InsertHead(spare)
				case 2:
					return l.Remove(e)
				case 3:
					return l.MoveBefore(e, l, mark)
				case 4:
					return l.MoveToTail(e, m)
				case 5:
					return m.MoveToTail(e, l)
				}
				return l.InsertTail(e)
			},
		} {
			if try(f) {
				failures++
			}
		}
		copy(good, goodHeads)
		for i, e := range elems {
			*e.Get() = goodNodes[i]
		}
		spare.Get().A = ListEntry[listNode]{}
		require.Len(t, slices.Collect(l.All()), 12)
	}
	require.Greater(t, failures, rounds)
	require.Len(t, objectsIn(p), 13)
}
