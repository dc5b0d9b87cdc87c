// Package interpose is the one owner of the linker's --wrap flags: a wrapped
// symbol is wrapped for the whole program, so no two packages may do it.
//
// It puts itself between libpmemobj and libpmem where libpmemobj asks whether
// a pool lies on persistent memory. PMDK offers an environment variable for
// that, read once and in force for the whole process; answering here gives
// each pool a durability of its own.
package interpose

// #cgo LDFLAGS: -Wl,--wrap=pmem_is_pmem
import "C"

import _ "github.com/pmem/pmdk-go/third_party/pmdk" // the C core's linker flags
