package libpmemobj

import (
	"sync"
)

// PoolUser is implemented by values attached to a pool (see [Pool.Attach])
// that touch its memory by themselves, without the pool's methods: Close asks
// them first.
type PoolUser interface {
	// PoolClosing is called when Close begins. It returns false if the pool is
	// in use, and Close fails with ErrPoolBusy then. If it returns true,
	// nobody must touch the pool's memory until PoolClosed is called.
	PoolClosing() bool

	// PoolClosed is called after PoolClosing returned true, with whether the
	// pool is closed now. It goes on as before if it is not.
	PoolClosed(closed bool)
}

// attachments are the values that live as long as a pool is open.
type attachments struct {
	ready sync.Map // key → value, of those that are made

	mu     sync.Mutex // while ready changes, and while Close asks the users
	making map[any]*attaching
}

// attaching is a value under construction.
type attaching struct {
	mu    sync.Mutex // held while it is made
	users int        // who wait for it, its maker included
}

// Attach returns the value that is kept with the pool under key. The first
// call makes it: make runs once, while other goroutines that ask for the same
// key wait for it, and if it fails, the next call tries again. Values last
// until the pool is closed or [Pool.Detach] drops them; a later Open starts
// without any.
//
// It is for what a library needs in ordinary memory beside its data in a pool:
// locks, caches, free lists. Use keys of unexported types, so that libraries
// do not meet. make may use the pool and attach values under other keys. A
// value that implements [PoolUser] takes part in Close.
//
// Any goroutine may call Attach; for a value that exists it takes no lock.
func (p *Pool) Attach(key any, make func() (any, error)) (any, error) {
	const op = "attach"
	if err := p.enterAny(op); err != nil {
		return nil, err
	}
	defer p.leave()
	if v, ok := p.attached.ready.Load(key); ok {
		return v, nil
	}
	turn := p.attached.begin(key)
	defer p.attached.end(key, turn)
	if v, ok := p.attached.ready.Load(key); ok {
		return v, nil
	}
	v, err := make()
	if err != nil {
		return nil, err
	}
	// Close, if it has begun, fails as long as this goroutine is inside. It
	// must not have asked the users of before already, though: it holds mu
	// from there to its end.
	p.attached.mu.Lock()
	defer p.attached.mu.Unlock()
	p.attached.ready.Store(key, v)
	return v, nil
}

// Attached returns the value that is kept with the pool under key, if there is
// one. Any goroutine may call it; it takes no lock.
func (p *Pool) Attached(key any) (v any, ok bool) { return p.attached.ready.Load(key) }

// Detach drops the value that is kept under key, if there is one.
func (p *Pool) Detach(key any) {
	p.attached.mu.Lock()
	defer p.attached.mu.Unlock()
	p.attached.ready.Delete(key)
}

func (a *attachments) begin(key any) *attaching {
	a.mu.Lock()
	turn := a.making[key]
	if turn == nil {
		if a.making == nil {
			a.making = map[any]*attaching{}
		}
		turn = &attaching{}
		a.making[key] = turn
	}
	turn.users++
	a.mu.Unlock()
	turn.mu.Lock()
	return turn
}

func (a *attachments) end(key any, turn *attaching) {
	turn.mu.Unlock()
	a.mu.Lock()
	defer a.mu.Unlock()
	if turn.users--; turn.users == 0 {
		delete(a.making, key)
	}
}

// closing asks the users. If all of them are ready, it returns a function that
// must be called with the outcome; no value is attached meanwhile. If not, it
// returns nil.
func (a *attachments) closing() (done func(closed bool)) {
	a.mu.Lock()
	var asked []PoolUser
	done = func(closed bool) {
		for _, u := range asked {
			u.PoolClosed(closed)
		}
		if closed {
			a.ready.Clear()
		}
		a.mu.Unlock()
	}
	ready := true
	a.ready.Range(func(_, v any) bool {
		u, ok := v.(PoolUser)
		if !ok {
			return true
		}
		if ready = u.PoolClosing(); ready {
			asked = append(asked, u)
		}
		return ready
	})
	if !ready {
		done(false)
		return nil
	}
	return done
}
