package libpmemobj

import (
	"errors"
	"fmt"

	"github.com/pmem/pmdk-go/internal/objheap"
)

// SpaceReason says why there was no room for an object.
type SpaceReason int

const (
	// SpaceFull: less than the object needs is free in the whole pool.
	SpaceFull SpaceReason = iota

	// SpaceFragmented: enough is free, but not in one piece that can hold the
	// object. Freeing neighbours helps.
	SpaceFragmented

	// SpaceOverCap: no object can be that large, in any pool (MaxAlloc), or in
	// this one even if it were empty.
	SpaceOverCap

	// SpaceReserved: a piece that could hold the object exists, but is promised
	// to a reservation that has not been published, or to a transaction that
	// has not committed. It is free again if they are given up.
	SpaceReserved

	// SpaceInArenas: the only pieces that could hold the object belong to the
	// arenas of other threads, which do not lend them. See [Pool.WithArena] and
	// [WithArenas].
	SpaceInArenas
)

// String is the reason in a word or two.
func (r SpaceReason) String() string {
	switch r {
	case SpaceFull:
		return "full"
	case SpaceFragmented:
		return "fragmented"
	case SpaceOverCap:
		return "over the cap of a single object"
	case SpaceReserved:
		return "reserved"
	case SpaceInArenas:
		return "held by the arenas of other threads"
	}
	return fmt.Sprintf("SpaceReason(%d)", int(r))
}

// SpaceError is the detail of an allocation that found no room; errors.As finds
// it in errors that match [ErrOutOfSpace], and in those about objects that are
// larger than MaxAlloc. The numbers are those of the moment after the failure,
// when other goroutines may have changed something.
type SpaceError struct {
	// Requested is the size asked for in bytes. It is 0 for a transaction that
	// found no room for its log.
	Requested uint64

	// Free is how many bytes are free in the pool, and LargestFree how many of
	// them lie in the longest row that belongs to no block, which is what large
	// objects are made from. Reserved memory counts as free.
	Free, LargestFree uint64

	// Cap is the size of the largest object that the pool could hold if it were
	// empty.
	Cap uint64

	Reason SpaceReason

	err error // what it was before it was looked into
}

// Error says what failed, why, and what is free.
func (e *SpaceError) Error() string {
	switch {
	case e.Reason == SpaceOverCap && !errors.Is(e.err, ErrOutOfSpace):
		return e.err.Error() // which says it all
	case e.Reason == SpaceOverCap:
		return fmt.Sprintf("%v: %v: %d bytes; an object has at most %d here", e.err, e.Reason, e.Requested, e.Cap)
	case e.Requested == 0:
		return fmt.Sprintf("%v: %v: a log needs more, %d bytes free, %d of them in one piece", e.err, e.Reason, e.Free, e.LargestFree)
	}
	return fmt.Sprintf("%v: %v: %d bytes asked for, %d free, %d of them in one piece", e.err, e.Reason, e.Requested, e.Free, e.LargestFree)
}

// Unwrap gives the error that SpaceError is the detail of.
func (e *SpaceError) Unwrap() error { return e.err }

// tooLarge is the error of a size that no object in any pool has.
func tooLarge(op string, size uint64) error {
	return &SpaceError{Requested: size, Cap: MaxAlloc, Reason: SpaceOverCap,
		err: badArgument(op, "%d bytes; an object has at most %d", size, MaxAlloc)}
}

// explain adds a SpaceError to an error that is about space: the allocation of
// size bytes with flags has failed. Size 0 is a log.
func (p *Pool) explain(err error, size uint64, flags AllocFlags) error {
	if !errors.Is(err, ErrOutOfSpace) {
		return err
	}
	want := p.want(size, flags)
	u := p.heap.Usage(want.shape, want.units)
	e := &SpaceError{Requested: size, Free: u.FreeChunks + u.RunFree, LargestFree: u.LargestFree, Cap: min(MaxAlloc, u.Cap-want.header), err: err}
	switch {
	case size > e.Cap:
		e.Reason = SpaceOverCap
	case u.LargestFree >= want.chunks<<18:
		e.Reason = SpaceReserved
	case u.Fits > 0:
		e.Reason = SpaceInArenas
		// Each arena has at most one block of a class to itself.
		if u.Fits > p.otherArenas() {
			e.Reason = SpaceReserved
		}
	case e.Free < size+want.header:
		e.Reason = SpaceFull
	default:
		e.Reason = SpaceFragmented
	}
	return e
}

// builtinClasses is how many classes PMDK has of its own. Others are used by
// allocations that name them only.
const builtinClasses = 53

// want is what an allocation needs of the heap.
type want struct {
	shape  objheap.Shape // of the runs it could come from
	units  uint64        // of such a run; 0 if it comes from none
	chunks uint64        // of 256 KiB that would do if there is no such run
	header uint64
}

// want works out what C looks for.
func (p *Pool) want(size uint64, flags AllocFlags) want {
	if id := int(flags & classMask >> classShift); id != 0 {
		if c := p.class(id); c != nil {
			return want{c.shape, c.units(size), c.shape.Chunks, c.desc.Header.kind().Size()}
		}
	}
	const header, chunk = 16, 256 << 10
	need := size + header
	best := want{chunks: (need + chunk - 1) / chunk, header: header}
	waste := best.chunks*chunk - need
	for id := 1; id <= builtinClasses; id++ {
		c := p.class(id)
		if c == nil || c.desc.Header != HeaderCompact || c.desc.Alignment != 0 {
			continue
		}
		// The class that wastes least, and the larger one if two waste the
		// same. Objects without a class have 8 units at most.
		n := (need + c.desc.UnitSize - 1) / c.desc.UnitSize
		if n > 8 || n > uint64(c.desc.UnitsPerBlock) || n*c.desc.UnitSize-need > waste {
			continue
		}
		waste = n*c.desc.UnitSize - need
		best = want{c.shape, n, c.shape.Chunks, header}
	}
	return best
}

// otherArenas is how many arenas have memory, the calling thread's excepted.
func (p *Pool) otherArenas() (n uint64) {
	const op = "arenas"
	own, err := p.threadArena(op)
	if err != nil {
		return 0
	}
	total, err := p.countArenas(op)
	if err != nil {
		return 0
	}
	for id := range total {
		a := Arena{p, uint16(id + 1)}
		if a.id == own {
			continue
		}
		if size, err := ctlNumber(ctlGet, p.handle, op, a.node("size"), ctlUlong, 0); err == nil && size > 0 {
			n++
		}
	}
	return n
}
