package cbaseline

/*
#cgo noescape pmemgo_base_log_append
#cgo nocallback pmemgo_base_log_append
#include "log.h"
*/
import "C"

import (
	"unsafe"

	_ "github.com/pmem/pmdk-go/third_party/pmdk/libpmemlog" // the linker's flags
)

// LogAppend appends p to a log n times, and rewinds the log where it is full.
func LogAppend(handle uintptr, p []byte, n int) {
	C.pmemgo_base_log_append(C.uintptr_t(handle), (*C.char)(unsafe.Pointer(unsafe.SliceData(p))), C.size_t(len(p)), C.size_t(n))
}
