package index_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/examples/codeindex/internal/index"
	"github.com/pmem/pmdk-go/examples/codeindex/internal/memindex"
	"github.com/pmem/pmdk-go/examples/codeindex/internal/testtree"
	"github.com/pmem/pmdk-go/libpmemobj"
)

// inMemory survives the process, which is what matters in a test.
var inMemory = libpmemobj.WithDurability(libpmemobj.DurabilityProcessCrash)

// create makes an index in a small pool. It is verified and closed when the test ends.
func create(t *testing.T, size int64) *index.Index {
	t.Helper()
	x, err := index.Create(filepath.Join(t.TempDir(), "pool"), size, inMemory)
	require.NoError(t, err)
	t.Cleanup(func() {
		_, err := x.Verify()
		assert.NoError(t, err)
		assert.NoError(t, x.Close())
	})
	return x
}

const small = 32 << 20

// update brings x up to date with tree and returns how many files that took.
func update(t *testing.T, x *index.Index, tree *testtree.Tree) int {
	t.Helper()
	plan := x.Plan(tree.Root, tree.Files(t))
	committed := 0
	require.NoError(t, x.Apply(t.Context(), plan, func(index.File) error {
		committed++
		return nil
	}))
	require.Equal(t, len(plan.Todo), committed)
	return committed
}

// requireSame compares x with an index of the tree in Go maps.
func requireSame(t *testing.T, x *index.Index, tree *testtree.Tree) {
	t.Helper()
	fromMaps, err := memindex.Build(t.Context(), tree.Files(t))
	require.NoError(t, err)
	view, err := x.View()
	require.NoError(t, err)
	require.NoError(t, fromMaps.Diff(view))
	files := 0
	for range view.Files() {
		files++
	}
	require.Equal(t, fromMaps.Files(), files)
}

// Ensure that the index equals one in Go maps, at every number of files around
// the points where levels are merged.
func TestSameAsMaps(t *testing.T) {
	for _, n := range []int{0, 1, 15, 16, 17, 255, 256, 300} {
		tree := testtree.New(t, uint64(n), n)
		x := create(t, small)
		require.Equal(t, n, update(t, x, tree))
		requireSame(t, x, tree)
	}
}

// Ensure that new, changed and deleted files are told from unchanged ones, over
// many rounds and merges, and that the index follows.
func TestFollowsTheTree(t *testing.T) {
	const n = 120
	tree := testtree.New(t, 42, n)
	x := create(t, small)
	update(t, x, tree)
	there := make([]bool, n)
	for i := range there {
		there[i] = true
	}
	for round := range 12 {
		written := 0
		for i := round % 5; i < n; i += 5 + round {
			if there[i] && i%3 == 0 {
				tree.Remove(t, i)
				there[i] = false
				continue
			}
			tree.Write(t, i)
			there[i] = true
			written++
		}
		require.Equal(t, written, update(t, x, tree), "round %d", round)
		requireSame(t, x, tree)
		require.Zero(t, update(t, x, tree), "nothing is left to do")
		_, err := x.Verify()
		require.NoError(t, err)
	}
}

// Ensure that a deleted tree leaves nothing but its declaration, and that other
// trees in the same pool are left alone.
func TestTwoTrees(t *testing.T) {
	a, b := testtree.New(t, 1, 40), testtree.New(t, 2, 30)
	x := create(t, small)
	update(t, x, a)
	require.Equal(t, 30, update(t, x, b))
	require.Zero(t, update(t, x, a))
	for i := range 40 {
		a.Remove(t, i)
	}
	update(t, x, a)
	requireSame(t, x, b)
}

// Ensure that all of it is there after closing and opening, without an update.
func TestReopen(t *testing.T) {
	tree := testtree.New(t, 3, 50)
	path := filepath.Join(t.TempDir(), "pool")
	x, err := index.Create(path, small, inMemory)
	require.NoError(t, err)
	update(t, x, tree)
	require.NoError(t, x.Close())

	x, err = index.OpenVerified(path, inMemory)
	require.NoError(t, err)
	defer x.Close()
	requireSame(t, x, tree)
	require.Zero(t, update(t, x, tree))
}

