package libpmemlog

// #include "shim.h"
import "C"

import (
	"io/fs"

	"github.com/pmem/pmdk-go/internal/plainpool"
)

// Sizes, in bytes.
const (
	// MinPool is the size of the smallest log's file.
	MinPool = C.PMEMLOG_MIN_POOL

	// DefaultPool is the size of the file of a log created without WithSize.
	DefaultPool = 64 << 20
)

// Option changes what Create, Open and OpenOrCreate do. An option that means
// nothing to the call it is passed to is an error.
type Option func(*options)

type options struct{ plainpool.Options }

// WithSize sets the size in bytes of the file that Create makes, MinPool or
// more; the log holds 8 KiB less. All of it is allocated in the file system at
// once, so that appending never fails for want of disk space. The default is
// DefaultPool.
func WithSize(bytes int64) Option {
	return func(o *options) { o.Size, o.SizeSet = bytes, true }
}

// WithMode sets the permission bits of the file that Create makes, less the
// umask. The default is 0600.
func WithMode(mode fs.FileMode) Option {
	return func(o *options) { o.Mode, o.ModeSet = mode, true }
}

// WithDurability asks for a durability; see [Durability]. The default is
// DurabilityAuto.
func WithDurability(d Durability) Option {
	return func(o *options) { o.Durability = d }
}

// WithCopyOnWrite opens a log whose file never changes: what is appended
// stays in this process and vanishes at Close. The process needs the
// permission to write to the file all the same: PMDK asks for it.
//
// Implements: pmemlog_ctl_set(3), the node copy_on_write.at_open
func WithCopyOnWrite() Option {
	return func(o *options) { o.CopyOnWrite = true }
}

// WithPrefault touches every page of the log while it is created or opened,
// so that no append waits for a page fault later.
//
// Implements: pmemlog_ctl_set(3), the nodes prefault.at_create and
// prefault.at_open
func WithPrefault() Option {
	return func(o *options) { o.Prefault = true }
}

// WithShutdownState says whether the log that Create makes notes unsafe
// shutdowns of the NVDIMMs that it lies on. PMDK's default is yes.
//
// Implements: pmemlog_ctl_set(3), the node sds.at_create
func WithShutdownState(on bool) Option {
	return func(o *options) { o.ShutdownState = &on }
}

// WithoutNDCTL accepts a log on an NVDIMM although libndctl cannot be loaded;
// unsafe shutdowns and bad blocks then go unseen. Without this option such a
// log is refused with pmdk.ErrNoNDCTL.
func WithoutNDCTL() Option {
	return func(o *options) { o.WithoutNDCTL = true }
}

// newOptions applies opts and checks each value by itself.
func newOptions(op, path string, opts []Option) (*options, error) {
	o := &options{Options: plainpool.Defaults(DefaultPool)}
	for _, opt := range opts {
		opt(o)
	}
	if err := o.Check(op, path, kind); err != nil {
		return nil, err
	}
	return o, nil
}
