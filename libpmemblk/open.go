package libpmemblk

// #include "shim.h"
import "C"

import (
	"github.com/pmem/pmdk-go/cgoutil"
	"github.com/pmem/pmdk-go/internal/poolfile"
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
	for option, set := range map[string]bool{"WithSize": o.sizeSet, "WithMode": o.modeSet, "WithShutdownState": o.shutdown != nil} {
		if err := refuse(op, path, set, option); err != nil {
			return nil, err
		}
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
		return nil, badArgument(op, path, "its blocks are of %d bytes, not %d", s.blockSize, o.blockSize)
	}
	if err := s.check(); err != nil {
		return nil, s.error(op, path, err)
	}
	if !o.withoutNDCTL {
		if err := s.RequireNDCTL(); err != nil {
			return nil, err
		}
	}
	d := DurabilityNone
	if !o.copyOnWrite {
		if d, err = s.Prepare(o.durability); err != nil {
			return nil, err
		}
	}
	cPath, err := cgoutil.CheckPath(op, path)
	if err != nil {
		return nil, err
	}
	settings := o.settings()
	var st cgoutil.Status
	poolfile.Enter()
	pbp := C.pmemgo_blk_open(cString(cPath), C.uint64_t(s.blockSize), &settings, cStatus(&st))
	if pbp != nil {
		openPools++
	}
	poolfile.Leave()
	if pbp == nil {
		return nil, st.Err(op, path)
	}
	if settings.copy_on_write != 0 {
		d = DurabilityNone // by CtlSet
	}
	return newPool(pbp, path, d, s.laidOut, nil), nil
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
	cPath, err := cgoutil.CheckPath(op, path)
	if err != nil {
		return err
	}
	var st cgoutil.Status
	poolfile.Enter()
	sound := C.pmemgo_blk_check(cString(cPath), C.uint64_t(s.blockSize), cStatus(&st))
	poolfile.Leave()
	if sound < 0 {
		return st.Err(op, path)
	}
	if sound == 0 {
		return &CorruptError{Path: path, Structure: "pool", Reason: "not consistent, says pmemblk_check; try libpmempool.Check or pmempool check -r, on a copy"}
	}
	return nil
}
