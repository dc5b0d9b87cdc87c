package libpmemobj

import (
	"slices"
	"sync"
	"sync/atomic"
)

// logRegistry knows the buffers that open transactions keep their logs in. Two
// transactions in one buffer, or one twice, is an endless loop in C or silent
// damage.
type logRegistry struct {
	n    atomic.Int32 // how many; looked at without the lock
	lock sync.Mutex
	used []span // in order
}

// claim takes a buffer for a transaction.
func (r *logRegistry) claim(op string, s span) error {
	r.lock.Lock()
	defer r.lock.Unlock()
	if overlapsAny(r.used, s.start, s.end-s.start) {
		return logBusy(op, s.start, s.end-s.start)
	}
	i, _ := spans(r.used).search(s.start)
	r.used = slices.Insert(r.used, i, s)
	r.n.Add(1)
	return nil
}

// release gives back what a transaction claimed.
func (r *logRegistry) release(logs []span) {
	if len(logs) == 0 {
		return
	}
	r.lock.Lock()
	defer r.lock.Unlock()
	for _, s := range logs {
		(*spans)(&r.used).remove(s.start)
	}
	r.n.Add(int32(-len(logs)))
}

// free checks that no buffer has a byte of the n at off.
func (r *logRegistry) free(op string, off, n uint64) error {
	if r.n.Load() == 0 {
		return nil
	}
	r.lock.Lock()
	defer r.lock.Unlock()
	if overlapsAny(r.used, off, n) {
		return logBusy(op, off, n)
	}
	return nil
}

func logBusy(op string, off, n uint64) error {
	return stateErr(op, ErrLogBusy, "%d bytes at offset %#x", n, off)
}
