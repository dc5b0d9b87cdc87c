package cgoutil

import (
	"fmt"
	"strings"

	"golang.org/x/sys/unix"
)

const (
	// MaxPath is the longest path in bytes that goes to C, the terminating
	// NUL not counted. PMDK aborts the process on paths around 8 KiB.
	MaxPath = 4095

	// MaxLayout is the longest layout name in bytes, the NUL not counted.
	MaxLayout = 1023
)

// CString gives s as NUL-terminated bytes in Go memory, for passing
// (*C.char)(unsafe.Pointer(unsafe.SliceData(b))) to C for one call, without
// malloc and free.
//
// A NUL inside s, where C would see its end, and more than max bytes fail with
// EINVAL. The error names op and arg.
func CString(op, arg, s string, max int) ([]byte, error) {
	return cString(op, arg, s, max, unix.EINVAL)
}

func cString(op, arg, s string, max int, tooLong unix.Errno) ([]byte, error) {
	if i := strings.IndexByte(s, 0); i >= 0 {
		return nil, &Error{Op: op, Errno: unix.EINVAL, Msg: fmt.Sprintf("%s %q has a NUL byte at %d", arg, abbreviate(s), i)}
	}
	if len(s) > max {
		return nil, &Error{Op: op, Errno: tooLong, Msg: fmt.Sprintf("%s %q has %d bytes, at most %d are allowed", arg, abbreviate(s), len(s), max)}
	}
	b := make([]byte, len(s)+1)
	copy(b, s)
	return b, nil
}

// CheckPath gives a file's path as NUL-terminated bytes. It must not be
// empty, hold a NUL, or be longer than MaxPath, which fails with ENAMETOOLONG.
func CheckPath(op, path string) ([]byte, error) {
	if path == "" {
		return nil, &Error{Op: op, Errno: unix.EINVAL, Msg: "path is empty"}
	}
	return cString(op, "path", path, MaxPath, unix.ENAMETOOLONG)
}

// CheckLayout gives a pool's layout name as NUL-terminated bytes. It may be
// empty, but not hold a NUL or be longer than MaxLayout.
func CheckLayout(op, layout string) ([]byte, error) {
	return CString(op, "layout", layout, MaxLayout)
}

// abbreviate keeps an error about a string of any size readable.
func abbreviate(s string) string {
	const most = 64
	if len(s) <= most {
		return s
	}
	return s[:most] + "..."
}
