//go:build !asan

package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// Ensure that no operation allocates on the Go heap. The address sanitizer
// moves local variables there, so that there is nothing to ensure with it.
func TestNoAllocation(t *testing.T) {
	for _, p := range newTestBench(t).cases() {
		t.Run(p.name, func(t *testing.T) {
			if raceDetector && strings.HasPrefix(p.name, "publish/") {
				t.Skip("under the race detector, the sync.Pool of publications forgets values on purpose")
			}
			assert.Zero(t, testing.AllocsPerRun(100, func() { p.inGo(1) }))
			p.undo()
		})
	}
}
