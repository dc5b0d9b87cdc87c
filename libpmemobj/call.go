package libpmemobj

// #cgo noescape pmemgo_obj_run
// #cgo nocallback pmemgo_obj_run
// #include "shim.h"
import "C"

import (
	"unsafe"

	"github.com/pmem/pmdk-go/internal/leafcall"
)

// operation is the address of a C function that takes one struct; see shim.h.
type operation unsafe.Pointer

var (
	opTxSnapshot = operation(C.pmemgo_obj_tx_snapshot)
	opTxAlloc    = operation(C.pmemgo_obj_tx_alloc)
	opTxRealloc  = operation(C.pmemgo_obj_tx_realloc)
	opTxFree     = operation(C.pmemgo_obj_tx_free)
	opTxCommit   = operation(C.pmemgo_obj_tx_commit)
	opTxAbort    = operation(C.pmemgo_obj_tx_abort)
	opReserve    = operation(C.pmemgo_obj_reserve)
	opStore      = operation(C.pmemgo_obj_store)
	opPublish    = operation(C.pmemgo_obj_publish)
	opPublishTx  = operation(C.pmemgo_obj_publish_tx)
	opCancel     = operation(C.pmemgo_obj_cancel)
	opAlloc      = operation(C.pmemgo_obj_alloc)
	opRealloc    = operation(C.pmemgo_obj_realloc)
	opFree       = operation(C.pmemgo_obj_free)
	opPersist    = operation(C.pmemgo_obj_persist)
	opFlush      = operation(C.pmemgo_obj_flush)
	opDrain      = operation(C.pmemgo_obj_drain)
)

// A call counts its work in bytes to flush, each object or range as
// workOfOne more. Above maxLeafWork, some ten microseconds, a leaf call would
// keep the garbage collector waiting, and the price of a cgo call hardly
// shows. A leaf call may wait for one of PMDK's locks; whoever holds it is
// inside C, needs nothing of Go to leave, and so never waits for us.
const (
	workOfOne   = 256
	maxLeafWork = 32 << 10
)

// call runs fn on its argument, a struct without Go pointers: as a leaf call
// if it is short and does not wait for a disk, else through cgo.
func (p *Pool) call(fn operation, arg unsafe.Pointer, work uint64) {
	if leafcall.Available && p.leaf && work <= maxLeafWork {
		leafcall.Call(unsafe.Pointer(fn), arg)
		return
	}
	C.pmemgo_obj_run(C.uintptr_t(uintptr(fn)), (*C.char)(arg))
}

// maxLeafHeap bounds the pools in which allocations are leaf calls. When the
// allocator runs out of prepared memory it looks through the heap, in
// proportion to its size: milliseconds at this one.
const maxLeafHeap = 1 << 30

// allocWork is the work of an allocation of size bytes. The first one in a
// pool makes the allocator read all of the heap's metadata. Any may make the
// pool grow, if it can, which makes files. (So may a transaction or a
// publication whose log has to, seldom enough for a collection to wait for.)
func (p *Pool) allocWork(size uint64) uint64 {
	if p.size > maxLeafHeap || p.growth != nil {
		return maxLeafWork + 1
	}
	if !p.warm.Load() {
		p.warm.Store(true)
		return maxLeafWork + 1
	}
	return workOfOne + size
}
