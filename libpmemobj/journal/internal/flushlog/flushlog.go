// Package flushlog is for tests of the journal: another sink, that keeps every
// flush, and mappings such as PMDK makes.
package flushlog

// #cgo CFLAGS: -I${SRCDIR}/../../../../third_party/pmdk/include -I${SRCDIR}/../../../../internal/interpose/sinks
// #include <libpmem.h>
// #include <stdlib.h>
// #include <sys/mman.h>
// #include "flushlog.h"
import "C"

import (
	"bytes"
	"os"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"

	_ "github.com/pmem/pmdk-go/internal/interpose/sinks" // the wraps
)

// Flush is one flush, rounded outwards to lines: what was in memory from Off
// on, from the start of the mapping.
type Flush struct {
	Off  int
	Data []byte
}

// Log is a sink that keeps flushes.
type Log struct{ l *C.struct_pmemgo_flushlog }

// Start begins a log of what is flushed in b.
func Start(b []byte) (*Log, error) {
	l := (*C.struct_pmemgo_flushlog)(C.calloc(1, C.sizeof_struct_pmemgo_flushlog))
	if err := C.pmemgo_flushlog_start(l, unsafe.Pointer(unsafe.SliceData(b)), C.size_t(len(b))); err != 0 {
		C.free(unsafe.Pointer(l))
		return nil, unix.Errno(err)
	}
	return &Log{l}, nil
}

// Count is how many flushes there were so far. A goroutine that has flushed, and
// then asks, finds its flushes among them.
func (l *Log) Count() int { return int((*atomic.Uint64)(unsafe.Pointer(&l.l.count)).Load()) }

// Stop ends the log and returns it.
func (l *Log) Stop() (all []Flush) {
	C.pmemgo_flushlog_stop(l.l)
	b := bytes.Clone(unsafe.Slice((*byte)(unsafe.Pointer(l.l.log)), int(l.l.len)))
	C.free(unsafe.Pointer(l.l.log))
	C.free(unsafe.Pointer(l.l))
	for len(b) > 0 {
		head := (*[2]uint64)(unsafe.Pointer(&b[0]))
		b = b[16:]
		all = append(all, Flush{int(head[0]), b[:head[1]]})
		b = b[head[1]:]
	}
	return all
}

// Map maps a file of len bytes into span bytes of new addresses, all of which
// it returns, and asks whether it is persistent memory, as PMDK does.
func Map(f *os.File, len, span int) ([]byte, error) {
	p, err := C.pmemgo_flushlog_map(C.int(f.Fd()), C.size_t(len), C.size_t(span), nil, 0)
	if p == nil {
		return nil, err
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(p)), span), nil
}

// Extend maps a file behind what is mapped of a mapping, with MAP_SYNC or not.
func Extend(f *os.File, at []byte, sync bool) error {
	var flag C.int
	if sync {
		flag = 1
	}
	p, err := C.pmemgo_flushlog_map(C.int(f.Fd()), C.size_t(len(at)), 0, (*C.char)(unsafe.Pointer(&at[0])), flag)
	if p == nil {
		return err
	}
	return nil
}

// Unmap unmaps what Map returned.
func Unmap(b []byte) { C.munmap(unsafe.Pointer(unsafe.SliceData(b)), C.size_t(len(b))) }

// Persist and Sync make b durable, as far as C knows.
func Persist(b []byte) { C.pmem_persist(unsafe.Pointer(unsafe.SliceData(b)), C.size_t(len(b))) }

// Sync is Persist by another way.
func Sync(b []byte) { C.pmem_msync(unsafe.Pointer(unsafe.SliceData(b)), C.size_t(len(b))) }

// ForkAndPersist stores to b in a child process and persists it there. It
// returns the child's status, 0 if all went well.
func ForkAndPersist(b []byte) int {
	return int(C.pmemgo_flushlog_fork_and_persist((*C.char)(unsafe.Pointer(unsafe.SliceData(b))), C.size_t(len(b))))
}

// Times stores to a line of b and persists it, n times, each time the next of
// some number of lines.
func Times(b []byte, lines, n int) {
	C.pmemgo_flushlog_times((*C.char)(unsafe.Pointer(unsafe.SliceData(b))), C.long(lines), C.long(n))
}
