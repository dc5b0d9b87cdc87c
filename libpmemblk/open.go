package libpmemblk

// #include "shim.h"
import "C"

import (
	"github.com/pmem/pmdk-go/cgoutil"
	"github.com/pmem/pmdk-go/internal/plainpool"
)

// Open opens the pool at path.
//
// Go reads the file before PMDK does: its headers and the map, 4 bytes for
// each block. What is wrong is a *CorruptError, and the file is left alone.
// PMDK would take a pool whose BTT info block is damaged for an empty one, and
// lose its blocks for good at the first write; such a pool is refused, with the
// repair to make. A pool that was killed at any moment opens.
//
// A pool set file stands for a pool in several files, which Create makes.
// Folders, replicas and devices in it are refused.
//
// A pool that is open already, here or in another process, gives EAGAIN.
//
// Options: WithBlockSize, WithDurability, WithCopyOnWrite, WithPrefault,
// WithoutNDCTL.
//
// Implements: pmemblk_open(3)
func Open(path string, opts ...Option) (*Pool, error) {
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

func open(op, path string, o *options) (*Pool, error) {
	s, err := openSource(op, path)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	if o.blockSizeSet && o.blockSize != s.blockSize {
		return nil, plainpool.BadArgument(op, path, "its blocks are of %d bytes, not %d", s.blockSize, o.blockSize)
	}
	if err := s.check(); err != nil {
		return nil, s.error(op, path, err)
	}
	return plainpool.Open(op, path, &o.Options, s, func(c *plainpool.Call) *Pool {
		pbp := C.pmemgo_blk_open(cString(c.Place), C.uint64_t(s.blockSize), cSettings(&c.Settings), cStatus(&c.Status))
		return newPool(pbp, path, s.laidOut, c)
	})
}

// Check says whether the pool at path is sound: it reads the headers and the
// map, and asks PMDK for its own opinion. nil means yes. The pool must not be
// open, and is not changed; the process needs the permission to write to it
// all the same.
//
// There is no checksum of what blocks hold: damage there is not seen.
//
// Implements: pmemblk_check(3)
func Check(path string) error {
	const op = "check"
	if _, err := newOptions(op, path, nil); err != nil {
		return err
	}
	s, err := openSource(op, path)
	if err != nil {
		return err
	}
	defer s.Close()
	if err := s.check(); err != nil {
		return s.error(op, path, err)
	}
	sound, err := plainpool.Check(op, path, func(place []byte, st *cgoutil.Status) int {
		return int(C.pmemgo_blk_check(cString(place), C.uint64_t(s.blockSize), cStatus(st)))
	})
	if err != nil {
		return err
	}
	if !sound {
		return &CorruptError{Path: path, Structure: "pool", Reason: "not consistent, says pmemblk_check; try libpmempool.Check or pmempool check -r, on a copy"}
	}
	return nil
}
