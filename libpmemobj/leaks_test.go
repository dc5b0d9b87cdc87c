package libpmemobj_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/testchild"
	"github.com/pmem/pmdk-go/internal/testpool"
	. "github.com/pmem/pmdk-go/libpmemobj"
)

// leakGraph makes objects of all sorts at random places, which point at one
// another at random, and returns those that no pointer from the root leads to.
func leakGraph(t *testing.T, rnd *rand.Rand, p *Pool, root Ptr[walkRoot], n int) (unreached []OID) {
	t.Helper()
	nodes := make([]Ptr[walkNode], n)
	values := make([][]OID, n) // what belongs to a node
	for i := range nodes {
		if rnd.IntN(5) == 0 { // holes
			oid := oneObject(t, p, 100, 9)
			defer func() { require.NoError(t, p.Free(&oid)) }()
		}
		nodes[i] = newWalkNode(t, p)
		before := len(objectsIn(p))
		require.NoError(t, p.Update(func(tx *Tx) error { return nodes[i].Get().Name.Set(tx, "name"[:rnd.IntN(5)]) }))
		if len(objectsIn(p)) > before {
			values[i] = append(values[i], leakName(nodes[i], p))
		}
	}
	edges := make([][]int, n)
	any := func(i int) Ptr[walkNode] {
		if rnd.IntN(2) == 0 {
			return Ptr[walkNode]{}
		}
		to := rnd.IntN(n)
		edges[i] = append(edges[i], to)
		return nodes[to]
	}
	for i, node := range nodes {
		v := node.Get()
		v.Left, v.Right, v.Any = any(i), any(i), any(i).OID()
	}
	reached := make([]bool, n)
	var reach func(i int)
	reach = func(i int) {
		if !reached[i] {
			reached[i] = true
			for _, to := range edges[i] {
				reach(to)
			}
		}
	}
	first := rnd.IntN(n)
	root.Get().Node = nodes[first]
	reach(first)
	require.NoError(t, p.Update(func(tx *Tx) error {
		for range rnd.IntN(5) {
			k := rnd.IntN(n)
			reach(k)
			if err := root.Get().Nodes.Append(tx, nodes[k]); err != nil {
				return err
			}
		}
		return nil
	}))
	for i := range nodes {
		if !reached[i] {
			unreached = append(append(unreached, nodes[i].OID()), values[i]...)
		}
	}
	return unreached
}

// leakName is the object of a node's name.
func leakName(n Ptr[walkNode], p *Pool) OID {
	for o := range p.Walk(n) {
		if o.TypeNum == StringType {
			return o.OID
		}
	}
	return OID{}
}

// Ensure that the leaks of random graphs are those of a model, that they can
// be freed, and that nothing else is.
func TestLeaksModel(t *testing.T) {
	rnd := newRand(t)
	for range fewer(25) {
		p := testpool.New(t)
		root := walkRootOf(t, p)
		want := leakGraph(t, rnd, p, root, 1+rnd.IntN(60))
		before := len(objectsIn(p))
		r, err := p.Leaks(root)
		require.NoError(t, err)
		require.Empty(t, r.Doubts)
		require.Equal(t, sorted(want), sorted(slices.Collect(r.Objects())))
		require.Equal(t, len(want), r.Count())
		require.Equal(t, before-len(want)+1, r.Reached)
		freed, err := r.Free()
		require.NoError(t, err)
		require.Equal(t, len(want), freed)
		require.Len(t, objectsIn(p), before-len(want))
		r, err = p.Leaks(root)
		require.NoError(t, err)
		require.Zero(t, r.Count())
		require.Zero(t, r.Bytes())
	}
}

// Ensure that a report names types, counts and sizes, and that many objects are
// freed.
func TestLeaksReport(t *testing.T) {
	p := testpool.New(t, WithSize(4*testpool.Size))
	root := walkRootOf(t, p)
	require.NoError(t, p.Update(func(tx *Tx) error {
		for range 2500 {
			if _, err := New[walkNode](tx); err != nil {
				return err
			}
		}
		u, err := NewZeroed[valueUser](tx)
		if err != nil {
			return err
		}
		if err := u.Get().Name.Set(tx, "Ada"); err != nil {
			return err
		}
		return u.Get().Scores.Append(tx, 1)
	}))
	oneObject(t, p, 700_000, 0x50001) // which no type of these tests has
	oneObject(t, p, 100, 0)
	_ = TypeNum[uint32]() // so that the program has used it
	r, err := p.Leaks(root)
	require.NoError(t, err)
	require.Equal(t, 2505, r.Count())
	require.Equal(t, 1, r.Reached)
	names := map[string]int{}
	bytes := uint64(0)
	for _, l := range r.Types {
		names[l.Name()] = l.Count
		bytes += l.Bytes
		require.Len(t, slices.Collect(l.Objects()), l.Count)
	}
	require.Equal(t, map[string]int{
		"libpmemobj_test.walkNode": 2500, "libpmemobj_test.valueUser": 1, "libpmemobj.String": 1, "[]uint32": 1, "type 0x50001": 1, "no type": 1,
	}, names)
	require.Equal(t, bytes, r.Bytes())
	text := r.String()
	require.Contains(t, text, "2505 objects leaked")
	require.Contains(t, text, "2500  600000 bytes  libpmemobj_test.walkNode\n")
	require.NotContains(t, text, "could not be followed")
	for range r.Objects() {
		break
	}
	freed, err := r.Free()
	require.NoError(t, err)
	require.Equal(t, 2505, freed)
	require.Empty(t, objectsIn(p))
	_, err = r.Free()
	require.ErrorIs(t, err, ErrNotLive, "they are gone")
}

