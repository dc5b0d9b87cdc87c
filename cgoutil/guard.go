package cgoutil

import (
	"sync"
	"sync/atomic"
)

// Guard counts the goroutines that are inside a handle's C calls and keeps
// them apart from Close: nothing enters after Close, and Close does not
// proceed while somebody is inside. The zero Guard is open.
//
// Enter and Exit are one atomic addition each.
type Guard struct {
	state   atomic.Int64 // closedBit + number inside
	closing sync.Mutex   // one Close at a time
}

const (
	closedBit    = 1 << 62
	exclusiveBit = 1 << 61 // while Exclusive runs
)

// Enter admits the caller, who must call Exit once, and returns how many are
// inside now, the caller included. After Close it returns ErrClosed and
// admits nobody.
func (g *Guard) Enter() (inside int64, err error) {
	if inside = g.state.Add(1); inside >= exclusiveBit {
		inside, err = g.refused()
	}
	return
}

// refused undoes the addition of Enter, waits for the end of an Exclusive, and
// tries again unless the guard is closed.
func (g *Guard) refused() (inside int64, err error) {
	for {
		if g.state.Add(-1) >= closedBit {
			return 0, ErrClosed
		}
		g.closing.Lock()
		g.closing.Unlock()
		if n := g.state.Add(1); n < exclusiveBit {
			return n, nil
		}
	}
}

// Exclusive runs f with nobody inside. Who wants to enter meanwhile waits for
// the end of f, which must not enter itself. With somebody inside it returns
// ErrBusy, after Close ErrClosed, and f does not run.
func (g *Guard) Exclusive(f func() error) error {
	g.closing.Lock()
	defer g.closing.Unlock()
	if g.Closed() {
		return ErrClosed
	}
	if !g.state.CompareAndSwap(0, exclusiveBit) {
		return ErrBusy
	}
	defer g.state.Add(-exclusiveBit)
	return f()
}

// Exit undoes one successful Enter. One Exit too many panics: it would let
// Close run under a caller who is still inside, or reopen a closed handle.
func (g *Guard) Exit() {
	if n := g.state.Add(-1); n < 0 || n == closedBit-1 || n == exclusiveBit-1 {
		panicUnbalanced()
	}
}

func panicUnbalanced() { panic("cgoutil: Guard.Exit without Enter") }

// Inside is how many are inside at this moment.
func (g *Guard) Inside() int64 { return g.state.Load() &^ (closedBit | exclusiveBit) }

// Closed says whether Close has succeeded.
func (g *Guard) Closed() bool { return g.state.Load() >= closedBit }

// Close closes the guard and then runs release, exactly once over all calls:
// a second Close returns nil and does nothing. With somebody inside it
// returns ErrBusy and the guard stays open. If release fails, its error is
// returned and the guard stays closed: what was half released is not used
// again.
func (g *Guard) Close(release func() error) error {
	g.closing.Lock()
	defer g.closing.Unlock()
	if g.Closed() {
		return nil
	}
	if !g.state.CompareAndSwap(0, closedBit) {
		return ErrBusy
	}
	return release()
}
