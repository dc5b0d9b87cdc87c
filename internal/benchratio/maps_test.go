package main

import (
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/testpool"
)

// Ensure that the cases of maps run, with few entries.
func TestMapCases(t *testing.T) {
	for _, b := range mapBenches() {
		b.dir, b.wanted = testpool.Dir(t), regexp.MustCompile("")
		b.entries, b.rounds, b.reopen = 3000, 1, 2000
		require.NoError(t, b.run(), b.name)
	}
}
