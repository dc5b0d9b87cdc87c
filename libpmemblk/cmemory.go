package libpmemblk

// #include "cmemory_shim.h"
import "C"

import (
	"fmt"
	"unsafe"

	"github.com/pmem/pmdk-go/cgoutil"
	"github.com/pmem/pmdk-go/internal/poolfile"
)

// CMemoryStats counts libpmemblk's memory; see [cgoutil.CMemoryStats].
type CMemoryStats = cgoutil.CMemoryStats

// TrackCMemory begins or ends the counting of the memory that libpmemblk takes
// from the C library, for tests that look for leaks and for programs that
// watch themselves. Beginning sets the counters to 0, ending leaves them.
//
// It concerns the whole process, and memory that an open pool has allocated
// before would spoil the count: while any pool is open, TrackCMemory fails with
// ErrBusy.
//
// The memory itself always comes from the C library. Functions in Go cannot
// take its place: libpmemblk allocates where Go must not be called.
//
// Implements: pmemblk_set_funcs(3)
func TrackCMemory(on bool) error {
	poolfile.Enter() // nobody opens a pool meanwhile
	defer poolfile.Leave()
	if openPools > 0 {
		return fmt.Errorf("track C memory: %d pools are open; do it before the first or after the last: %w", openPools, ErrBusy)
	}
	var c C.int
	if on {
		c = 1
	}
	C.pmemgo_blk_count_memory(c)
	return nil
}

// CMemory returns the counters of [TrackCMemory], all 0 if it was never on.
func CMemory() CMemoryStats {
	var m CMemoryStats
	C.pmemgo_blk_memory((*C.struct_pmemgo_memory)(unsafe.Pointer(&m)))
	return m
}
