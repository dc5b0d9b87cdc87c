package libpmemobj_test

import (
	"testing"

	"github.com/pmem/pmdk-go/libpmem/crashtest"
)

// Ensure that goroutines that change a pool side by side in all ways keep what
// each was promised, and that nothing leaks between them.
func TestCrashParallel(t *testing.T) {
	runCrash(t, crashtest.Config{}, updates(0), publishes(0), atomics(0), lists(0), values(0), reservations(1))
}

// Ensure the same on an ordinary file.
func TestCrashParallelOnDisk(t *testing.T) {
	runCrash(t, onDisk, updates(1), publishes(1), lists(1), values(1))
}
