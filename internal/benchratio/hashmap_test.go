package main

import (
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/testpool"
)

// Ensure that the cases of hashmap run, with few entries.
func TestHashmapCases(t *testing.T) {
	b := &hashmapBench{dir: testpool.Dir(t), wanted: regexp.MustCompile("hashmap"), entries: 3000, rounds: 1, reopen: 2000}
	require.NoError(t, b.compare())
	require.NoError(t, b.scale())
	require.NoError(t, b.timeReopen())
	b.wanted = regexp.MustCompile("^hashmap/get$")
	require.True(t, b.any("hashmap/put hashmap/get"))
	require.False(t, b.any("scale/hashmap-get scale/hashmap-put"))
}
