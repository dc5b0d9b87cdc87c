package capture

// #cgo CFLAGS: -I${SRCDIR}/../../../../internal/interpose/sinks
// #cgo noescape pmemgo_capture_take
// #cgo nocallback pmemgo_capture_take
// #cgo noescape pmemgo_capture_disarm
// #cgo nocallback pmemgo_capture_disarm
// #include "capture.h"
import "C"

import _ "github.com/pmem/pmdk-go/internal/interpose/sinks" // the wraps
