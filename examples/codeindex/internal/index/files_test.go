package index

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/examples/codeindex/internal/source"
)

// Ensure that a new version of a file gets a new id, takes over the path, and
// that nothing of the old one is found.
func TestReplace(t *testing.T) {
	x := filled(t, 3)
	before := x.paths.Len()
	b := source.File{Path: "/b", Size: 5, ModTime: 7}
	f, err := x.commit(b, []source.Term{{Name: "new", Lines: []uint32{9}}}, 1)
	require.NoError(t, err)
	require.Equal(t, File{3, b}, f)
	assert.Equal(t, before, x.paths.Len())

	view, err := x.View()
	require.NoError(t, err)
	files := slices.Collect(view.Files())
	require.Len(t, files, 3)
	assert.Equal(t, f, files[2])
	assert.Equal(t, []Hit{{"/b", 9}}, view.Lookup("new"))
	assert.Equal(t, []Hit{{"/a", 1}, {"/a", 2}, {"/a", 3}, {"/c", 1}, {"/c", 2}, {"/c", 3}}, view.Lookup("word"))

	require.NoError(t, x.delete([]uint32{0, 2, 3}))
	view, err = x.View()
	require.NoError(t, err)
	assert.Empty(t, slices.Collect(view.Files()))
	assert.Empty(t, view.Lookup("word"))
	report, err := x.Verify()
	require.NoError(t, err)
	assert.Zero(t, report.Files)
}

// Ensure that a path that lies in two pieces of its vector is read whole.
func TestLongPaths(t *testing.T) {
	x := filled(t, 0)
	var want []string
	for i := range 40 {
		path := "/" + string(slices.Repeat([]byte{byte('a' + i%26)}, 300+i))
		add(t, x, path)
		want = append(want, path)
	}
	var got []string
	for f := range x.indexed() {
		got = append(got, f.Path)
	}
	assert.Equal(t, want, got)
}
