package libpmemlog

import "sync/atomic"

// followers wait for the log to change.
type followers struct {
	next atomic.Pointer[chan struct{}] // closed at the next change; nil if nobody waits
}

// changed is closed when the log is changed, or closed, from now on.
func (f *followers) changed() <-chan struct{} {
	for {
		if c := f.next.Load(); c != nil {
			return *c
		}
		c := make(chan struct{})
		if f.next.CompareAndSwap(nil, &c) {
			return c
		}
	}
}

// wake is called after every change.
func (f *followers) wake() {
	if c := f.next.Load(); c != nil && f.next.CompareAndSwap(c, nil) {
		close(*c)
	}
}
