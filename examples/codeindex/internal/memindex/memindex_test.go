package memindex

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/examples/codeindex/internal/segment"
	"github.com/pmem/pmdk-go/examples/codeindex/internal/source"
)

func TestBuild(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "a.go"), []byte("package p\nvar x = x\n"), 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "b.go"), []byte("package p\n\nvar y = p.x\n"), 0o644))
	files, err := source.Walk(dir)
	require.NoError(t, err)

	x, err := Build(t.Context(), files)
	require.NoError(t, err)
	assert.Equal(t, 2, x.Files())
	assert.Equal(t, map[string][]segment.Posting{
		"p":   {{File: 0, Line: 1}, {File: 1, Line: 1}, {File: 1, Line: 3}},
		"p.x": {{File: 1, Line: 3}},
		"x":   {{File: 0, Line: 2}, {File: 1, Line: 3}},
		"y":   {{File: 1, Line: 3}},
	}, x.terms)
}
