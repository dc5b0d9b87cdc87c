package crashtest

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/libpmem/crashtest/internal/trace"
)

// Ensure that the folder of a process that was killed goes with the next run,
// and that no other does.
func TestScratchAbandoned(t *testing.T) {
	dir := t.TempDir()
	used, err := newScratch(dir, 0)
	require.NoError(t, err)
	defer used.remove()
	abandoned, fresh, foreign := filepath.Join(dir, scratchName+"1"), filepath.Join(dir, scratchName+"2"), filepath.Join(dir, "other")
	for _, path := range []string{abandoned, fresh, foreign} {
		require.NoError(t, os.Mkdir(path, 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(path, "image"), nil, 0o600))
	}
	old := time.Now().Add(-2 * abandonedAfter)
	for _, path := range []string{used.path, abandoned, foreign} {
		require.NoError(t, os.Chtimes(path, old, old))
	}
	next, err := newScratch(dir, 0)
	require.NoError(t, err)
	assert.NoDirExists(t, abandoned)
	for _, path := range []string{used.path, fresh, foreign, next.path} {
		assert.DirExists(t, path)
	}
	next.remove()
	assert.NoDirExists(t, next.path)
}

// Ensure that names of images can be those of files, and are not the same for
// tests whose names differ in what can't.
func TestKeptName(t *testing.T) {
	names := map[string]bool{}
	for _, test := range []string{"TestA/b", "TestA/c", "TestA_b", "TestÄ", "TestÖ", "Test'\n\x00\\"} {
		name := keptName(test, 1, trace.Choice{Point: 5}, 7)
		assert.Regexp(t, `^Test[A-Za-z_]*-1-5-[0-9a-f]{8}$`, name)
		names[name] = true
	}
	assert.Len(t, names, 6)
	assert.NotEqual(t, keptName("TestA", 1, trace.Choice{Point: 5}, 7), keptName("TestA", 1, trace.Choice{Point: 5}, 8))
}

// Ensure that a shell takes what is quoted for one word.
func TestQuote(t *testing.T) {
	for text, want := range map[string]string{
		"/tmp/a-b_c.json": "/tmp/a-b_c.json",
		"^TestA$":         "'^TestA$'",
		"it's":            `'it'\''s'`,
		"a b":             "'a b'",
	} {
		assert.Equal(t, want, quote(text))
	}
}
