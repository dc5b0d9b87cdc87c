package cgoutil

import (
	"errors"
	"strings"

	"golang.org/x/sys/unix"
)

// ErrClosed is what every method of a closed handle returns. The C library
// is not entered.
var ErrClosed = errors.New("handle is closed")

// ErrBusy is returned by Close while other goroutines are inside the handle.
var ErrBusy = errors.New("handle is in use")

// Error is the error of a failed PMDK call. Every binding package aliases it
// under the same name.
//
// Unwrap gives the errno, so errors.Is(err, unix.ENOSPC) and, through the
// errno's own Is, errors.Is(err, fs.ErrNotExist) hold.
type Error struct {
	Op    string     // the operation in Go's words, for example "open"
	Path  string     // the file concerned; empty if there is none
	Errno unix.Errno // 0 if the failure has no errno
	Msg   string     // PMDK's own message or the binding's explanation; may be empty
}

// Error gives op, path, and the message, or the errno's text where there is
// no message.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Op)
	if e.Path != "" {
		b.WriteByte(' ')
		b.WriteString(e.Path)
	}
	b.WriteString(": ")
	switch {
	case e.Msg == "" && e.Errno == 0:
		b.WriteString("unknown error")
	case e.Msg == "":
		b.WriteString(e.Errno.Error())
	case e.Errno == 0 || strings.Contains(e.Msg, e.Errno.Error()):
		b.WriteString(e.Msg)
	default:
		b.WriteString(e.Msg)
		b.WriteString(" (")
		b.WriteString(e.Errno.Error())
		b.WriteByte(')')
	}
	return b.String()
}

// Unwrap returns the errno, or nil if there is none.
func (e *Error) Unwrap() error {
	if e.Errno == 0 {
		return nil
	}
	return e.Errno
}
