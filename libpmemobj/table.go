package libpmemobj

import (
	"fmt"
	"math/bits"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"unsafe"
	"weak"

	"github.com/pmem/pmdk-go/internal/objheap"
)

// The pool table finds an open pool by its UUID. Dereferencing a pointer
// reads it, so it is immutable, replaced whole by open and close, and built
// so that a lookup needs neither a loop nor a call and inlines: the first
// pool is compared directly, which suits programs with one pool, and all
// pools stand in a hash table without collisions.

// slot is what dereferencing needs to know of a pool. Its reference to the
// Pool is weak, so that one dropped without Close can be noticed.
type slot struct {
	uuid uint64
	base unsafe.Pointer
	min  uint64 // the lowest offset of an object
	// heap is the size of the heap in bytes, of which all but heapMeta lie at
	// min and above. Where the pool can grow it is the word in which PMDK
	// keeps it, so that no object is ever out of bounds for somebody who has
	// seen its OID. It is never nil.
	heap *uint64
	span uint64 // the addresses from base on that are the pool's, now or later
	pool weak.Pointer[Pool]
}

// heapMeta is what a heap has in front of its first chunk, less 1, so that n
// bytes fit at off if off-min < *heap-heapMeta-n.
const heapMeta = objheap.HeapMeta - 1

// noHeap is the heap of an empty slot, in which nothing fits.
var noHeap = uint64(heapMeta)

// limit is one more than the heap's bytes from min. The word is read plainly,
// which costs Ptr.Get less: it is aligned, only ever rises, and any value that
// it had will do.
func (s *slot) limit() uint64 { return *s.heap - heapMeta }

type table struct {
	first slot
	mul   uint64
	shift uint64
	rest  []slot // of a power of two; holds the first pool as well
}

var (
	pools     atomic.Pointer[table] // never nil
	poolsLock sync.Mutex            // for replacing the table
)

func init() { pools.Store(newTable(nil)) }

// newTable lays slots out. UUIDs are random numbers, so that a suitable
// multiplier is found after a few tries, or else in a larger table.
func newTable(slots []slot) *table {
	size := 2 << bits.Len(uint(len(slots)))
	for ; ; size *= 2 {
		for range 64 {
			t := &table{
				mul:   rand.Uint64() | 1,
				shift: uint64(64 - bits.TrailingZeros(uint(size))),
				first: slot{heap: &noHeap},
				rest:  slices.Repeat([]slot{{heap: &noHeap}}, size),
			}
			if t.place(slots) {
				return t
			}
		}
	}
}

// place fills an empty table; false says that two pools collide.
func (t *table) place(slots []slot) bool {
	for _, s := range slots {
		home := t.home(s.uuid)
		if home.base != nil {
			return false
		}
		*home = s
	}
	if len(slots) > 0 {
		t.first = slots[0]
	}
	return true
}

// home is where the pool with this UUID stands, if it is open.
func (t *table) home(uuid uint64) *slot { return &t.rest[uuid*t.mul>>t.shift] }

// all lists the pools, the first one first.
func (t *table) all() []slot {
	var slots []slot
	if t.first.base != nil {
		slots = append(slots, t.first)
	}
	for _, s := range t.rest {
		if s.base != nil && s.uuid != t.first.uuid {
			slots = append(slots, s)
		}
	}
	return slots
}

func addToTable(s slot) {
	poolsLock.Lock()
	defer poolsLock.Unlock()
	pools.Store(newTable(append(pools.Load().all(), s)))
}

func removeFromTable(uuid uint64) {
	poolsLock.Lock()
	defer poolsLock.Unlock()
	var keep []slot
	for _, s := range pools.Load().all() {
		if s.uuid != uuid {
			keep = append(keep, s)
		}
	}
	pools.Store(newTable(keep))
}

// find returns the open pool with this UUID.
func (t *table) find(uuid uint64) (s slot, ok bool) {
	s = *t.home(uuid)
	return s, s.uuid == uuid && s.base != nil
}

// holding returns the open pool in whose memory addr lies.
func (t *table) holding(addr unsafe.Pointer) (s slot, ok bool) {
	for _, s := range t.rest {
		if s.base != nil && uintptr(addr)-uintptr(s.base) < uintptr(s.span) {
			return s, true
		}
	}
	return slot{}, false
}

// resolve returns the address of the n bytes that oid names.
func resolve(oid OID, n uint64) (unsafe.Pointer, error) {
	s, ok := pools.Load().find(oid.Pool)
	if !ok || oid.Off-s.min >= max(s.limit(), n)-n {
		return nil, &PtrError{oid}
	}
	return unsafe.Add(s.base, oid.Off), nil
}

// PtrError is the error, and the value of the panic, of dereferencing a
// pointer that leads nowhere: null, into a pool that is not open, or out of
// the pool's heap.
type PtrError struct {
	OID OID
}

// Error says what is wrong with the pointer, judged by the pools open now.
func (e *PtrError) Error() string {
	if e.OID.IsNull() {
		return "dereference of a null persistent pointer"
	}
	s, ok := pools.Load().find(e.OID.Pool)
	if !ok {
		return fmt.Sprintf("dereference of %v: no pool with this UUID is open", e.OID)
	}
	return fmt.Sprintf("dereference of %v: outside the pool's heap, which is [%#x, %#x)", e.OID, s.min, s.min+s.limit()-1)
}

// Is makes a null pointer's error match ErrNull.
func (e *PtrError) Is(target error) bool {
	return target == ErrNull && e.OID.IsNull()
}
