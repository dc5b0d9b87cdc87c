//go:build !race

package libpmemobj

func raceAcquire(uintptr) {}
func raceRelease(uintptr) {}
