package libpmemobj

// #include "cmemory_shim.h"
import "C"

import (
	"unsafe"

	"github.com/pmem/pmdk-go/cgoutil"
	"github.com/pmem/pmdk-go/internal/poolfile"
)

// CMemoryStats counts libpmemobj's memory; see [cgoutil.CMemoryStats].
type CMemoryStats = cgoutil.CMemoryStats

// TrackCMemory begins or ends the counting of C memory, for tests that look
// for leaks and for programs that watch themselves. Each allocation costs some
// ten nanoseconds more. Beginning sets the counters to 0, ending leaves them.
//
// It concerns the whole process, and memory that an open pool has allocated
// before would spoil the count: while any pool is open, TrackCMemory fails
// with ErrPoolBusy. When all pools are closed again, PMDK keeps a few kilobytes
// for the next ones: compare after some tens of pools, not after the first.
//
// The memory itself always comes from the C library. Functions in Go cannot
// take its place: libpmemobj allocates where Go must not be called.
//
// Implements: pmemobj_set_funcs(3)
func TrackCMemory(on bool) error {
	const op = "track C memory"
	poolfile.Enter() // nobody opens a pool meanwhile
	defer poolfile.Leave()
	if n := len(pools.Load().all()); n > 0 {
		return stateErr(op, ErrPoolBusy, "%d pools are open; do it before the first or after the last", n)
	}
	var c C.int
	if on {
		c = 1
	}
	C.pmemgo_obj_count_memory(c)
	return nil
}

// CMemory returns the counters of [TrackCMemory], all 0 if it was never on.
func CMemory() CMemoryStats {
	var m CMemoryStats
	C.pmemgo_obj_memory((*C.struct_pmemgo_memory)(unsafe.Pointer(&m)))
	return m
}
