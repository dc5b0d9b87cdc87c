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

const closedBit = 1 << 62

// Enter admits the caller, who must call Exit once, and returns how many are
// inside now, the caller included. After Close it returns ErrClosed and
// admits nobody.
func (g *Guard) Enter() (inside int64, err error) {
	n := g.state.Add(1)
	if n >= closedBit {
		g.state.Add(-1)
		return 0, ErrClosed
	}
	return n, nil
}

// Exit undoes one successful Enter. One Exit too many panics: it would let
// Close run under a caller who is still inside, or reopen a closed handle.
func (g *Guard) Exit() {
	if n := g.state.Add(-1); n < 0 || n == closedBit-1 {
		panicUnbalanced()
	}
}

func panicUnbalanced() { panic("cgoutil: Guard.Exit without Enter") }

// Inside is how many are inside at this moment.
func (g *Guard) Inside() int64 { return g.state.Load() &^ closedBit }

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
