package cinterop_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/testpool"
	. "github.com/pmem/pmdk-go/libpmemobj"
)

// lists keeps ten pairs of lists of ints in a pool: "lists FILE N foo|bar 7"
// puts 7 at the head of one, "print" in place of the number prints it.
var lists = newProgram("lists", "lists.c", "")

const listsLayout = "two_lists"

// listsRoot is struct my_root.
type listsRoot [10]struct {
	Foo ListHead[fooElement]
	Bar ListHead[barElement]
}

// fooElement and barElement are struct foo_el and bar_el, the first and second
// type of the layout.
type fooElement struct {
	Entries ListEntry[fooElement]
	Value   int32
}

func (fooElement) PmemType() uint64 { return 1 }

type barElement struct {
	Entries ListEntry[barElement]
	Value   int32
}

func (barElement) PmemType() uint64 { return 2 }

func fooList(t *testing.T, p *Pool, n int) List[fooElement] {
	t.Helper()
	l, err := ListOf(p, &rootOf[listsRoot](t, p)[n].Foo, func(e *fooElement) *ListEntry[fooElement] { return &e.Entries })
	require.NoError(t, err)
	return l
}

func barList(t *testing.T, p *Pool, n int) List[barElement] {
	t.Helper()
	l, err := ListOf(p, &rootOf[listsRoot](t, p)[n].Bar, func(e *barElement) *ListEntry[barElement] { return &e.Entries })
	require.NoError(t, err)
	return l
}

// values reads a list from its head on, and ensures that the way back is the
// same.
func values[T any](t *testing.T, l List[T], value func(*T) int32) (all []int32) {
	t.Helper()
	require.NoError(t, l.Check())
	for e := range l.All() {
		all = append(all, value(e.Get()))
	}
	var back []int32
	for e := range l.Backward() {
		back = append(back, value(e.Get()))
	}
	slices.Reverse(back)
	require.Equal(t, all, back)
	return all
}

func fooValue(e *fooElement) int32 { return e.Value }
func barValue(e *barElement) int32 { return e.Value }

// printedList is what lists prints.
func printedList(values []int32) string {
	var b strings.Builder
	for _, v := range values {
		fmt.Fprintln(&b, v)
	}
	return b.String()
}

// Ensure that C prints the lists that Go has written, that Go reads what C has
// added to them, and that both go on with what the other has made.
func TestLists(t *testing.T) {
	lists.Needed(t)
	path := testpool.Path(t)
	p := createPool(t, path, listsLayout)
	var foo, bar []int32
	grow := func(from, to int32) {
		for v := from; v < to; v++ {
			_, err := fooList(t, p, 2).InsertNewHead(func(e *fooElement) error { e.Value = v; return nil })
			require.NoError(t, err)
			_, err = barList(t, p, 9).InsertNewHead(func(e *barElement) error { e.Value = -v; return nil })
			require.NoError(t, err)
			foo, bar = append([]int32{v}, foo...), append([]int32{-v}, bar...)
		}
	}
	grow(0, 7)

	for round := range 3 {
		require.NoError(t, p.Close())
		require.Equal(t, printedList(foo), lists.Run(t, path, "2", "foo", "print"))
		require.Equal(t, printedList(bar), lists.Run(t, path, "9", "bar", "print"))
		for _, empty := range [][]string{{"2", "bar"}, {"9", "foo"}, {"0", "foo"}} {
			require.Empty(t, lists.Run(t, path, empty[0], empty[1], "print"))
		}
		for i := range 3 {
			v := int32(100 + 10*round + i)
			require.Empty(t, lists.Run(t, path, "2", "foo", strconv.Itoa(int(v))))
			require.Empty(t, lists.Run(t, path, "9", "bar", strconv.Itoa(int(-v))))
			foo, bar = append([]int32{v}, foo...), append([]int32{-v}, bar...)
		}
		p = openPool(t, path, listsLayout)
		require.Equal(t, foo, values(t, fooList(t, p, 2), fooValue))
		require.Equal(t, bar, values(t, barList(t, p, 9), barValue))
		require.Equal(t, len(foo), objectsOf[fooElement](p), "the type numbers of C")
		require.Equal(t, len(bar), objectsOf[barElement](p))
		grow(200+int32(round)*10, 203+int32(round)*10)
	}
}

// Ensure that Go reads and changes lists that C alone has made.
func TestListsOfC(t *testing.T) {
	path := testpool.Path(t)
	for v := range 4 {
		require.Empty(t, lists.Run(t, path, "0", "bar", strconv.Itoa(v)))
	}
	p := openPool(t, path, listsLayout)
	bar := barList(t, p, 0)
	require.Equal(t, []int32{3, 2, 1, 0}, values(t, bar, barValue))
	require.True(t, fooList(t, p, 0).Empty())
	require.NoError(t, p.Update(func(tx *Tx) error {
		*MutAt(tx, &bar.First().Get().Value) = 1000
		return nil
	}))
	require.NoError(t, bar.MoveToTail(bar.First(), bar))
	require.NoError(t, bar.RemoveFree(bar.First()))
	require.NoError(t, bar.MoveToHead(bar.First(), barList(t, p, 1)))
	require.NoError(t, p.Close())
	require.Equal(t, "0\n1000\n", lists.Run(t, path, "0", "bar", "print"))
	require.Equal(t, "1\n", lists.Run(t, path, "1", "bar", "print"))
}
