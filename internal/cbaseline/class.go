package cbaseline

/*
#cgo noescape pmemgo_base_tx_allocs
#cgo nocallback pmemgo_base_tx_allocs
#include "class.h"
*/
import "C"

import "unsafe"

// TxAllocs allocates count objects of size bytes in each of n transactions, in
// the pool that inPool points into, and sets offs, which has room for all, to
// their offsets.
func TxAllocs(inPool *uint64, size, count int, offs []uint64, n int) {
	C.pmemgo_base_tx_allocs((*C.char)(unsafe.Pointer(inPool)), C.size_t(size), C.size_t(count),
		(*C.uint64_t)(unsafe.SliceData(offs[:count*n])), C.size_t(n))
}
