package libpmemobj_test

import (
	"context"
	"fmt"
	"iter"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/internal/testpool"
	. "github.com/pmem/pmdk-go/libpmemobj"
)

// defragNode is a node of a graph; random bytes follow it in its object.
type defragNode struct {
	Number uint64
	Edges  [3]Ptr[defragNode]
	Size   uint64 // of the bytes
	Sum    uint64 // of Number and the bytes
}

// defragSlots is the root: it points at every node of the graph, if at all.
type defragSlots struct {
	Nodes [defragMost]Ptr[defragNode]
}

const defragMost = 6000

func defragSlotsOf(t testing.TB, p *Pool) *defragSlots {
	t.Helper()
	root, err := Root[defragSlots](p)
	require.NoError(t, err)
	return root.Get()
}

func (n *defragNode) bytes() []byte {
	return unsafe.Slice((*byte)(unsafe.Add(unsafe.Pointer(n), unsafe.Sizeof(*n))), n.Size)
}

// defragMake makes node number in its slot.
func defragMake(p *Pool, slots *defragSlots, number int, rnd *rand.Rand) error {
	size := rnd.IntN(300)
	_, err := p.ConstructBytes(slots.Nodes[number].Ref(), int(unsafe.Sizeof(defragNode{}))+size, TypeNum[defragNode](), func(b []byte) error {
		n := (*defragNode)(unsafe.Pointer(unsafe.SliceData(b)))
		n.Number, n.Size = uint64(number), uint64(size)
		fill(n.bytes(), n.Number)
		n.Sum = sum(n.Number, n.bytes())
		return nil
	})
	return err
}

// defragGraph fills the slots, frees some at random, so that the heap has
// holes, and links the rest at random.
func defragGraph(p *Pool, slots *defragSlots, rnd *rand.Rand) error {
	for i := range slots.Nodes {
		if slots.Nodes[i].IsNull() {
			if err := defragMake(p, slots, i, rnd); err != nil {
				return err
			}
		}
	}
	var left []int
	for i := range slots.Nodes {
		if rnd.IntN(4) == 0 {
			left = append(left, i)
		} else if err := p.Free(slots.Nodes[i].Ref()); err != nil {
			return err
		}
	}
	for _, i := range left {
		n := slots.Nodes[i].Get()
		for e := range n.Edges {
			n.Edges[e] = slots.Nodes[left[rnd.IntN(len(left))]]
		}
		if err := p.Persist(RangeOf(n)); err != nil {
			return err
		}
	}
	return nil
}

// refs yields every pointer of the graph, in a random order.
func (s *defragSlots) refs(rnd *rand.Rand) iter.Seq[*OID] {
	var all []*OID
	for i := range s.Nodes {
		all = append(all, s.Nodes[i].Ref())
		if s.Nodes[i].IsNull() {
			continue
		}
		n := s.Nodes[i].Get()
		for e := range n.Edges {
			all = append(all, n.Edges[e].Ref())
		}
	}
	rnd.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return slices.Values(all)
}

// shape is the graph by numbers: for each slot its node's edges.
func (s *defragSlots) shape() (map[uint64][3]uint64, error) {
	shape := map[uint64][3]uint64{}
	for i := range s.Nodes {
		if s.Nodes[i].IsNull() {
			continue
		}
		n := s.Nodes[i].Get()
		if n.Number != uint64(i) || n.Size >= 300 || sum(n.Number, n.bytes()) != n.Sum {
			return nil, fmt.Errorf("node %d is damaged", i)
		}
		var to [3]uint64
		for e, edge := range n.Edges {
			if edge.IsNull() {
				continue
			}
			to[e] = edge.Get().Number
			if to[e] >= defragMost || s.Nodes[to[e]] != edge {
				return nil, fmt.Errorf("edge %d of node %d leads to %v, which is not node %d", e, i, edge.OID(), to[e])
			}
		}
		shape[n.Number] = to
	}
	return shape, nil
}

