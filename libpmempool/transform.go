package libpmempool

// #include "shim.h"
import "C"

import (
	"github.com/pmem/pmdk-go/cgoutil"
)

// Transform changes the pool of the pool set file from into what the pool set
// file to describes: replicas are added or removed, or OPTION SINGLEHDR is
// added or removed, one of these at a time. With WithDryRun, it says whether
// that could be done, and changes nothing.
//
// The two pool sets may differ in that one respect only, and the rest must be
// written in the same way. The parts of a new replica must not exist; those of
// a removed one are deleted. The file from stays as it is, and no longer
// describes the pool: use to from here on. All parts must be sound; Sync comes
// first.
//
// After a kill in the middle, Sync of the file to tells: if it succeeds, the pool
// is what that file describes; if not, delete the parts of the new replicas, and
// repeat.
//
// Options: WithDryRun, WithAllowedDirs, which holds for both, WithoutNDCTL.
//
// Implements: pmempool_transform(3)
func Transform(from, to string, opts ...Option) error {
	const op = "transform"
	o, err := newOptions(op, from, opts, "WithDryRun", "WithAllowedDirs", "WithoutNDCTL")
	if err != nil {
		return err
	}
	cTo, err := cgoutil.CheckPath(op, to)
	if err != nil {
		return err
	}
	cFrom, err := cgoutil.CheckPath(op, from)
	if err != nil {
		return err
	}
	defer enterC()(nil)
	t, err := replicated(op, from, o)
	if err != nil {
		return err
	}
	if err := t.whole(); err != nil {
		return err
	}
	if _, err := replicated(op, to, o); err != nil {
		return err
	}
	if err := t.ready(o, !o.dryRun); err != nil {
		return err
	}
	var flags C.uint32_t
	if o.dryRun {
		flags |= C.PMEMPOOL_TRANSFORM_DRY_RUN
	}
	return t.call(op, func(st *cgoutil.Status) bool {
		return C.pmemgo_pool_transform(cString(cFrom), cString(cTo), flags, cStatus(st)) < 0
	})
}
