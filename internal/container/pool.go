package container

import (
	"slices"
	"sync"
	"sync/atomic"

	"github.com/pmem/pmdk-go/libpmemobj"
)

// pool is what the containers of an open pool share. It takes part in the
// pool's Close and in the end of the transaction that has containers.
type pool struct {
	turn sync.Mutex // of transactions that touch containers

	// Of the transaction whose turn it is, and touched by its goroutine alone,
	// except owner.
	owner atomic.Uintptr // its goroutine; 0 while it is nobody's turn
	held  []*Lock

	mu     sync.Mutex // while locks and closed change
	locks  map[*Lock]struct{}
	closed uint32 // stateClosing or stateClosed, or 0
}

type poolKey struct{}

func poolOf(p *libpmemobj.Pool) (*pool, error) {
	v, err := p.Attach(poolKey{}, func() (any, error) {
		return &pool{locks: map[*Lock]struct{}{}}, nil
	})
	if err != nil {
		return nil, err
	}
	return v.(*pool), nil
}

// add makes l one of the pool's.
func (p *pool) add(l *Lock) {
	p.mu.Lock()
	defer p.mu.Unlock()
	l.state.Or(p.closed)
	if p.closed != stateClosed {
		p.locks[l] = struct{}{}
	}
}

// remove forgets l.
func (p *pool) remove(l *Lock) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.locks, l)
}

// PoolClosing admits nobody any more, if nobody is inside.
func (p *pool) PoolClosing() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = stateClosing
	busy := false
	for l := range p.locks {
		l.state.Or(stateClosing)
		busy = busy || l.inUse()
	}
	if busy {
		p.reopen()
		return false
	}
	if len(p.locks) > 0 {
		awaitPinned()
	}
	return true
}

// PoolClosed lets go who waits since PoolClosing.
func (p *pool) PoolClosed(closed bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !closed {
		p.reopen()
		return
	}
	p.closed = stateClosed
	for l := range p.locks {
		l.state.Or(stateClosed)
		l.wakeAll()
	}
	p.locks = nil
}

func (p *pool) reopen() {
	p.closed = 0
	for l := range p.locks {
		l.state.And(^uint32(stateClosing))
		l.wake()
	}
}

// hold notes that l is told of the transaction's end.
func (p *pool) hold(l *Lock) {
	if !p.holds(l) {
		p.held = append(p.held, l)
	}
}

func (p *pool) holds(l *Lock) bool { return slices.Contains(p.held, l) }

// TxEnd gives back what the transaction holds.
func (p *pool) TxEnd(committed bool) {
	for i := len(p.held) - 1; i >= 0; i-- {
		p.held[i].endTx(committed)
		p.held[i] = nil
	}
	p.held = p.held[:0]
	p.owner.Store(0)
	p.turn.Unlock()
}
