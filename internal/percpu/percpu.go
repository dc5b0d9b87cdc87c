// Package percpu spreads what many goroutines count over cache lines: each
// processor of the scheduler has a number, and goroutines that run at the same
// time get different ones.
package percpu

import (
	"math/bits"
	"runtime"
	_ "unsafe" // for go:linkname
)

// Index is the number of the processor that the caller runs on, from 0 to
// GOMAXPROCS-1. The goroutine may move at any moment, so it is a hint where
// contention is least, never a claim.
func Index() int {
	n := procPin()
	procUnpin()
	return n
}

// Slots is how many slots are worth having: the smallest power of two that is
// not below the number of processors, at most limit, itself a power of two.
func Slots(limit int) int {
	n := max(runtime.GOMAXPROCS(0), runtime.NumCPU())
	return min(1<<bits.Len(uint(n-1)), limit)
}

// The runtime keeps these two for packages outside it (it names some that rely
// on them), and sync.Pool is built on them.

//go:linkname procPin runtime.procPin
func procPin() int

//go:linkname procUnpin runtime.procUnpin
func procUnpin()
