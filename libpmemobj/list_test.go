package libpmemobj_test

import (
	"errors"
	"runtime"
	"slices"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/internal/testpool"
	. "github.com/pmem/pmdk-go/libpmemobj"
)

// listNode can be in two lists at once.
type listNode struct {
	Value uint64
	A     ListEntry[listNode]
	Pad   [12]uint64
	B     ListEntry[listNode]
}

// listRoot has lists by A, and one by B.
type listRoot struct {
	Heads [3]ListHead[listNode]
	Other ListHead[listNode]
	Node  listNode
	Self  ListHead[listRoot] // of which the root is an element
	Link  ListEntry[listRoot]
}

func listRootOf(t testing.TB, p *Pool) *listRoot {
	t.Helper()
	root, err := Root[listRoot](p)
	require.NoError(t, err)
	return root.Get()
}

func listEntryA(n *listNode) *ListEntry[listNode] { return &n.A }
func listEntryB(n *listNode) *ListEntry[listNode] { return &n.B }

// listsOf returns the lists by A, and the one by B.
func listsOf(t testing.TB, p *Pool) (lists [3]List[listNode], other List[listNode]) {
	t.Helper()
	r := listRootOf(t, p)
	var err error
	for i := range lists {
		lists[i], err = ListOf(p, &r.Heads[i], listEntryA)
		require.NoError(t, err)
	}
	other, err = ListOf(p, &r.Other, listEntryB)
	require.NoError(t, err)
	return lists, other
}

func newListNode(t testing.TB, p *Pool, value uint64) Ptr[listNode] {
	t.Helper()
	n := PtrOf[listNode](oneObject(t, p, uint64(unsafe.Sizeof(listNode{})), TypeNum[listNode]()))
	n.Get().Value = value
	return n
}

// fillList appends elements with the values from..to-1.
func fillList(t testing.TB, l List[listNode], from, to uint64) (elems []Ptr[listNode]) {
	t.Helper()
	for v := from; v < to; v++ {
		e, err := l.InsertNewTail(func(n *listNode) error { n.Value = v; return nil })
		require.NoError(t, err)
		elems = append(elems, e)
	}
	return elems
}

// listValues reads a list in every way there is and compares.
func listValues(t testing.TB, l List[listNode]) []uint64 {
	t.Helper()
	require.NoError(t, l.Check())
	values, again := []uint64{}, []uint64{}
	for e := range l.All() {
		values = append(values, e.Get().Value)
	}
	for e := range l.Backward() {
		again = append(again, e.Get().Value)
	}
	slices.Reverse(again)
	require.Equal(t, values, again, "forward and backward")
	again = again[:0]
	for e := l.First(); !e.IsNull(); e = l.Next(e) {
		again = append(again, e.Get().Value)
	}
	require.Equal(t, values, again, "Next")
	again = again[:0]
	for e := l.Last(); !e.IsNull(); e = l.Prev(e) {
		again = append(again, e.Get().Value)
	}
	slices.Reverse(again)
	require.Equal(t, values, again, "Prev")
	require.Equal(t, len(values) == 0, l.Empty())
	return values
}

