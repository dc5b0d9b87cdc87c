package libpmemobj

import "C"

import (
	"errors"
	"os"

	"github.com/pmem/pmdk-go/cgoutil"
	"github.com/pmem/pmdk-go/internal/poolfile"
)

// Durability says what a committed change survives, and by what means; see
// [cgoutil.Durability].
type Durability = cgoutil.Durability

// What a pool can be asked for, and what it then reports.
const (
	// DurabilityAuto is DurabilityDAX where the file allows it and
	// DurabilityMsync elsewhere. A pool never reports it.
	DurabilityAuto = cgoutil.DurabilityAuto

	// DurabilityDAX flushes processor caches to persistent memory: committed
	// changes survive a power failure. The file must be on a DAX file system.
	DurabilityDAX = cgoutil.DurabilityDAX

	// DurabilityMsync calls msync for every flush: committed changes survive
	// a power failure as far as the file system and the disk keep their
	// promises. Each flush is a system call, on a disk a slow one.
	DurabilityMsync = cgoutil.DurabilityMsync

	// DurabilityProcessCrash flushes processor caches on an ordinary file:
	// committed changes survive the death of the process, by SIGKILL too, but
	// not a power failure or a crash of the operating system, after which the
	// pool may be damaged beyond repair. It costs what persistent memory does
	// and is meant for tests, caches, and trying things out.
	DurabilityProcessCrash = cgoutil.DurabilityProcessCrash

	// DurabilityNone is what a pool opened with WithCopyOnWrite reports. It
	// cannot be asked for.
	DurabilityNone = cgoutil.DurabilityNone

	// DurabilityJournal is what a pool opened with the option of package
	// libpmemobj/journal reports: committed changes survive a power failure as
	// far as the file system and the disk keep their promises. It cannot be asked
	// for with WithDurability.
	DurabilityJournal = cgoutil.DurabilityJournal
)

// ParseDurability reads a name that Durability's String method gives, other
// than "none" and "journal".
func ParseDurability(name string) (Durability, error) { return cgoutil.ParseDurability(name) }

// isPmem is what libpmem has to be made to say for the durability asked for.
func isPmem(d Durability) C.int { return C.int(poolfile.IsPmem(d)) }

// settle is settle for what was asked for; a medium has its own opinion.
func (o *options) settle(op, path string, f *os.File) (Durability, error) {
	if o.medium != nil {
		return o.medium.Durability(), nil
	}
	return settle(op, path, o.durability, f)
}

// settle finds what a file gives if d is asked for. The file is open for
// reading and writing.
func settle(op, path string, d Durability, f *os.File) (Durability, error) {
	got, err := poolfile.Settle(d, f)
	var unsettled *poolfile.SettleError
	if errors.As(err, &unsettled) {
		return 0, stateErrAt(op, path, unsettled.Err, "%s", unsettled.Remedy)
	}
	return got, err
}
