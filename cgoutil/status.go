package cgoutil

import (
	"bytes"

	"golang.org/x/sys/unix"
)

// Status mirrors struct pmemgo_status of pmemgo.h: a shim fills it in when
// the C call failed, so that result, errno and message cross in one call.
// Pass its address as (*C.struct_pmemgo_status)(unsafe.Pointer(&st)).
type Status struct {
	Errno int32
	Msg   [508]byte
}

// Err turns a filled-in status into an *Error; a zero status gives nil.
//
// PMDK reports a few states with an errno of -1, which is no errno at all (a
// damaged heap header is one): those become EINVAL, with the message kept.
func (s *Status) Err(op, path string) error {
	if s.Errno == 0 {
		return nil
	}
	errno := unix.Errno(s.Errno)
	if s.Errno < 0 {
		errno = unix.EINVAL
	}
	msg := s.Msg[:]
	if i := bytes.IndexByte(msg, 0); i >= 0 {
		msg = msg[:i]
	}
	return &Error{Op: op, Path: path, Errno: errno, Msg: string(bytes.TrimSpace(msg))}
}