// Ensure that every way to insert and move puts elements where it says, and
// that nothing is in the pool but them.
func TestList(t *testing.T) {
	p := testpool.New(t)
	lists, other := listsOf(t, p)
	l, m := lists[0], lists[1]
	require.Empty(t, listValues(t, l))
	require.True(t, l.First().IsNull() && l.Last().IsNull())

	n := make([]Ptr[listNode], 10)
	for i := range n {
		n[i] = newListNode(t, p, uint64(i))
	}
	require.NoError(t, l.InsertHead(n[2]))
	require.NoError(t, l.InsertHead(n[0]))
	require.NoError(t, l.InsertTail(n[5]))
	require.NoError(t, l.InsertAfter(n[1], n[0]))
	require.NoError(t, l.InsertBefore(n[4], n[5]))
	require.NoError(t, l.InsertBefore(n[3], n[4]))
	require.NoError(t, l.InsertAfter(n[6], n[5]))
	require.Equal(t, []uint64{0, 1, 2, 3, 4, 5, 6}, listValues(t, l))
	require.Equal(t, n[0], l.First())
	require.Equal(t, n[6], l.Last())
	for i, e := range n {
		in, err := l.Contains(e)
		require.NoError(t, err)
		require.Equal(t, i < 7, in)
		in, err = m.Contains(e)
		require.NoError(t, err)
		require.False(t, in)
	}

	value := func(v uint64) func(*listNode) error {
		return func(n *listNode) error {
			require.Zero(t, *n)
			n.Value = v
			return nil
		}
	}
	e, err := m.InsertNewHead(value(12))
	require.NoError(t, err)
	_, err = m.InsertNewHead(value(10))
	require.NoError(t, err)
	_, err = m.InsertNewTail(value(14))
	require.NoError(t, err)
	_, err = m.InsertNewBefore(e, value(11))
	require.NoError(t, err)
	_, err = m.InsertNewAfter(e, value(13))
	require.NoError(t, err)
	_, err = m.InsertNewTail(nil)
	require.NoError(t, err)
	require.Equal(t, []uint64{10, 11, 12, 13, 14, 0}, listValues(t, m))
	num, err := p.TypeNum(e.OID())
	require.NoError(t, err)
	require.Equal(t, TypeNum[listNode](), num)

	require.NoError(t, m.RemoveFree(m.Last()))
	require.NoError(t, l.MoveToHead(n[0], m))
	require.NoError(t, l.MoveToTail(n[6], m))
	require.NoError(t, l.MoveBefore(n[3], m, e))
	require.NoError(t, l.MoveAfter(n[4], m, e))
	require.Equal(t, []uint64{1, 2, 5}, listValues(t, l))
	require.Equal(t, []uint64{0, 10, 11, 3, 12, 4, 13, 14, 6}, listValues(t, m))

	require.NoError(t, l.MoveToHead(n[5], l))
	require.Equal(t, []uint64{5, 1, 2}, listValues(t, l))
	require.NoError(t, l.MoveToHead(n[5], l))
	require.NoError(t, l.MoveToTail(n[2], l))
	require.NoError(t, l.MoveBefore(n[1], l, n[1]))
	require.NoError(t, l.MoveAfter(n[1], l, n[1]))
	require.Equal(t, []uint64{5, 1, 2}, listValues(t, l))

	require.NoError(t, l.Remove(n[1]))
	require.NoError(t, l.Remove(n[2]))
	require.NoError(t, l.Remove(n[5]))
	require.Empty(t, listValues(t, l))
	require.NoError(t, l.InsertTail(n[1]))

	// Two lists at once.
	require.NoError(t, other.InsertHead(n[1]))
	require.NoError(t, other.InsertHead(e))
	require.Equal(t, []uint64{12, 1}, listValues(t, other))
	require.ErrorIs(t, m.RemoveFree(e), ErrInList)
	require.NoError(t, other.Remove(e))
	require.NoError(t, other.Remove(n[1]))
	require.NoError(t, l.MoveToTail(n[1], other), "from one entry to the other")
	require.Zero(t, n[1].Get().A)
	require.Equal(t, []uint64{1}, listValues(t, other))
	require.Empty(t, listValues(t, l))
	require.NoError(t, l.InsertHead(n[1]))
}

// Ensure that lists, their elements and their order outlive the pool's
// closing, and that a root that grew takes its lists along.
func TestListReopen(t *testing.T) {
	p := testpool.New(t)
	lists, _ := listsOf(t, p)
	fillList(t, lists[0], 0, 100)
	p = testpool.Reopen(t, p)
	_, err := Root[struct {
		R    listRoot
		More [1000]uint64
	}](p)
	require.NoError(t, err)
	grown, err := Root[struct {
		R    listRoot
		More [1000]uint64
	}](p)
	require.NoError(t, err)
	l, err := ListOf(p, &grown.Get().R.Heads[0], listEntryA)
	require.NoError(t, err)
	require.Len(t, listValues(t, l), 100)
	require.NoError(t, l.Remove(l.First()))
	require.Len(t, listValues(t, l), 99)
}

