package libpmemblk

import (
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/cgoutil"
	"github.com/pmem/pmdk-go/internal/poolfile"
)

// Error is the error of a failed operation; see [cgoutil.Error].
//
// Implements: pmemblk_errormsg(3)
type Error = cgoutil.Error

// What errors.Is finds in this package's errors, beside errno values.
var (
	// ErrClosed is returned by every method of a closed pool.
	ErrClosed = cgoutil.ErrClosed

	// ErrBusy is returned by Close while another operation is under way.
	ErrBusy = cgoutil.ErrBusy

	// ErrNotDAX is returned if DurabilityDAX was asked for and the pool does
	// not lie on a DAX file system.
	ErrNotDAX = poolfile.ErrNotDAX
)

// CorruptError says that a file is not a sound pool: what is wrong, and where
// in the file. It is not opened.
type CorruptError struct {
	Path      string
	Structure string // for example "pool header"
	Offset    int64  // in bytes, from the start of the file
	Reason    string // what is wrong with it, and what can be done
}

// Error names the file, the structure, its offset and the fault.
func (e *CorruptError) Error() string {
	return fmt.Sprintf("%s: %s at offset %d: %s", e.Path, e.Structure, e.Offset, e.Reason)
}

// BadBlockError says that a block was marked as bad, by [Pool.SetError] or
// while its pool was repaired: it cannot be read. Writing the whole block, or
// [Pool.SetZero], makes it a good one again. The error matches unix.EIO.
type BadBlockError struct {
	Op    string
	Path  string
	Block int64
}

// Error gives the block's number.
func (e *BadBlockError) Error() string {
	return fmt.Sprintf("%s %s: block %d is marked as bad (%v)", e.Op, e.Path, e.Block, unix.EIO)
}

// Unwrap returns EIO.
func (e *BadBlockError) Unwrap() error { return unix.EIO }

// wrap gives a sentinel the operation and the file.
func (p *Pool) wrap(op string, sentinel error) error {
	return fmt.Errorf("%s %s: %w", op, p.path, sentinel)
}
