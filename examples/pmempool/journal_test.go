package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/testchild"
	"github.com/pmem/pmdk-go/internal/testpool"
	"github.com/pmem/pmdk-go/libpmemobj"
	"github.com/pmem/pmdk-go/libpmemobj/hashmap"
	"github.com/pmem/pmdk-go/libpmemobj/journal"
)

// smaller is a journal that is not the default's size, so that its size is seen
// to stay.
var smaller = journal.Options{SegmentSize: journal.MinSegment, Segments: 3}

func init() {
	testchild.Register("put", func(args []string) error {
		o := smaller
		if len(args) > 1 {
			o.Path = args[1]
		}
		p, err := libpmemobj.OpenOrCreate(args[0], "journaled", libpmemobj.WithSize(16<<20), journal.With(o))
		if err != nil {
			return err
		}
		m, err := hashmap.Open[uint64, uint64](p, "map")
		if err != nil {
			return err
		}
		for n := range uint64(100) {
			if err := m.Put(n, n*n); err != nil {
				return err
			}
		}
		fmt.Println("put")
		testchild.Wait()
		return nil
	})
}

// dirty makes a pool whose process was killed, and returns its path.
func dirty(t *testing.T, args ...string) string {
	t.Helper()
	path := filepath.Join(testpool.Dir(t), "pool")
	child := testchild.Start(t, "put", append([]string{path}, args...)...)
	require.Equal(t, "put", child.Line(t))
	child.Kill(t)
	return path
}

// fails runs this program, which must not succeed, and returns what it says.
func fails(t *testing.T, args ...string) (out, errOut string) {
	t.Helper()
	code, out, errOut := tool(t, "", args...)
	require.Equal(t, 1, code, "pmempool %v: %s", args, out)
	return out, errOut
}

// same proves that a file is as it was.
func same(t *testing.T, before []byte, path string) {
	t.Helper()
	require.True(t, bytes.Equal(before, read(t, path)), "%s has changed", path)
}

// hasAll proves that a plain pool has what was put.
func hasAll(t *testing.T, path string) {
	t.Helper()
	p, err := libpmemobj.Open(path, "journaled")
	require.NoError(t, err)
	defer func() { require.NoError(t, p.Close()) }()
	m, err := hashmap.Open[uint64, uint64](p, "map")
	require.NoError(t, err)
	for n := range uint64(100) {
		v, found, err := m.Get(n)
		require.NoError(t, err)
		require.True(t, found, n)
		require.Equal(t, n*n, v)
	}
	n, err := m.Len()
	require.NoError(t, err)
	require.EqualValues(t, 100, n)
}

// Ensure that the journal of a killed process is shown and replayed, once.
func TestJournal(t *testing.T) {
	path := dirty(t)
	before := read(t, path)
	out := must(t, "journal", "status", path)
	for _, want := range []string{
		`needs its journal +: yes`, `open +: no`, `state +: dirty`, `segments +: 3 of 4194304`, `segments in use +: 1, from 1 on`,
		`batches +: [1-9]\d*, from 1 on`, `was not closed, and is complete only with its journal: .* pmempool journal replay`,
	} {
		assert.Regexp(t, want, out)
	}
	out = must(t, "journal", "status", "-n", path+journal.Suffix)
	assert.Regexp(t, `^Journal:\n`, out)
	assert.Regexp(t, `segments +: 3 of 4\.0M`, out)

	// The others leave it alone, and say why.
	for _, args := range [][]string{{"check"}, {"check", "-r", "-y"}, {"list"}, {"feature", "-d", "SHUTDOWN_STATE"}} {
		_, errOut := fails(t, append(args, path)...)
		assert.Contains(t, errOut, "the pool has changes in its journal: open it with", args)
		assert.Contains(t, errOut, "pmempool journal replay", args)
	}
	code, _, errOut := tool(t, "", "info", path)
	assert.Zero(t, code)
	assert.Contains(t, errOut, "damaged: "+path+": pool header at offset 16: the pool has changes in its journal")
	same(t, before, path)

	assert.Regexp(t, `: [1-9]\d* batches replayed; complete without the journal now\n$`, must(t, "journal", "replay", "-v", path))
	must(t, "check", path)
	hasAll(t, path)
	code, theirs := original(t, "", "check", "-v", path)
	assert.Zero(t, code, theirs)
	out = must(t, "journal", "status", path)
	assert.Regexp(t, `state +: clean`, out)
	assert.Regexp(t, `segments +: 3 of 4194304`, out, "the journal keeps its size")
	assert.Contains(t, out, path+" needs no journal: it is complete.\n")
	before = read(t, path)
	assert.Equal(t, path+": complete without a journal\n", must(t, "journal", "replay", "-v", path))
	assert.Empty(t, must(t, "journal", "replay", path))
	same(t, before, path)

	require.NoError(t, os.Remove(path+journal.Suffix))
	assert.Contains(t, must(t, "journal", "status", path), path+" has no journal, and needs none.\n")
	must(t, "journal", "replay", path)
	assert.NoFileExists(t, path+journal.Suffix)
}