// Ensure that list fields pass the proof that a type may live in a pool, and
// that the proof goes on to what they lead to.
func TestListTypes(t *testing.T) {
	_, err := Root[listRoot](testpool.New(t))
	require.NoError(t, err)
	require.EqualValues(t, 80, unsafe.Sizeof(ListHead[listNode]{}))
	require.EqualValues(t, 32, unsafe.Sizeof(ListEntry[listNode]{}))

	type bad struct {
		Link ListEntry[bad]
		Name string
	}
	type badRoot struct{ Head ListHead[bad] }
	var typeErr *TypeError
	_, err = Root[badRoot](testpool.New(t))
	require.ErrorAs(t, err, &typeErr)
	require.Contains(t, typeErr.Field, "bad.Name")
}

// Ensure that an init that fails leaves nothing behind, that its panics and
// Goexits go on, and that it may use the pool.
func TestListInit(t *testing.T) {
	p := testpool.New(t)
	lists, _ := listsOf(t, p)
	l := lists[0]
	elem := fillList(t, l, 1, 2)[0]
	_, err := l.InsertNewHead(func(*listNode) error { return errStop })
	require.Equal(t, errStop, err)
	require.Equal(t, "oops", panicOf(func() { _, _ = l.InsertNewHead(func(*listNode) error { panic("oops") }) }))
	inGoroutine(func() { _, _ = l.InsertNewHead(func(*listNode) error { runtime.Goexit(); return nil }) })
	require.Equal(t, []uint64{1}, listValues(t, l))
	require.Len(t, objectsIn(p), 1)

	_, err = l.InsertNewTail(func(n *listNode) error {
		*n = *elem.Get() // with entries that are in use
		n.Value = 3
		if err := p.Update(func(tx *Tx) error { elem.Mut(tx).Pad[0] = 1; return nil }); err != nil {
			return err
		}
		_, err := l.InsertNewTail(func(n *listNode) error { n.Value = 2; return nil })
		return err
	})
	require.NoError(t, err)
	require.Equal(t, []uint64{1, 2, 3}, listValues(t, l))

	_, err = l.InsertNewTail(func(*listNode) error { return l.RemoveFree(elem) })
	require.NoError(t, err)
	_, err = l.InsertNewAfter(l.First(), func(*listNode) error { return l.RemoveFree(l.First()) })
	require.ErrorIs(t, err, ErrNotLive, "the mark is gone")
	require.Equal(t, []uint64{3, 0}, listValues(t, l))
}

// Ensure that nothing is changed in a pool that is full.
func TestListFull(t *testing.T) {
	p := testpool.New(t)
	root, err := Root[struct{ Head ListHead[bigListNode] }](p)
	require.NoError(t, err)
	l, err := ListOf(p, &root.Get().Head, func(n *bigListNode) *ListEntry[bigListNode] { return &n.Link })
	require.NoError(t, err)
	n := 0
	for ; err == nil; n++ {
		_, err = l.InsertNewTail(nil)
	}
	require.ErrorIs(t, err, ErrOutOfSpace)
	require.NoError(t, l.Check())
	require.Len(t, slices.Collect(l.All()), n-1)
	require.Len(t, objectsIn(p), n-1)
	for e := range l.All() {
		require.NoError(t, l.RemoveFree(e))
	}
	_, err = l.InsertNewTail(nil)
	require.NoError(t, err)
}

// bigListNode is larger than what is kept for new elements.
type bigListNode struct {
	Data [200_000]byte
	Link ListEntry[bigListNode]
}

