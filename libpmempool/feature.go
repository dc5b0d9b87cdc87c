package libpmempool

// #include "shim.h"
import "C"

import (
	"fmt"

	"github.com/pmem/pmdk-go/cgoutil"
	"github.com/pmem/pmdk-go/internal/poolheader"
)

// Feature is something that a pool's headers turn on or off.
type Feature int

// The features of PMDK 1.12.
const (
	// FeatureSingleHeader: only the first part of a replica has a header. It can
	// be queried; Transform changes it.
	FeatureSingleHeader Feature = C.PMEMPOOL_FEAT_SINGLEHDR

	// FeatureChecksum2K: a header's checksum covers its first 2 KiB, not 4. It
	// is on in new pools, and FeatureShutdownState needs it.
	FeatureChecksum2K Feature = C.PMEMPOOL_FEAT_CKSUM_2K

	// FeatureShutdownState: opening the pool fails if the NVDIMMs that it lies
	// on lost writes in an unsafe shutdown while it was open. It is on in new
	// pools.
	FeatureShutdownState Feature = C.PMEMPOOL_FEAT_SHUTDOWN_STATE

	// FeatureCheckBadBlocks: opening the pool looks for bad blocks of the
	// medium, and Sync with WithBadBlocks repairs them.
	FeatureCheckBadBlocks Feature = C.PMEMPOOL_FEAT_CHECK_BAD_BLOCKS
)

// Features are all features, in PMDK's order.
func Features() []Feature {
	return []Feature{FeatureSingleHeader, FeatureChecksum2K, FeatureShutdownState, FeatureCheckBadBlocks}
}

// String is the name that PMDK's tool uses, for example "CKSUM_2K".
func (f Feature) String() string {
	names := [...]string{"SINGLEHDR", "CKSUM_2K", "SHUTDOWN_STATE", "CHECK_BAD_BLOCKS"}
	if f < 0 || int(f) >= len(names) {
		return fmt.Sprintf("Feature(%d)", int(f))
	}
	return names[f]
}

// ParseFeature reads a name that String gives.
func ParseFeature(name string) (Feature, error) {
	for _, f := range Features() {
		if f.String() == name {
			return f, nil
		}
	}
	return 0, badArgument("parse feature", "", "%q is none of SINGLEHDR, CKSUM_2K, SHUTDOWN_STATE, CHECK_BAD_BLOCKS", name)
}

// in says whether a header has the feature.
func (f Feature) in(h *poolheader.Header) bool {
	switch f {
	case FeatureSingleHeader:
		return h.Incompat&poolheader.FeatureSingleHeader != 0
	case FeatureChecksum2K:
		return h.Incompat&poolheader.FeatureChecksum2K != 0
	case FeatureShutdownState:
		return h.Incompat&poolheader.FeatureShutdownState != 0
	}
	return h.Compat&poolheader.FeatureCheckBadBlocks != 0
}

// FeatureQuery says whether the pool at path, a file or a pool set, has the
// feature. The pool must be whole and not open.
//
// Options: WithAllowedDirs, WithoutNDCTL.
//
// Implements: pmempool_feature_query(3)
func FeatureQuery(path string, f Feature, opts ...Option) (on bool, err error) {
	const op = "query feature"
	defer enterC()(nil)
	t, _, err := featured(op, path, f, opts, "WithAllowedDirs", "WithoutNDCTL")
	if err != nil {
		return false, err
	}
	cPath, err := cgoutil.CheckPath(op, path)
	if err != nil {
		return false, err
	}
	err = t.call(op, func(st *cgoutil.Status) bool {
		state := C.pmemgo_pool_feature_query(cString(cPath), C.int32_t(f), cStatus(st))
		on = state > 0
		return state < 0
	})
	return on, err
}

// FeatureEnable turns a feature of the pool at path on, in the headers of all
// parts. It returns whether that changes something, which with WithDryRun is
// all that it does.
//
// FeatureShutdownState can be turned on only while FeatureChecksum2K is.
// FeatureSingleHeader cannot be changed here. The pool must be whole and not
// open. A kill in the middle leaves a pool set whose parts differ, which the
// functions for features then refuse, with what to do.
//
// Options: WithDryRun, WithAllowedDirs, WithoutNDCTL.
//
// Implements: pmempool_feature_enable(3)
func FeatureEnable(path string, f Feature, opts ...Option) (changed bool, err error) {
	return setFeature("enable feature", path, f, true, opts)
}

