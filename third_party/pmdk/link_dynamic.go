//go:build pmdk_dynamic && !pmdk_static

package pmdk

// With --as-needed a program depends on the libraries that it uses, not on
// all of PMDK.

// #cgo CFLAGS: -DPMEMGO_DYNAMIC
// #cgo LDFLAGS: -Wl,--as-needed
// #cgo pkg-config: libpmemobj libpmempool libpmem
import "C"

const mode = ModeDynamic
