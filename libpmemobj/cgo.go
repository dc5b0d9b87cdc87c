package libpmemobj

// #cgo CFLAGS: -I${SRCDIR}/../third_party/pmdk/include -I${SRCDIR}/../cgoutil
// #include "shim.h"
import "C"

import (
	"unsafe"

	"github.com/pmem/pmdk-go/cgoutil"
	_ "github.com/pmem/pmdk-go/internal/interpose" // answers libpmemobj's pmem_is_pmem
	"github.com/pmem/pmdk-go/third_party/pmdk"
)

func init() {
	const major, minor = C.PMEMOBJ_MAJOR_VERSION, C.PMEMOBJ_MINOR_VERSION
	if msg := checkVersion(major, minor); msg != "" {
		pmdk.CheckVersion("libpmemobj", major, minor, msg)
	}
}

// checkVersion asks the library that the program runs with whether it offers
// at least this version of the API; the answer is empty if it does.
func checkVersion(major, minor int) string {
	msg := C.pmemobj_check_version(C.uint(major), C.uint(minor))
	if msg == nil {
		return ""
	}
	return C.GoString(msg)
}

// CheckVersion returns an error if the library that the program runs with
// does not offer version major.minor of the libpmemobj API. The version that
// this package was compiled against is checked when the program starts.
//
// Implements: pmemobj_check_version(3)
func CheckVersion(major, minor int) error {
	if major < 0 || minor < 0 {
		return badArgument("check version", "version %d.%d is negative", major, minor)
	}
	if msg := checkVersion(major, minor); msg != "" {
		return &Error{Op: "check version", Msg: msg}
	}
	return nil
}

// cStatus passes a status to a shim.
func cStatus(st *cgoutil.Status) *C.struct_pmemgo_status {
	return (*C.struct_pmemgo_status)(unsafe.Pointer(st))
}

// cOID passes the address of an OID to a shim, which reads it and may set it.
func cOID(oid *OID) *C.PMEMoid { return (*C.PMEMoid)(unsafe.Pointer(oid)) }

// cOIDValue passes an OID by value.
func cOIDValue(oid OID) C.PMEMoid {
	return C.PMEMoid{pool_uuid_lo: C.uint64_t(oid.Pool), off: C.uint64_t(oid.Off)}
}
