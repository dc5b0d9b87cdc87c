package libpmempool

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/cgoutil"
	"github.com/pmem/pmdk-go/internal/poolheader"
)

// Error is the error of a failed operation; see [cgoutil.Error].
//
// Implements: pmempool_errormsg(3)
type Error = cgoutil.Error

// What errors.Is finds in this package's errors, beside errno values.
var (
	// ErrAbandoned is the result of a check that was ended before its end.
	ErrAbandoned = errors.New("the check was ended before it was through")

	// ErrRepairUnsupported says that PMDK cannot repair pools of this kind:
	// those of libpmemobj.
	ErrRepairUnsupported = errors.New("repair is not supported")

	// ErrNoReplicas is returned by Sync for a pool set of a single replica,
	// which has nothing to restore it from.
	ErrNoReplicas = errors.New("the pool set has no second replica to restore from")

	// ErrRemote is returned for pool sets with replicas on other hosts.
	ErrRemote = errors.New("remote replicas are not supported")

	// ErrUnreplayed is returned for a pool that was not closed and has changes in
	// its journal (see package libpmemobj/journal): what its files hold is not the
	// pool, and nothing here may look at it, or change it.
	ErrUnreplayed = poolheader.ErrUnreplayed

	// ErrNotAllowed is returned for pool sets with parts outside of the folders
	// that WithAllowedDirs names.
	ErrNotAllowed = errors.New("outside of the allowed folders")
)

// CorruptError says why a file is not handed to C, which would crash on it, or
// cannot be made sense of: what is wrong, where in the file, and what can be
// done.
type CorruptError struct {
	Path      string
	Structure string // for example "pool header"
	Offset    int64  // in bytes, from the start of the file
	Reason    string
}

// Error names the file, the structure, its offset and the fault.
func (e *CorruptError) Error() string {
	return fmt.Sprintf("%s: %s at offset %d: %s", e.Path, e.Structure, e.Offset, e.Reason)
}

func badArgument(op, path, format string, args ...any) error {
	return &Error{Op: op, Path: path, Errno: unix.EINVAL, Msg: fmt.Sprintf(format, args...)}
}

// wrap gives a sentinel the operation, the file and what there is to say.
func wrap(op, path string, sentinel error, format string, args ...any) error {
	return fmt.Errorf("%s %s: %w: %s", op, path, sentinel, fmt.Sprintf(format, args...))
}