// Ensure that a journal elsewhere is found by its name, and that without it the
// pool is left as it is.
func TestJournalElsewhere(t *testing.T) {
	other := filepath.Join(testpool.Dir(t), "other")
	path := dirty(t, other)
	before := read(t, path)
	out, errOut := fails(t, "journal", "status", path)
	assert.Regexp(t, `needs its journal +: yes`, out)
	assert.Contains(t, errOut, path+journal.Suffix+" is missing, and has the newest changes of "+path)
	_, errOut = fails(t, "journal", "replay", path)
	assert.Contains(t, errOut, "the journal with the newest data of the pool is missing")
	assert.NoFileExists(t, path+journal.Suffix)
	same(t, before, path)

	assert.Regexp(t, `state +: dirty`, must(t, "journal", "status", "--journal", other, path))
	must(t, "journal", "replay", "-j", other, path)
	assert.NoFileExists(t, path+journal.Suffix)
	hasAll(t, path)
}

// Ensure that a journal that lacks what was durable, or belongs to another pool,
// or is none, is not replayed, and the pool stays as it is.
func TestJournalRefused(t *testing.T) {
	path := dirty(t)
	name := path + journal.Suffix
	pool, whole := read(t, path), read(t, name)
	refused := func(what, status, replay string) {
		t.Helper()
		_, errOut := fails(t, "journal", "status", path)
		assert.Contains(t, errOut, status, what)
		_, errOut = fails(t, "journal", "replay", path)
		assert.Contains(t, errOut, replay, what)
		same(t, pool, path)
	}

	write(t, name, 2*4096+smaller.SegmentSize+64, 0xee, 64) // the first batch, in segment 1
	refused("damaged", "batch 1 is missing, and was durable", "batch 1 is missing, and was durable")
	_, errOut := fails(t, "journal", "status", name)
	assert.Contains(t, errOut, "restore pool and journal from a backup")
	duplicate(t, name, whole)

	duplicate(t, name, read(t, dirty(t)+journal.Suffix))
	refused("foreign", "is the journal of another pool", "does not belong to this pool")

	duplicate(t, name, []byte("not a journal"))
	refused("no journal", "the file is not a journal", "neither of the journal's two headers is valid")

	duplicate(t, name, whole)
	must(t, "journal", "replay", path)
	hasAll(t, path)
}

// Ensure that a pool that is open is shown as that, and not replayed.
func TestJournalOpen(t *testing.T) {
	path := filepath.Join(testpool.Dir(t), "pool")
	child := testchild.Start(t, "put", path)
	require.Equal(t, "put", child.Line(t))
	out := must(t, "journal", "status", path)
	assert.Regexp(t, `open +: yes`, out)
	assert.Contains(t, out, path+" is open: this was so a moment ago.\n")
	_, errOut := fails(t, "journal", "replay", path)
	assert.Contains(t, errOut, "locked: the")
	child.Kill(t)
	must(t, "journal", "replay", path)
	hasAll(t, path)
}

func TestJournalMistakes(t *testing.T) {
	dir := testpool.Dir(t)
	log := filepath.Join(dir, "log")
	must(t, "create", "log", log)
	path := dirty(t)
	for _, c := range []struct {
		want string
		args []string
	}{
		{"usage: pmempool journal (status|replay)", nil},
		{"usage: pmempool journal (status|replay)", []string{"status"}},
		{"usage: pmempool journal (status|replay)", []string{"frob", path}},
		{"no such file", []string{"status", "/none"}},
		{"no such file", []string{"replay", "/none"}},
		{"neither an obj pool nor a journal", []string{"status", log}},
		{"neither an obj pool nor a journal", []string{"replay", log}},
		{"--journal is for a pool", []string{"status", "-j", "x", path + journal.Suffix}},
		{"is a journal; name the pool", []string{"replay", path + journal.Suffix}},
	} {
		_, errOut := fails(t, append([]string{"journal"}, c.args...)...)
		assert.Contains(t, errOut, c.want, c.args)
	}
}
