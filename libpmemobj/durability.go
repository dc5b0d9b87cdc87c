package libpmemobj

// #include "../internal/interpose/interpose.h"
import "C"

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/internal/interpose"
)

// Durability says what a committed change survives, and by what means.
type Durability int

// What a pool can be asked for, and what it then reports.
const (
	// DurabilityAuto is DurabilityDAX where the file allows it and
	// DurabilityMsync elsewhere. A pool never reports it.
	DurabilityAuto Durability = iota

	// DurabilityDAX flushes processor caches to persistent memory: committed
	// changes survive a power failure. The file must be on a DAX file system.
	DurabilityDAX

	// DurabilityMsync calls msync for every flush: committed changes survive
	// a power failure as far as the file system and the disk keep their
	// promises. Each flush is a system call, on a disk a slow one.
	DurabilityMsync

	// DurabilityProcessCrash flushes processor caches on an ordinary file:
	// committed changes survive the death of the process, by SIGKILL too, but
	// not a power failure or a crash of the operating system, after which the
	// pool may be damaged beyond repair. It costs what persistent memory does
	// and is meant for tests, caches, and trying things out.
	DurabilityProcessCrash

	// DurabilityNone is what a pool opened with WithCopyOnWrite reports. It
	// cannot be asked for.
	DurabilityNone
)

// String gives the name as the command line tools spell it, for example
// "process-crash".
func (d Durability) String() string {
	names := [...]string{"auto", "dax", "msync", "process-crash", "none"}
	if d < 0 || int(d) >= len(names) {
		return fmt.Sprintf("Durability(%d)", int(d))
	}
	return names[d]
}

// ParseDurability reads a name that String gives, other than "none".
func ParseDurability(name string) (Durability, error) {
	for d := DurabilityAuto; d < DurabilityNone; d++ {
		if d.String() == name {
			return d, nil
		}
	}
	return 0, badArgument("parse durability", "%q is none of auto, dax, msync, process-crash", name)
}

// forceVariable makes libpmem take every mapping for persistent memory.
const forceVariable = "PMEM_IS_PMEM_FORCE"

// isPmem is what libpmem has to be made to say for the durability asked for.
func (d Durability) isPmem() C.int {
	switch d {
	case DurabilityMsync:
		return C.PMEMGO_IS_PMEM_NO
	case DurabilityProcessCrash:
		return C.PMEMGO_IS_PMEM_YES
	}
	return C.PMEMGO_IS_PMEM_ASK
}

// settle finds what a file gives if d is asked for. The file is open for
// reading and writing.
func (d Durability) settle(op, path string, f *os.File) (Durability, error) {
	forced := os.Getenv(forceVariable) == "1"
	fail := func(err error, format string, args ...any) (Durability, error) {
		return 0, stateErrAt(op, path, err, format, args...)
	}
	if onDAX(f) {
		// Where the kernel maps with MAP_SYNC, libpmemobj flushes caches, and
		// that is the stronger of the two.
		return DurabilityDAX, nil
	}
	if d == DurabilityDAX {
		return fail(ErrNotDAX, "use DurabilityMsync, or DurabilityProcessCrash for tests")
	}
	if !interpose.Effective {
		// Shared libraries ask themselves, and obey the variable alone.
		if d == DurabilityProcessCrash && !forced {
			return fail(unix.ENOTSUP, "in a program built with -tags pmdk_dynamic, DurabilityProcessCrash needs %s=1 in the environment", forceVariable)
		}
		if d == DurabilityMsync && forced {
			return fail(unix.ENOTSUP, "%s=1 in the environment forbids DurabilityMsync in a program built with -tags pmdk_dynamic", forceVariable)
		}
	}
	if d == DurabilityProcessCrash || d == DurabilityAuto && forced {
		return DurabilityProcessCrash, nil
	}
	return DurabilityMsync, nil
}

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
