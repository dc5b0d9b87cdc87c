// Package sinks tells others what PMDK does to mapped files: which parts it
// makes durable, in which order. Its C interface, sinks.h, is what a recorder
// or a journal is built on; it has next to nothing in Go, because a sink runs
// inside PMDK, where Go must not be called.
//
// Only programs that import this package carry the wraps. As long as no range
// is watched a wrapped function costs a load and a branch more.
package sinks

// #cgo CFLAGS: -I${SRCDIR}/../../../third_party/pmdk/include -I${SRCDIR}/..
// #cgo LDFLAGS: -Wl,--wrap=pmem_flush -Wl,--wrap=pmem_drain -Wl,--wrap=pmem_persist -Wl,--wrap=pmem_msync
// #cgo LDFLAGS: -Wl,--wrap=pmem_deep_flush -Wl,--wrap=pmem_deep_drain -Wl,--wrap=pmem_deep_persist
// #cgo LDFLAGS: -Wl,--wrap=pmem_memcpy -Wl,--wrap=pmem_memcpy_persist -Wl,--wrap=pmem_memcpy_nodrain
// #cgo LDFLAGS: -Wl,--wrap=pmem_memmove -Wl,--wrap=pmem_memmove_persist -Wl,--wrap=pmem_memmove_nodrain
// #cgo LDFLAGS: -Wl,--wrap=pmem_memset -Wl,--wrap=pmem_memset_persist -Wl,--wrap=pmem_memset_nodrain
// #cgo LDFLAGS: -Wl,--wrap=mmap -Wl,--wrap=munmap -Wl,--wrap=pmem_map_file
// #cgo LDFLAGS: -Wl,--wrap=pmemobj_tx_begin -Wl,--wrap=pmemobj_tx_commit -Wl,--wrap=pmemobj_tx_end
// #cgo LDFLAGS: -Wl,--wrap=pmemobj_tx_add_range -Wl,--wrap=pmemobj_tx_add_range_direct
// #cgo LDFLAGS: -Wl,--wrap=pmemobj_tx_xadd_range -Wl,--wrap=pmemobj_tx_xadd_range_direct
// #cgo LDFLAGS: -Wl,--wrap=pmemobj_tx_alloc -Wl,--wrap=pmemobj_tx_zalloc -Wl,--wrap=pmemobj_tx_xalloc
// #cgo LDFLAGS: -Wl,--wrap=pmemobj_tx_realloc -Wl,--wrap=pmemobj_tx_zrealloc
// #cgo LDFLAGS: -Wl,--wrap=pmemobj_tx_xstrdup -Wl,--wrap=pmemobj_tx_xwcsdup
// #include "sinks.h"
import "C"

import (
	_ "github.com/pmem/pmdk-go/internal/interpose"
	_ "github.com/pmem/pmdk-go/third_party/pmdk" // the C core's linker flags
)
