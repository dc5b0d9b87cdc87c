package libpmemblk

// #include "shim.h"
import "C"

import (
	"errors"
	"io/fs"
	"os"

	"github.com/pmem/pmdk-go/cgoutil"
	"github.com/pmem/pmdk-go/internal/btt"
	"github.com/pmem/pmdk-go/internal/poolfile"
	"github.com/pmem/pmdk-go/internal/poolsource"
	"github.com/pmem/pmdk-go/third_party/pmdk"
)

// Create makes a pool at path with blocks of blockSize bytes, as many as fit,
// and opens it. All blocks read as zeros. A block takes at least 512 bytes of
// the file, and else a multiple of 256; a pool has at least 256 blocks.
//
// Creation is atomic: path appears when the pool is complete. A process killed
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
// Implements: pmemblk_create(3)
func Create(path string, blockSize int, opts ...Option) (*Pool, error) {
	const op = "create"
	o, err := newOptions(op, path, opts)
	if err != nil {
		return nil, err
	}
	if err := refuse(op, path, o.copyOnWrite, "WithCopyOnWrite"); err != nil {
		return nil, err
	}
	if err := refuse(op, path, o.blockSizeSet, "WithBlockSize"); err != nil {
		return nil, err
	}
	return create(op, path, blockSize, o)
}

// OpenOrCreate opens the pool at path, whose blocks must be of blockSize
// bytes, or creates it if path does not exist. Options of Create mean nothing
// to a pool that exists.
//
// Options: those of Create.
func OpenOrCreate(path string, blockSize int, opts ...Option) (*Pool, error) {
	const op = "open or create"
	o, err := newOptions(op, path, append(opts[:len(opts):len(opts)], WithBlockSize(blockSize)))
	if err != nil {
		return nil, err
	}
	if err := refuse(op, path, o.copyOnWrite, "WithCopyOnWrite"); err != nil {
		return nil, err
	}
	p, err := open(op, path, o)
	if !errors.Is(err, fs.ErrNotExist) {
		return p, err
	}
	p, err = create(op, path, blockSize, o)
	if errors.Is(err, fs.ErrExist) {
		return open(op, path, o) // somebody else was quicker
	}
	return p, err
}

// checkCapacity fails if no pool can have the sizes. The remedy is for one that
// is too small.
func checkCapacity(op, path string, size int64, blockSize int, remedy string) error {
	if blockSize < 1 {
		return badArgument(op, path, "blocks of %d bytes", blockSize)
	}
	if Capacity(size, blockSize) == 0 {
		return badArgument(op, path, "a pool of %d bytes has no room for %d blocks of %d bytes, which it has at least; %s", size, btt.MinBlocks, blockSize, remedy)
	}
	return nil
}

func create(op, path string, blockSize int, o *options) (*Pool, error) {
	if _, err := os.Lstat(path); err == nil {
		return createInSet(op, path, blockSize, o)
	}
	if err := checkCapacity(op, path, o.size, blockSize, "use WithSize"); err != nil {
		return nil, err
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
	p, err := createIn(op, path, blockSize, o, file)
	if err != nil {
		file.Discard()
		return nil, err
	}
	return p, nil
}

// createIn makes the pool in a file without its final name, and then names it.
func createIn(op, path string, blockSize int, o *options, file *poolfile.New) (*Pool, error) {
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
	pbp, err := enterCreate(op, path, cPath, blockSize, &settings)
	if err != nil {
		return nil, err
	}
	// PMDK keeps the path through which it opened the file, and with it the
	// number of our descriptor.
	p := newPool(pbp, path, d, false, file.File)
	if err := file.Publish(path); err != nil {
		_ = p.Close()
		return nil, cgoutil.PathError(op, path, err)
	}
	return p, nil
}

// enterCreate has C make a pool at place, which may not have its final path
// yet.
func enterCreate(op, path string, place []byte, blockSize int, settings *C.struct_pmemgo_blk_settings) (*C.PMEMblkpool, error) {
	var st cgoutil.Status
	poolfile.Enter()
	defer poolfile.Leave()
	pbp := C.pmemgo_blk_create(cString(place), C.uint64_t(blockSize), settings, cStatus(&st))
	if pbp == nil {
		return nil, st.Err(op, path)
	}
	openPools++
	return pbp, nil
}

// createInSet makes a pool in the parts that a pool set file names.
func createInSet(op, path string, blockSize int, o *options) (*Pool, error) {
	set, err := poolsource.Unused(op, path, kind)
	if err != nil {
		return nil, err
	}
	if err := refuse(op, path, o.sizeSet, "WithSize"); err != nil {
		return nil, err
	}
	if err := checkCapacity(op, path, set.Size(), blockSize, "make its parts larger"); err != nil {
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
	pbp, err := enterCreate(op, path, cPath, blockSize, &settings)
	if err != nil {
		return nil, err
	}
	return newPool(pbp, path, d, false, nil), nil
}
