package libpmemlog

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/cgoutil"
	"github.com/pmem/pmdk-go/internal/poolfile"
)

// Error is the error of a failed operation; see [cgoutil.Error].
//
// Implements: pmemlog_errormsg(3)
type Error = cgoutil.Error

// What errors.Is finds in this package's errors, beside errno values.
var (
	// ErrClosed is returned by every method of a closed log.
	ErrClosed = cgoutil.ErrClosed

	// ErrBusy is returned by Close while another operation is under way.
	ErrBusy = cgoutil.ErrBusy

	// ErrFull is returned if what is to be appended does not fit the log. It
	// matches unix.ENOSPC as well. The log is unchanged.
	ErrFull = fmt.Errorf("the log is full: %w", unix.ENOSPC)

	// ErrInWalk is returned by what would change the log inside the function
	// that [Log.Walk] calls.
	ErrInWalk = errors.New("not possible inside Walk: collect first, change the log afterwards")

	// ErrRewound is returned by readers of a log that was rewound under them:
	// what they were reading is gone.
	ErrRewound = errors.New("the log was rewound")

	// ErrReadOnly is returned by what would change a log whose file has features
	// that this version of PMDK can only read. It matches unix.EROFS as well.
	ErrReadOnly = fmt.Errorf("the log has features with which PMDK 1.12 can only read it: %w", unix.EROFS)

	// ErrNotDAX is returned if DurabilityDAX was asked for and the log does not
	// lie on a DAX file system.
	ErrNotDAX = poolfile.ErrNotDAX
)

// CorruptError says that a file is not a sound log: what is wrong, and where
// in the file. It is not opened.
type CorruptError struct {
	Path      string
	Structure string // for example "log header"
	Offset    int64  // in bytes, from the start of the file
	Reason    string // what is wrong with it, and what can be done
}

// Error names the file, the structure, its offset and the fault.
func (e *CorruptError) Error() string {
	return fmt.Sprintf("%s: %s at offset %d: %s", e.Path, e.Structure, e.Offset, e.Reason)
}

// wrap gives a sentinel the operation and the file.
func (l *Log) wrap(op string, sentinel error) error {
	return fmt.Errorf("%s %s: %w", op, l.path, sentinel)
}