func TestQueries(t *testing.T) {
	x := create(t, small)
	tree := testtree.New(t, 4, 0)
	put := func(name, src string) string {
		path := filepath.Join(tree.Root, name)
		require.NoError(t, os.WriteFile(path, []byte(src), 0o644))
		return path
	}
	a := put("a.go", "package a\nvar m sync.Mutex\nvar n sync.Map\n")
	b := put("b.go", "package b\n\n\nvar mu sync.Mutex // Mutex\n")
	update(t, x, tree)
	// A changed file gets a higher number; hits are ordered by path all the same.
	put("a.go", "package a\n\nvar m sync.Mutex\nvar n sync.Map\n")
	update(t, x, tree)

	view, err := x.View()
	require.NoError(t, err)
	assert.Equal(t, []index.Hit{{Path: a, Line: 3}, {Path: b, Line: 4}}, view.Lookup("Mutex"))
	assert.Equal(t, []index.Hit{{Path: a, Line: 3}, {Path: b, Line: 4}}, view.Lookup("sync.Mutex"))
	assert.Empty(t, view.Lookup("Mute"))
	assert.Empty(t, view.Lookup(""))
	assert.Empty(t, view.Lookup("zzz"))

	prefixed := func(prefix string) (names []string) {
		for name, hits := range view.Prefix(prefix) {
			require.NotEmpty(t, hits)
			names = append(names, name)
		}
		return names
	}
	assert.Equal(t, []string{"sync", "sync.Map", "sync.Mutex"}, prefixed("sync"))
	assert.Equal(t, []string{"sync.Map", "sync.Mutex"}, prefixed("sync.M"))
	assert.Equal(t, []string{"m", "mu"}, prefixed("m"))
	assert.Empty(t, prefixed("zzz"))
	assert.Len(t, prefixed(""), 10)
}

// Ensure that a full pool is an error that loses nothing, that the index can
// still be read and verified, and that it is the same error at the next attempt.
func TestOutOfSpace(t *testing.T) {
	tree := testtree.New(t, 5, 0)
	for i := range 100 {
		var src strings.Builder
		for j := range 8000 {
			fmt.Fprintf(&src, "identifier%dx%d\n", i, j)
		}
		path := filepath.Join(tree.Root, fmt.Sprintf("f%d.go", i))
		require.NoError(t, os.WriteFile(path, []byte(src.String()), 0o644))
	}
	x := create(t, libpmemobj.MinPool)
	plan := x.Plan(tree.Root, tree.Files(t))
	committed := map[uint32]string{}
	err := x.Apply(t.Context(), plan, func(f index.File) error {
		committed[f.ID] = f.Path
		return nil
	})
	require.ErrorIs(t, err, libpmemobj.ErrOutOfSpace)
	require.NotEmpty(t, committed)

	report, err := x.Verify()
	require.NoError(t, err)
	require.Equal(t, len(committed), report.Files)
	view, err := x.View()
	require.NoError(t, err)
	for f := range view.Files() {
		assert.Equal(t, f.Path, committed[f.ID])
	}

	plan = x.Plan(tree.Root, tree.Files(t))
	require.Len(t, plan.Todo, 100-len(committed))
	require.ErrorIs(t, x.Apply(t.Context(), plan, nil), libpmemobj.ErrOutOfSpace)
}

// Ensure that work that is stopped from outside keeps what was committed.
func TestApplyStopped(t *testing.T) {
	tree := testtree.New(t, 6, 40)
	x := create(t, small)
	plan := x.Plan(tree.Root, tree.Files(t))
	stop := errors.New("stop")
	n := 0
	err := x.Apply(t.Context(), plan, func(index.File) error {
		if n++; n == 20 {
			return stop
		}
		return nil
	})
	require.ErrorIs(t, err, stop)
	require.Equal(t, 20, update(t, x, tree))
	requireSame(t, x, tree)
}

// Ensure that stats count what maps count.
func TestStats(t *testing.T) {
	tree := testtree.New(t, 7, 70)
	x := create(t, small)
	update(t, x, tree)
	fromMaps, err := memindex.Build(t.Context(), tree.Files(t))
	require.NoError(t, err)

	st, err := x.Stats()
	require.NoError(t, err)
	assert.Equal(t, 70, st.Files)
	assert.Equal(t, fromMaps.Terms(), st.Identifiers+st.Pairs)
	assert.NotZero(t, st.Pairs)
	assert.Equal(t, 4+6, st.Segments, "70 files are 4 segments of 16 and 6 of one")
	assert.Less(t, st.Objects, st.Segments+20, "a few for the containers")
	assert.Less(t, st.Used, st.PoolSize)
	assert.EqualValues(t, small, st.PoolSize)

	view, err := x.View()
	require.NoError(t, err)
	postings := 0
	for _, p := range view.Terms("") {
		postings += len(slices.Collect(p))
	}
	assert.Equal(t, postings, st.Postings)
}

func TestOpenErrors(t *testing.T) {
	dir := t.TempDir()
	_, err := index.Open(filepath.Join(dir, "none"), inMemory)
	assert.ErrorIs(t, err, os.ErrNotExist)

	text := filepath.Join(dir, "text")
	require.NoError(t, os.WriteFile(text, []byte("not a pool"), 0o644))
	_, err = index.Open(text, inMemory)
	assert.ErrorContains(t, err, text)

	other := filepath.Join(dir, "other")
	pool, err := libpmemobj.Create(other, "another layout", libpmemobj.WithSize(libpmemobj.MinPool))
	require.NoError(t, err)
	require.NoError(t, pool.Close())
	_, err = index.Open(other, inMemory)
	assert.ErrorContains(t, err, "layout")
}
