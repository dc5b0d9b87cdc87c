package libpmempool

import (
	"fmt"

	"github.com/pmem/pmdk-go/cgoutil"
)

// Option changes what a function of this package does. An option that means
// nothing to the function it is passed to is an error.
type Option func(*options)

type options struct {
	repair, dryRun, advanced, yes, verbose bool
	force, setFile, badBlocks              bool
	withoutNDCTL                           bool
	answer                                 func(Question) bool
	backup                                 string
	kind                                   Type
	dirs                                   []string

	used map[string]bool // by name
}

func option(name string, set func(*options)) Option {
	return func(o *options) {
		o.used[name] = true
		set(o)
	}
}

// WithRepair makes Check repair what it finds. Each step is a question first,
// which is answered with no unless WithYes or WithAnswers says otherwise.
func WithRepair() Option { return option("WithRepair", func(o *options) { o.repair = true }) }

// WithAdvanced allows Check the repairs that may make things worse: those of
// which it cannot know that they restore what was there.
func WithAdvanced() Option { return option("WithAdvanced", func(o *options) { o.advanced = true }) }

// WithDryRun changes nothing: Check repairs a private copy in memory, Sync and
// Transform look whether they could, Remove and the Feature functions say what
// they would do.
func WithDryRun() Option { return option("WithDryRun", func(o *options) { o.dryRun = true }) }

// WithYes makes Check answer all its questions with yes, without asking. They
// are no messages then.
func WithYes() Option { return option("WithYes", func(o *options) { o.yes = true }) }

// WithAnswers makes Check ask fn before each step of a repair. It is called by
// the goroutine that takes the messages, before the question is one of them.
func WithAnswers(fn func(Question) bool) Option {
	return option("WithAnswers", func(o *options) { o.answer = fn })
}

// WithBackup makes Check copy the pool before it repairs anything: to a file at
// path, which must not exist, or, for a pool set, to the pool set that the file
// at path describes, with parts of the same sizes.
func WithBackup(path string) Option {
	return option("WithBackup", func(o *options) { o.backup = path })
}

// WithVerbose makes Check tell what it looks at, not only what is wrong.
func WithVerbose() Option { return option("WithVerbose", func(o *options) { o.verbose = true }) }

// WithType tells Check, or Info, what a pool is whose header no longer says so.
func WithType(t Type) Option { return option("WithType", func(o *options) { o.kind = t }) }

// WithForce makes Remove go on when a file cannot be removed or does not exist,
// and remove files that are no pools.
func WithForce() Option { return option("WithForce", func(o *options) { o.force = true }) }

// WithSetFile makes Remove remove the pool set file as well.
func WithSetFile() Option { return option("WithSetFile", func(o *options) { o.setFile = true }) }

// WithBadBlocks makes Sync repair bad blocks of the medium, as PMDK's
// documentation of `pmempool sync --bad-blocks` describes: if it is
// interrupted, repeat it before anything else, and delete none of the files
// that it leaves beside the pool set file.
func WithBadBlocks() Option { return option("WithBadBlocks", func(o *options) { o.badBlocks = true }) }

// WithAllowedDirs refuses pool sets with parts that do not lie in one of the
// folders, or below; symbolic links are followed first. Use it for pool set
// files that come from elsewhere: they name files that are then created,
// overwritten or removed. Without it, parts may lie anywhere but at "/".
func WithAllowedDirs(dirs ...string) Option {
	return option("WithAllowedDirs", func(o *options) { o.dirs = append(o.dirs, dirs...) })
}

// WithoutNDCTL accepts pools on NVDIMMs although libndctl cannot be loaded: their
// unsafe shutdowns and bad blocks are not seen then. Without this option they
// are refused with pmdk.ErrNoNDCTL.
func WithoutNDCTL() Option { return option("WithoutNDCTL", func(o *options) { o.withoutNDCTL = true }) }

// newOptions applies opts, of which op takes those named.
func newOptions(op, path string, opts []Option, takes ...string) (*options, error) {
	o := &options{used: map[string]bool{}}
	for _, opt := range opts {
		opt(o)
	}
	for _, name := range takes {
		delete(o.used, name)
	}
	for name := range o.used {
		return nil, &Error{Op: op, Path: path, Msg: fmt.Sprintf("option %s has no meaning here", name)}
	}
	if o.dirs != nil {
		for _, dir := range o.dirs {
			if dir == "" {
				return nil, badArgument(op, path, "WithAllowedDirs: an empty path")
			}
		}
	}
	if o.kind < TypeDetect || o.kind > TypeBTT {
		return nil, badArgument(op, path, "WithType(%d): not a type", int(o.kind))
	}
	_, err := cgoutil.CheckPath(op, path)
	return o, err
}
