package record

// #cgo CFLAGS: -I${SRCDIR}/../../../../internal/interpose/sinks
// #cgo noescape pmemgo_record_note
// #cgo nocallback pmemgo_record_note
// #include "recorder.h"
import "C"

import (
	"unsafe"

	_ "github.com/pmem/pmdk-go/internal/interpose/sinks" // the wraps
)

// Mirrors of what recorder.h lays out, so that a recording is read without a
// call for each entry.
type (
	entry struct {
		kind   uint8
		words  uint8
		thread int32
		stack  int32
		worker int32
		off    uint64
		len    uint64
		n      int64
	}
	stack struct {
		n  uint64
		pc [C.PMEMGO_FRAMES]uintptr
	}
)

var (
	_ = [1]struct{}{}[unsafe.Sizeof(entry{})-unsafe.Sizeof(C.struct_pmemgo_record{})]
	_ = [1]struct{}{}[unsafe.Sizeof(stack{})-unsafe.Sizeof(C.struct_pmemgo_stack{})]
)
