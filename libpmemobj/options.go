package libpmemobj

import (
	"fmt"
	"io/fs"

	"github.com/pmem/pmdk-go/cgoutil"
	"github.com/pmem/pmdk-go/internal/medium"
)

// Sizes, in bytes.
const (
	// MinPool is the size of the smallest pool.
	MinPool = 8 << 20

	// DefaultPool is the size of a pool created without WithSize.
	DefaultPool = 64 << 20

	// MaxAlloc is the size of the largest object.
	MaxAlloc = 17_179_738_048

	// MaxLayout is the length of the longest layout name.
	MaxLayout = cgoutil.MaxLayout
)

// Option changes what Create, Open, OpenOrCreate and Check do. An option
// that means nothing to the call it is passed to is an error.
type Option func(*options)

type options struct {
	size       int64
	sizeSet    bool
	mode       fs.FileMode
	modeSet    bool
	durability Durability

	durabilitySet bool
	medium        medium.Medium
	mediumSet     bool
	copyOnWrite   bool
	verify        bool
	withoutNDCTL  bool
	process       processSettings

	growing     bool // WithGrowth
	limit, step int64
	folders     []string
}

// WithSize sets the size in bytes of the pool that Create makes, MinPool or
// more. All of it is allocated in the file system at once, so that writing
// never fails later for want of disk space. The default is DefaultPool; with
// WithGrowth it is the size that the pool starts with, MinPool by default.
func WithSize(bytes int64) Option {
	return func(o *options) { o.size, o.sizeSet = bytes, true }
}

// WithMode sets the permission bits of the file that Create makes, less the
// umask. The default is 0600.
func WithMode(mode fs.FileMode) Option {
	return func(o *options) { o.mode, o.modeSet = mode, true }
}

// WithDurability asks for a durability; see [Durability]. The default is
// DurabilityAuto.
func WithDurability(d Durability) Option {
	return func(o *options) { o.durability, o.durabilitySet = d, true }
}

// WithCopyOnWrite opens a pool whose file never changes: writes stay in this
// process and vanish at Close. It is how to look into a pool that must not
// be touched, or to try something out. The process needs the permission to
// write to the file all the same: PMDK asks for it. A pool set that could grow
// does not.
//
// Implements: pmemobj_ctl_set(3), the node copy_on_write.at_open
func WithCopyOnWrite() Option {
	return func(o *options) { o.copyOnWrite = true }
}

// WithVerify walks the whole heap before the pool is opened: every run's
// bitmap and every object's header, where the guard that always runs stops at
// the chunks. It reads all metadata, about 0.2 s for each GiB of small
// objects, and finds the damage that would make PMDK crash or hang later.
func WithVerify() Option {
	return func(o *options) { o.verify = true }
}

// WithoutNDCTL accepts a pool on an NVDIMM although libndctl cannot be
// loaded: a pool damaged by a failed power-loss flush then opens like a sound
// one, and bad blocks are not seen. Without this option such a pool is
// refused with pmdk.ErrNoNDCTL.
func WithoutNDCTL() Option {
	return func(o *options) { o.withoutNDCTL = true }
}

// WithGrowth makes Create make a pool that grows: from WithSize, or MinPool, up
// to limit bytes, by step bytes each time it is full (0: DefaultStep, or an
// eighth of the limit if that is less). The limit costs address space only;
// each step is allocated in the file system when it is made. Each is a file and
// a mapping of its own, so that small steps to a large limit are no good.
//
// The file at the pool's path is a pool set file then, a text that says where
// the pool's folders are, and the parts of the pool are files in those, made by
// PMDK: in path+".parts", unless WithFolders names others. [Open] takes the
// path; C programs open it as well. A larger size in the text raises the limit
// the next time the pool is opened, and the step stands there in a comment.
//
// The text holds the folders' absolute paths: a pool that is moved needs new
// ones. limit is rounded down to whole pages, step up. Both are at least
// MinPart, and limit at least MinPool for each folder.
func WithGrowth(limit, step int64) Option {
	return func(o *options) { o.growing, o.limit, o.step = true, limit, step }
}

// WithFolders names the folders for the parts of a pool that WithGrowth makes,
// which PMDK uses in turn; each gets an equal share of the limit. A folder that
// does not exist is made. It must not hold parts of another pool.
func WithFolders(folders ...string) Option {
	return func(o *options) { o.folders = append([]string{}, folders...) }
}

// newOptions applies opts and checks each value by itself.
func newOptions(op, path, layout string, opts []Option) (*options, error) {
	o := &options{size: DefaultPool, mode: 0o600}
	for _, opt := range opts {
		opt(o)
	}
	fail := func(format string, args ...any) (*options, error) {
		err := badArgument(op, format, args...).(*Error)
		err.Path = path
		return nil, err
	}
	switch {
	case o.sizeSet && o.size < MinPool:
		return fail("WithSize(%d): a pool has at least %d bytes (MinPool)", o.size, MinPool)
	case o.mode&^fs.ModePerm != 0:
		return fail("WithMode(%v): only permission bits can be set", o.mode)
	case !o.growing && o.folders != nil:
		return fail("WithFolders is for pools that grow: it needs WithGrowth")
	case o.folders != nil && len(o.folders) == 0:
		return fail("WithFolders without folders")
	case o.growing && o.limit < MinPool*int64(max(1, len(o.folders))):
		return fail("WithGrowth(%d, %d): the limit is at least %d bytes (MinPool) for each folder", o.limit, o.step, MinPool)
	case o.growing && (o.step < MinPart && o.step != 0 || o.step > min(o.limit, MaxStep)):
		return fail("WithGrowth(%d, %d): the step is at least %d bytes (MinPart) and at most %d (MaxStep) and the limit; 0 is the default", o.limit, o.step, MinPart, int64(MaxStep))
	case o.growing && o.sizeSet && o.size > o.limit:
		return fail("WithSize(%d) is more than the limit of WithGrowth(%d, %d)", o.size, o.limit, o.step)
	case o.mediumSet && o.medium == nil:
		return fail("WithMedium without a medium")
	case o.mediumSet && o.durabilitySet:
		return fail("WithDurability excludes WithMedium: the medium decides")
	case o.mediumSet && o.copyOnWrite:
		return fail("WithCopyOnWrite excludes WithMedium: there is nothing to keep")
	case o.durability == DurabilityJournal:
		return fail("WithDurability(%v): %s", o.durability, cgoutil.JournalHint)
	case !o.durability.Askable():
		return fail("WithDurability(%d): not a durability that can be asked for", int(o.durability))
	case o.process.arenaSet && (o.process.arenas < 1 || o.process.arenas > maxDefaultArenas):
		return fail("WithArenas(%d): a pool has 1 to %d arenas of its own", o.process.arenas, maxDefaultArenas)
	}
	if _, err := cgoutil.CheckPath(op, path); err != nil {
		return nil, err
	}
	if _, err := cgoutil.CheckLayout(op, layout); err != nil {
		return nil, err
	}
	if o.medium != nil {
		o.durability = DurabilityJournal
	}
	return o, nil
}

// refuse reports an option that means nothing to op.
func (o *options) refuse(op, path string, when bool, option string) error {
	if !when {
		return nil
	}
	return &Error{Op: op, Path: path, Msg: fmt.Sprintf("option %s has no meaning here", option)}
}
