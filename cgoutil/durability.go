package cgoutil

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Durability says what a change survives once it is done, and by what means.
// The packages of pools alias it under the same name.
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

	// DurabilityNone is what a pool reports whose changes never reach its
	// file. It cannot be asked for.
	DurabilityNone

	// DurabilityJournal is what a pool reports that keeps a journal beside its
	// file: committed changes survive a power failure as far as the file system
	// and the disk keep their promises, like those of DurabilityMsync, but many
	// of them share one wait for the disk. It cannot be asked for by itself: the
	// package of the journal has an option for it.
	DurabilityJournal
)

// String gives the name as the command line tools spell it, for example
// "process-crash".
func (d Durability) String() string {
	names := [...]string{"auto", "dax", "msync", "process-crash", "none", "journal"}
	if d < 0 || int(d) >= len(names) {
		return fmt.Sprintf("Durability(%d)", int(d))
	}
	return names[d]
}

// JournalHint says how a pool comes to have DurabilityJournal.
const JournalHint = "pass libpmemobj the option of package libpmemobj/journal"

// Askable says whether a pool can be asked for d.
func (d Durability) Askable() bool { return d >= DurabilityAuto && d < DurabilityNone }

// ParseDurability reads a name that String gives, of what can be asked for.
func ParseDurability(name string) (Durability, error) {
	for d := DurabilityAuto; d < DurabilityNone; d++ {
		if d.String() == name {
			return d, nil
		}
	}
	if name == DurabilityJournal.String() {
		return 0, &Error{Op: "parse durability", Errno: unix.EINVAL, Msg: "a journal is not asked for by name: " + JournalHint}
	}
	return 0, &Error{Op: "parse durability", Errno: unix.EINVAL, Msg: fmt.Sprintf("%q is none of auto, dax, msync, process-crash", name)}
}
