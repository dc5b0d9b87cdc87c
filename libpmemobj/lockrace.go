//go:build race

package libpmemobj

import (
	"runtime"
	"unsafe"
)

// The race detector knows neither C's locks nor the memory that they lie in.
// These bytes stand for them, many locks for each: it may miss a race, but
// reports none where a lock is used.
var raceLocks [1024]byte

func raceLock(addr uintptr) unsafe.Pointer {
	return unsafe.Pointer(&raceLocks[addr/lockSize%uintptr(len(raceLocks))])
}

// raceAcquire notes that a lock was taken.
func raceAcquire(addr uintptr) { runtime.RaceAcquire(raceLock(addr)) }

// raceRelease notes that a lock will be given back.
func raceRelease(addr uintptr) { runtime.RaceReleaseMerge(raceLock(addr)) }
