package cgoutil

import (
	"sync/atomic"
	"unsafe"

	pointer "github.com/mattn/go-pointer"
)

// Handle stands for a Go value while C holds the `void *` that a callback
// will bring back. The value stays reachable until Release.
//
// A Handle may be copied; all copies are the same handle. The zero Handle
// has a nil pointer and nothing to release.
type Handle struct {
	e *handleEntry
}

type handleEntry struct {
	value any
	ptr   atomic.Pointer[byte] // nil once released
}

var openHandles atomic.Int64

// NewHandle makes a handle for v, which may be nil. The caller releases it
// when C can no longer use the pointer.
func NewHandle(v any) Handle {
	e := &handleEntry{value: v}
	e.ptr.Store((*byte)(pointer.Save(e)))
	openHandles.Add(1)
	return Handle{e}
}

// Pointer is what goes through C. It points to nothing that C may read, and
// is nil after Release.
func (h Handle) Pointer() unsafe.Pointer {
	if h.e == nil {
		return nil
	}
	return unsafe.Pointer(h.e.ptr.Load())
}

// Release ends the handle: from here on its pointer resolves to nothing.
// Calls after the first do nothing.
func (h Handle) Release() {
	if h.e == nil {
		return
	}
	// The swap lets one caller through: a second Unref would free the
	// pointer's byte of C memory twice.
	p := h.e.ptr.Swap(nil)
	if p == nil {
		return
	}
	pointer.Unref(unsafe.Pointer(p))
	openHandles.Add(-1)
}

// Resolve gives the value behind a pointer that came back from C. It reports
// false if the pointer belongs to no open handle or the value is no T.
//
// A pointer kept past Release must not be resolved: its address may serve
// another handle by then.
func Resolve[T any](p unsafe.Pointer) (T, bool) {
	var zero T
	e, ok := pointer.Restore(p).(*handleEntry)
	if !ok {
		return zero, false
	}
	v, ok := e.value.(T)
	return v, ok
}

// OpenHandles is how many handles were made and not released yet. Tests end
// by asserting zero; internal/leaktest does it for a whole package.
func OpenHandles() int { return int(openHandles.Load()) }