// Ensure that a graph that is defragmented over and over keeps its shape and
// its content, in every batch, and that handles in Go follow.
func TestDefrag(t *testing.T) {
	p := testpool.New(t)
	slots := defragSlotsOf(t, p)
	rnd := newRand(t)
	rounds := 12
	if testing.Short() {
		rounds = 3
	}
	moved := 0
	for round := range rounds {
		require.NoError(t, defragGraph(p, slots, rnd))
		want, err := slots.shape()
		require.NoError(t, err)
		inGo := slices.Clone(slots.Nodes[:])
		places := slices.Clone(inGo)
		var last DefragReport
		batches := 0
		report, err := p.Defrag(t.Context(), func(yield func(*OID) bool) {
			for ref := range slots.refs(rnd) {
				if !yield(ref) {
					return
				}
			}
			for i := range inGo {
				if !yield(inGo[i].Ref()) {
					return
				}
			}
		}, func(r DefragReport) {
			batches++
			require.Greater(t, r.Done, last.Done)
			require.GreaterOrEqual(t, r.Relocated, last.Relocated)
			last = r
			shape, err := slots.shape()
			require.NoError(t, err, "round %d, batch %d", round, batches)
			require.Equal(t, want, shape)
		})
		require.NoError(t, err)
		require.Equal(t, last, report)
		require.Greater(t, batches, 1)
		require.Equal(t, len(want), report.Objects)
		require.Equal(t, len(want), report.Done)
		require.Equal(t, slots.Nodes[:], inGo, "handles in ordinary memory")
		relocated := 0
		for i := range places {
			if places[i] != inGo[i] {
				relocated++
			}
		}
		require.Equal(t, relocated, report.Relocated)
		require.Len(t, objectsIn(p), len(want))
		moved += relocated
	}
	require.Greater(t, moved, 500)
	p = testpool.Reopen(t, p)
	_, err := defragSlotsOf(t, p).shape()
	require.NoError(t, err)
}

// defragRoom is how many objects of 200 KiB fit into the pool.
func defragRoom(t *testing.T, p *Pool) int {
	t.Helper()
	var all []OID
	for {
		oid, err := p.Alloc(nil, 200<<10, 1)
		if err != nil {
			require.ErrorIs(t, err, ErrOutOfSpace)
			break
		}
		all = append(all, oid)
	}
	for _, oid := range all {
		require.NoError(t, p.Free(&oid))
	}
	return len(all)
}

// Ensure that there is more room afterwards for objects of other sizes.
func TestDefragMakesRoom(t *testing.T) {
	p := testpool.New(t)
	root := rootOf(t, p)
	var all []OID
	for {
		oid, err := p.Alloc(nil, 400, 1)
		if err != nil {
			break
		}
		all = append(all, oid)
	}
	var left []OID
	for i, oid := range all {
		if i%20 == 0 {
			left = append(left, oid)
			continue
		}
		require.NoError(t, p.Free(&oid))
	}
	root.Get().OID = left[0]
	before := defragRoom(t, p)
	report, err := p.Defrag(t.Context(), func(yield func(*OID) bool) {
		yield(&root.Get().OID)
		for i := range left {
			yield(&left[i])
		}
	}, nil)
	require.NoError(t, err)
	require.Equal(t, left[0], root.Get().OID)
	require.Equal(t, len(left), report.Objects)
	require.Greater(t, report.Relocated, len(left)/2)
	require.Greater(t, defragRoom(t, p), before+10)
}

