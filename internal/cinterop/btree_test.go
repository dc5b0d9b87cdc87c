package cinterop_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/testpool"
	. "github.com/pmem/pmdk-go/libpmemobj"
)

var errStop = errors.New("stop")

// btreeMap and btreeNode are struct btree_map and struct tree_map_node.
type btreeMap struct {
	Root Ptr[btreeNode]
}

func (btreeMap) PmemType() uint64 { return 1012 }

type btreeNode struct {
	N     int32 // of the items
	Items [7]btreeItem
	Slots [8]Ptr[btreeNode] // what lies before, between and behind them
}

func (btreeNode) PmemType() uint64 { return 1013 }

type btreeItem struct {
	Key   uint64
	Value OID
}

// walk gives the items in their order, and counts nodes.
func (m *btreeMap) walk() (items []*btreeItem, nodes int) {
	var visit func(p Ptr[btreeNode])
	visit = func(p Ptr[btreeNode]) {
		if p.IsNull() {
			return
		}
		nodes++
		n := p.Get()
		for i := range n.N {
			visit(n.Slots[i])
			items = append(items, &n.Items[i])
		}
		visit(n.Slots[n.N])
	}
	visit(m.Root)
	return items, nodes
}

func (m *btreeMap) keys() (keys []uint64) {
	items, _ := m.walk()
	for _, item := range items {
		keys = append(keys, item.Key)
	}
	return keys
}

// Ensure that Go reads the tree that mapcli has written, that mapcli reads what
// Go has changed in it, and so on.
func TestBtreeOfC(t *testing.T) {
	path := testpool.Path(t)
	out := run(t, mapcli, commands("i 50", "i 30", "i 70", "n 500", "r 30", "p"), "btree", path, "1")

	p := openPool(t, path, mapLayout)
	m := rootOf[mapRoot[btreeMap]](t, p).Map.Get()
	items, nodes := m.walk()
	require.Len(t, items, 502)
	require.Equal(t, out, withSeed(1, printed(m.keys())))
	require.True(t, slices.IsSorted(m.keys()))
	require.Equal(t, nodes, objectsOf[btreeNode](p), "the type numbers of C")
	require.Equal(t, 1, objectsOf[btreeMap](p))

	// The largest key can grow without leaving its place; small ones that are
	// rolled back leave no trace.
	last := items[len(items)-1]
	was := last.Key
	require.NoError(t, p.Update(func(tx *Tx) error {
		MutAt(tx, last).Key++
		return nil
	}))
	require.Equal(t, errStop, p.Update(func(tx *Tx) error {
		MutAt(tx, items[0]).Key = 1
		return errStop
	}))
	want := m.keys()
	require.NoError(t, p.Close())
	out = run(t, mapcli, commands("p", fmt.Sprint("c ", was), fmt.Sprint("c ", was+1), "c 1"), "btree", path)
	require.Equal(t, printed(want)+"0\n1\n0\n", out)

	out = run(t, mapcli, commands(fmt.Sprint("r ", was+1), "n 300", "p"), "btree", path, "2")
	p = openPool(t, path, mapLayout)
	m = rootOf[mapRoot[btreeMap]](t, p).Map.Get()
	require.Len(t, m.keys(), 502-1+300)
	require.Equal(t, out, printed(m.keys()))
}

// Ensure that mapcli takes a tree that Go has made for its own: it splits, fills
// and frees nodes that C did not allocate.
func TestBtreeOfGo(t *testing.T) {
	mapcli.Needed(t)
	path := testpool.Path(t)
	p := createPool(t, path, mapLayout)
	root, err := Root[mapRoot[btreeMap]](p)
	require.NoError(t, err)
	want := []uint64{10, 20, 30, 40, 50, 60, 70}
	require.NoError(t, p.Publish(func(a *Actions) error {
		node, n, err := Reserve[btreeNode](a, AllocZero)
		if err != nil {
			return err
		}
		for i, key := range want {
			n.Items[i].Key = key
		}
		n.N = int32(len(want))
		tree, m, err := Reserve[btreeMap](a)
		if err != nil {
			return err
		}
		m.Root = node
		StorePtr(a, &root.Get().Map, tree)
		return nil
	}))
	require.NoError(t, p.Close())
	require.Equal(t, printed(want), run(t, mapcli, commands("p"), "btree", path))

	out := run(t, mapcli, commands("i 35", "i 5", "i 75", "r 40", "n 100", "p"), "btree", path, "3")
	p = openPool(t, path, mapLayout)
	m := rootOf[mapRoot[btreeMap]](t, p).Map.Get()
	keys := m.keys()
	require.Len(t, keys, 7+3-1+100)
	require.Equal(t, []uint64{5, 10, 20, 30, 35, 50, 60, 70, 75}, keys[:9])
	require.Equal(t, out, printed(keys))
	require.NoError(t, p.Close())

	remove := make([]string, len(keys))
	for i, key := range keys {
		remove[i] = fmt.Sprint("r ", key)
	}
	require.Equal(t, "\n", run(t, mapcli, commands(append(remove, "p")...), "btree", path))
	p = openPool(t, path, mapLayout)
	require.Empty(t, rootOf[mapRoot[btreeMap]](t, p).Map.Get().keys())
	require.LessOrEqual(t, objectsOf[btreeNode](p), 1, "C did not free Go's nodes")
}
