package libpmem

import (
	"errors"

	"github.com/pmem/pmdk-go/cgoutil"
)

// Error is the error of a failed call: the operation, the file, the errno
// and libpmem's own message for it, fetched on the thread and in the call
// that failed. errors.Is finds the errno and the errors of io/fs in it.
//
// Implements: pmem_errormsg(3)
type Error = cgoutil.Error

var (
	// ErrClosed is returned by every method of a closed mapping.
	ErrClosed = cgoutil.ErrClosed

	// ErrBusy is returned by Close while a method is under way elsewhere.
	ErrBusy = cgoutil.ErrBusy

	// ErrNotMapped is returned for a slice that does not lie, as a whole, in
	// one open mapping of this package.
	ErrNotMapped = errors.New("memory is not in an open libpmem mapping")
)
