// Package interpose is the one owner of the linker's --wrap flags: a wrapped
// symbol is wrapped for the whole program, so no two packages may do it.
//
// It puts itself between libpmemobj and libpmem where libpmemobj asks whether
// a pool lies on persistent memory. PMDK offers an environment variable for
// that, read once and in force for the whole process; answering here gives
// each pool a durability of its own.
//
// And it keeps signals away while PMDK allocates a file's blocks. A signal makes
// some file systems start over, and Go sends many: to threads that run for long,
// and all the time while a profile is taken. Where pools are opened and created
// they are blocked anyway, but a pool also grows, inside any allocation. The
// file is made durable at the same time, which PMDK leaves to luck; and it is
// opened so that a process started meanwhile does not inherit it, and with it
// the lock that says that the pool is open.
package interpose

// #cgo CFLAGS: -I${SRCDIR}/../../cgoutil
// #cgo LDFLAGS: -Wl,--wrap=pmem_is_pmem -Wl,--wrap=posix_fallocate -Wl,--wrap=open
import "C"

import _ "github.com/pmem/pmdk-go/third_party/pmdk" // the C core's linker flags
