package libpmemobj

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/cgoutil"
	"github.com/pmem/pmdk-go/internal/objheap"
	"github.com/pmem/pmdk-go/internal/poolfile"
)

// Error is the error of a failed operation; see [cgoutil.Error]. Its Msg holds
// PMDK's own message where PMDK gave one.
//
// Implements: pmemobj_errormsg(3)
type Error = cgoutil.Error

// What errors.Is finds in this package's errors, beside errno values.
var (
	// ErrClosed is returned by every method of a closed pool.
	ErrClosed = cgoutil.ErrClosed

	// ErrPoolBusy is returned by Close while a transaction, a publication or
	// another operation is under way.
	ErrPoolBusy = errors.New("pool is in use")

	// ErrTxDone is the error of using a Tx or an Actions after its closure has
	// returned.
	ErrTxDone = errors.New("transaction or publication is over")

	// ErrWrongGoroutine is the error of using a Tx or an Actions in a
	// goroutine other than the one that runs the closure.
	ErrWrongGoroutine = errors.New("transaction or publication belongs to another goroutine")

	// ErrInTx is returned by what cannot be done inside a transaction.
	ErrInTx = errors.New("not possible inside a transaction")

	// ErrForeignPool is returned for a pointer, a range or a transaction that
	// belongs to another pool than the one it is used with.
	ErrForeignPool = errors.New("belongs to another pool")

	// ErrNull is returned where a null pointer or OID was passed and an
	// object is needed.
	ErrNull = errors.New("null pointer")

	// ErrNotLive is returned for an OID or a range that does not lie in a
	// live object: freed, never allocated, or beyond the object's end.
	ErrNotLive = errors.New("not a live object")

	// ErrOutOfSpace is returned if the pool has no room for an object, or
	// for the log of a transaction.
	ErrOutOfSpace = errors.New("out of space in the pool")

	// ErrNotDAX is returned if DurabilityDAX was asked for and the pool does
	// not lie on a DAX file system.
	ErrNotDAX = poolfile.ErrNotDAX
)

// stateError is an *Error that also is a sentinel.
type stateError struct {
	err      Error
	sentinel error
}

func (e *stateError) Error() string   { return e.err.Error() }
func (e *stateError) Unwrap() []error { return []error{&e.err, e.sentinel} }

func stateErr(op string, sentinel error, format string, args ...any) error {
	return stateErrAt(op, "", sentinel, format, args...)
}

// stateErrAt is stateErr with the path of a file.
func stateErrAt(op, path string, sentinel error, format string, args ...any) error {
	msg := sentinel.Error()
	if format != "" {
		msg += ": " + fmt.Sprintf(format, args...)
	}
	return &stateError{Error{Op: op, Path: path, Msg: msg}, sentinel}
}

func badArgument(op, format string, args ...any) error {
	return &Error{Op: op, Errno: unix.EINVAL, Msg: fmt.Sprintf(format, args...)}
}

// opError is the error of an operation in an open pool. PMDK says ENOMEM
// where the pool is full. Pool.opError says why it did not grow as well.
func opError(st *cgoutil.Status, op string) error {
	err := st.Err(op, "")
	*st = cgoutil.Status{}
	if errors.Is(err, unix.ENOMEM) {
		// PMDK's message is about growing pool sets.
		return &stateError{Error{Op: op, Errno: unix.ENOMEM, Msg: ErrOutOfSpace.Error()}, ErrOutOfSpace}
	}
	return err
}

// CorruptError says that a file is not a sound pool: what is wrong, and where
// in the file. Opening it could take the process down, so it is not opened.
type CorruptError struct {
	Path      string
	Structure string // what was being read, for example "lane 17 undo log"
	Offset    int64  // in bytes, from the start of the file
	Reason    string // what is wrong with it
}

// Error names the file, the structure, its offset and the fault.
func (e *CorruptError) Error() string {
	return fmt.Sprintf("%s: %s at offset %d: %s", e.Path, e.Structure, e.Offset, e.Reason)
}

// corrupt turns what objheap says into this package's errors.
func corrupt(op, path string, err error) error {
	var c *objheap.Corrupt
	if errors.As(err, &c) {
		return &CorruptError{Path: path, Structure: c.Structure, Offset: c.Offset, Reason: c.Reason}
	}
	return cgoutil.PathError(op, path, err)
}
