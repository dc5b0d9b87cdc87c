package source

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func write(t *testing.T, path, text string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
}

// Ensure that only regular .go files outside hidden folders are listed, in order.
func TestWalk(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "b.go"), "package b")
	write(t, filepath.Join(dir, "a", "z.go"), "package a")
	write(t, filepath.Join(dir, "a", "notes.txt"), "no")
	write(t, filepath.Join(dir, ".git", "hidden.go"), "package no")
	require.NoError(t, os.Mkdir(filepath.Join(dir, "folder.go"), 0o755))
	require.NoError(t, os.Symlink("b.go", filepath.Join(dir, "link.go")))

	root, err := Root(dir)
	require.NoError(t, err)
	files, err := Walk(root)
	require.NoError(t, err)
	require.Len(t, files, 2)
	assert.Equal(t, filepath.Join(root, "a", "z.go"), files[0].Path)
	assert.Equal(t, filepath.Join(root, "b.go"), files[1].Path)
	assert.EqualValues(t, 9, files[0].Size)
	assert.NotZero(t, files[0].ModTime)
	assert.EqualValues(t, 18, TotalSize(files))
}

// Ensure that a root that is a symbolic link is entered, and names its files by their real paths.
func TestWalkLinkedRoot(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "real", "a.go"), "package a")
	link := filepath.Join(dir, "link")
	require.NoError(t, os.Symlink("real", link))

	root, err := Root(link)
	require.NoError(t, err)
	files, err := Walk(root)
	require.NoError(t, err)
	require.Len(t, files, 1)
	assert.Equal(t, filepath.Join(root, "a.go"), files[0].Path)
	assert.Equal(t, "real", filepath.Base(root))
}

func TestRootMissing(t *testing.T) {
	_, err := Root(filepath.Join(t.TempDir(), "none"))
	assert.ErrorIs(t, err, os.ErrNotExist)
}