// Ensure that a loop goes on where it should, whatever its body does.
func TestListLoops(t *testing.T) {
	p := testpool.New(t)
	lists, other := listsOf(t, p)
	l, m := lists[0], lists[1]
	type elem = Ptr[listNode]
	cases := []struct {
		name string
		back bool
		body func(e elem, all []elem) error
		want []uint64 // that the loop sees of 0…4
		left []uint64
	}{
		{"nothing", false, nil, []uint64{0, 1, 2, 3, 4}, []uint64{0, 1, 2, 3, 4}},
		{"remove", false, func(e elem, _ []elem) error { return l.Remove(e) }, []uint64{0, 1, 2, 3, 4}, []uint64{}},
		{"remove backward", true, func(e elem, _ []elem) error { return l.Remove(e) }, []uint64{4, 3, 2, 1, 0}, []uint64{}},
		{"free", false, func(e elem, _ []elem) error { return l.RemoveFree(e) }, []uint64{0, 1, 2, 3, 4}, []uint64{}},
		{"free backward", true, func(e elem, _ []elem) error { return l.RemoveFree(e) }, []uint64{4, 3, 2, 1, 0}, []uint64{}},
		{"move away", false, func(e elem, _ []elem) error { return l.MoveToTail(e, m) }, []uint64{0, 1, 2, 3, 4}, []uint64{}},
		{"move away backward", true, func(e elem, _ []elem) error { return l.MoveToHead(e, m) }, []uint64{4, 3, 2, 1, 0}, []uint64{}},
		{"move to the head", false, func(e elem, _ []elem) error { return l.MoveToHead(e, l) }, []uint64{0, 1, 2, 3, 4}, []uint64{4, 3, 2, 1, 0}},
		{"move to itself", false, func(e elem, _ []elem) error { return l.MoveAfter(e, l, e) }, []uint64{0, 1, 2, 3, 4}, []uint64{0, 1, 2, 3, 4}},
		{"remove the next ones", false, func(e elem, all []elem) error {
			if e != all[1] {
				return nil
			}
			return errors.Join(l.Remove(all[2]), l.Remove(all[3]))
		}, []uint64{0, 1, 4}, []uint64{0, 1, 4}},
		{"remove this and the next ones", false, func(e elem, all []elem) error {
			if e != all[1] {
				return nil
			}
			return errors.Join(l.Remove(e), l.RemoveFree(all[2]), l.MoveToTail(all[3], m))
		}, []uint64{0, 1, 4}, []uint64{0, 4}},
		{"remove this and the next ones backward", true, func(e elem, all []elem) error {
			if e != all[3] {
				return nil
			}
			return errors.Join(l.Remove(e), l.RemoveFree(all[2]), l.MoveToTail(all[1], m))
		}, []uint64{4, 3, 0}, []uint64{0, 4}},
		{"remove all", false, func(e elem, all []elem) (err error) {
			for _, e := range all {
				err = errors.Join(err, l.Remove(e))
			}
			return err
		}, []uint64{0}, []uint64{}},
		{"insert", false, func(e elem, all []elem) error {
			if e != all[2] {
				return nil
			}
			_, before := l.InsertNewBefore(e, func(n *listNode) error { n.Value = 9; return nil })
			_, behind := l.InsertNewAfter(e, func(n *listNode) error { n.Value = 8; return nil })
			return errors.Join(before, behind)
		}, []uint64{0, 1, 2, 8, 3, 4}, []uint64{0, 1, 9, 2, 8, 3, 4}},
		{"append at the end", false, func(e elem, all []elem) error {
			if e != all[4] {
				return nil
			}
			_, err := l.InsertNewTail(func(n *listNode) error { n.Value = 9; return nil })
			return err
		}, []uint64{0, 1, 2, 3, 4, 9}, []uint64{0, 1, 2, 3, 4, 9}},
		{"other entry", false, func(e elem, _ []elem) error {
			return errors.Join(other.InsertTail(e), other.Remove(e))
		}, []uint64{0, 1, 2, 3, 4}, []uint64{0, 1, 2, 3, 4}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			all := fillList(t, l, 0, 5)
			seq := l.All()
			if c.back {
				seq = l.Backward()
			}
			seen := []uint64{}
			for e := range seq {
				seen = append(seen, e.Get().Value)
				require.Less(t, len(seen), 20)
				if c.body != nil {
					require.NoError(t, c.body(e, all))
				}
			}
			require.Equal(t, c.want, seen)
			require.Equal(t, c.left, listValues(t, l))
			for _, l := range []List[listNode]{l, m} {
				for e := range l.All() {
					require.NoError(t, l.RemoveFree(e))
				}
			}
		})
	}
}

