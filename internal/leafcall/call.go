//go:build (amd64 || arm64) && !go1.27 && !pmdk_noleaf

package leafcall

import "unsafe"

// Available says whether Call works in this build.
const Available = true

// Call runs the C function `int32_t fn(void *arg)` on the thread's own stack
// and returns its result. Unlike with cgo, arg may point to Go memory that
// holds Go pointers: the collector moves and frees nothing before Call
// returns. C must not keep any of them.
//
//go:noescape
func Call(fn, arg unsafe.Pointer) int32
