package libpmem

/*
#include <libpmem.h>
#include "shim.h"
*/
import "C"

import (
	"unsafe"

	"github.com/pmem/pmdk-go/cgoutil"
)

// HasAutoFlush reports whether the machine flushes its processor caches by
// itself on power loss, on every NVDIMM. It fails if sysfs can't be read.
//
// Implements: pmem_has_auto_flush(3)
func HasAutoFlush() (bool, error) {
	var st cgoutil.Status
	has := C.pmemgo_has_auto_flush((*C.struct_pmemgo_status)(unsafe.Pointer(&st)))
	return has > 0, st.Err("has auto flush", "")
}

// HasHWDrain reports whether the machine has an instruction that drains
// stores to persistent memory explicitly. It is false on current hardware;
// Drain is needed all the same.
//
// Implements: pmem_has_hw_drain(3)
func HasHWDrain() bool {
	return C.pmem_has_hw_drain() != 0
}
