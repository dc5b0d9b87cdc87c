//go:build pmdk_static && !pmdk_dynamic

package pmdk

// The wrapped dlopen is in nodlopen.c, which says why.

// #cgo CFLAGS: -DPMEMGO_STATIC
// #cgo LDFLAGS: -L${SRCDIR}/lib -l:libpmemobj.a -l:libpmempool.a -l:libpmem.a -lpthread
// #cgo LDFLAGS: -static -Wl,--wrap=dlopen -Wl,--wrap=dlerror
import "C"

const mode = ModeStatic
