package cbaseline

// #include "lock.h"
import "C"

import "unsafe"

// MutexAdd increments *word n times, each time with the PMEMmutex at lock
// taken.
func MutexAdd(lock unsafe.Pointer, word *uint64, n int) {
	C.pmemgo_base_mutex_add((*C.PMEMmutex)(lock), (*C.uint64_t)(word), C.size_t(n))
}

// RWLockAdd is MutexAdd with a PMEMrwlock taken for writing.
func RWLockAdd(lock unsafe.Pointer, word *uint64, n int) {
	C.pmemgo_base_rwlock_add((*C.PMEMrwlock)(lock), (*C.uint64_t)(word), C.size_t(n))
}

// CondTake waits n times on a PMEMcond until *word is not 0, sets it to 0 and
// wakes who waits for that.
func CondTake(lock, cond unsafe.Pointer, word *uint64, n int) {
	C.pmemgo_base_cond_take((*C.PMEMmutex)(lock), (*C.PMEMcond)(cond), (*C.uint64_t)(word), C.size_t(n))
}
