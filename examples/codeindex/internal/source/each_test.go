package source

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func tree(t *testing.T, n int) []File {
	t.Helper()
	dir := t.TempDir()
	for i := range n {
		write(t, filepath.Join(dir, fmt.Sprintf("f%03d.go", i)), fmt.Sprintf("package p\nvar v%d int\n", i))
	}
	files, err := Walk(dir)
	require.NoError(t, err)
	return files
}

// Ensure that results come in the order of the files, whichever scan ends first.
func TestEachKeepsOrder(t *testing.T) {
	files := tree(t, 100)
	next := 0
	require.NoError(t, Each(t.Context(), files, func(i int, terms []Term) error {
		assert.Equal(t, next, i)
		assert.Equal(t, fmt.Sprintf("v%d", i), terms[2].Name)
		next++
		return nil
	}))
	assert.Equal(t, 100, next)
}

// Ensure that a deleted file is passed over and the others keep their numbers.
func TestEachDeletedFile(t *testing.T) {
	files := tree(t, 3)
	require.NoError(t, os.Remove(files[1].Path))
	var seen []int
	require.NoError(t, Each(t.Context(), files, func(i int, _ []Term) error {
		seen = append(seen, i)
		return nil
	}))
	assert.Equal(t, []int{0, 2}, seen)
}

func TestEachStopsAtError(t *testing.T) {
	files := tree(t, 50)
	full := errors.New("full")
	calls := 0
	err := Each(t.Context(), files, func(i int, _ []Term) error {
		calls++
		if i == 7 {
			return full
		}
		return nil
	})
	assert.ErrorIs(t, err, full)
	assert.Equal(t, 8, calls)
}

func TestEachCancelled(t *testing.T) {
	files := tree(t, 50)
	ctx, cancel := context.WithCancel(t.Context())
	err := Each(ctx, files, func(i int, _ []Term) error {
		if i == 5 {
			cancel()
		}
		return nil
	})
	assert.ErrorIs(t, err, context.Canceled)
}

// Ensure that a file that cannot be read is an error that names it.
func TestEachUnreadable(t *testing.T) {
	files := []File{{Path: t.TempDir()}} // reading a folder fails for root too
	err := Each(t.Context(), files, func(int, []Term) error { return nil })
	assert.ErrorContains(t, err, files[0].Path)
}
