package main

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/examples/codeindex/internal/index"
	"github.com/pmem/pmdk-go/examples/codeindex/internal/testtree"
	"github.com/pmem/pmdk-go/libpmemobj"
	"github.com/pmem/pmdk-go/libpmemobj/journal"
)

// asMain makes the test binary be the program: the demo starts itself.
const asMain = "CODEINDEX_TEST_AS_MAIN"

func TestMain(m *testing.M) {
	if os.Getenv(asMain) == "1" {
		main()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// codeindex runs a command line in this process.
func codeindex(t *testing.T, args ...string) (out, errOut string, err error) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	err = newApp(&stdout, &stderr).Run(t.Context(), append([]string{"codeindex"}, args...))
	return stdout.String(), stderr.String(), err
}

// Ensure that the commands work together, with flags before and after, and
// with one dash and two.
func TestCommands(t *testing.T) {
	tree := testtree.New(t, 1, 20)
	pool := filepath.Join(t.TempDir(), "pool")

	out, errOut, err := codeindex(t, "index", "-pool", pool, "-durability=process-crash", tree.Root)
	require.NoError(t, err)
	assert.Equal(t, "20 files indexed, 0 unchanged, 0 deleted; durability: process-crash\n", out)
	assert.Contains(t, errOut, "indexing: 100 % (20 of 20)\n")

	tree.Write(t, 3)
	tree.Remove(t, 4)
	out, _, err = codeindex(t, "--pool", pool, "index", tree.Root, "-durability", "msync")
	require.NoError(t, err)
	assert.Equal(t, "1 file indexed, 18 unchanged, 1 deleted; durability: msync\n", out)

	out, _, err = codeindex(t, "query", "-pool", pool, "f3")
	require.NoError(t, err)
	assert.Contains(t, out, tree.Path(3)+":3\n")

	out, _, err = codeindex(t, "query", "-pool", pool, "-n", "2", "p1.f*")
	require.NoError(t, err)
	assert.Regexp(t, regexp.MustCompile(`(?m)^p1\.f\d+: \d+ lines? in \d+ files?$`), out)
	assert.Regexp(t, regexp.MustCompile(`(?m)^p1\.f\*: \d+ terms?$`), out)
	same, _, err := codeindex(t, "query", "-pool", pool, "-n", "2", "-prefix", "p1.f")
	require.NoError(t, err)
	assert.Equal(t, out, same)

	for _, word := range []string{"nowhere", "nowhere*"} {
		out, _, err = codeindex(t, "query", "-pool", pool, word)
		assert.ErrorIs(t, err, errNoHits)
		assert.Equal(t, word+": no hits\n", out)
	}

	out, _, err = codeindex(t, "stats", "-pool", pool)
	require.NoError(t, err)
	assert.Regexp(t, regexp.MustCompile(`(?m)^files +19 `), out)

	out, _, err = codeindex(t, "verify", "-pool", pool, "-sources")
	require.NoError(t, err)
	assert.Contains(t, out, "19 files in")
	assert.Contains(t, out, "identical to 19 source files; 0 not compared")

	tree.Write(t, 5)
	out, _, err = codeindex(t, "verify", "-pool", pool, "-sources")
	require.NoError(t, err)
	assert.Contains(t, out, "identical to 18 source files; 1 not compared")
}

// Ensure that a long list of hits is cut, and says so.
func TestQueryLimit(t *testing.T) {
	var out strings.Builder
	hits := []index.Hit{{Path: "/src/a.go", Line: 1}, {Path: "/src/a.go", Line: 5}, {Path: "/src/b.go", Line: 2}}
	require.NoError(t, answer{out: &out, lines: 2, root: "/src/"}.print("word", hits))
	assert.Equal(t, "word: 3 lines in 2 files\n    a.go:1\n    a.go:5\n    … 1 more\n", out.String())
	out.Reset()
	require.NoError(t, answer{out: &out}.print("word", hits))
	assert.Contains(t, out.String(), "    /src/b.go:2\n")
}

func TestCommandErrors(t *testing.T) {
	dir := t.TempDir()
	none := filepath.Join(dir, "none")
	tests := []struct {
		args   []string
		reason string
	}{
		{[]string{"index"}, "index needs one argument: DIR"},
		{[]string{"index", none}, "no such file"},
		{[]string{"index", "-pool", none, "-size", "1MB", dir}, `size "1MB" is not`},
		{[]string{"index", "-pool", none, "-size", "1MiB", dir}, "at least 8388608 bytes"},
		{[]string{"index", "-pool", none, "-durability", "hope", dir}, `"hope" is none of`},
		{[]string{"query", "-pool", none, "x"}, "no such file"},
		{[]string{"query", "a", "b"}, "query needs one argument: WORD"},
		{[]string{"stats", "-pool", none}, "no such file"},
		{[]string{"verify", "-pool", none}, "no such file"},
		{[]string{"verify", "-durability", "hope"}, `"hope" is none of`},
		{[]string{"stats", "-pool", none, "-journal"}, "no such file"},
		{[]string{"stats", "-journal", "-durability", "msync"}, "exclude each other"},
		{[]string{"demo", "a", "b"}, "demo takes one folder, not 2"},
		{[]string{"demo", dir}, "has 0 Go files; the demo needs 200"},
		{[]string{"demo", none}, "no such file"},
		{[]string{"stats", "-nonsense"}, "nonsense"},
	}
	for _, test := range tests {
		t.Run(strings.Join(test.args[:1], " ")+"/"+test.reason, func(t *testing.T) {
			_, _, err := codeindex(t, test.args...)
			assert.ErrorContains(t, err, test.reason)
			assert.NoFileExists(t, none)
		})
	}
}

// Ensure that a full pool is explained, and that what it holds can be asked for.
func TestFullPool(t *testing.T) {
	root := t.TempDir()
	for i := range 60 {
		var src strings.Builder
		for j := range 20_000 {
			src.WriteString("identifier" + count(i) + "x" + strings.ReplaceAll(count(j), ",", "") + "\n")
		}
		require.NoError(t, os.WriteFile(filepath.Join(root, "f"+count(i)+".go"), []byte(src.String()), 0o644))
	}
	pool := filepath.Join(t.TempDir(), "pool")
	_, _, err := codeindex(t, "index", "-pool", pool, "-durability", "process-crash", "-size", "8MiB", root)
	require.ErrorIs(t, err, libpmemobj.ErrOutOfSpace)
	assert.ErrorContains(t, err, "the pool is full (what it holds is sound)")
	assert.ErrorContains(t, err, "larger -size")

	_, _, err = codeindex(t, "verify", "-pool", pool, "-sources")
	require.NoError(t, err)
}

// Ensure that an indexer killed at any moment loses nothing acknowledged and
// leaves nothing half-done, time after time in the same pool.
func TestKilledAtAnyMoment(t *testing.T) {
	t.Setenv(asMain, "1")
	t.Run("process-crash", func(t *testing.T) { killAtAnyMoment(t, libpmemobj.DurabilityProcessCrash, 20) })
	t.Run("journal", func(t *testing.T) { killAtAnyMoment(t, libpmemobj.DurabilityJournal, 8) })
}

func killAtAnyMoment(t *testing.T, durability libpmemobj.Durability, rounds int) {
	const n = 600
	tree := testtree.New(t, 2, n)
	pool := filepath.Join(t.TempDir(), "pool")
	x, err := index.Create(pool, 32<<20, keptBy(durability))
	require.NoError(t, err)
	require.NoError(t, x.Close())
	child := indexer{pool: pool, durability: durability, dir: tree.Root}

	total := 0
	for round := range rounds {
		killAt := 1 + rand.IntN(20)
		done := 0
		acked, err := child.run(t.Context(), killAt, func() {
			if done++; done == killAt {
				time.Sleep(time.Duration(rand.IntN(2000)) * time.Microsecond)
			}
		})
		require.NoError(t, err, "round %d, with %d files there", round, total)
		require.GreaterOrEqual(t, len(acked), killAt)

		if durability == libpmemobj.DurabilityJournal {
			needsJournal(t, pool)
		}
		there := afterCrash(t, pool, durability, acked)
		require.GreaterOrEqual(t, there, total+len(acked), "round %d", round)
		require.LessOrEqual(t, there, total+len(acked)+1, "at most one file can be committed and not acknowledged")
		total = there
		if total > n-200 {
			break // a child should not come to its end before it is killed
		}
	}
	acked, err := child.run(t.Context(), 0, func() {})
	require.NoError(t, err)
	require.Len(t, acked, n-total, "exactly the rest")
	require.Equal(t, n, afterCrash(t, pool, durability, acked))
	out, _, err := codeindex(t, "verify", "-pool", pool, "-sources")
	require.NoError(t, err)
	assert.Contains(t, out, "identical to 600 source files")
}

// afterCrash proves that the pool is sound and holds what was acknowledged, and
// returns the number of its files.
func afterCrash(t *testing.T, pool string, durability libpmemobj.Durability, acked acknowledged) int {
	t.Helper()
	x, err := index.OpenVerified(pool, keptBy(durability))
	require.NoError(t, err)
	defer x.Close()
	report, err := x.Verify()
	require.NoError(t, err)
	view, err := x.View()
	require.NoError(t, err)
	there := map[uint32]string{}
	for f := range view.Files() {
		there[f.ID] = f.Path
	}
	require.Len(t, there, report.Files)
	for id, path := range acked {
		require.Equal(t, path, there[id], "file %d was acknowledged", id)
	}
	return len(there)
}

// needsJournal proves that a pool that was not closed is not opened without its
// journal, and that the reason is said.
func needsJournal(t *testing.T, pool string) {
	t.Helper()
	for _, command := range [][]string{{"query", "-pool", pool, "f1"}, {"stats", "-pool", pool}, {"index", "-pool", pool, t.TempDir()}} {
		_, _, err := codeindex(t, command...)
		require.ErrorIs(t, err, libpmemobj.ErrUnreplayed)
		require.ErrorContains(t, err, pool+": the pool has changes in its journal")
		require.ErrorContains(t, err, "that is the flag -journal")
	}
}

// Ensure that an index is kept with a journal and without, by turns.
func TestJournal(t *testing.T) {
	tree := testtree.New(t, 1, 20)
	pool := filepath.Join(t.TempDir(), "pool")
	out, _, err := codeindex(t, "index", "-pool", pool, "-journal", tree.Root)
	require.NoError(t, err)
	assert.Equal(t, "20 files indexed, 0 unchanged, 0 deleted; durability: journal\n", out)
	assert.FileExists(t, pool+journal.Suffix)
	tree.Write(t, 3)
	out, _, err = codeindex(t, "index", "-pool", pool, "-durability", "process-crash", tree.Root)
	require.NoError(t, err)
	assert.Equal(t, "1 file indexed, 19 unchanged, 0 deleted; durability: process-crash\n", out)
	out, _, err = codeindex(t, "-journal", "verify", "-pool", pool, "-sources")
	require.NoError(t, err)
	assert.Contains(t, out, "identical to 20 source files; 0 not compared")
}

// Ensure that the demo runs through on a tree of its own, in a log, and cleans up.
func TestDemo(t *testing.T) {
	t.Setenv(asMain, "1")
	t.Setenv("TMPDIR", t.TempDir())
	tree := testtree.New(t, 3, 400)
	out, log, err := codeindex(t, "demo", tree.Root)
	require.NoError(t, err, out)
	for _, want := range []string{
		"Index 400 Go files below " + tree.Root,
		"killed with SIGKILL; it had acknowledged 2", // 200 or a few more
		"files: all 2",
		"no half-written file, every checksum right, no memory leaked",
		"NoSuchIdentifier: no hits",
		"identical: ",
		"terms in 400 files",
		"to rebuild the index in Go maps",
	} {
		assert.Contains(t, out, want)
	}
	assert.LessOrEqual(t, strings.Count(log, "\n"), 8, log)
	left, err := os.ReadDir(os.Getenv("TMPDIR"))
	require.NoError(t, err)
	assert.Empty(t, left)
}

// Ensure that the demo keeps a pool that the user named, does not overwrite
// one, and says what the modes promise that survive a power failure.
func TestDemoNamedPool(t *testing.T) {
	t.Setenv(asMain, "1")
	tree := testtree.New(t, 4, 400)
	for durability, flags := range map[string][]string{"msync": {"-durability", "msync"}, "journal": {"-journal"}} {
		pool := filepath.Join(t.TempDir(), "pool")
		out, _, err := codeindex(t, append(append([]string{"demo", "-pool", pool}, flags...), tree.Root)...)
		require.NoError(t, err, out)
		assert.Contains(t, out, "durability  "+durability+": commits survive power loss")
		_, _, err = codeindex(t, "query", "-pool", pool, "f1")
		require.NoError(t, err)

		_, _, err = codeindex(t, "demo", "-pool", pool, tree.Root)
		assert.ErrorIs(t, err, os.ErrExist)
	}
}
