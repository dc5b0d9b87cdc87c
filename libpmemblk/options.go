package libpmemblk

// #include "shim.h"
import "C"

import (
	"io/fs"
	"math"

	"github.com/pmem/pmdk-go/internal/btt"
	"github.com/pmem/pmdk-go/internal/plainpool"
)

// Sizes, in bytes.
const (
	// MinPool is the size of the smallest pool's file.
	MinPool = C.PMEMBLK_MIN_POOL

	// DefaultPool is the size of the file of a pool created without WithSize.
	DefaultPool = 64 << 20
)

// Option changes what Create, Open and OpenOrCreate do. An option that means
// nothing to the call it is passed to is an error.
type Option func(*options)

type options struct {
	plainpool.Options
	blockSize    int64
	blockSizeSet bool
}

// WithSize sets the size in bytes of the file that Create makes, MinPool or
// more; [Capacity] says how many blocks that is. All of it is allocated in the
// file system at once, so that writing never fails for want of disk space. The
// default is DefaultPool.
func WithSize(bytes int64) Option {
	return func(o *options) { o.Size, o.SizeSet = bytes, true }
}

// WithMode sets the permission bits of the file that Create makes, less the
// umask. The default is 0600.
func WithMode(mode fs.FileMode) Option {
	return func(o *options) { o.Mode, o.ModeSet = mode, true }
}

// WithBlockSize makes Open, and OpenOrCreate of a pool that exists, fail with
// EINVAL if the blocks of the pool are not of this many bytes.
func WithBlockSize(bytes int) Option {
	return func(o *options) { o.blockSize, o.blockSizeSet = int64(bytes), true }
}

// WithDurability asks for a durability; see [Durability]. The default is
// DurabilityAuto.
func WithDurability(d Durability) Option {
	return func(o *options) { o.Durability = d }
}

// WithCopyOnWrite opens a pool whose file never changes: what is written stays
// in this process and vanishes at Close. The process needs the permission to
// write to the file all the same: PMDK asks for it.
//
// Implements: pmemblk_ctl_set(3), the node copy_on_write.at_open
func WithCopyOnWrite() Option {
	return func(o *options) { o.CopyOnWrite = true }
}

// WithPrefault touches every page of the pool while it is created or opened,
// so that nothing waits for a page fault later.
//
// Implements: pmemblk_ctl_set(3), the nodes prefault.at_create and
// prefault.at_open
func WithPrefault() Option {
	return func(o *options) { o.Prefault = true }
}

// WithShutdownState says whether the pool that Create makes notes unsafe
// shutdowns of the NVDIMMs that it lies on. PMDK's default is yes.
//
// Implements: pmemblk_ctl_set(3), the node sds.at_create
func WithShutdownState(on bool) Option {
	return func(o *options) { o.ShutdownState = &on }
}

// WithoutNDCTL accepts a pool on an NVDIMM although libndctl cannot be loaded;
// unsafe shutdowns and bad blocks then go unseen. Without this option such a
// pool is refused with pmdk.ErrNoNDCTL.
func WithoutNDCTL() Option {
	return func(o *options) { o.WithoutNDCTL = true }
}

// Capacity is how many blocks of blockSize bytes a pool has whose file has
// size bytes; 0 if there can be no such pool.
func Capacity(size int64, blockSize int) int64 {
	if size < MinPool || blockSize < 1 {
		return 0
	}
	return btt.Blocks(size-dataOff, int64(blockSize))
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
	if o.blockSizeSet && (o.blockSize < 1 || o.blockSize > math.MaxUint32) {
		return nil, plainpool.BadArgument(op, path, "WithBlockSize(%d): blocks have between 1 and %d bytes", o.blockSize, uint32(math.MaxUint32))
	}
	return o, nil
}
