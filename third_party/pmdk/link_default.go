//go:build !pmdk_static && !pmdk_dynamic

package pmdk

// Every PMDK archive is one object, which the linker takes only if something
// refers to it.

// #cgo LDFLAGS: -L${SRCDIR}/lib -l:libpmemobj.a -l:libpmempool.a -l:libpmem.a -ldl -lpthread
import "C"

const mode = ModeDefault
