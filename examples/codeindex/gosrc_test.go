package main

import (
	"go/build"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestStdlib(t *testing.T) {
	src, err := stdlib()
	require.NoError(t, err)
	assert.FileExists(t, filepath.Join(src, "fmt", "print.go"))
}

// Ensure that a machine without Go is told what to do.
func TestStdlibMissing(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	goroot := build.Default.GOROOT
	build.Default.GOROOT = ""
	defer func() { build.Default.GOROOT = goroot }()
	_, err := sourceDir(nil)
	assert.ErrorContains(t, err, "pass a folder with Go code")

	dir, err := sourceDir([]string{"/some/where"})
	require.NoError(t, err)
	assert.Equal(t, "/some/where", dir)
}
