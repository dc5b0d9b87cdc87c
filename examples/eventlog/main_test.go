package main

import (
	"bytes"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/libpmemlog"
)

// TestMain lets the test binary be the program, whose demo starts itself.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[len(os.Args)-1] == "run" {
		main()
		return
	}
	os.Exit(m.Run())
}

func testConfig(t *testing.T) config {
	return config{path: filepath.Join(t.TempDir(), "events.log"), writers: 3, kills: 5, durability: "process-crash"}
}

// Ensure that no acknowledged event is missing after any of several kills, and
// that what is there can be printed.
func TestDemo(t *testing.T) {
	c := testConfig(t)
	var out bytes.Buffer
	require.NoError(t, c.do("demo", &out))
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	require.Len(t, lines, c.kills)
	for _, line := range lines {
		assert.Regexp(t, `^kill \d+: all [1-9]\d* acknowledged events are there, and \d+ more; \d+ bytes$`, line)
	}
	out.Reset()
	require.NoError(t, c.do("print", &out))
	assert.Contains(t, out.String(), "writer 0, event 1: something happened\n")
}

// Ensure that the check can fail.
func TestMissing(t *testing.T) {
	c := testConfig(t)
	seen := progress{counts{}, counts{}}
	require.NoError(t, c.killOne(&seen))
	require.NotEmpty(t, seen.appended)
	there := seen.appended.clone()
	for w := range there {
		there[w] = max(there[w], seen.followed[w])
	}
	require.NoError(t, seen.missing(there))
	for w := range seen.appended {
		seen.appended[w] = there[w] + 1
	}
	assert.ErrorContains(t, seen.missing(there), "were acknowledged")
	seen = progress{counts{}, counts{7: 1}}
	assert.ErrorContains(t, seen.missing(counts{}), "1 events of writer 7 were read, 0 are there")
	assert.ErrorContains(t, seen.note("appended 0 3"), "event 3 of writer 0 comes after event 0")
	assert.Error(t, seen.note("nonsense"))
}

// Ensure that a log that is full ends a run with all goroutines, and says so.
func TestFull(t *testing.T) {
	c := testConfig(t)
	log, err := libpmemlog.Create(c.path, libpmemlog.WithSize(libpmemlog.MinPool))
	require.NoError(t, err)
	require.NoError(t, log.Close())
	var out lockedBuffer
	err = c.run(&out)
	require.ErrorIs(t, err, libpmemlog.ErrFull)
	assert.Contains(t, out.String(), "followed 0 1\n")
}

func TestUsage(t *testing.T) {
	flag.CommandLine.SetOutput(io.Discard)
	assert.ErrorContains(t, testConfig(t).do("what", os.Stdout), "which command")
	c := testConfig(t)
	c.durability = "eternal"
	assert.ErrorContains(t, c.do("print", os.Stdout), "none of auto")
}