// Ensure that loops in loops do not disturb one another, that one which is left
// early is forgotten, and that a sequence can be used again.
func TestListNestedLoops(t *testing.T) {
	p := testpool.New(t)
	lists, _ := listsOf(t, p)
	l := lists[0]
	fillList(t, l, 0, 4)
	all := l.All()
	count := 0
	for a := range all {
		for b := range all {
			if b == a {
				break
			}
			count++
		}
		for range l.Backward() {
			count++
		}
		_ = panicOf(func() {
			for range all {
				panic("leave")
			}
		})
	}
	require.Equal(t, 0+1+2+3+4*4, count)
	for range all {
		require.NoError(t, p.Close())
	}
	require.Empty(t, slices.Collect(all), "the pool is closed")
}

// Ensure that reading is possible inside transactions, and changing is not.
func TestListInTx(t *testing.T) {
	p := testpool.New(t)
	lists, _ := listsOf(t, p)
	l := lists[0]
	e := fillList(t, l, 0, 2)[0]
	loose := newListNode(t, p, 9)
	require.NoError(t, p.Update(func(tx *Tx) error {
		require.Equal(t, []uint64{0, 1}, listValues(t, l))
		require.ErrorIs(t, l.InsertHead(loose), ErrInTx)
		require.ErrorIs(t, l.Remove(e), ErrInTx)
		require.ErrorIs(t, l.RemoveFree(e), ErrInTx)
		require.ErrorIs(t, l.MoveToHead(e, lists[1]), ErrInTx)
		_, err := l.InsertNewHead(func(*listNode) error { panic("called") })
		require.ErrorIs(t, err, ErrInTx)
		return nil
	}))
	require.Equal(t, []uint64{0, 1}, listValues(t, l))
}

// Ensure that every method of a list in a closed pool says so.
func TestListClosed(t *testing.T) {
	p := testpool.New(t)
	lists, _ := listsOf(t, p)
	l := lists[0]
	head := &listRootOf(t, p).Heads[0]
	e := fillList(t, l, 0, 1)[0]
	require.NoError(t, p.Close())
	_, err := ListOf(p, head, listEntryA)
	require.ErrorIs(t, err, ErrClosed)
	require.ErrorIs(t, l.InsertHead(e), ErrClosed)
	require.ErrorIs(t, l.Remove(e), ErrClosed)
	require.ErrorIs(t, l.MoveToHead(e, lists[1]), ErrClosed)
	require.ErrorIs(t, l.Check(), ErrClosed)
	_, err = l.InsertNewHead(func(*listNode) error { panic("called") })
	require.ErrorIs(t, err, ErrClosed)
	_, err = l.Contains(e)
	require.ErrorIs(t, err, ErrClosed)
	for _, read := range []func(){
		func() { l.First() }, func() { l.Last() }, func() { l.Empty() }, func() { l.Next(e) }, func() { l.Prev(e) },
	} {
		require.ErrorIs(t, errorPanicOf(t, read), ErrClosed)
	}
	require.Empty(t, slices.Collect(l.All()))
	require.Empty(t, slices.Collect(l.Backward()))
}

