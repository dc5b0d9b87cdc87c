package libpmemobj_test

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/testpool"
	. "github.com/pmem/pmdk-go/libpmemobj"
)

// walkRoot has every kind of pointer, in every kind of place. Its size, like
// that of the others, leaves no room for a second one in its object.
type walkRoot struct {
	Node   Ptr[walkNode]
	Near   Off[walkNode]
	Any    OID
	Name   String
	Blob   Bytes
	Nodes  Slice[Ptr[walkNode]]
	Fixed  [3]Off[walkNode]
	Inner  struct{ Deep [2]walkPair }
	Values Slice[walkPair]
	Plain  [10]uint64
}

type walkPair struct {
	N    uint64
	Node Ptr[walkNode]
}

type walkNode struct {
	Left, Right Ptr[walkNode]
	Name        String
	Any         OID
	Pad         [20]uint64
}

// walkLink is an element of a long list.
type walkLink struct {
	Next Ptr[walkLink]
	Pad  [10]uint64
}

// walkBase is the part that walkCircle and walkSquare have in common.
type walkBase struct{ Kind uint64 }

type walkCircle struct {
	walkBase
	Center Ptr[walkNode]
	_      [10]uint64
}

// walkTwin and walkOtherTwin have one type number.
type walkTwin struct {
	Node Ptr[walkNode]
	_    [12]uint64
}

func (walkTwin) PmemType() uint64 { return 4747 }

type walkOtherTwin struct{ Pad [14]uint64 }

func (walkOtherTwin) PmemType() uint64 { return 4747 }

func walkRootOf(t testing.TB, p *Pool) Ptr[walkRoot] {
	t.Helper()
	root, err := Root[walkRoot](p)
	require.NoError(t, err)
	return root
}

func newWalkNode(t testing.TB, p *Pool) (n Ptr[walkNode]) {
	t.Helper()
	require.NoError(t, p.Update(func(tx *Tx) (err error) {
		n, err = NewZeroed[walkNode](tx)
		return err
	}))
	return n
}

// walked is what a walk came to: the path of each object, and the errors.
func walked(p *Pool, root AnyPtr, opts ...WalkOption) (paths map[string]OID, errs []error) {
	paths = map[string]OID{}
	for o, err := range p.Walk(root, opts...) {
		if err != nil {
			errs = append(errs, err)
			continue
		}
		paths[o.Path()] = o.OID
	}
	return paths, errs
}

// Ensure that a walk follows every kind of pointer, and names what it finds.
func TestWalk(t *testing.T) {
	p := testpool.New(t)
	root := walkRootOf(t, p)
	r := root.Get()
	var n [10]Ptr[walkNode]
	for i := range n {
		n[i] = newWalkNode(t, p)
	}
	require.NoError(t, p.Update(func(tx *Tx) error {
		root.Mut(tx)
		r.Node, r.Near, r.Any = n[0], OffOf(n[1]), n[2].OID()
		r.Fixed[2] = OffOf(n[3])
		r.Inner.Deep[1].Node = n[4]
		n[0].Mut(tx).Right = n[5]
		n[5].Mut(tx).Left = n[0] // a cycle
		n[5].Mut(tx).Any = n[6].OID()
		return errors.Join(r.Name.Set(tx, "name"), r.Blob.Set(tx, []byte("blob")), n[5].Get().Name.Set(tx, "inner"),
			r.Nodes.Append(tx, Ptr[walkNode]{}, n[7], n[0]), r.Values.Append(tx, walkPair{}, walkPair{Node: n[8]}))
	}))
	got := map[string]reflect.Type{}
	for o, err := range p.Walk(root) {
		require.NoError(t, err)
		got[o.Path()] = o.Type
		usable, err := p.UsableSize(o.OID)
		require.NoError(t, err)
		require.Equal(t, usable, o.Size)
	}
	node := reflect.TypeFor[walkNode]()
	require.Equal(t, map[string]reflect.Type{
		"walkRoot":                    reflect.TypeFor[walkRoot](),
		"walkRoot.Node":               node,
		"walkRoot.Node.Right":         node,
		"walkRoot.Node.Right.Name":    reflect.TypeFor[String](),
		"walkRoot.Node.Right.Any":     node,
		"walkRoot.Near":               node,
		"walkRoot.Any":                node,
		"walkRoot.Name":               reflect.TypeFor[String](),
		"walkRoot.Blob":               reflect.TypeFor[Bytes](),
		"walkRoot.Nodes":              reflect.TypeFor[[]Ptr[walkNode]](),
		"walkRoot.Nodes[1]":           node,
		"walkRoot.Fixed[2]":           node,
		"walkRoot.Inner.Deep[1].Node": node,
		"walkRoot.Values":             reflect.TypeFor[[]walkPair](),
		"walkRoot.Values[1].Node":     node,
	}, got)

	// From elsewhere, and from two places.
	paths, errs := walked(p, n[0])
	require.Empty(t, errs)
	require.Len(t, paths, 4)
	paths, errs = walked(p, n[7], WalkFrom(n[9]), WalkFrom(n[9]))
	require.Empty(t, errs)
	require.Len(t, paths, 1, "two roots of one type have one path")
}

