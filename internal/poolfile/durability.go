package poolfile

// #include "../interpose/interpose.h"
import "C"

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/cgoutil"
	"github.com/pmem/pmdk-go/internal/interpose"
)

// ErrNotDAX says that DurabilityDAX was asked for, of a file that does not
// lie on a DAX file system.
var ErrNotDAX = errors.New("not on a DAX file system")

// forceVariable makes libpmem take every mapping for persistent memory.
const forceVariable = "PMEM_IS_PMEM_FORCE"

// IsPmem is what libpmem has to be made to say for the durability asked for:
// an enum pmemgo_is_pmem.
func IsPmem(d cgoutil.Durability) int {
	switch d {
	case cgoutil.DurabilityMsync:
		return C.PMEMGO_IS_PMEM_NO
	case cgoutil.DurabilityProcessCrash, cgoutil.DurabilityJournal:
		// Every flush of a journal's is to be seen, and none may be an msync.
		return C.PMEMGO_IS_PMEM_YES
	}
	return C.PMEMGO_IS_PMEM_ASK
}

// Settle finds what a file gives if d is asked for. The file is open for
// reading and writing. An error says what to do; it is a sentinel of this
// package or an errno, wrapped.
func Settle(d cgoutil.Durability, f *os.File) (cgoutil.Durability, error) {
	forced := os.Getenv(forceVariable) == "1"
	if onDAX(f) {
		// Where the kernel maps with MAP_SYNC, PMDK flushes caches, and that is
		// the stronger of the two.
		return cgoutil.DurabilityDAX, nil
	}
	if d == cgoutil.DurabilityDAX {
		return 0, &SettleError{ErrNotDAX, "use DurabilityMsync, or DurabilityProcessCrash for tests"}
	}
	if !interpose.Effective {
		// Shared libraries ask themselves, and obey the variable alone.
		if d == cgoutil.DurabilityProcessCrash && !forced {
			return 0, &SettleError{unix.ENOTSUP, "in a program built with -tags pmdk_dynamic, DurabilityProcessCrash needs " + forceVariable + "=1 in the environment"}
		}
		if d == cgoutil.DurabilityMsync && forced {
			return 0, &SettleError{unix.ENOTSUP, forceVariable + "=1 in the environment forbids DurabilityMsync in a program built with -tags pmdk_dynamic"}
		}
	}
	if d == cgoutil.DurabilityProcessCrash || d == cgoutil.DurabilityAuto && forced {
		return cgoutil.DurabilityProcessCrash, nil
	}
	return cgoutil.DurabilityMsync, nil
}

// SettleError says why a file cannot give the durability asked for.
type SettleError struct {
	Err    error  // ErrNotDAX or an errno
	Remedy string // what to do
}

func (e *SettleError) Error() string { return e.Err.Error() + ": " + e.Remedy }
func (e *SettleError) Unwrap() error { return e.Err }

// onDAX says whether the kernel maps f with MAP_SYNC, the sign that PMDK goes
// by as well.
func onDAX(f *os.File) bool {
	page, err := unix.Mmap(int(f.Fd()), 0, os.Getpagesize(), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED_VALIDATE|unix.MAP_SYNC)
	if err != nil {
		return false
	}
	_ = unix.Munmap(page)
	return true
}
