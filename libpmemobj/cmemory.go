package libpmemobj

// #include "cmemory_shim.h"
import "C"

import "unsafe"

// CMemoryStats says how much memory libpmemobj has taken from the C library's
// heap, which Go's own statistics do not show. Memory in pools, and the
// mappings themselves, are not part of it.
type CMemoryStats struct { // mirrors struct pmemgo_cmemory
	Allocs uint64 // since counting began; a reallocation counts as both
	Frees  uint64
	Bytes  int64 // allocated less freed; negative where what is freed is older than the counting
}

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
	enterPMDK() // nobody opens a pool meanwhile
	defer leavePMDK()
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
	C.pmemgo_obj_memory((*C.struct_pmemgo_cmemory)(unsafe.Pointer(&m)))
	return m
}
