package libpmemlog

// #include "shim.h"
import "C"

import (
	"errors"
	"io/fs"
	"os"

	"github.com/pmem/pmdk-go/cgoutil"
	"github.com/pmem/pmdk-go/internal/poolfile"
	"github.com/pmem/pmdk-go/internal/poolheader"
	"github.com/pmem/pmdk-go/internal/poolsource"
	"github.com/pmem/pmdk-go/third_party/pmdk"
)

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
	if err := refuse(op, path, o.copyOnWrite, "WithCopyOnWrite"); err != nil {
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
	if err := refuse(op, path, o.copyOnWrite, "WithCopyOnWrite"); err != nil {
		return nil, err
	}
	l, err := open(op, path, o)
	if !errors.Is(err, fs.ErrNotExist) {
		return l, err
	}
	l, err = create(op, path, o)
	if errors.Is(err, fs.ErrExist) {
		return open(op, path, o) // somebody else was quicker
	}
	return l, err
}

func create(op, path string, o *options) (*Log, error) {
	if _, err := os.Lstat(path); err == nil {
		return createInSet(op, path, o)
	}
	if !o.withoutNDCTL {
		if err := pmdk.RequireNDCTL(path); err != nil {
			return nil, cgoutil.PathError(op, path, err)
		}
	}
	file, err := poolfile.Create(path, o.mode)
	if err != nil {
		return nil, cgoutil.PathError(op, path, err)
	}
	l, err := createIn(op, path, o, file)
	if err != nil {
		file.Discard()
		return nil, err
	}
	return l, nil
}

// createIn makes the log in a file without its final name, and then names it.
func createIn(op, path string, o *options, file *poolfile.New) (*Log, error) {
	if err := poolfile.Allocate(file.File, o.size); err != nil {
		return nil, cgoutil.PathError(op, path, err)
	}
	d, err := poolfile.Settle(o.durability, file.File)
	if err != nil {
		return nil, cgoutil.PathError(op, path, err)
	}
	cPath, err := cgoutil.CheckPath(op, file.Reachable())
	if err != nil {
		return nil, err
	}
	settings := o.settings()
	var st cgoutil.Status
	// PMDK keeps the path through which it opened the file, and with it the
	// number of our descriptor.
	l := enterCreate(cPath, path, &settings, d, file.File, &st)
	if l == nil {
		return nil, st.Err(op, path)
	}
	if err := file.Publish(path); err != nil {
		_ = l.Close()
		return nil, cgoutil.PathError(op, path, err)
	}
	return l, nil
}

// enterCreate has C make a log at place, which may not have its final path yet.
// It returns nil if C fails, for the reason in st.
func enterCreate(place []byte, path string, settings *C.struct_pmemgo_log_settings, d Durability, file *os.File, st *cgoutil.Status) *Log {
	poolfile.Enter()
	defer poolfile.Leave()
	plp := C.pmemgo_log_create(cString(place), settings, cStatus(st))
	if plp == nil {
		return nil
	}
	return newLog(plp, path, d, file)
}

// createInSet makes a log in the parts that a pool set file names.
func createInSet(op, path string, o *options) (*Log, error) {
	set, err := poolsource.Unused(op, path, poolsource.Kind{Header: poolheader.Log, MinPool: MinPool, Noun: "log"})
	if err != nil {
		return nil, err
	}
	if err := refuse(op, path, o.sizeSet, "WithSize"); err != nil {
		return nil, err
	}
	if !o.withoutNDCTL {
		if err := set.RequireNDCTL(); err != nil {
			return nil, err
		}
	}
	d, err := set.Prepare(o.durability)
	if err != nil {
		return nil, err
	}
	cPath, err := cgoutil.CheckPath(op, path)
	if err != nil {
		return nil, err
	}
	settings := o.settings()
	settings.mode = C.uint32_t(o.mode)
	var st cgoutil.Status
	l := enterCreate(cPath, path, &settings, d, nil, &st)
	if l == nil {
		return nil, st.Err(op, path)
	}
	return l, nil
}
