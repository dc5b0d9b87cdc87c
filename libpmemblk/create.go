package libpmemblk

// #include "shim.h"
import "C"

import (
	"github.com/pmem/pmdk-go/internal/btt"
	"github.com/pmem/pmdk-go/internal/plainpool"
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
	if err := o.ForCreate(op, path); err != nil {
		return nil, err
	}
	if err := plainpool.Refuse(op, path, o.blockSizeSet, "WithBlockSize"); err != nil {
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
	if err := o.ForCreate(op, path); err != nil {
		return nil, err
	}
	return plainpool.OpenOrCreate(
		func() (*Pool, error) { return open(op, path, o) },
		func() (*Pool, error) { return create(op, path, blockSize, o) },
	)
}

// checkCapacity fails if no pool can have the sizes. The remedy is for one that
// is too small.
func checkCapacity(op, path string, size int64, blockSize int, remedy string) error {
	if blockSize < 1 {
		return plainpool.BadArgument(op, path, "blocks of %d bytes", blockSize)
	}
	if Capacity(size, blockSize) == 0 {
		return plainpool.BadArgument(op, path, "a pool of %d bytes has no room for %d blocks of %d bytes, which it has at least; %s", size, btt.MinBlocks, blockSize, remedy)
	}
	return nil
}

func create(op, path string, blockSize int, o *options) (*Pool, error) {
	m := plainpool.Creator[*Pool]{
		Kind: kind,
		Fits: func(size int64, remedy string) error { return checkCapacity(op, path, size, blockSize, remedy) },
		Enter: func(c *plainpool.Call) *Pool {
			pbp := C.pmemgo_blk_create(cString(c.Place), C.uint64_t(blockSize), cSettings(&c.Settings), cStatus(&c.Status))
			return newPool(pbp, path, false, c)
		},
	}
	return m.Create(op, path, &o.Options)
}
