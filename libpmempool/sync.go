package libpmempool

// #include "shim.h"
import "C"

import (
	"errors"
	"io/fs"

	"github.com/pmem/pmdk-go/cgoutil"
)

// Sync makes the replicas of the pool set at path whole again: parts that are
// missing, shorter than the set file says (but not empty: delete those), or have a damaged header are made
// anew from a replica that is sound. With WithDryRun, it says whether that
// could be done, and changes nothing.
//
// Replicas that differ in their data alone are not noticed: PMDK compares
// nothing but headers. Only obj pools have replicas. A pool set of one replica
// gives ErrNoReplicas; one without a sound replica is EINVAL, with PMDK's
// words for it, and nothing is changed. A sync that is killed is repeated.
//
// Use the pool set file that the pool was created with. The pool must not be
// open.
//
// Options: WithDryRun, WithBadBlocks, WithAllowedDirs, WithoutNDCTL.
//
// Implements: pmempool_sync(3)
func Sync(path string, opts ...Option) error {
	const op = "sync"
	o, err := newOptions(op, path, opts, "WithDryRun", "WithBadBlocks", "WithAllowedDirs", "WithoutNDCTL")
	if err != nil {
		return err
	}
	defer enterC()(nil)
	t, err := replicated(op, path, o)
	if err != nil {
		return err
	}
	if len(t.set.Replicas) < 2 {
		return wrap(op, path, ErrNoReplicas, "add one with Transform, or restore a backup")
	}
	if err := t.ready(o, !o.dryRun); err != nil {
		return err
	}
	var flags C.uint32_t
	if o.dryRun {
		flags |= C.PMEMPOOL_SYNC_DRY_RUN
	}
	if o.badBlocks {
		flags |= C.PMEMPOOL_SYNC_FIX_BAD_BLOCKS
	}
	cPath, err := cgoutil.CheckPath(op, path)
	if err != nil {
		return err
	}
	return t.call(op, func(st *cgoutil.Status) bool {
		return C.pmemgo_pool_sync(cString(cPath), flags, cStatus(st)) < 0
	})
}

// replicated examines a pool set of the kind that can have replicas.
func replicated(op, path string, o *options) (*target, error) {
	t, err := examine(op, path, o)
	if err != nil {
		return nil, err
	}
	if t.set == nil {
		return nil, badArgument(op, path, "is not a pool set file")
	}
	if k := t.kind(); k != TypeObj && k != TypeDetect {
		return nil, badArgument(op, path, "a %v pool: only obj pools have replicas", k)
	}
	if err := t.busy(); err != nil {
		return nil, err
	}
	l := limits
	l.MinPool = uint64(minSize(TypeObj))
	if err := t.set.raw().Check(l); err != nil {
		return nil, badArgument(op, path, "%v", err)
	}
	for _, f := range t.files {
		if f.err != nil && f.size == 0 && !errors.Is(f.err, fs.ErrNotExist) {
			return nil, &CorruptError{Path: f.path, Structure: "file", Reason: "it is empty, on which PMDK faults: delete it, and it is missing, which Sync puts right"}
		}
	}
	return t, nil
}

// call runs a function of C that opens and closes the target's files, between
// enterC and leave.
func (t *target) call(op string, failed func(*cgoutil.Status) bool) error {
	var st cgoutil.Status
	if !failed(&st) {
		return nil
	}
	return st.Err(op, t.path)
}