// Ensure that where the pool has no room for the log that setting many pointers
// at once needs, the work ends with every pointer leading to its object, moved
// or not.
func TestDefragInFullPool(t *testing.T) {
	// PMDK's arenas belong to threads: what another one has left would be room.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	p := testpool.New(t, WithSize(4*testpool.Size))
	const n = 2000
	refs, err := ConstructArray(p, nil, n, func([]OID) error { return nil })
	require.NoError(t, err)
	var left, gone []OID
	for i := range 10 * n {
		oid := oneObject(t, p, 100, 1)
		if i%10 > 0 {
			gone = append(gone, oid)
			continue
		}
		fill(view(t, p, oid, 100), uint64(i))
		left = append(left, oid)
	}
	popular := func(i int) OID { return left[i%10*n/10] }
	for i := range refs.Slice(n) {
		refs.Slice(n)[i] = popular(i)
	}
	fillUp := func(size uint64) {
		for {
			if _, err := p.Alloc(nil, size, 2); err != nil {
				require.ErrorIs(t, err, ErrOutOfSpace)
				return
			}
		}
	}
	for _, size := range []uint64{1 << 20, 200 << 10, 20_000, 3000, 500, 100, 16} {
		fillUp(size)
	}
	for i := range gone {
		if i%7 > 0 {
			require.NoError(t, p.Free(&gone[i]))
		}
	}
	fillUp(3000) // what has become free as a whole
	objects := len(objectsIn(p))
	report, err := p.Defrag(t.Context(), func(yield func(*OID) bool) {
		for i := range left {
			yield(&left[i])
			yield(&refs.Slice(n)[i])
		}
	}, nil)
	require.ErrorIs(t, err, ErrOutOfSpace)
	require.ErrorContains(t, err, "defrag: out of space")
	require.Less(t, report.Done, report.Objects)
	want := make([]byte, 100)
	for i, oid := range left {
		fill(want, uint64(i*10))
		require.Equal(t, want, view(t, p, oid, 100))
		require.Equal(t, popular(i), refs.Slice(n)[i])
	}
	require.Len(t, objectsIn(p), objects)
}

// Ensure that a context stops the work between batches, with everything in
// order and a report of what was done.
func TestDefragCancelled(t *testing.T) {
	p := testpool.New(t)
	slots := defragSlotsOf(t, p)
	rnd := newRand(t)
	require.NoError(t, defragGraph(p, slots, rnd))
	want, err := slots.shape()
	require.NoError(t, err)
	places := slots.Nodes
	ctx, cancel := context.WithCancel(t.Context())
	batches := 0
	report, err := p.Defrag(ctx, slots.refs(rnd), func(DefragReport) { batches++; cancel() })
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorContains(t, err, "defrag: ")
	require.Equal(t, 1, batches)
	require.Positive(t, report.Relocated)
	require.Less(t, report.Done, report.Objects)
	require.NotEqual(t, places, slots.Nodes)
	shape, err := slots.shape()
	require.NoError(t, err)
	require.Equal(t, want, shape)

	places = slots.Nodes
	_, err = p.Defrag(ctx, slots.refs(rnd), func(DefragReport) { t.Error("a batch was done") })
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, places, slots.Nodes)
}

// Ensure that null pointers, pointers to the root and repetitions are skipped.
// C would move the root away from under the pool, and refuse repetitions.
func TestDefragSkips(t *testing.T) {
	p := testpool.New(t)
	root := rootOf(t, p)
	rootOID := root.OID()
	n := oneNode(t, p, 7)
	n.Get().Next = n // to itself
	require.NoError(t, p.Persist(RangeOf(n.Get())))
	in := n.Get().Next.Ref()
	report, err := p.Defrag(t.Context(), slices.Values([]*OID{{}, {Pool: p.UUID()}, &rootOID, n.Ref(), in, in, n.Ref(), &root.Get().OID}), nil)
	require.NoError(t, err)
	require.Equal(t, DefragReport{Objects: 1, Done: 1, Relocated: report.Relocated}, report)
	require.Equal(t, root.OID(), rootOID)
	require.Equal(t, root, rootOf(t, p))
	require.Equal(t, n, n.Get().Next)
	require.EqualValues(t, 7, n.Get().Value)

	report, err = p.Defrag(t.Context(), func(func(*OID) bool) {}, nil)
	require.NoError(t, err)
	require.Zero(t, report)
}

