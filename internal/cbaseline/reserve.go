package cbaseline

// #cgo noescape pmemgo_base_reserve_publish
// #cgo nocallback pmemgo_base_reserve_publish
// #include "reserve.h"
import "C"

import "unsafe"

// ReservePublish makes objects in the pool that addr points into: each is
// reserved, given its content, flushed and published.
func ReservePublish(addr *uint64, content []uint64, typeNum uint64, n int) {
	C.pmemgo_base_reserve_publish((*C.uint64_t)(addr), (*C.uint64_t)(unsafe.SliceData(content)),
		C.size_t(len(content)), C.uint64_t(typeNum), C.size_t(n))
}
