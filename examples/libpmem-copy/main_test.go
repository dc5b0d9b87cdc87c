package main

import (
	"bytes"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// newSource writes a file of n random bytes.
func newSource(t *testing.T, n int) (path string, content []byte) {
	t.Helper()
	content = make([]byte, n)
	for i := range content {
		content[i] = byte(rand.Uint32())
	}
	path = filepath.Join(t.TempDir(), "source")
	require.NoError(t, os.WriteFile(path, content, 0o640))
	return path, content
}

func TestCopy(t *testing.T) {
	for _, size := range []int{1, 4096, 1<<20 + 17} {
		for _, flags := range []string{"", "nodrain", "noflush", "nontemporal", "writeback,nodrain", " Temporal , NoFlush,"} {
			source, content := newSource(t, size)
			target := filepath.Join(t.TempDir(), "target")
			var out bytes.Buffer
			require.NoError(t, run([]string{"-flags", flags, "-chunk", "10000", source, target}, &out, io.Discard))
			got, err := os.ReadFile(target)
			require.NoError(t, err)
			assert.True(t, bytes.Equal(content, got), "%d bytes with %q", size, flags)
			assert.Contains(t, out.String(), "durable by")
		}
	}
}

func TestCopyKeepsTarget(t *testing.T) {
	source, content := newSource(t, 100)
	target := filepath.Join(t.TempDir(), "target")
	require.NoError(t, os.WriteFile(target, []byte("precious"), 0o600))
	assert.ErrorContains(t, run([]string{source, target}, io.Discard, io.Discard), "file exists")
	got, err := os.ReadFile(target)
	require.NoError(t, err)
	assert.Equal(t, "precious", string(got))

	require.NoError(t, run([]string{"-force", source, target}, io.Discard, io.Discard))
	got, err = os.ReadFile(target)
	require.NoError(t, err)
	assert.Equal(t, content, got)
}

func TestCopyRefuses(t *testing.T) {
	source, content := newSource(t, 100)
	dir := t.TempDir()
	target := filepath.Join(dir, "target")
	empty := filepath.Join(t.TempDir(), "empty")
	require.NoError(t, os.WriteFile(empty, nil, 0o600))
	for _, tt := range []struct {
		name string
		args []string
		want string
	}{
		{"contradiction", []string{"-flags", "temporal,nontemporal", source, target}, "exclude each other"},
		{"unknown flag", []string{"-flags", "fast", source, target}, `unknown flag "fast"`},
		{"no source", []string{filepath.Join(dir, "none"), target}, "no such file"},
		{"empty source", []string{empty, target}, "not a file with bytes"},
		{"folder", []string{dir, target}, "not a file with bytes"},
		{"onto itself", []string{"-force", source, source}, "same file"},
		{"no chunk", []string{"-chunk", "0", source, target}, "must be more than 0"},
		{"one argument", []string{source}, "help requested"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			assert.ErrorContains(t, run(tt.args, io.Discard, io.Discard), tt.want)
			assert.NoFileExists(t, target, "nothing half-way is left behind")
		})
	}
	kept, err := os.ReadFile(source)
	require.NoError(t, err)
	assert.Equal(t, content, kept)
}
