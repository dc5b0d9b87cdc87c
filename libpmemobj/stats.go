package libpmemobj

import (
	"fmt"

	"github.com/pmem/pmdk-go/internal/objheap"
)

// StatsMode is which statistics PMDK collects in a pool.
type StatsMode int

const (
	// StatsTransient collects what is forgotten when the pool is closed:
	// RunAllocated and RunActive. It is the default.
	StatsTransient StatsMode = iota

	// StatsBoth collects Allocated as well, a number in the pool that every
	// allocation and every free changes.
	StatsBoth

	// StatsPersistent collects Allocated alone.
	StatsPersistent

	// StatsDisabled collects nothing.
	StatsDisabled
)

// String is the mode's name in PMDK's configuration.
func (m StatsMode) String() string {
	if m < StatsTransient || m > StatsDisabled {
		return fmt.Sprintf("StatsMode(%d)", int(m))
	}
	return statsWords[m]
}

// Stats are the figures of a pool at one moment. Sizes are in bytes, headers of
// objects included.
type Stats struct {
	Mode StatsMode

	// Allocated is the size of all objects. It survives restarts and is right
	// only if StatsBoth or StatsPersistent was set from the beginning.
	Allocated uint64

	// RunAllocated is the size of the objects that have been allocated in
	// blocks of units since the pool was opened, less those freed, and
	// RunActive the size of the blocks in use for it. They need StatsTransient
	// or StatsBoth.
	RunAllocated, RunActive uint64

	// HeapSize is the size of all that objects and their blocks can take.
	// Free is what no object has: FreeBlocks in no block at all, of which
	// LargestFree lie in a row, and FreeUnits inside blocks of units. They are
	// read from the heap itself and right in every mode; memory of
	// reservations and of open transactions counts as free.
	HeapSize    uint64
	Free        uint64
	FreeBlocks  uint64
	FreeUnits   uint64
	LargestFree uint64

	Arenas []ArenaStats
}

// ArenaStats are the figures of an arena, which is as close as PMDK comes to
// figures of a thread: see [Pool.ThreadArena].
type ArenaStats struct {
	ID        int
	Automatic bool   // assigned to threads
	Size      uint64 // of the blocks that it has to itself
}

// Stats collects the figures of the pool. It reads the heap's metadata, a page
// or two for each block of small objects. While other goroutines allocate, the
// figures are of slightly different moments.
//
// Implements: pmemobj_ctl_get(3), the nodes below stats
func (p *Pool) Stats() (Stats, error) {
	const op = "stats"
	if err := p.enterAny(op); err != nil {
		return Stats{}, err
	}
	defer p.leave()
	mode, err := ctlNumber(ctlGet, p.handle, op, "stats.enabled", ctlInt, 0)
	if err != nil {
		return Stats{}, err
	}
	s := Stats{Mode: StatsMode(mode)}
	for name, v := range map[string]*uint64{
		"stats.heap.curr_allocated": &s.Allocated,
		"stats.heap.run_allocated":  &s.RunAllocated,
		"stats.heap.run_active":     &s.RunActive,
	} {
		n, err := ctlNumber(ctlGet, p.handle, op, name, ctlUlong, 0)
		if err != nil {
			return Stats{}, err
		}
		*v = uint64(n)
	}
	u := p.heap.Usage(objheap.Shape{}, 0)
	s.HeapSize, s.FreeBlocks, s.FreeUnits, s.LargestFree = u.Size, u.FreeChunks, u.RunFree, u.LargestFree
	s.Free = s.FreeBlocks + s.FreeUnits
	s.Arenas, err = p.arenaStats(op)
	return s, err
}

func (p *Pool) arenaStats(op string) ([]ArenaStats, error) {
	total, err := p.countArenas(op)
	if err != nil {
		return nil, err
	}
	all := make([]ArenaStats, total)
	for i := range all {
		a := Arena{p, uint16(i + 1)}
		size, err := ctlNumber(ctlGet, p.handle, op, a.node("size"), ctlUlong, 0)
		if err != nil {
			return nil, err
		}
		automatic, err := ctlNumber(ctlGet, p.handle, op, a.node("automatic"), ctlInt, 0)
		if err != nil {
			return nil, err
		}
		all[i] = ArenaStats{a.ID(), automatic != 0, uint64(size)}
	}
	return all, nil
}

// StatsMode is which statistics are collected.
//
// Implements: pmemobj_ctl_get(3), the node stats.enabled
func (p *Pool) StatsMode() (StatsMode, error) {
	n, err := p.getNumber("stats mode", "stats.enabled", ctlInt)
	return StatsMode(n), err
}

// SetStatsMode says which statistics to collect until the pool is closed. What
// happened before is not counted.
//
// Implements: pmemobj_ctl_set(3), the node stats.enabled
func (p *Pool) SetStatsMode(m StatsMode) error {
	const op = "set stats mode"
	if m < StatsTransient || m > StatsDisabled {
		return badArgument(op, "%v is no mode", m)
	}
	return p.setNumber(op, "stats.enabled", ctlInt, int64(m))
}
