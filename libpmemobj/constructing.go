package libpmemobj

import (
	"errors"
	"sync"
	"sync/atomic"

	"github.com/pmem/pmdk-go/internal/goroutine"
)

// ErrInConstructor is returned by what cannot be done inside the closure of
// [Construct] and its relatives: changing the heap of the same pool. In C it
// would wait for ever for the allocator's locks; here the reason is that it
// would not be undone if the constructor fails or the process dies.
var ErrInConstructor = errors.New("not possible inside a constructor")

// constructors knows which goroutine is inside which pool's constructor.
// Operations ask only while running is not 0.
var constructors = constructorRegistry{inside: map[constructor]struct{}{}}

type constructorRegistry struct {
	running atomic.Int64
	lock    sync.Mutex
	inside  map[constructor]struct{}
}

type constructor struct {
	goroutine uintptr
	pool      *Pool
}

func (r *constructorRegistry) enter(p *Pool) {
	r.lock.Lock()
	r.inside[constructor{goroutine.ID(), p}] = struct{}{}
	r.lock.Unlock()
	r.running.Add(1)
}

func (r *constructorRegistry) leave(p *Pool) {
	r.running.Add(-1)
	r.lock.Lock()
	delete(r.inside, constructor{goroutine.ID(), p})
	r.lock.Unlock()
}

func (r *constructorRegistry) has(p *Pool) bool {
	r.lock.Lock()
	defer r.lock.Unlock()
	_, ok := r.inside[constructor{goroutine.ID(), p}]
	return ok
}

// notConstructing refuses an operation to a goroutine that is inside a
// constructor of p's.
func (p *Pool) notConstructing(op string) error {
	if constructors.running.Load() == 0 {
		return nil
	}
	return p.refuseConstructor(op)
}

func (p *Pool) refuseConstructor(op string) error {
	if !constructors.has(p) {
		return nil
	}
	return stateErr(op, ErrInConstructor, "it would stay if the constructor fails; make several objects at once with Update or Publish")
}