// Ensure that neither changing nor reading a list allocates.
func TestListAllocs(t *testing.T) {
	if addressSanitizer {
		t.Skip("with the address sanitizer every call into C goes through cgo, whose arguments escape")
	}
	p := testpool.New(t)
	lists, _ := listsOf(t, p)
	l := lists[0]
	fillList(t, l, 0, 3)
	e := newListNode(t, p, 7)
	check := func(name string, f func() error) {
		t.Helper()
		require.Zero(t, testing.AllocsPerRun(100, func() {
			if err := f(); err != nil {
				panic(err)
			}
		}), name)
	}
	check("insert and remove", func() error {
		if err := l.InsertHead(e); err != nil {
			return err
		}
		return l.Remove(e)
	})
	if !raceDetector { // with it, a sync.Pool forgets values on purpose
		check("insert new, move and free", func() error {
			e, err := l.InsertNewTail(func(n *listNode) error { n.Value = 5; return nil })
			if err != nil {
				return err
			}
			if err := l.MoveToHead(e, lists[1]); err != nil {
				return err
			}
			return lists[1].RemoveFree(e)
		})
	}
	check("read", func() error {
		for e := range l.All() {
			if in, err := l.Contains(e); !in {
				return err
			}
		}
		return l.Check()
	})
}

// Ensure that what the entry function of ListOf returns is checked.
func TestListOfRefuses(t *testing.T) {
	p, other := testpool.New(t), testpool.New(t)
	r := listRootOf(t, p)
	invalid := func(err error, text string) {
		t.Helper()
		require.ErrorIs(t, err, unix.EINVAL)
		require.ErrorContains(t, err, text)
	}
	var outside ListEntry[listNode]
	for _, entry := range []func(n *listNode) *ListEntry[listNode]{
		func(*listNode) *ListEntry[listNode] { return nil },
		func(*listNode) *ListEntry[listNode] { return &outside },
		func(*listNode) *ListEntry[listNode] { return &r.Node.A },
		func(n *listNode) *ListEntry[listNode] {
			return (*ListEntry[listNode])(unsafe.Add(unsafe.Pointer(&n.A), 4))
		},
		func(n *listNode) *ListEntry[listNode] {
			return (*ListEntry[listNode])(unsafe.Add(unsafe.Pointer(n), unsafe.Sizeof(*n)-24))
		},
	} {
		_, err := ListOf(p, &r.Heads[0], entry)
		invalid(err, "inside the libpmemobj_test.listNode")
	}
	_, err := ListOf(p, &r.Heads[0], nil)
	invalid(err, "no function")
	_, err = ListOf(p, nil, listEntryA)
	require.ErrorIs(t, err, ErrNull)
	_, err = ListOf(p, new(ListHead[listNode]), listEntryA)
	require.ErrorIs(t, err, ErrForeignPool)
	_, err = ListOf(p, &listRootOf(t, other).Heads[0], listEntryA)
	require.ErrorIs(t, err, ErrForeignPool)
	oid := oneObject(t, p, 80, 1)
	head := PtrOf[ListHead[listNode]](oid)
	in, err := ListOf(p, head.Get(), listEntryA)
	require.NoError(t, err)
	_, err = in.InsertNewTail(nil)
	require.NoError(t, err)
	addr := head.Get()
	require.NoError(t, p.Free(&oid))
	_, err = ListOf(p, addr, listEntryA)
	require.ErrorIs(t, err, ErrNotLive)
	_, err = in.InsertNewTail(nil)
	require.ErrorIs(t, err, ErrNotLive)
	require.ErrorContains(t, err, "head")
	require.ErrorIs(t, errorPanicOf(t, func() { in.First() }), ErrNotLive)
	require.ErrorIs(t, errorPanicOf(t, func() { _ = slices.Collect(in.All()) }), ErrNotLive)

	var zero List[listNode]
	good, err := ListOf(p, &r.Heads[0], listEntryA)
	require.NoError(t, err)
	e := newListNode(t, p, 1)
	invalid(zero.InsertHead(e), "zero List")
	invalid(zero.MoveToHead(e, good), "zero List")
	invalid(good.MoveToHead(e, zero), "zero List")
	invalid(errorPanicOf(t, func() { zero.First() }), "zero List")
}