// Ensure that the body can end the walk, that paths end with their turn, and
// that the pool cannot be closed meanwhile.
func TestWalkBreak(t *testing.T) {
	p := testpool.New(t)
	root := walkRootOf(t, p)
	root.Get().Node = newWalkNode(t, p)
	root.Get().Near = OffOf(newWalkNode(t, p))
	root.Get().Fixed[0] = Off[walkNode](root.Get().Near)
	for n := 1; n <= 3; n++ {
		seen := 0
		var last Object
		for o, err := range p.Walk(root) {
			require.NoError(t, err)
			require.ErrorIs(t, p.Close(), ErrPoolBusy)
			require.Equal(t, "", last.Path())
			last = o
			if seen++; seen == n {
				break
			}
		}
		require.Equal(t, n, seen)
		require.Equal(t, "", last.Path())
	}
}

// Ensure that a list of a million elements is walked, with a path of some
// length at the end.
func TestWalkLongList(t *testing.T) {
	length := 1_000_000
	if testing.Short() {
		length = 50_000
	}
	p := testpool.New(t, WithSize(int64(length)*160+8*testpool.Size))
	root, err := Root[walkLink](p)
	require.NoError(t, err)
	last := &root.Get().Next
	for done := 0; done < length; {
		require.NoError(t, p.Update(func(tx *Tx) error {
			for range 1000 {
				n, err := NewZeroed[walkLink](tx)
				if err != nil {
					return err
				}
				*MutAt(tx, last) = n
				last = &n.Get().Next
				done++
			}
			return nil
		}))
	}
	objects := 0
	path := ""
	for o, err := range p.Walk(root) {
		require.NoError(t, err)
		if objects++; objects == length+1 {
			path = o.Path()
		}
	}
	require.Equal(t, length+1, objects)
	require.Contains(t, path, fmt.Sprintf("…(%d more)….Next", length-32))
	require.Less(t, len(path), 300)
}

