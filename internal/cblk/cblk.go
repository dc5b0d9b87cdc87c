// Package cblk is libpmemblk as a C program uses it, with nothing of ours in
// between, for tests that compare with it or that hand it damaged files.
package cblk

// #cgo CFLAGS: -I${SRCDIR}/../../third_party/pmdk/include
// #include <errno.h>
// #include <stdlib.h>
// #include <libpmemblk.h>
import "C"

import (
	"errors"
	"fmt"
	"unsafe"

	_ "github.com/pmem/pmdk-go/internal/interpose" // as in the programs under test
	_ "github.com/pmem/pmdk-go/third_party/pmdk/libpmemblk"
)

// Pool is an open pool.
type Pool struct{ pbp *C.PMEMblkpool }

func failed() error { return errors.New(C.GoString(C.pmemblk_errormsg())) }

// Create makes a pool: of size bytes, or in the file that exists if size is 0.
func Create(path string, blockSize int, size int64) (*Pool, error) {
	cPath := C.CString(path)
	defer C.free(unsafe.Pointer(cPath))
	pbp := C.pmemblk_create(cPath, C.size_t(blockSize), C.size_t(size), 0o600)
	if pbp == nil {
		return nil, failed()
	}
	return &Pool{pbp}, nil
}

// Open opens a pool without looking at it first.
func Open(path string) (*Pool, error) {
	cPath := C.CString(path)
	defer C.free(unsafe.Pointer(cPath))
	pbp := C.pmemblk_open(cPath, 0)
	if pbp == nil {
		return nil, failed()
	}
	return &Pool{pbp}, nil
}

// Check is pmemblk_check.
func Check(path string) error {
	cPath := C.CString(path)
	defer C.free(unsafe.Pointer(cPath))
	switch ret := C.pmemblk_check(cPath, 0); ret {
	case 1:
		return nil
	case 0:
		return errors.New("not consistent")
	}
	return failed()
}

// Close closes the pool.
func (p *Pool) Close() { C.pmemblk_close(p.pbp) }

// Blocks and BlockSize are what the pool says.
func (p *Pool) Blocks() int64  { return int64(C.pmemblk_nblock(p.pbp)) }
func (p *Pool) BlockSize() int { return int(C.pmemblk_bsize(p.pbp)) }

// Read reads a block.
func (p *Pool) Read(n int64, b []byte) error {
	return result(C.pmemblk_read(p.pbp, unsafe.Pointer(unsafe.SliceData(b)), C.longlong(n)))
}

// Write writes a block.
func (p *Pool) Write(n int64, b []byte) error {
	return result(C.pmemblk_write(p.pbp, unsafe.Pointer(unsafe.SliceData(b)), C.longlong(n)))
}

// SetZero makes a block read as zeros.
func (p *Pool) SetZero(n int64) error { return result(C.pmemblk_set_zero(p.pbp, C.longlong(n))) }

// SetError marks a block as bad.
func (p *Pool) SetError(n int64) error { return result(C.pmemblk_set_error(p.pbp, C.longlong(n))) }

func result(ret C.int) error {
	if ret == 0 {
		return nil
	}
	return fmt.Errorf("%d: %w", ret, failed())
}
