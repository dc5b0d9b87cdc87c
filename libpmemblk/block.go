package libpmemblk

// #cgo noescape pmemgo_blk_read
// #cgo nocallback pmemgo_blk_read
// #cgo noescape pmemgo_blk_write
// #cgo nocallback pmemgo_blk_write
// #include "shim.h"
import "C"

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/internal/leafcall"
	"github.com/pmem/pmdk-go/internal/plainpool"
)

var (
	opRead  = unsafe.Pointer(C.pmemgo_blk_op_read)
	opWrite = unsafe.Pointer(C.pmemgo_blk_op_write)
	opZero  = unsafe.Pointer(C.pmemgo_blk_op_zero)
	opError = unsafe.Pointer(C.pmemgo_blk_op_error)
)

const cEIO = C.int32_t(unix.EIO)

// ReadBlock reads block n, counted from 0, into buf, which has the length of
// one block. A block that was never written reads as zeros. A bad one gives a
// [*BadBlockError]. The block is whole: what one write left, never parts of two.
//
// Implements: pmemblk_read(3)
func (p *Pool) ReadBlock(n int64, buf []byte) error {
	const op = "read"
	if err := p.checkBlock(op, n, buf); err != nil {
		return err
	}
	if _, err := p.guard.Enter(); err != nil {
		return p.wrap(op, err)
	}
	errno := p.read(n, buf)
	p.guard.Exit()
	if errno != 0 {
		return p.failed(op, n, errno)
	}
	return nil
}

// WriteBlock writes buf, which has the length of one block, to block n,
// counted from 0. It is durable when WriteBlock returns, as far as
// [Pool.Durability] goes; a crash before leaves the old content, whole. Of
// several writes to one block at the same time, one is the last.
//
// The first write to a new pool lays it out, which takes as long as writing 4
// bytes for each block of the pool.
//
// Implements: pmemblk_write(3)
func (p *Pool) WriteBlock(n int64, buf []byte) error {
	const op = "write"
	if err := p.checkBlock(op, n, buf); err != nil {
		return err
	}
	if _, err := p.guard.Enter(); err != nil {
		return p.wrap(op, err)
	}
	edge := p.edges.of(n)
	edge.RLock()
	errno := p.write(n, buf)
	edge.RUnlock()
	p.guard.Exit()
	if errno != 0 {
		return p.failed(op, n, errno)
	}
	return nil
}

// SetZero makes block n, counted from 0, read as zeros, as durably and
// atomically as a write, but faster.
//
// Implements: pmemblk_set_zero(3)
func (p *Pool) SetZero(n int64) error {
	const op = "set zero"
	if err := p.enterBlock(op, n); err != nil {
		return err
	}
	defer p.guard.Exit()
	return p.mark(op, n, opZero, func() C.int32_t { return C.pmemgo_blk_zero(p.handle, C.int64_t(n)) })
}

// SetError marks block n, counted from 0, as bad, durably: reading it fails
// with a [*BadBlockError] until it is written, or set to zero.
//
// Implements: pmemblk_set_error(3)
func (p *Pool) SetError(n int64) error {
	const op = "set error"
	if err := p.enterBlock(op, n); err != nil {
		return err
	}
	defer p.guard.Exit()
	err := p.mark(op, n, opError, func() C.int32_t { return C.pmemgo_blk_error(p.handle, C.int64_t(n)) })
	if err == nil {
		p.laidOut()
	}
	return err
}

// checkBlock says what is wrong with the arguments of an operation.
func (p *pool) checkBlock(op string, n int64, buf []byte) error {
	if len(buf) == p.blockSize && uint64(n) < uint64(p.blocks) {
		return nil
	}
	return p.badBlock(op, n, len(buf))
}

func (p *pool) badBlock(op string, n int64, size int) error {
	if size != p.blockSize {
		return plainpool.BadArgument(op, p.path, "a buffer of %d bytes, but blocks have %d", size, p.blockSize)
	}
	return plainpool.BadArgument(op, p.path, "there is no block %d: blocks are 0 to %d", n, p.blocks-1)
}

// enterBlock admits an operation on block n until guard.Exit.
func (p *Pool) enterBlock(op string, n int64) error {
	if uint64(n) >= uint64(p.blocks) {
		return p.badBlock(op, n, p.blockSize)
	}
	return p.enter(op)
}

// read returns an errno.
func (p *pool) read(n int64, buf []byte) C.int32_t {
	if !leafcall.Available || !p.leaf.Load() {
		return C.pmemgo_blk_read(p.handle, (*C.char)(unsafe.Pointer(unsafe.SliceData(buf))), C.int64_t(n))
	}
	// Not a literal, which would be built elsewhere and copied: the copy's wide
	// loads wait for the stores before them.
	var arg C.struct_pmemgo_blk_op
	arg.pool = C.uint64_t(p.handle)
	arg.buf = (*C.char)(unsafe.Pointer(unsafe.SliceData(buf)))
	arg.block = C.int64_t(n)
	return C.int32_t(leafcall.Call(opRead, unsafe.Pointer(&arg)))
}

// write returns an errno.
func (p *pool) write(n int64, buf []byte) C.int32_t {
	if !leafcall.Available || !p.leaf.Load() {
		errno := C.pmemgo_blk_write(p.handle, (*C.char)(unsafe.Pointer(unsafe.SliceData(buf))), C.int64_t(n))
		if errno == 0 {
			p.laidOut()
		}
		return errno
	}
	var arg C.struct_pmemgo_blk_op
	arg.pool = C.uint64_t(p.handle)
	arg.buf = (*C.char)(unsafe.Pointer(unsafe.SliceData(buf)))
	arg.block = C.int64_t(n)
	return C.int32_t(leafcall.Call(opWrite, unsafe.Pointer(&arg)))
}

// mark changes the state of a block.
func (p *pool) mark(op string, n int64, leaf unsafe.Pointer, cgo func() C.int32_t) error {
	edge := p.edges.of(n)
	edge.RLock()
	defer edge.RUnlock()
	var errno C.int32_t
	if !leafcall.Available || !p.leaf.Load() {
		errno = cgo()
	} else {
		var arg C.struct_pmemgo_blk_op
		arg.pool = C.uint64_t(p.handle)
		arg.block = C.int64_t(n)
		errno = C.int32_t(leafcall.Call(leaf, unsafe.Pointer(&arg)))
	}
	if errno != 0 {
		return p.failed(op, n, errno)
	}
	return nil
}

// laidOut notes that there is nothing to be laid out any more.
func (p *pool) laidOut() {
	if p.direct && !p.leaf.Load() {
		p.leaf.Store(true)
	}
}

// failed makes an error of C's errno.
func (p *pool) failed(op string, n int64, errno C.int32_t) error {
	if unix.Errno(errno) == unix.EIO && op == "read" {
		return &BadBlockError{Op: op, Path: p.path, Block: n}
	}
	msg := fmt.Sprintf("block %d", n)
	if unix.Errno(errno) == unix.EIO {
		msg = fmt.Sprintf("block %d: the pool has failed before and takes no writes; repair it with libpmempool.Check or pmempool check -r, on a copy", n)
	}
	return &Error{Op: op, Path: p.path, Errno: unix.Errno(errno), Msg: msg}
}