// Ensure that whatever is wrong with one pointer among good ones is an error
// that says so, before anything has moved.
func TestDefragMisuse(t *testing.T) {
	p, other := testpool.New(t), testpool.New(t)
	root, foreignRoot := rootOf(t, p), rootOf(t, other)
	var good []OID
	for i := range 3000 {
		oid := oneObject(t, p, 100, 1)
		if i%10 == 0 {
			good = append(good, oid)
			continue
		}
		require.NoError(t, p.Free(&oid))
	}
	live, stale, foreign := good[0], oneObject(t, p, 100, 1), oneObject(t, other, 100, 1)
	freed := stale
	require.NoError(t, p.Free(&freed))
	elsewhere := &foreignRoot.Get().OID
	*elsewhere = live
	at := func(off uint64) *OID { return &OID{p.UUID(), off} }
	cases := []struct {
		name string
		ref  *OID
		is   error
		text string
	}{
		{"no pointer", nil, ErrNull, "address of a pointer"},
		{"freed", &stale, ErrNotLive, stale.String()},
		{"interior", at(live.Off + 16), ErrNotLive, "not a live object"},
		{"inside the root", at(root.OID().Off + 16), ErrNotLive, "not a live object"},
		{"wild", at(1 << 40), ErrNotLive, "not a live object"},
		{"PMDK's own", at(8192), ErrNotLive, "not a live object"},
		{"an object of another pool", &foreign, ErrForeignPool, "another pool"},
		{"an unknown pool", &OID{1, live.Off}, ErrForeignPool, "another pool"},
		{"a pointer in another pool", elsewhere, ErrForeignPool, "the OID to set"},
		{"a pointer in no object", (*OID)(addressIn(p, root, 8192)), ErrNotLive, "offset 0x2000"},
		{"a pointer between words", (*OID)(addressIn(p, root, int(root.OID().Off)+4)), ErrNotLive, "the OID to set"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			before := slices.Clone(good)
			_, err := p.Defrag(t.Context(), func(yield func(*OID) bool) {
				for i := range good {
					if i == len(good)/2 && !yield(c.ref) || !yield(&good[i]) {
						return
					}
				}
			}, nil)
			require.ErrorIs(t, err, c.is)
			require.ErrorContains(t, err, c.text)
			require.Equal(t, before, good)
		})
	}
	*elsewhere = OID{}
	refs := slices.Values([]*OID{&live})
	_, err := p.Defrag(nil, refs, nil) //nolint:staticcheck // that is what is tested
	require.ErrorIs(t, err, unix.EINVAL)
	_, err = p.Defrag(t.Context(), nil, nil)
	require.ErrorIs(t, err, unix.EINVAL)
	require.NoError(t, p.Update(func(*Tx) error {
		_, err := p.Defrag(t.Context(), refs, nil)
		require.ErrorIs(t, err, ErrInTx)
		return nil
	}))
	require.Len(t, objectsIn(p), len(good))
	require.NoError(t, other.Close())
	_, err = other.Defrag(t.Context(), refs, nil)
	require.ErrorIs(t, err, ErrClosed)
}

// Ensure that a progress function that changes what is being defragmented, or
// panics, does no damage.
func TestDefragChangedMeanwhile(t *testing.T) {
	p := testpool.New(t)
	rnd := newRand(t)
	var refs []OID
	fragment := func() {
		for i := range 20_000 {
			oid := oneObject(t, p, 100, 1)
			if i%4 > 0 {
				require.NoError(t, p.Free(&oid))
				continue
			}
			refs = append(refs, oid)
		}
		slices.SortFunc(refs, func(a, b OID) int { return int(a.Off) - int(b.Off) })
	}
	fragment()
	addresses := func(yield func(*OID) bool) {
		for i := range refs {
			if !yield(&refs[i]) {
				return
			}
		}
	}
	last := &refs[len(refs)-1]
	old := *last
	_, err := p.Defrag(t.Context(), addresses, func(DefragReport) {
		require.NoError(t, p.Free(last)) // sets it to null
	})
	require.Error(t, err)
	require.ErrorContains(t, err, old.String())
	*last = refs[0]
	require.Len(t, objectsIn(p), len(refs)-1)

	fragment()
	*last = refs[0]
	require.PanicsWithValue(t, "stop", func() {
		_, _ = p.Defrag(t.Context(), addresses, func(DefragReport) { panic("stop") })
	})
	require.NoError(t, p.Free(&refs[1+rnd.IntN(len(refs)-1)]))
}
