// Package fencecount counts the fences that operations on a pool wait for: what
// most of their time goes into on persistent memory. It is for tests and
// benchmarks; programs that import it carry the wraps of package sinks.
package fencecount

// #cgo CFLAGS: -I${SRCDIR}/../interpose/sinks
// #include "fencecount.h"
import "C"

import (
	"errors"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/internal/interpose"
	_ "github.com/pmem/pmdk-go/internal/interpose/sinks" // what it is built on
	"github.com/pmem/pmdk-go/libpmemobj"
)

// Effective says whether fences can be counted in this program.
const Effective = interpose.Effective

// Of returns how many fences f made the calling thread and others wait for, in
// p, whose root object must exist. Nothing is made durable meanwhile. Calls must
// not overlap.
func Of(p *libpmemobj.Pool, f func() error) (fences int, err error) {
	oid, _, err := p.RootObject()
	if err != nil {
		return 0, err
	}
	if oid.IsNull() {
		return 0, errors.New("the pool has no root object")
	}
	root, err := libpmemobj.PtrOf[byte](oid).TryGet()
	if err != nil {
		return 0, err
	}
	base := uintptr(unsafe.Pointer(root)) - uintptr(oid.Off)
	if e := C.pmemgo_fencecount_start(C.uintptr_t(base), C.size_t(p.Size())); e != 0 {
		return 0, unix.Errno(e)
	}
	err = f()
	return int(C.pmemgo_fencecount_stop()), err
}
