//go:build (amd64 || arm64) && !go1.27 && !pmdk_noleaf

package leafcall

import "runtime"

// Wait returns when every leaf call that had begun before has ended. A C
// function that is called as a leaf and looks at a flag first will not go
// beyond it once the flag was set and Wait has returned: whoever then frees
// what the function uses needs no lock or counter.
func Wait() {
	// It stops the world, and so waits for leaf calls.
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
}
