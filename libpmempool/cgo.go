package libpmempool

// #cgo CFLAGS: -I${SRCDIR}/../third_party/pmdk/include -I${SRCDIR}/../cgoutil
// #include "shim.h"
import "C"

import (
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/cgoutil"
	"github.com/pmem/pmdk-go/third_party/pmdk"
)

// The version of libpmempool's API that this package was compiled against.
const (
	MajorVersion = C.PMEMPOOL_MAJOR_VERSION
	MinorVersion = C.PMEMPOOL_MINOR_VERSION
)

func init() {
	pmdk.CheckVersion("libpmempool", MajorVersion, MinorVersion, versionMismatch(MajorVersion, MinorVersion))
}

// CheckVersion returns nil if the libpmempool that the program runs with
// serves the given version of the API: the same major version, and at least the
// minor one. Otherwise the error has libpmempool's reason, and EINVAL. The
// package checks the version that it was compiled against when the program
// starts.
//
// Implements: pmempool_check_version(3)
func CheckVersion(major, minor uint32) error {
	if msg := versionMismatch(major, minor); msg != "" {
		return &Error{Op: "check version", Errno: unix.EINVAL, Msg: msg}
	}
	return nil
}

func versionMismatch(major, minor uint32) string {
	return C.GoString(C.pmempool_check_version(C.uint(major), C.uint(minor)))
}

// cStatus passes a status to a shim.
func cStatus(st *cgoutil.Status) *C.struct_pmemgo_status {
	return (*C.struct_pmemgo_status)(unsafe.Pointer(st))
}

// cString passes a string that cgoutil has checked.
func cString(b []byte) *C.char { return (*C.char)(unsafe.Pointer(unsafe.SliceData(b))) }
