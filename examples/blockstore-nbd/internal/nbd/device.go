package nbd

import "io"

// Device is what a server exports. Its methods are called from many goroutines.
// Ranges lie inside of it. An error that matches unix.ENOSPC, unix.EPERM or
// unix.EINVAL reaches the client as such, and others as an I/O error.
type Device interface {
	io.ReaderAt

	// WriteAt writes durably if the client asks for it, or for a Flush later.
	io.WriterAt

	// Size is in bytes, and does not change.
	Size() int64

	// Zero makes a range read as zeros.
	Zero(off, n int64) error

	// Trim is told that a range is not needed any more.
	Trim(off, n int64) error

	// Flush makes all that was written durable.
	Flush() error
}
