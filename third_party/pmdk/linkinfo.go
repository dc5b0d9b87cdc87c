package pmdk

// #cgo CFLAGS: -I${SRCDIR}/include
// #include "pmdk_headers.h"
import "C"

import (
	"fmt"
	"strings"

	// For `go mod vendor`, which copies only folders that hold a package.
	_ "github.com/pmem/pmdk-go/third_party/pmdk/include"
	_ "github.com/pmem/pmdk-go/third_party/pmdk/include/libpmem2"
	_ "github.com/pmem/pmdk-go/third_party/pmdk/include/libpmemobj"
	_ "github.com/pmem/pmdk-go/third_party/pmdk/lib"
)

// The link modes, as LinkInfo reports them.
const (
	ModeDefault = "default" // static PMDK, libndctl looked up at run time
	ModeStatic  = "static"  // built with -tags pmdk_static: no dynamic library at all
	ModeDynamic = "dynamic" // built with -tags pmdk_dynamic: the system's shared libraries
)

// NDCTLState says where PMDK's questions about NVDIMMs go.
type NDCTLState string

const (
	NDCTLLinked NDCTLState = "linked" // to the libndctl that the program is linked with (ModeDynamic)
	NDCTLLoaded NDCTLState = "loaded" // to a libndctl found at run time
	NDCTLAbsent NDCTLState = "absent" // nowhere: PMDK sees a machine without NVDIMMs
)

// Info describes how the running program is linked with PMDK.
type Info struct {
	// Mode is ModeDefault, ModeStatic or ModeDynamic.
	Mode string

	// PMDK is the version of the package that scripts/vendor.sh fetched, for
	// example "1.12.1-2", and empty if the system's PMDK was used: PMDK's
	// libraries do not carry their version, only that of their API.
	PMDK string

	// API lists the API versions of the headers that the program was
	// compiled with, for example "libpmem 1.1". That the libraries fit is
	// checked when the program starts.
	API []string

	// NDCTL says whether PMDK can recognise NVDIMMs, and NDCTLReason, if it
	// cannot, why.
	NDCTL       NDCTLState
	NDCTLReason string
}

// LinkInfo reports how the program is linked with PMDK. In ModeDefault it
// looks libndctl up, as the first open of a pool would do. It may be called
// at any time, from any goroutine.
func LinkInfo() Info {
	state, reason := ndctl()
	info := Info{
		Mode: mode,
		API: []string{
			fmt.Sprintf("libpmem %d.%d", C.PMEM_MAJOR_VERSION, C.PMEM_MINOR_VERSION),
			fmt.Sprintf("libpmemobj %d.%d", C.PMEMOBJ_MAJOR_VERSION, C.PMEMOBJ_MINOR_VERSION),
			fmt.Sprintf("libpmempool %d.%d", C.PMEMPOOL_MAJOR_VERSION, C.PMEMPOOL_MINOR_VERSION),
		},
		NDCTL:       state,
		NDCTLReason: reason,
	}
	if mode != ModeDynamic {
		info.PMDK = C.PMDK_VERSION
	}
	return info
}

// String puts the whole of it on one line.
func (i Info) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "link mode %s, PMDK ", i.Mode)
	if i.PMDK != "" {
		b.WriteString(i.PMDK + " (vendored)")
	} else {
		b.WriteString("of the system")
	}
	fmt.Fprintf(&b, " (API %s), ndctl %s", strings.Join(i.API, ", "), i.NDCTL)
	if i.NDCTLReason != "" {
		fmt.Fprintf(&b, " (%s)", i.NDCTLReason)
	}
	return b.String()
}
