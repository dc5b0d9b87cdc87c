package libpmemlog

// #include "shim.h"
import "C"

import (
	"github.com/pmem/pmdk-go/cgoutil"
	"github.com/pmem/pmdk-go/internal/plainpool"
)

// Open opens the log at path.
//
// PMDK trusts the file and would crash on a damaged one, so Go reads its
// headers first. What is wrong is a *CorruptError, and the file is left alone.
// A log that was killed at any moment opens, with all that was appended.
//
// A pool set file stands for a log in several files, which Create makes. Folders,
// replicas and devices in it are refused.
//
// A log that is open already, here or in another process, gives EAGAIN.
//
// Options: WithDurability, WithCopyOnWrite, WithPrefault, WithoutNDCTL.
//
// Implements: pmemlog_open(3)
func Open(path string, opts ...Option) (*Log, error) {
	const op = "open"
	o, err := newOptions(op, path, opts)
	if err != nil {
		return nil, err
	}
	if err := o.ForOpen(op, path); err != nil {
		return nil, err
	}
	return open(op, path, o)
}

func open(op, path string, o *options) (*Log, error) {
	source, err := openSource(op, path)
	if err != nil {
		return nil, err
	}
	defer source.Close()
	return plainpool.Open(op, path, &o.Options, source, func(c *plainpool.Call) *Log {
		plp := C.pmemgo_log_open(cString(c.Place), cSettings(&c.Settings), cStatus(&c.Status))
		return newLog(plp, path, c)
	})
}

// Check says whether the log at path is sound: it reads the headers and asks
// PMDK for its own opinion. nil means yes. The log must not be open, and is
// not changed; the process needs the permission to write to it all the same.
//
// A log carries no checksum of what was appended: damage there is not seen.
// [Records] has one for each record.
//
// Implements: pmemlog_check(3)
func Check(path string) error {
	const op = "check"
	if _, err := newOptions(op, path, nil); err != nil {
		return err
	}
	source, err := openSource(op, path)
	if err != nil {
		return err
	}
	defer source.Close()
	sound, err := plainpool.Check(op, path, func(place []byte, st *cgoutil.Status) int {
		return int(C.pmemgo_log_check(cString(place), cStatus(st)))
	})
	if err != nil {
		return err
	}
	if !sound {
		return &CorruptError{Path: path, Structure: "log", Reason: "not consistent, says pmemlog_check; " + repair}
	}
	return nil
}
