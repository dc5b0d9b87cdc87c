package radix

import (
	"sync/atomic"

	"github.com/pmem/pmdk-go/internal/percpu"
)

// epochs tell when nobody can be looking any more at what was taken out of the
// tree. An operation counts itself in for the epoch of its beginning. An epoch
// ends when no operation is left of the one before: so what was taken out in
// epoch e may be freed in epoch e+2. Nobody ever waits.
type epochs struct {
	now   atomic.Uint64
	_     [56]byte
	slots []epochSlot
}

// epochSlot belongs to a processor. It fills two cache lines, which processors
// fetch in pairs.
type epochSlot struct {
	inside  [2]atomic.Int64 // operations, by the epoch's last bit
	entries atomic.Int64    // that were added minus those removed
	_       [104]byte
}

const maxEpochSlots = 64

func (e *epochs) init() { e.slots = make([]epochSlot, percpu.Slots(maxEpochSlots)) }

// enter counts an operation in, until count.Add(-1).
func (e *epochs) enter() (count *atomic.Int64) {
	s := &e.slots[percpu.Index()&(len(e.slots)-1)]
	for {
		now := e.now.Load()
		count = &s.inside[now&1]
		count.Add(1)
		if e.now.Load() == now {
			return count
		}
		count.Add(-1)
	}
}

// advance ends the epoch if it can, and returns the one that it is then.
func (e *epochs) advance() uint64 {
	now := e.now.Load()
	for i := range e.slots {
		if e.slots[i].inside[(now+1)&1].Load() != 0 {
			return now
		}
	}
	e.now.CompareAndSwap(now, now+1)
	return e.now.Load()
}

// add counts n more entries.
func (e *epochs) add(n int64) {
	e.slots[percpu.Index()&(len(e.slots)-1)].entries.Add(n)
}

func (e *epochs) sum() (n int64) {
	for i := range e.slots {
		n += e.slots[i].entries.Load()
	}
	return n
}
