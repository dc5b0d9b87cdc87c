package crashtest

import (
	"github.com/pmem/pmdk-go/internal/objheap"
	"github.com/pmem/pmdk-go/libpmem/crashtest/internal/trace"
)

// fewLanes is how many lanes a libpmemobj pool keeps in a worker, and what that
// is rounded to: enough for the transactions of a check, so many at a time. For
// each of 1024 lanes PMDK allocates and frees memory when it opens and closes a
// pool, which takes four fifths of the time.
const (
	fewLanes = 64
	allLanes = 1024
)

// lanesNeeded is how many lanes the pool of a recording needs: the others are
// never used. It is 0 if that can't be told.
func lanesNeeded(k *kind, t *trace.Trace) int {
	if k != &kindObj {
		return 0
	}
	used := objheap.UsedLanes(t.Base)
	for i := range t.Events {
		e := &t.Events[i]
		if e.Kind != trace.Store {
			continue
		}
		if objheap.InDescriptor(e.Off) {
			return 0
		}
		// A line may begin in a lane and end in the next one.
		used = max(used, objheap.LaneOf(e.Off+trace.Line-1)+1)
	}
	used = (used + fewLanes - 1) / fewLanes * fewLanes
	if used = max(used, fewLanes); used >= allLanes {
		return 0
	}
	return used
}