// Ensure that pointers that lead nowhere are reported with their paths.
func TestWalkDangling(t *testing.T) {
	p, other := testpool.New(t), testpool.New(t)
	root := walkRootOf(t, p)
	r := root.Get()
	freed := newWalkNode(t, p)
	stale := freed.OID()
	require.NoError(t, p.Free(freed.Ref()))
	small := oneObject(t, p, 8, 1)
	foreign := newWalkNode(t, other)
	size := uint64(p.Size())
	at := func(off uint64) Ptr[walkNode] { return PtrOf[walkNode](OID{p.UUID(), off}) }
	inside := newWalkNode(t, p)
	for _, c := range []struct {
		name string
		ptr  Ptr[walkNode]
		is   error
		text string
	}{
		{"freed", PtrOf[walkNode](stale), ErrNotLive, "not a live object"},
		{"small", at(small.Off), ErrNotLive, "walkNode has 216"},
		{"the header", at(small.Off - 16), ErrNotLive, "not a live object"},
		{"wild", at(1 << 50), ErrNotLive, "not a live object"},
		{"wildest", at(^uint64(0)), ErrNotLive, "not a live object"},
		{"odd", at(12345), ErrNotLive, "not a live object"},
		{"the end", at(size - 1), ErrNotLive, "not a live object"},
		{"reaching out", at(inside.OID().Off + 64), ErrNotLive, "bytes are left"},
		{"foreign", foreign, ErrForeignPool, "belongs to another pool"},
		{"no pool", PtrOf[walkNode](OID{1, 4096}), ErrForeignPool, "belongs to another pool"},
	} {
		t.Run(c.name, func(t *testing.T) {
			check := func(path string) {
				t.Helper()
				_, errs := walked(p, root)
				require.Len(t, errs, 1)
				var e *WalkError
				require.ErrorAs(t, errs[0], &e)
				require.ErrorIs(t, e, c.is)
				require.ErrorContains(t, e, c.text)
				require.Equal(t, path, e.Path)
				require.Equal(t, c.ptr.OID(), e.OID)
			}
			defer func() { *r = walkRoot{} }()
			r.Inner.Deep[0].Node = c.ptr
			check("walkRoot.Inner.Deep[0].Node")
			r.Inner.Deep[0].Node = Ptr[walkNode]{}
			r.Node = inside
			inside.Get().Right = c.ptr
			check("walkRoot.Node.Right")
			inside.Get().Right = Ptr[walkNode]{}
			if c.ptr.OID().Pool == p.UUID() {
				r.Near = OffOf(c.ptr)
				check("walkRoot.Near")
			}
		})
	}
}

// Ensure that damaged Strings and Slices are reported.
func TestWalkDamaged(t *testing.T) {
	p := testpool.New(t)
	root := walkRootOf(t, p)
	r := root.Get()
	require.NoError(t, p.Update(func(tx *Tx) error {
		return errors.Join(r.Name.Set(tx, "name"), r.Nodes.Append(tx, Ptr[walkNode]{}))
	}))
	one := func(text string) {
		t.Helper()
		paths, errs := walked(p, root)
		require.Len(t, errs, 1)
		require.ErrorContains(t, errs[0], text)
		require.Contains(t, paths, "walkRoot.Nodes", "the objects are reached all the same")
		require.Contains(t, paths, "walkRoot.Name")
		var v *ValueError
		require.ErrorAs(t, errs[0], &v)
	}
	name := PtrOf[uint64](OID{p.UUID(), *(*uint64)(unsafe.Pointer(&r.Name))}).Get()
	*name = 1 << 40
	one("walkRoot.Name")
	*name = 500
	one("the object has room for")
	*name = 4
	nodes := (*[3]uint64)(unsafe.Pointer(&r.Nodes))
	good := *nodes
	for _, bad := range [][3]uint64{{good[0], 2, 1}, {good[0], 1, 1 << 60}, {good[0], ^uint64(0), ^uint64(0)}} {
		*nodes = bad
		one("walkRoot.Nodes")
	}
	*(*uint64)(unsafe.Pointer(&r.Blob)) = 4096
	*nodes = good
	paths, errs := walked(p, root)
	require.Len(t, paths, 3)
	require.Len(t, errs, 1)
	require.ErrorIs(t, errs[0], ErrNotLive)
	require.ErrorContains(t, errs[0], "walkRoot.Blob")
	*(*uint64)(unsafe.Pointer(&r.Blob)) = 0
	*nodes = [3]uint64{4096, 1, 1}
	_, errs = walked(p, root)
	require.Len(t, errs, 1)
	require.ErrorIs(t, errs[0], ErrNotLive)
}

