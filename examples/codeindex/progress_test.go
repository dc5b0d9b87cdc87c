package main

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Ensure that a log gets four lines, however many steps there are.
func TestProgressInLog(t *testing.T) {
	var log strings.Builder
	p := newProgress(&log, "indexing", 1000)
	for range 1000 {
		p.step()
	}
	p.end()
	assert.Equal(t, "indexing: 25 % (250 of 1,000)\nindexing: 50 % (500 of 1,000)\n"+
		"indexing: 75 % (750 of 1,000)\nindexing: 100 % (1,000 of 1,000)\n", log.String())
}

func TestProgressFewSteps(t *testing.T) {
	var log strings.Builder
	p := newProgress(&log, "x", 1)
	p.step()
	p.end()
	assert.Equal(t, "x: 100 % (1 of 1)\n", log.String())

	log.Reset()
	newProgress(&log, "x", 0).end()
	assert.Empty(t, log.String())
}

// Ensure that a file that is no terminal gets no bar.
func TestProgressToFile(t *testing.T) {
	f, err := os.Create(t.TempDir() + "/log")
	require.NoError(t, err)
	defer f.Close()
	p := newProgress(f, "x", 4)
	p.step()
	text, err := os.ReadFile(f.Name())
	require.NoError(t, err)
	assert.Equal(t, "x: 25 % (1 of 4)\n", string(text))
}