// Ensure that nothing is freed while it is not certain that nothing leads to
// it, unless that is asked for.
func TestLeaksDoubts(t *testing.T) {
	p := testpool.New(t)
	root := walkRootOf(t, p)
	data := oneObject(t, p, 100, 33)
	leaked := newWalkNode(t, p)
	root.Get().Any = data
	r, err := p.Leaks(root)
	require.NoError(t, err)
	require.Equal(t, []OID{leaked.OID()}, slices.Collect(r.Objects()))
	require.Equal(t, 1, r.DoubtCount)
	require.ErrorIs(t, r.Doubts[0], ErrUnknownType)
	require.Contains(t, r.String(), "1 pointers could not be followed, the first: walkRoot.Any")
	_, err = r.Free()
	require.ErrorIs(t, err, ErrDoubtful)
	require.ErrorContains(t, err, "walkRoot.Any")
	require.Len(t, objectsIn(p), 2)

	r, err = p.Leaks(root, WalkOpaque(33))
	require.NoError(t, err)
	require.Zero(t, r.DoubtCount)

	root.Get().Node = PtrOf[walkNode](OID{p.UUID(), 12345})
	r, err = p.Leaks(root, WalkOpaque(33))
	require.NoError(t, err)
	require.ErrorIs(t, r.Doubts[0], ErrNotLive)
	require.NoError(t, p.Update(func(*Tx) error {
		_, err := r.ForceFree()
		require.ErrorIs(t, err, ErrInTx)
		return nil
	}))
	freed, err := r.ForceFree()
	require.NoError(t, err)
	require.Equal(t, 1, freed)
	require.Equal(t, []OID{data}, objectsIn(p))

	// A pointer into another pool hides nothing of this one.
	root.Get().Node = PtrOf[walkNode](OID{99, 12345})
	r, err = p.Leaks(root, WalkOpaque(33))
	require.NoError(t, err)
	require.Zero(t, r.DoubtCount)

	// Very many of them are counted.
	require.NoError(t, p.Update(func(tx *Tx) error {
		return root.Get().Nodes.Append(tx, slices.Repeat([]Ptr[walkNode]{PtrOf[walkNode](OID{p.UUID(), 12345})}, 1000)...)
	}))
	r, err = p.Leaks(root, WalkOpaque(33))
	require.NoError(t, err)
	require.Equal(t, 1000, r.DoubtCount)
	require.Len(t, r.Doubts, 100)
}

// Ensure that what has changed since the report is noticed where it can be,
// and that the transaction that notices frees nothing.
func TestLeaksChanged(t *testing.T) {
	p := testpool.New(t)
	root := walkRootOf(t, p)
	kept := newWalkNode(t, p)
	other := newWalkNode(t, p)
	r, err := p.Leaks(root)
	require.NoError(t, err)
	require.Equal(t, 2, r.Count())
	oid := other.OID()
	require.NoError(t, p.Free(&oid))
	for { // until the place is taken again
		taken, err := p.Alloc(nil, 216, 5)
		require.NoError(t, err)
		if taken == other.OID() {
			break
		}
	}
	_, err = r.Free()
	require.ErrorIs(t, err, ErrNotLive)
	require.ErrorContains(t, err, "another object")
	require.Contains(t, objectsIn(p), kept.OID())
	require.NoError(t, p.Close())
	_, err = r.Free()
	require.ErrorIs(t, err, ErrClosed)
}

func init() {
	testchild.Register("leaks", func(args []string) error {
		p, err := Open(args[0], "", WithDurability(DurabilityProcessCrash))
		if err != nil {
			return err
		}
		root, err := Root[walkRoot](p)
		if err != nil {
			return err
		}
		for n := 1; ; n++ {
			err := p.Update(func(tx *Tx) error {
				for range 2500 {
					if _, err := NewZeroed[walkNode](tx); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				return err
			}
			r, err := p.Leaks(root)
			if err != nil {
				return err
			}
			if freed, err := r.Free(); err != nil {
				return fmt.Errorf("after %d: %w", freed, err)
			}
			fmt.Println(n)
		}
	})
}

// Ensure that freeing leaks may be interrupted: the rest is found again, and
// what is in use stays.
func TestKillLeaks(t *testing.T) {
	rnd := newRand(t)
	made := testpool.New(t, WithSize(2*testpool.Size))
	root := walkRootOf(t, made)
	root.Get().Node = newWalkNode(t, made)
	path := made.Path()
	require.NoError(t, made.Close())
	partial := 0
	for range fewer(20) {
		c := testchild.Start(t, "leaks", path)
		c.Line(t)
		time.Sleep(time.Duration(rnd.Int64N(int64(8 * time.Millisecond))))
		c.Kill(t)
		p, err := Open(path, "", WithVerify(), WithDurability(DurabilityProcessCrash))
		require.NoError(t, err)
		r, err := p.Leaks(walkRootOf(t, p))
		require.NoError(t, err)
		require.Contains(t, []int{0, 500, 1500, 2500}, r.Count())
		if r.Count() > 0 {
			partial++
		}
		_, err = r.Free()
		require.NoError(t, err)
		require.Len(t, objectsIn(p), 1)
		require.NoError(t, p.Close())
	}
	t.Log(partial, "times something was left")
}
