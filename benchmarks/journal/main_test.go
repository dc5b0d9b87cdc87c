package main

import (
	"bytes"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// bench runs the program and returns what it prints.
func bench(t *testing.T, args ...string) (ratios, tables string, err error) {
	t.Helper()
	dir := t.TempDir()
	var out, info bytes.Buffer
	err = run(append([]string{"-dir", dir, "-any-disk"}, args...), &output{&out, &info})
	left, readErr := os.ReadDir(dir)
	require.NoError(t, readErr)
	assert.Empty(t, left, "the stores are removed")
	return out.String(), info.String(), err
}

// Ensure that engines take turns, that there is a table for each number of
// goroutines, and a line for each ratio that has a target.
func TestTurns(t *testing.T) {
	ratios, tables, err := bench(t, "-rounds", "2", "-turn", "20ms", "-warmup", "5ms", "-goroutines", "1,4",
		"-size", "33554432", "-ours", "msync", "-engines", "msync,msync-update,bbolt-update,bbolt-batch,pebble")
	require.NoError(t, err)
	for _, want := range []string{"put-1-vs-bbolt", "put-1-vs-bbolt-batch", "put-1-vs-pebble", "put-4-vs-bbolt", "put-4-vs-pebble", "p99-4-vs-pebble", "put-4-vs-msync-update"} {
		assert.Regexp(t, `(?m)^ratio msync/`+want+` \d+\.\d{3}$`, ratios)
	}
	assert.NotContains(t, ratios, "vs-msync ", "not with itself")
	assert.Contains(t, tables, "writing 4 KiB and fdatasync take")
	assert.Contains(t, tables, "round 2 of 2, 4 goroutines")
	assert.Contains(t, tables, "msync/put-1-vs-bbolt: target <= 0.50")
	assert.NotContains(t, tables, "put-4-vs-bbolt: target")
	for _, engine := range []string{"msync", "msync-update", "bbolt-update", "bbolt-batch", "pebble"} {
		assert.Len(t, regexp.MustCompile(`(?m)^ +`+engine+` +\d+ +\d`).FindAllString(tables, -1), 2, engine)
	}
}

// Ensure that a long run fills a store, tells each second and sums up.
func TestLong(t *testing.T) {
	ratios, tables, err := bench(t, "-long", "-for", "1100ms", "-warmup", "0", "-goroutines", "2",
		"-size", "33554432", "-ours", "process-crash", "-engines", "process-crash,pebble")
	require.NoError(t, err)
	for _, engine := range []string{"process-crash", "pebble"} {
		assert.Regexp(t, `(?m)^ratio `+engine+`/long-peak-vs-100ms \d`, ratios)
		assert.Contains(t, tables, engine+": a store of 83886 values")
		assert.Regexp(t, engine+`, 2 goroutines, 1\.1s: \d+ puts/s, p50 .*, max .* ms; .*checkpoints.*; \d+ seconds with a put over 100ms`, tables)
	}
	assert.Equal(t, 1, strings.Count(tables, "target <="), "only ours has a target")
}

// Ensure that a pool that is too small is an error that says so, and that
// nothing is left then either.
func TestTooSmall(t *testing.T) {
	_, _, err := bench(t, "-rounds", "1", "-turn", "1h", "-goroutines", "2", "-size", "8388608", "-engines", "process-crash")
	assert.ErrorContains(t, err, "process-crash with 2 goroutines: put ")
	assert.ErrorContains(t, err, "out of space")
}

func TestRefusals(t *testing.T) {
	for _, c := range []struct {
		want string
		args []string
	}{
		{"no engine is called", []string{"-engines", "msync,nosuch"}},
		{"no engine is called", []string{"-long", "-engines", "nosuch"}},
		{"no long run with bbolt-update", []string{"-long", "-engines", "bbolt-update"}},
		{"8 MiB is too small", []string{"-long", "-size", "8388608"}},
		{"no number of goroutines", []string{"-goroutines", "1,many"}},
		{"no number of goroutines", []string{"-goroutines", "0"}},
		{"nothing to measure", []string{"-rounds", "0"}},
		{"nothing to measure", []string{"-turn", "0s"}},
		{"arguments that mean nothing", []string{"long"}},
		{"MiB free, this needs", []string{"-size", "1000000000000000"}},
	} {
		_, _, err := bench(t, c.args...)
		assert.ErrorContains(t, err, c.want, "%q", c.args)
	}
}

// Ensure that memory is not taken for a disk.
func TestMemoryRefused(t *testing.T) {
	dir, err := os.MkdirTemp("/dev/shm", "bench-journal-test")
	if err != nil {
		t.Skipf("no tmpfs: %v", err)
	}
	defer os.RemoveAll(dir)
	err = run([]string{"-dir", dir}, &output{&bytes.Buffer{}, &bytes.Buffer{}})
	assert.ErrorContains(t, err, "is on tmpfs, where nothing is durable")
}

// Ensure what ratios are made of, and that bbolt is what suits it better.
func TestRatios(t *testing.T) {
	one := func(rate, p99 float64) *cell { return &cell{rate: []float64{rate, rate}, p99: []float64{p99, p99}} }
	s := &settings{ours: "journal", engines: []string{"journal", "bbolt-update", "bbolt-batch", "pebble"}}
	got := make(map[string]float64)
	for _, r := range ratios(map[string]*cell{
		"journal": one(1000, 10), "bbolt-update": one(100, 80), "bbolt-batch": one(200, 20), "pebble": one(500, 5),
	}, s) {
		got[r.what+"-"+r.theirs] = r.value
	}
	assert.Equal(t, map[string]float64{
		"put-bbolt": 0.2, "put-bbolt-update": 0.1, "put-bbolt-batch": 0.2, "put-pebble": 0.5,
		"p99-bbolt": 0.5, "p99-bbolt-update": 0.125, "p99-bbolt-batch": 0.5, "p99-pebble": 2,
	}, got)
	assert.Empty(t, ratios(map[string]*cell{"pebble": one(1, 1)}, s), "without ours there are none")
}

func TestMedian(t *testing.T) {
	assert.Equal(t, 2.0, median([]float64{3, 1, 2}))
	assert.Equal(t, 2.5, median([]float64{4, 1, 2, 3}))
}

// Ensure that a ratio over its target is marked, and others are not.
func TestVerdict(t *testing.T) {
	var out, info bytes.Buffer
	o := &output{&out, &info}
	o.ratio("a", 0.51, 0.5)
	o.ratio("b", 0.5, 0.5)
	o.ratio("c", 7, 0)
	assert.Equal(t, "ratio a 0.510\nratio b 0.500\nratio c 7.000\n", out.String())
	assert.Equal(t, "    a: target <= 0.50  OVER\n    b: target <= 0.50\n", info.String())
}
