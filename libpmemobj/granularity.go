package libpmemobj

import "golang.org/x/sys/unix"

// Granularity is by how many bytes a pool set with directories grows when it
// is full; 128 MiB at first, 0 if it does not grow by itself. It means nothing
// to other pools.
//
// Implements: pmemobj_ctl_get(3), the node heap.size.granularity
func (p *Pool) Granularity() (uint64, error) {
	n, err := p.getNumber("granularity", "heap.size.granularity", ctlUlong)
	return uint64(n), err
}

// SetGranularity changes it until the pool is closed: 0, or MinPart to MaxStep in
// whole pages. A pool opened with WithCopyOnWrite does not grow.
//
// Implements: pmemobj_ctl_set(3), the node heap.size.granularity
func (p *Pool) SetGranularity(bytes uint64) error {
	const op = "set granularity"
	// PMDK takes other numbers too, and then never opens the pool again, or does
	// not grow it.
	if bytes != 0 && (bytes < MinPart || bytes > MaxStep || bytes%uint64(page) != 0) {
		return badArgument(op, "%d bytes; a pool grows by %d to %d in whole pages, 0 is for no growth", bytes, MinPart, int64(MaxStep))
	}
	if bytes != 0 && p.growth != nil && p.growth.frozen {
		return &Error{Op: op, Path: p.path, Errno: unix.ENOTSUP, Msg: "a pool opened with WithCopyOnWrite does not grow"}
	}
	return p.setNumber(op, "heap.size.granularity", ctlUlong, int64(bytes))
}
