package libpmem

/*
#cgo CFLAGS: -I${SRCDIR}/../third_party/pmdk/include -I${SRCDIR}/../cgoutil
#include <libpmem.h>
*/
import "C"

import (
	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/third_party/pmdk"
)

// The version of libpmem's API that this package was compiled against.
const (
	MajorVersion = C.PMEM_MAJOR_VERSION
	MinorVersion = C.PMEM_MINOR_VERSION
)

func init() {
	pmdk.CheckVersion("libpmem", MajorVersion, MinorVersion, versionMismatch(MajorVersion, MinorVersion))
}

// CheckVersion returns nil if the libpmem that the program runs with serves
// the given version of the API: the same major version, and at least the
// minor one. Otherwise the error has libpmem's reason, and EINVAL. The
// package checks the version that it was compiled against when the program
// starts.
//
// Implements: pmem_check_version(3)
func CheckVersion(major, minor uint32) error {
	if msg := versionMismatch(major, minor); msg != "" {
		return &Error{Op: "check version", Errno: unix.EINVAL, Msg: msg}
	}
	return nil
}

func versionMismatch(major, minor uint32) string {
	return C.GoString(C.pmem_check_version(C.uint(major), C.uint(minor)))
}
