package cbaseline

// #include "list.h"
import "C"

import "unsafe"

// ListInsert makes an object the first element of the list at head, which
// lies in a pool, removes it again, and increments the value behind its entry.
func ListInsert(head unsafe.Pointer, object OID, n int) {
	C.pmemgo_base_list_insert((*C.char)(head), C.PMEMoid{pool_uuid_lo: C.uint64_t(object.Pool), off: C.uint64_t(object.Off)}, C.size_t(n))
}
