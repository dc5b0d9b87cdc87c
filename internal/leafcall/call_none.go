//go:build !(amd64 || arm64) || go1.27 || pmdk_noleaf

package leafcall

import "unsafe"

// Available says whether Call works in this build.
const Available = false

// Call panics: callers look at Available first.
func Call(fn, arg unsafe.Pointer) int32 {
	panic("leafcall: not available in this build")
}

// Wait returns at once: there are no leaf calls.
func Wait() {}
