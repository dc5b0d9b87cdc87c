// Package privatemap is for tests: a private mapping with a sink, such as a
// journal makes of a pool.
package privatemap

// #cgo CFLAGS: -I${SRCDIR}/../../../../../../third_party/pmdk/include -I${SRCDIR}/../../../../../../internal/interpose/sinks
// #include <libpmem.h>
// #include <stdlib.h>
// #include <sys/mman.h>
// #include "privatemap.h"
import "C"

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"

	_ "github.com/pmem/pmdk-go/internal/interpose/sinks" // the wraps
)

// Mapping is a private mapping of a file, whose flushes are counted.
type Mapping struct {
	m   *C.struct_pmemgo_privatemap
	len int
}

// Map maps len bytes of f.
func Map(f *os.File, len int) (*Mapping, error) {
	m := (*C.struct_pmemgo_privatemap)(C.calloc(1, C.sizeof_struct_pmemgo_privatemap))
	if err := C.pmemgo_privatemap(m, C.int(f.Fd()), C.size_t(len)); err != 0 {
		C.free(unsafe.Pointer(m))
		return nil, unix.Errno(err)
	}
	return &Mapping{m, len}, nil
}

// Bytes are what is mapped.
func (m *Mapping) Bytes() []byte { return unsafe.Slice((*byte)(unsafe.Pointer(m.m.addr)), m.len) }

// Persist makes n bytes from off on durable, as far as C knows.
func (m *Mapping) Persist(off, n int) {
	C.pmem_persist(unsafe.Pointer(&m.Bytes()[off]), C.size_t(n))
}

// Flushes is how many flushes there were.
func (m *Mapping) Flushes() int { return int(m.m.flushes) }

// Close unmaps.
func (m *Mapping) Close() {
	C.munmap(unsafe.Pointer(m.m.addr), C.size_t(m.len))
	C.free(unsafe.Pointer(m.m))
}
