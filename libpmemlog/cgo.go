package libpmemlog

// #cgo CFLAGS: -I${SRCDIR}/../third_party/pmdk/include -I${SRCDIR}/../cgoutil
// #include "shim.h"
import "C"

import (
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/cgoutil"
	_ "github.com/pmem/pmdk-go/internal/interpose" // answers libpmemlog's pmem_is_pmem
	"github.com/pmem/pmdk-go/internal/plainpool"
	"github.com/pmem/pmdk-go/third_party/pmdk"
	_ "github.com/pmem/pmdk-go/third_party/pmdk/libpmemlog" // the linker's flags
)

// The version of libpmemlog's API that this package was compiled against.
const (
	MajorVersion = C.PMEMLOG_MAJOR_VERSION
	MinorVersion = C.PMEMLOG_MINOR_VERSION
)

func init() {
	pmdk.CheckVersion("libpmemlog", MajorVersion, MinorVersion, versionMismatch(MajorVersion, MinorVersion))
}

// CheckVersion returns nil if the libpmemlog that the program runs with serves
// the given version of the API: the same major version, and at least the minor
// one. Otherwise the error has libpmemlog's reason, and EINVAL. The package
// checks the version that it was compiled against when the program starts.
//
// Implements: pmemlog_check_version(3)
func CheckVersion(major, minor uint32) error {
	if msg := versionMismatch(major, minor); msg != "" {
		return &Error{Op: "check version", Errno: unix.EINVAL, Msg: msg}
	}
	return nil
}

func versionMismatch(major, minor uint32) string {
	return C.GoString(C.pmemlog_check_version(C.uint(major), C.uint(minor)))
}

// cStatus passes a status to a shim.
func cStatus(st *cgoutil.Status) *C.struct_pmemgo_status {
	return (*C.struct_pmemgo_status)(unsafe.Pointer(st))
}

// cSettings passes settings to a shim.
func cSettings(s *plainpool.Settings) *C.struct_pmemgo_settings {
	return (*C.struct_pmemgo_settings)(unsafe.Pointer(s))
}

// cString passes a string that cgoutil has checked.
func cString(b []byte) *C.char { return (*C.char)(unsafe.Pointer(unsafe.SliceData(b))) }
