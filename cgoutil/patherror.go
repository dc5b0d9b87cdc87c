package cgoutil

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// PathError makes an *Error of what package os or a system call returned for
// the file at path, and of other errors that match an errno, whose text it
// keeps. An error without an errno is wrapped.
func PathError(op, path string, err error) error {
	var errno unix.Errno
	if !errors.As(err, &errno) {
		return fmt.Errorf("%s %s: %w", op, path, err)
	}
	e := &Error{Op: op, Path: path, Errno: errno}
	switch err.(type) {
	case unix.Errno, *fs.PathError, *os.LinkError, *os.SyscallError:
		// These say nothing more than op, path and errno.
	default:
		e.Msg = err.Error()
	}
	return e
}