// Ensure that a pointer into an object leads to the object, and what it points
// at is followed.
func TestWalkInterior(t *testing.T) {
	p := testpool.New(t)
	root := walkRootOf(t, p)
	var pairs Ptr[walkPair]
	require.NoError(t, p.Update(func(tx *Tx) (err error) {
		pairs, err = NewArray[walkPair](tx, 1000)
		return err
	}))
	first, last := newWalkNode(t, p), newWalkNode(t, p)
	pairs.Slice(1000)[0].Node, pairs.Slice(1000)[999].Node = first, last
	type one struct{ Pair Ptr[walkPair] }
	var from Ptr[one]
	require.NoError(t, p.Update(func(tx *Tx) (err error) {
		from, err = NewZeroed[one](tx)
		return err
	}))
	from.Get().Pair = PtrOf[walkPair](OID{p.UUID(), pairs.OID().Off + 999*uint64(unsafe.Sizeof(walkPair{}))})
	root.Get().Any = from.OID()
	paths, errs := walked(p, root, WalkType[one]())
	require.Empty(t, errs)
	// The object's own type number leads to the rest of it.
	require.Equal(t, []OID{root.OID(), first.OID(), last.OID(), from.OID(), pairs.OID()}[1:], walkedTo(paths, first, last, from, pairs))
	require.Len(t, paths, 5)

	// The root is an object, too.
	from.Get().Pair = PtrOf[walkPair](OID{p.UUID(), root.OID().Off + uint64(unsafe.Offsetof(walkRoot{}.Inner))})
	_, errs = walked(p, from)
	require.Empty(t, errs)
}

// walkedTo are those of the pointers that the paths lead to.
func walkedTo(paths map[string]OID, ptrs ...AnyPtr) (have []OID) {
	all := slices.Collect(maps.Values(paths))
	for _, p := range ptrs {
		if slices.Contains(all, p.OID()) {
			have = append(have, p.OID())
		}
	}
	return have
}

// Ensure that an OID leads on where its object's type is known.
func TestWalkTypes(t *testing.T) {
	p := testpool.New(t)
	root := walkRootOf(t, p)
	r := root.Get()
	var circle Ptr[walkCircle]
	require.NoError(t, p.Update(func(tx *Tx) (err error) {
		circle, err = NewZeroed[walkCircle](tx)
		return err
	}))
	center := newWalkNode(t, p)
	circle.Get().Center = center
	r.Any = circle.OID()
	paths, errs := walked(p, root)
	require.Len(t, paths, 2)
	require.Len(t, errs, 1)
	require.ErrorIs(t, errs[0], ErrUnknownType)
	require.ErrorContains(t, errs[0], "walkRoot.Any")
	paths, errs = walked(p, root, WalkType[walkCircle]())
	require.Empty(t, errs)
	require.Equal(t, center.OID(), paths["walkRoot.Any.Center"])
	paths, errs = walked(p, root, WalkOpaque(1, TypeNum[walkCircle]()))
	require.Empty(t, errs)
	require.Len(t, paths, 2)

	// A pointer to a part: the object's type number knows more.
	type holder struct {
		Base Ptr[walkBase]
		_    [12]uint64
	}
	var h Ptr[holder]
	require.NoError(t, p.Update(func(tx *Tx) (err error) {
		h, err = NewZeroed[holder](tx)
		return err
	}))
	h.Get().Base = PtrOf[walkBase](circle.OID())
	paths, errs = walked(p, h, WalkType[walkCircle]())
	require.Empty(t, errs)
	require.Equal(t, center.OID(), paths["holder.Base.Center"])

	// Two types with one number say nothing, unless one of them is named.
	type twice struct {
		A   Ptr[walkTwin]
		B   Ptr[walkOtherTwin]
		Any OID
		_   [12]uint64
	}
	var two Ptr[twice]
	require.NoError(t, p.Update(func(tx *Tx) error {
		twin, err := NewZeroed[walkTwin](tx)
		require.NoError(t, err)
		two, err = NewZeroed[twice](tx)
		two.Get().Any = twin.OID()
		twin.Get().Node = center
		return err
	}))
	paths, errs = walked(p, two)
	require.Len(t, paths, 2)
	require.Len(t, errs, 1)
	require.ErrorIs(t, errs[0], ErrUnknownType)
	paths, errs = walked(p, two, WalkType[walkTwin]())
	require.Empty(t, errs)
	require.Equal(t, center.OID(), paths["twice.Any.Node"])

	// Objects of other programs, with numbers of their own.
	mirrored := oneObject(t, p, uint64(unsafe.Sizeof(walkNode{})), 7)
	r.Node = PtrOf[walkNode](mirrored)
	r.Node.Get().Left = center
	r.Node.Get().Right = r.Node // seen, and followed once
	r.Any = OID{}
	paths, errs = walked(p, root)
	require.Empty(t, errs)
	require.Equal(t, center.OID(), paths["walkRoot.Node.Left"])
}

