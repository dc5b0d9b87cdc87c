package libpmemobj

// #include "persistranges_shim.h"
import "C"

import "unsafe"

// maxRanges is how many ranges go into C at once.
const maxRanges = C.PMEMGO_MAX_RANGES

var opPersistRanges = operation(C.pmemgo_obj_persist_ranges)

// PersistRanges makes several ranges durable with one wait for all of them,
// like [Pool.XPersist], at the price of one [Pool.Persist]: up to four cost one
// short crossing. Each range must lie in the pool; if one does not, none is
// flushed. Empty ranges are skipped. In a pool that a medium keeps, the wait is
// left to [Pool.AwaitDurable].
//
// Implements: pmemobj_flush(3), pmemobj_drain(3)
func (p *Pool) PersistRanges(ranges ...Range) error {
	const op = "persist ranges"
	if err := p.enterAnyChange(op); err != nil {
		return err
	}
	defer p.leave()
	for i := range ranges {
		if err := p.inside(op, ranges[i]); err != nil {
			return err
		}
	}
	if len(ranges) > maxRanges {
		return p.xflush(op, 0, ranges, 1)
	}
	p.flushRanges(ranges, true)
	return nil
}

// flushRanges flushes at most maxRanges ranges, and waits for them if drain is
// set.
func (p *Pool) flushRanges(ranges []Range, drain bool) {
	var f C.struct_pmemgo_persist_ranges // not a literal; see Pool.atomic
	f.pool, f.n = C.uint64_t(p.handle), C.uint64_t(len(ranges))
	if drain {
		f.drain = 1
	}
	work := uint64(workOfOne)
	for i, r := range ranges {
		f.ranges[i].addr, f.ranges[i].len = C.uint64_t(r.addr), C.uint64_t(r.len)
		work += uint64(r.len)
	}
	p.call(opPersistRanges, unsafe.Pointer(&f), work)
}

// PersistInside is [Pool.PersistRanges] for code that keeps the pool open by
// itself, as a [PoolUser] does, and knows that the ranges lie in it: neither is
// looked at, so that goroutines that persist at the same time have nothing in
// common. In a pool that is closed it ends the process. As with PersistRanges,
// the wait for a medium is left to [Pool.AwaitDurable].
//
// Implements: pmemobj_flush(3), pmemobj_drain(3)
func (p *Pool) PersistInside(ranges ...Range) {
	for len(ranges) > maxRanges {
		p.flushRanges(ranges[:maxRanges], false)
		ranges = ranges[maxRanges:]
	}
	p.flushRanges(ranges, true)
}