// FeatureDisable is FeatureEnable for turning a feature off.
// FeatureChecksum2K can be turned off only while FeatureShutdownState is off.
//
// Options: WithDryRun, WithAllowedDirs, WithoutNDCTL.
//
// Implements: pmempool_feature_disable(3)
func FeatureDisable(path string, f Feature, opts ...Option) (changed bool, err error) {
	return setFeature("disable feature", path, f, false, opts)
}

func setFeature(op, path string, f Feature, on bool, opts []Option) (changed bool, err error) {
	defer enterC()(nil)
	t, o, err := featured(op, path, f, opts, "WithDryRun", "WithAllowedDirs", "WithoutNDCTL")
	if err != nil {
		return false, err
	}
	first := &t.files[0].header
	switch {
	case f == FeatureSingleHeader:
		return false, badArgument(op, path, "SINGLEHDR cannot be changed; Transform to a pool set with or without OPTION SINGLEHDR does it")
	case f == FeatureShutdownState && on && !FeatureChecksum2K.in(first):
		return false, badArgument(op, path, "SHUTDOWN_STATE needs CKSUM_2K: enable that first")
	case f == FeatureChecksum2K && !on && FeatureShutdownState.in(first):
		return false, badArgument(op, path, "SHUTDOWN_STATE needs CKSUM_2K: disable SHUTDOWN_STATE first")
	}
	changed = f.in(first) != on
	if o.dryRun || !changed {
		return changed, nil
	}
	cPath, err := cgoutil.CheckPath(op, path)
	if err != nil {
		return false, err
	}
	set := func(st *cgoutil.Status) C.int32_t {
		if on {
			return C.pmemgo_pool_feature_enable(cString(cPath), C.int32_t(f), cStatus(st))
		}
		return C.pmemgo_pool_feature_disable(cString(cPath), C.int32_t(f), cStatus(st))
	}
	err = t.call(op, func(st *cgoutil.Status) bool { return set(st) < 0 })
	return err == nil, err
}

// featured examines a pool whose features are wanted: C aborts on files that
// are missing or too short.
func featured(op, path string, f Feature, opts []Option, takes ...string) (*target, *options, error) {
	o, err := newOptions(op, path, opts, takes...)
	if err != nil {
		return nil, nil, err
	}
	if f < FeatureSingleHeader || f > FeatureCheckBadBlocks {
		return nil, nil, badArgument(op, path, "%v: not a feature", f)
	}
	t, err := examine(op, path, o)
	if err != nil {
		return nil, nil, err
	}
	if err := t.busy(); err != nil {
		return nil, nil, err
	}
	if err := t.whole(); err != nil {
		return nil, nil, err
	}
	if err := t.replayed(); err != nil {
		return nil, nil, err
	}
	for _, file := range t.files {
		if t.set != nil && t.set.SingleHeader && file.part > 0 {
			continue
		}
		if err := checkHeader(&file); err != nil {
			return nil, nil, err
		}
		if first := &t.files[0].header; file.header.Incompat != first.Incompat || file.header.Compat != first.Compat {
			return nil, nil, &CorruptError{Path: file.path, Structure: "pool header", Offset: 12, Reason: "its features are not those of " + t.files[0].path + "; if the pool has replicas, delete the parts of one that differ, and Sync makes them anew; else restore a backup"}
		}
	}
	return t, o, t.ready(o, false)
}

// checkHeader says what is wrong with the header of a file.
func checkHeader(p *poolFile) error {
	if p.header.Kind == poolheader.Unknown {
		return &CorruptError{Path: p.path, Structure: "pool header", Reason: "not a pool: " + poolheader.WhatIs(p.header.Signature[:])}
	}
	err := p.header.Check(p.header.Kind)
	if err == nil {
		return nil
	}
	fault := err.(*poolheader.Fault)
	return &CorruptError{Path: p.path, Structure: "pool header", Offset: fault.Offset, Reason: fault.Reason}
}