// Ensure that the elements of an array are followed, and that what is left
// over in an object is believed where it is an object, and else ignored.
func TestWalkArray(t *testing.T) {
	p := testpool.New(t)
	type holder struct {
		Pairs Ptr[walkPair]
		_     [12]uint64
	}
	var h Ptr[holder]
	require.NoError(t, p.Update(func(tx *Tx) (err error) {
		if h, err = NewZeroed[holder](tx); err == nil {
			h.Get().Pairs, err = NewArray[walkPair](tx, 3)
		}
		return err
	}))
	a, b := newWalkNode(t, p), newWalkNode(t, p)
	pairs := h.Get().Pairs.Slice(3)
	pairs[0].Node, pairs[2].Node = a, b
	rest := h.Get().Pairs.Slice(4)
	rest[3].Node = PtrOf[walkNode](OID{p.UUID(), 12345})
	paths, errs := walked(p, h)
	require.Empty(t, errs)
	require.Equal(t, a.OID(), paths["holder.Pairs.Node"])
	require.Equal(t, b.OID(), paths["holder.Pairs[2].Node"])

	// Rubbish that names an object of another type: it is reached, and not
	// taken for what it is not.
	wrong := oneObject(t, p, 112, 77)
	PtrOf[OID](wrong).Get().Pool, PtrOf[OID](wrong).Get().Off = p.UUID(), 12345
	rest[3].Node = PtrOf[walkNode](wrong)
	paths, errs = walked(p, h)
	require.Empty(t, errs)
	require.Equal(t, wrong, paths["holder.Pairs[3].Node"])

	// The first element must be right.
	pairs[0].Node = PtrOf[walkNode](OID{p.UUID(), 12345})
	_, errs = walked(p, h)
	require.Len(t, errs, 1)
	require.ErrorContains(t, errs[0], "holder.Pairs.Node")
}

// Ensure that a walk that cannot begin says why.
func TestWalkRefused(t *testing.T) {
	p, other := testpool.New(t), testpool.New(t)
	root := walkRootOf(t, p)
	foreign := walkRootOf(t, other)
	refused := func(is error, from AnyPtr, opts ...WalkOption) {
		t.Helper()
		paths, errs := walked(p, from, opts...)
		require.Empty(t, paths)
		require.Len(t, errs, 1)
		require.ErrorIs(t, errs[0], is)
		_, err := p.Leaks(from, opts...)
		require.ErrorIs(t, err, is)
	}
	refused(ErrNull, nil)
	refused(ErrNull, Ptr[walkRoot]{})
	refused(ErrNull, root, WalkFrom(nil))
	refused(ErrForeignPool, foreign)
	refused(ErrForeignPool, root, WalkFrom(foreign))
	var wrong *TypeError
	_, errs := walked(p, PtrOf[*int](root.OID()))
	require.ErrorAs(t, errs[0], &wrong)
	_, errs = walked(p, root, WalkType[string]())
	require.ErrorAs(t, errs[0], &wrong)
	require.NoError(t, p.Update(func(*Tx) error {
		refused(ErrInTx, root)
		inGoroutine(func() { refused(ErrPoolBusy, root) })
		return nil
	}))
	paths, errs := walked(p, root)
	require.Empty(t, errs)
	require.Len(t, paths, 1)
	require.NoError(t, p.Close())
	refused(ErrClosed, root)
}

func BenchmarkWalk(b *testing.B) {
	const length = 20_000
	p := testpool.New(b, WithSize(length*160+8*testpool.Size))
	root, err := Root[walkLink](p)
	require.NoError(b, err)
	last := &root.Get().Next
	require.NoError(b, p.Update(func(tx *Tx) error {
		for range length {
			n, err := NewZeroed[walkLink](tx)
			if err != nil {
				return err
			}
			*MutAt(tx, last) = n
			last = &n.Get().Next
		}
		return nil
	}))
	b.ReportAllocs()
	for b.Loop() {
		r, err := p.Leaks(root)
		if err != nil || r.Reached != length+1 {
			b.Fatal(r, err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/length, "ns/object")
}
