package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/testpool"
	"github.com/pmem/pmdk-go/libpmemobj"
	"github.com/pmem/pmdk-go/libpmemobj/counter"
	"github.com/pmem/pmdk-go/libpmemobj/directory"
	"github.com/pmem/pmdk-go/libpmemobj/hashmap"
	"github.com/pmem/pmdk-go/libpmemobj/radix"
	"github.com/pmem/pmdk-go/libpmemobj/ring"
	"github.com/pmem/pmdk-go/libpmemobj/vector"
)

// fields are the words of the lines, without the bytes, which are for the
// containers to say.
func fields(out string) (lines []string) {
	for line := range strings.Lines(out) {
		words := strings.Fields(line)
		lines = append(lines, strings.Join(words[:len(words)-1], " "))
	}
	return lines
}

// Ensure that every container is listed, also of a kind that the program does
// not know or one that is damaged, and that the file stays as it is.
func TestList(t *testing.T) {
	path := filepath.Join(testpool.Dir(t), "pool")
	must(t, "create", "obj", "-s", "64M", path)
	assert.Equal(t, "NAME  KIND  VERSION  ENTRIES  BYTES\n", must(t, "list", path))

	p, err := libpmemobj.Open(path, "")
	require.NoError(t, err)
	users, err := hashmap.Open[uint64, [2]uint32](p, "users")
	require.NoError(t, err)
	require.NoError(t, users.Put(1, [2]uint32{}))
	texts, err := hashmap.OpenBytes(p, "texts")
	require.NoError(t, err)
	require.NoError(t, texts.Put([]byte("a"), make([]byte, 100_000)))
	events, err := radix.Open(p, "events")
	require.NoError(t, err)
	require.NoError(t, events.Put([]byte("a"), make([]byte, 200_000)))
	require.NoError(t, events.Put([]byte("b"), nil))
	points, err := radix.OpenOf[[2]float64](p, "points")
	require.NoError(t, err)
	require.NoError(t, points.Put([]byte("a"), [2]float64{}))
	samples, err := vector.Open[float64](p, "samples")
	require.NoError(t, err)
	_, err = samples.AppendN(1000, 1)
	require.NoError(t, err)
	_, err = counter.Open(p, "hits\n")
	require.NoError(t, err)
	jobs, err := ring.OpenQueue(p, "jobs")
	require.NoError(t, err)
	require.NoError(t, jobs.TryEnqueue([]byte("job")))
	_, err = directory.Open(p, "strange", directory.Kind{Name: "other.Kind", Version: 7}, func(tx *libpmemobj.Tx) (uint64, error) {
		oid, _, err := libpmemobj.NewBytes(tx, 64, 1)
		return oid.Off, err
	})
	require.NoError(t, err)
	var vectorAt int64
	for e, err := range directory.List(p) {
		require.NoError(t, err)
		if e.Name == "samples" {
			vectorAt = int64(e.Off)
		}
	}
	require.NoError(t, p.Close())

	before := read(t, path)
	out := must(t, "list", path)
	assert.Equal(t, []string{
		"NAME KIND VERSION ENTRIES",
		"events radix.Map 1 2",
		`hits\n counter.Sharded 1 1`,
		"jobs ring.Queue 1 1",
		"points radix.Of[[2]float64] 1 1",
		"samples vector.Vector[float64] 1 1000",
		"strange other.Kind 7 -",
		"texts hashmap.Bytes 1 1",
		"users hashmap.Map[uint64, [2]uint32] 1 1",
	}, fields(out))
	assert.Regexp(t, `(?m)^strange .* -$`, out)
	assert.Regexp(t, `(?m)^texts .* 1\d{5}$`, out)
	assert.Regexp(t, `(?m)^events .* 20\d{4}$`, out)
	assert.Regexp(t, `(?m)^points .* \d{4}$`, out)
	assert.Regexp(t, `(?m)^texts .* 1\d\d\.\dK$`, must(t, "list", "-n", path))
	widths := map[int]bool{}
	for line := range strings.Lines(out) {
		widths[len(line)] = true
	}
	assert.Len(t, widths, 1, "columns stand below one another:\n%s", out)
	assert.Equal(t, before, read(t, path))

	write(t, path, vectorAt, 0xee, 8)
	code, out, errOut := tool(t, "", "list", path)
	assert.Equal(t, 1, code)
	assert.Contains(t, fields(out), "samples vector.Vector[float64] 1 -")
	assert.Contains(t, fields(out), "users hashmap.Map[uint64, [2]uint32] 1 1")
	assert.Contains(t, errOut, `damaged: "samples": the vector at offset`)
}

// Ensure that a pool without a directory is told from one that is empty.
func TestListForeignRoot(t *testing.T) {
	path := filepath.Join(testpool.Dir(t), "pool")
	must(t, "create", "obj", path)
	p, err := libpmemobj.Open(path, "")
	require.NoError(t, err)
	_, err = libpmemobj.Root[uint64](p)
	require.NoError(t, err)
	require.NoError(t, p.Close())
	code, out, errOut := tool(t, "", "list", path)
	assert.Equal(t, 1, code)
	assert.Empty(t, out)
	assert.Contains(t, errOut, "does not begin with a directory")
}
