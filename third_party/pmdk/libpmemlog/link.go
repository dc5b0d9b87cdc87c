// Package libpmemlog links libpmemlog. It is apart from package pmdk, because
// PMDK 2.0 dropped this library: whoever does not import it can build against
// newer PMDK releases as well.
package libpmemlog

// #cgo CFLAGS: -I${SRCDIR}/../include
// #cgo !pmdk_dynamic LDFLAGS: -L${SRCDIR}/../lib -l:libpmemlog.a -l:libpmem.a
// #cgo pmdk_dynamic LDFLAGS: -Wl,--as-needed
// #cgo pmdk_dynamic pkg-config: libpmemlog libpmem
// #include "required.h"
import "C"

import _ "github.com/pmem/pmdk-go/third_party/pmdk" // the rest of the flags
