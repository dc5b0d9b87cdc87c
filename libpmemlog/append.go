package libpmemlog

// #cgo noescape pmemgo_log_append
// #cgo nocallback pmemgo_log_append
// #cgo noescape pmemgo_log_appendv
// #cgo nocallback pmemgo_log_appendv
// #include "shim.h"
import "C"

import (
	"math"
	"runtime"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/internal/leafcall"
	"github.com/pmem/pmdk-go/internal/plainpool"
)

var (
	opAppend  = unsafe.Pointer(C.pmemgo_log_leaf_append)
	opAppendv = unsafe.Pointer(C.pmemgo_log_op_appendv)
	opRead    = unsafe.Pointer(C.pmemgo_log_op_read)
	opTell    = unsafe.Pointer(C.pmemgo_log_op_tell)
)

// maxLeaf is the most bytes that a leaf call handles: the garbage collector
// may have to wait for it.
const maxLeaf = 32 << 10

// mayLeaf says whether an operation on n bytes is to be a leaf call. It may
// have to wait for libpmemlog's lock; whoever holds it is inside C, needs
// nothing of Go to leave, and is quick or counted in slow.
func (l *log) mayLeaf(n int) bool {
	return leafcall.Available && l.leaf && n <= maxLeaf && l.slow.Load() == 0
}

// Append adds p to the end of the log, whole or not at all, whatever happens
// to the process. It is durable when Append returns, as far as
// [Log.Durability] goes. If p does not fit, the error matches ErrFull and
// nothing is added. Appends of several goroutines follow one another.
//
// Implements: pmemlog_append(3)
func (l *Log) Append(p []byte) error {
	const op = "append"
	if len(p) > 0 && l.mayLeaf(len(p)) && !l.walkers.any() && l.appendLeaf(p) {
		l.followers.wake()
		return nil
	}
	if err := l.enterChange(op); err != nil {
		return err
	}
	defer l.guard.Exit()
	if len(p) == 0 {
		return nil
	}
	l.slow.Add(1)
	errno := C.pmemgo_log_append(l.handle, (*C.char)(unsafe.Pointer(unsafe.SliceData(p))), C.uint64_t(len(p)))
	l.slow.Add(-1)
	return l.appended(op, errno, len(p))
}

// appendLeaf says whether it did append p. It goes without the guard, whose
// atomic additions wait for all that is on its way to the medium, and keep the
// next copy waiting: instead, C looks whether the log is closed, and Close
// waits for leaf calls.
func (l *log) appendLeaf(p []byte) bool {
	// Not a literal, which would be built elsewhere and copied: the copy's wide
	// loads wait for every flush on its way.
	var arg C.struct_pmemgo_log_append
	arg.log = C.uint64_t(l.handle)
	arg.buf, arg.len = (*C.char)(unsafe.Pointer(unsafe.SliceData(p))), C.uint64_t(len(p))
	arg.closed = (*C.int32_t)(unsafe.Pointer(&l.closed))
	return leafcall.Call(opAppend, unsafe.Pointer(&arg)) == 0
}

// vector is a struct iovec whose base Go sees as the pointer that it is: what
// it points at stays where it is.
type vector struct {
	base unsafe.Pointer
	len  uintptr
}

var vectors = sync.Pool{New: func() any { return new([]vector) }}

// Appendv is Append for the concatenation of bufs, which may be a
// net.Buffers: all of it or nothing, in one crossing into C and without
// copying it together.
//
// Implements: pmemlog_appendv(3)
func (l *Log) Appendv(bufs [][]byte) error {
	const op = "appendv"
	if err := l.enterChange(op); err != nil {
		return err
	}
	defer l.guard.Exit()
	return l.appendAll(op, bufs)
}

// appendAll is Appendv for callers inside the guard.
func (l *Log) appendAll(op string, bufs [][]byte) error {
	if len(bufs) > math.MaxInt32 {
		return plainpool.BadArgument(op, l.path, "%d buffers, at most %d are allowed", len(bufs), math.MaxInt32)
	}
	v := vectors.Get().(*[]vector)
	defer func() {
		clear(*v) // keeps nothing alive
		vectors.Put(v)
	}()
	*v = (*v)[:0]
	total := 0
	for _, b := range bufs {
		if len(b) == 0 {
			continue
		}
		// The same memory may appear many times, so that the sum can wrap.
		if total += len(b); total < 0 || int64(total) > l.cap {
			return l.full(op, total)
		}
		*v = append(*v, vector{unsafe.Pointer(unsafe.SliceData(b)), uintptr(len(b))})
	}
	if total == 0 {
		return nil
	}
	return l.appended(op, l.appendv(*v, total), total)
}

// appendv returns an errno.
func (l *log) appendv(v []vector, total int) C.int32_t {
	if !l.mayLeaf(total) || len(v) > maxLeaf/64 {
		l.slow.Add(1)
		defer l.slow.Add(-1)
		// As a number: cgo would not pass a pointer to pointers. What they
		// point at is kept alive by v, which is in Go's heap.
		errno := C.pmemgo_log_appendv(l.handle, C.uintptr_t(uintptr(unsafe.Pointer(unsafe.SliceData(v)))), C.uint64_t(len(v)))
		runtime.KeepAlive(v)
		return errno
	}
	var arg C.struct_pmemgo_log_op
	arg.log = C.uint64_t(l.handle)
	arg.iov, arg.len = (*C.struct_iovec)(unsafe.Pointer(unsafe.SliceData(v))), C.uint64_t(len(v))
	return C.int32_t(leafcall.Call(opAppendv, unsafe.Pointer(&arg)))
}

// appended makes an error of C's errno.
func (l *Log) appended(op string, errno C.int32_t, n int) error {
	switch unix.Errno(errno) {
	case 0:
		l.followers.wake()
		return nil
	case unix.ENOSPC:
		return l.full(op, n)
	case unix.EROFS:
		return l.wrap(op, ErrReadOnly)
	}
	return &Error{Op: op, Path: l.path, Errno: unix.Errno(errno)}
}
