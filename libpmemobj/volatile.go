package libpmemobj

// #include "lock_shim.h"
import "C"

import (
	"runtime"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/pmem/pmdk-go/cgoutil"
	"github.com/pmem/pmdk-go/internal/goroutine"
)

// Volatile is a T that lies in a pool and lasts until the pool is closed or
// the process ends: the first Get afterwards constructs it anew. It is a
// PMEMvlt(T), which C code can share.
//
// It suits counters, caches and hints about the persistent data around them.
// T must be plain data, as all that lies in a pool: Go pointers there would
// be hidden from the garbage collector. For values with pointers, keep a map
// from OIDs beside the pool.
//
// The zero Volatile is ready. Objects of [NewZeroed] are; in other memory call
// Reset first. The memory must not be part of a snapshot, which would bring an
// old value back.
type Volatile[T any] struct {
	_     cgoutil.NoCopy
	runID uint64 // of the pool's, when value was constructed
	value T
}

// Get returns the address of the value, and has construct set it if nobody
// has since the pool was opened. Exactly one goroutine constructs, in zeroed
// memory of its own, while others wait for it. If construct returns an error,
// Get returns it; then, and after a panic, the value is not there and the
// next Get constructs again. construct must not call Get for the same value.
//
// v must lie in a live object of an open pool. The value can be written
// through the address, without snapshots; nothing protects it from other
// goroutines. Neither v nor its value need be flushed.
//
// Implements: pmemobj_volatile(3)
func (v *Volatile[T]) Get(construct func(*T) error) (*T, error) {
	const op = "volatile"
	if _, err := typeInfoOf[T](); err != nil {
		return nil, err
	}
	p, err := enterHolding(op, unsafe.Pointer(v), unsafe.Sizeof(*v))
	if err != nil {
		return nil, err
	}
	defer p.leave()
	if p.constructed(&v.runID) {
		return &v.value, nil
	}
	turn, err := constructions.begin(op, &v.runID)
	if err != nil {
		return nil, err
	}
	defer constructions.end(turn)
	// Another goroutine may have been faster, or C code.
	if p.setVolatile(&v.runID, unsafe.Pointer(&v.value), unsafe.Sizeof(v.value), nil) {
		return &v.value, nil
	}
	made := new(T)
	if err := construct(made); err != nil {
		return nil, err
	}
	if err := p.placed(op, unsafe.Pointer(v), unsafe.Sizeof(*v)); err != nil {
		return nil, err // freed meanwhile
	}
	p.setVolatile(&v.runID, unsafe.Pointer(&v.value), unsafe.Sizeof(v.value), unsafe.Pointer(made))
	runtime.KeepAlive(made)
	return &v.value, nil
}

// Reset makes the next Get construct the value. It is for memory that was not
// zeroed, and to drop a value that nobody uses any more.
func (v *Volatile[T]) Reset() error {
	p, err := enterHolding("reset", unsafe.Pointer(v), unsafe.Sizeof(*v))
	if err != nil {
		return err
	}
	atomic.StoreUint64(&v.runID, 0)
	p.leave()
	return nil
}

// constructed says, without entering C, whether a value is there.
func (p *Pool) constructed(runID *uint64) bool {
	run := p.runID.Load()
	return run != 0 && atomic.LoadUint64(runID) == run
}

// setVolatile copies made to the value unless that is there, and says whether
// it is there now. With a nil made it only looks.
func (p *Pool) setVolatile(runID *uint64, value unsafe.Pointer, size uintptr, made unsafe.Pointer) bool {
	var v C.struct_pmemgo_volatile
	v.pool, v.vlt, v.ptr = C.uint64_t(p.handle), C.uint64_t(uintptr(unsafe.Pointer(runID))), C.uint64_t(uintptr(value))
	v.size, v.value = C.uint64_t(size), C.uint64_t(uintptr(made))
	// It waits while C code constructs.
	p.call(operation(C.pmemgo_obj_volatile), unsafe.Pointer(&v), mayWait)
	if v.set == 0 {
		return false
	}
	p.runID.Store(atomic.LoadUint64(runID)) // the same for all values until Close
	return true
}

// constructions are those under way. C has an exclusion of its own, but its
// waiters spin, and the closure would have to run below C.
var constructions = constructionSet{running: map[*uint64]*construction{}}

type constructionSet struct {
	lock    sync.Mutex
	running map[*uint64]*construction
}

type construction struct {
	of    *uint64 // which lies in a pool, and so in no Go memory
	owner uintptr
	done  chan struct{}
}

// begin waits until nobody constructs the value.
func (s *constructionSet) begin(op string, of *uint64) (*construction, error) {
	turn := &construction{of, goroutine.ID(), make(chan struct{})}
	for {
		s.lock.Lock()
		other := s.running[of]
		if other == nil {
			s.running[of] = turn
		}
		s.lock.Unlock()
		if other == nil {
			return turn, nil
		}
		if goroutine.Stable && other.owner == turn.owner {
			return nil, badArgument(op, "Get was called by the constructor of the same value")
		}
		<-other.done
	}
}

func (s *constructionSet) end(turn *construction) {
	s.lock.Lock()
	delete(s.running, turn.of)
	s.lock.Unlock()
	close(turn.done)
}
