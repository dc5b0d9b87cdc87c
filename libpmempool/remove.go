package libpmempool

// #include "shim.h"
import "C"

import (
	"errors"
	"io/fs"

	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/cgoutil"
)

// Remove deletes the pool at path: the file, or all parts of a pool set. The
// pool set file itself stays, unless WithSetFile is given. It returns the files
// that it has deleted, and with WithDryRun those that it would delete.
//
// Unlike C, Remove refuses before it deletes anything what is no pool (EINVAL),
// what is open (EAGAIN), and pool sets that lack files (fs.ErrNotExist). With
// WithForce it deletes all that is there, pools or not, but nothing that is
// open.
//
// Options: WithDryRun, WithForce, WithSetFile, WithAllowedDirs.
//
// Implements: pmempool_rm(3)
func Remove(path string, opts ...Option) (removed []string, err error) {
	const op = "remove"
	o, err := newOptions(op, path, opts, "WithDryRun", "WithForce", "WithSetFile", "WithAllowedDirs")
	if err != nil {
		return nil, err
	}
	defer enterC()(nil)
	t, err := examine(op, path, o)
	if err != nil {
		if o.force && errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
		return nil, err
	}
	if err := t.busy(); err != nil {
		return nil, err
	}
	var flags C.uint32_t
	if o.force {
		flags |= C.PMEMPOOL_RM_FORCE
	}
	for _, f := range t.files {
		switch {
		case errors.Is(f.err, fs.ErrNotExist):
			if !o.force {
				return nil, f.err
			}
			continue
		case !o.force && typeOf(f.header.Kind) == TypeDetect && !(f.part > 0 && t.set != nil && t.set.SingleHeader):
			return nil, &Error{Op: op, Path: f.path, Errno: unix.EINVAL, Msg: "not a pool; WithForce removes it all the same"}
		}
		removed = append(removed, f.path)
	}
	if o.setFile && t.set != nil {
		flags |= C.PMEMPOOL_RM_POOLSET_LOCAL
		removed = append(removed, path)
	}
	if o.dryRun {
		return removed, nil
	}
	cPath, err := cgoutil.CheckPath(op, path)
	if err != nil {
		return nil, err
	}
	err = t.call(op, func(st *cgoutil.Status) bool {
		return C.pmemgo_pool_rm(cString(cPath), flags, cStatus(st)) < 0
	})
	return gone(removed), err
}

// gone are the paths at which there is nothing.
func gone(paths []string) []string {
	var names []string
	for _, path := range paths {
		if notThere("", path) == nil {
			names = append(names, path)
		}
	}
	return names
}
