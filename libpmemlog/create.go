package libpmemlog

// #include "shim.h"
import "C"

import "github.com/pmem/pmdk-go/internal/plainpool"

// Create makes an empty log at path and opens it.
//
// Creation is atomic: path appears when the log is complete. A process killed
// before leaves nothing behind, or, on file systems without unnamed files, a
// file ".NAME.*.creating" beside path. If path exists, the error matches
// fs.ErrExist; if the disk is full, unix.ENOSPC.
//
// If path is a pool set file, written by hand, whose parts do not exist yet,
// they are made: files, and one replica. Other than the rest this is not atomic:
// parts that a killed process left are reported by the next Create, and for the
// user to remove.
//
// Options: WithSize, WithMode, WithDurability, WithPrefault,
// WithShutdownState, WithoutNDCTL.
//
// Implements: pmemlog_create(3)
func Create(path string, opts ...Option) (*Log, error) {
	const op = "create"
	o, err := newOptions(op, path, opts)
	if err != nil {
		return nil, err
	}
	if err := o.ForCreate(op, path); err != nil {
		return nil, err
	}
	return create(op, path, o)
}

// OpenOrCreate opens the log at path, or creates it if path does not exist.
// All options of Open and Create are taken; those of Create mean nothing to a
// log that exists.
func OpenOrCreate(path string, opts ...Option) (*Log, error) {
	const op = "open or create"
	o, err := newOptions(op, path, opts)
	if err != nil {
		return nil, err
	}
	if err := o.ForCreate(op, path); err != nil {
		return nil, err
	}
	return plainpool.OpenOrCreate(
		func() (*Log, error) { return open(op, path, o) },
		func() (*Log, error) { return create(op, path, o) },
	)
}

func create(op, path string, o *options) (*Log, error) {
	m := plainpool.Creator[*Log]{Kind: kind, Enter: func(c *plainpool.Call) *Log {
		plp := C.pmemgo_log_create(cString(c.Place), cSettings(&c.Settings), cStatus(&c.Status))
		return newLog(plp, path, c)
	}}
	return m.Create(op, path, &o.Options)
}
