package libpmemobj_test

import (
	"testing"

	"github.com/pmem/pmdk-go/libpmem/crashtest"
	. "github.com/pmem/pmdk-go/libpmemobj"
	"github.com/pmem/pmdk-go/libpmemobj/journal"
)

// inJournal has a pool that is mapped privately, whose flushes go to a journal:
// another sink, on the range that is recorded.
var inJournal = crashtest.Config{Options: []Option{journal.With(journal.Options{
	SegmentSize: journal.MinSegment, Segments: 2, CheckpointRate: -1,
})}}

// Ensure that what is true without a journal is so with one: PMDK takes other
// paths then.
func TestCrashUpdateInJournal(t *testing.T) { runCrash(t, inJournal, updates(0)) }

// Ensure the same for goroutines that share the journal's writes, and change the
// pool in all ways.
func TestCrashParallelInJournal(t *testing.T) {
	runCrash(t, inJournal, updates(0), publishes(0), atomics(0), lists(0), values(0), reservations(1))
}
