package cbaseline

/*
#cgo noescape pmemgo_base_blk_write
#cgo nocallback pmemgo_base_blk_write
#cgo noescape pmemgo_base_blk_read
#cgo nocallback pmemgo_base_blk_read
#include "blk.h"
*/
import "C"

import (
	"unsafe"

	_ "github.com/pmem/pmdk-go/third_party/pmdk/libpmemblk" // the linker's flags
)

// BlkPool is the address of libpmemblk's handle of an open pool.
type BlkPool uintptr

// Write increments the first of words and writes words to a block, n times, to
// count blocks from first on, in turn.
func (p BlkPool) Write(words []uint64, first, count, n int) {
	C.pmemgo_base_blk_write(C.uintptr_t(p), (*C.uint64_t)(unsafe.SliceData(words)), C.longlong(first), C.longlong(count), C.size_t(n))
}

// Read reads blocks into words, n times, from count blocks from first on, in
// turn, and sums up their first words.
func (p BlkPool) Read(words []uint64, first, count, n int) uint64 {
	return uint64(C.pmemgo_base_blk_read(C.uintptr_t(p), (*C.uint64_t)(unsafe.SliceData(words)), C.longlong(first), C.longlong(count), C.size_t(n)))
}
