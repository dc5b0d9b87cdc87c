package libpmemobj

import (
	"strings"

	"golang.org/x/sys/unix"
)

// Granularity is by how many bytes a pool set with directories grows when it
// is full; 128 MiB at first, 0 if it does not grow by itself. It means nothing
// to other pools.
//
// Implements: pmemobj_ctl_get(3), the node heap.size.granularity
func (p *Pool) Granularity() (uint64, error) {
	n, err := p.getNumber("granularity", "heap.size.granularity", ctlUlong)
	return uint64(n), err
}

// SetGranularity changes it until the pool is closed: 0, or 2 MiB and more.
//
// Implements: pmemobj_ctl_set(3), the node heap.size.granularity
func (p *Pool) SetGranularity(bytes uint64) error {
	const op = "set granularity"
	if bytes != 0 && bytes < minPart || bytes > 1<<62 {
		return badArgument(op, "%d bytes; the parts of a pool set have %d or more, 0 is for no growth", bytes, minPart)
	}
	return p.setNumber(op, "heap.size.granularity", ctlUlong, int64(bytes))
}

// Extend makes the pool grow by that many bytes, more than 2 MiB. Only pool
// sets with directories can; for others the error matches unix.ENOTSUP.
//
// Implements: pmemobj_ctl_exec(3), the node heap.size.extend
func (p *Pool) Extend(bytes int64) error {
	const op = "extend"
	if bytes <= minPart {
		return badArgument(op, "%d bytes; a part of a pool set has more than %d", bytes, minPart)
	}
	if err := p.enter(op); err != nil {
		return err
	}
	defer p.leave()
	p.ctlLock.Lock()
	defer p.ctlLock.Unlock()
	_, err := ctlNumber(ctlExec, p.handle, op, "heap.size.extend", ctlUlong, bytes)
	if err != nil && strings.Contains(err.Error(), "appending parts with headers is not supported") {
		return &Error{Op: op, Path: p.path, Errno: unix.ENOTSUP, Msg: "the pool cannot grow: only a pool set with directories can"}
	}
	return err
}
