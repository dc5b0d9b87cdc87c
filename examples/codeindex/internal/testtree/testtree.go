// Package testtree makes Go source trees for tests.
package testtree

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/examples/codeindex/internal/source"
)

// Tree is a folder with generated Go files.
type Tree struct {
	Root  string
	rand  *rand.Rand
	clock time.Time
}

// New makes a folder with n files, the same for the same seed.
func New(t testing.TB, seed uint64, n int) *Tree {
	t.Helper()
	root, err := source.Root(t.TempDir())
	require.NoError(t, err)
	tree := &Tree{root, rand.New(rand.NewPCG(seed, 0)), time.Unix(1_000_000_000, 0)}
	for i := range n {
		tree.Write(t, i)
	}
	return tree
}

// Path is where the i-th file stands.
func (tree *Tree) Path(i int) string {
	return filepath.Join(tree.Root, fmt.Sprintf("p%d", i%7), fmt.Sprintf("f%d.go", i))
}

// Write gives the i-th file new contents and a new time: the file system's own
// clock may stand still between two writes.
func (tree *Tree) Write(t testing.TB, i int) {
	t.Helper()
	var src strings.Builder
	fmt.Fprintf(&src, "package p%d\n\nfunc f%d() {\n", i%7, i)
	for range tree.rand.IntN(60) {
		fmt.Fprintf(&src, "\tx%d = p%d.f%d + y%d\n", tree.rand.IntN(40), tree.rand.IntN(7), tree.rand.IntN(500), tree.rand.IntN(1<<tree.rand.IntN(16)))
	}
	src.WriteString("}\n")
	require.NoError(t, os.MkdirAll(filepath.Dir(tree.Path(i)), 0o755))
	require.NoError(t, os.WriteFile(tree.Path(i), []byte(src.String()), 0o644))
	tree.clock = tree.clock.Add(time.Second)
	require.NoError(t, os.Chtimes(tree.Path(i), tree.clock, tree.clock))
}

// Remove deletes the i-th file.
func (tree *Tree) Remove(t testing.TB, i int) {
	t.Helper()
	require.NoError(t, os.Remove(tree.Path(i)))
}

// Files lists what is there.
func (tree *Tree) Files(t testing.TB) []source.File {
	t.Helper()
	files, err := source.Walk(tree.Root)
	require.NoError(t, err)
	return files
}
