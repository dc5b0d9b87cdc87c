package libpmem

/*
#cgo noescape pmemgo_run
#cgo nocallback pmemgo_run
#cgo noescape pmemgo_msync
#cgo nocallback pmemgo_msync
#cgo noescape pmemgo_deep_drain
#cgo nocallback pmemgo_deep_drain
#cgo noescape pmemgo_deep_persist
#cgo nocallback pmemgo_deep_persist
#cgo nocallback pmemgo_is_pmem
#include "shim.h"
*/
import "C"

import (
	"unsafe"

	"github.com/pmem/pmdk-go/cgoutil"
	"github.com/pmem/pmdk-go/internal/leafcall"
)

// region is the mapped memory behind a Mapping. It is apart from it because
// the table of open regions must not keep a lost Mapping reachable.
type region struct {
	base unsafe.Pointer
	len  int
	pmem bool
	path string

	// Two guards against Close. Operations that may take long enter guard,
	// and Close refuses while they are inside. The short ones are announced
	// to C by the address of closed (see readers.h), and Close waits.
	guard  cgoutil.Guard
	closed uint32
}

// operation is a C function of the pmemgo_op family, and what it is called in
// errors. It travels by address: with a string among them, the arguments of
// the calls below would not fit into registers.
type operation struct {
	name string
	fn   unsafe.Pointer
}

var (
	opPersist   = operation{"persist", unsafe.Pointer(C.pmemgo_op_persist)}
	opWrite     = operation{"write", unsafe.Pointer(C.pmemgo_op_persist)}
	opFlush     = operation{"flush", unsafe.Pointer(C.pmemgo_op_flush)}
	opDeepFlush = operation{"deep flush", unsafe.Pointer(C.pmemgo_op_deep_flush)}
	opDrain     = operation{"drain", unsafe.Pointer(C.pmemgo_op_drain)}

	opCopy = operation{"copy", unsafe.Pointer(C.pmemgo_op_memcpy)}
	opMove = operation{"move", unsafe.Pointer(C.pmemgo_op_memmove)}
	opSet  = operation{"set", unsafe.Pointer(C.pmemgo_op_memset)}

	opMemcpy         = operation{"memcpy", unsafe.Pointer(C.pmemgo_op_memcpy)}
	opMemmove        = operation{"memmove", unsafe.Pointer(C.pmemgo_op_memmove)}
	opMemset         = operation{"memset", unsafe.Pointer(C.pmemgo_op_memset)}
	opMemcpyPersist  = operation{"memcpy", unsafe.Pointer(C.pmemgo_op_memcpy_persist)}
	opMemmovePersist = operation{"memmove", unsafe.Pointer(C.pmemgo_op_memmove_persist)}
	opMemsetPersist  = operation{"memset", unsafe.Pointer(C.pmemgo_op_memset_persist)}
	opMemcpyNodrain  = operation{"memcpy", unsafe.Pointer(C.pmemgo_op_memcpy_nodrain)}
	opMemmoveNodrain = operation{"memmove", unsafe.Pointer(C.pmemgo_op_memmove_nodrain)}
	opMemsetNodrain  = operation{"memset", unsafe.Pointer(C.pmemgo_op_memset_nodrain)}
)

// maxLeaf is the most bytes that a leaf call handles, some ten microseconds'
// worth: the garbage collector may have to wait for it. Above, the cost of an
// ordinary cgo call hardly shows.
const maxLeaf = 32 << 10

// run makes one operation in C, in one crossing.
func (r *region) run(op *operation, dst, src unsafe.Pointer, n int, flags Flags, c byte) error {
	if !leafcall.Available || n > maxLeaf {
		return r.runLong(op, dst, src, n, flags, c)
	}
	// Not a literal, which would be built elsewhere and copied: the copy's wide
	// loads wait for every flush on its way.
	var arg C.struct_pmemgo_op
	arg.closed = (*C.uint32_t)(&r.closed)
	arg.dst, arg.src, arg.len = dst, src, C.size_t(n)
	arg.flags, arg.c = C.uint32_t(flags), C.int32_t(c)
	if leafcall.Call(op.fn, unsafe.Pointer(&arg)) != 0 {
		return ErrClosed
	}
	return nil
}

// runLong is run for any length.
func (r *region) runLong(op *operation, dst, src unsafe.Pointer, n int, flags Flags, c byte) error {
	if err := r.enter(); err != nil {
		return err
	}
	C.pmemgo_run(C.uintptr_t(uintptr(op.fn)), C.uintptr_t(uintptr(dst)), (*C.char)(src), C.size_t(n),
		C.uint32_t(flags), C.int32_t(c))
	r.guard.Exit()
	return nil
}

// drain belongs to no region: it is the calling thread that waits.
func drain() {
	if leafcall.Available {
		leafcall.Call(opDrain.fn, nil)
		return
	}
	C.pmemgo_run(C.uintptr_t(uintptr(opDrain.fn)), 0, nil, 0, 0, 0)
}

// enter admits the caller until guard.Exit. A nil region is that of a zero
// Mapping.
func (r *region) enter() error {
	if r == nil {
		return ErrClosed
	}
	_, err := r.guard.Enter()
	return err
}

// check returns ErrClosed if the region is closed, without entering.
func (r *region) check() error {
	if r == nil || r.guard.Closed() {
		return ErrClosed
	}
	return nil
}

// bytes is the region from p on.
func (r *region) bytes(p unsafe.Pointer, n int) []byte {
	return unsafe.Slice((*byte)(p), n)
}

// flush persists, flushes or deep-flushes, as op says. There is no drain to
// pair with on an ordinary file, so it syncs at once.
func (r *region) flush(op *operation, p unsafe.Pointer, n int) error {
	if n == 0 {
		return r.check()
	}
	if r.pmem {
		return r.run(op, p, nil, n, 0, 0)
	}
	return r.msync(op.name, p, n)
}

func (r *region) msync(op string, p unsafe.Pointer, n int) error {
	if n == 0 {
		return r.check()
	}
	if err := r.enter(); err != nil {
		return err
	}
	var st cgoutil.Status
	C.pmemgo_msync(C.uintptr_t(uintptr(p)), C.size_t(n), (*C.struct_pmemgo_status)(unsafe.Pointer(&st)))
	r.guard.Exit()
	return st.Err(op, r.path)
}

func (r *region) deepDrain(op string, p unsafe.Pointer, n int) error {
	if n == 0 {
		return r.check()
	}
	if err := r.enter(); err != nil {
		return err
	}
	var st cgoutil.Status
	C.pmemgo_deep_drain(C.uintptr_t(uintptr(p)), C.size_t(n), (*C.struct_pmemgo_status)(unsafe.Pointer(&st)))
	r.guard.Exit()
	return st.Err(op, r.path)
}

func (r *region) deepPersist(op string, p unsafe.Pointer, n int) error {
	if n == 0 {
		return r.check()
	}
	if err := r.enter(); err != nil {
		return err
	}
	var st cgoutil.Status
	C.pmemgo_deep_persist(C.uintptr_t(uintptr(p)), C.size_t(n), (*C.struct_pmemgo_status)(unsafe.Pointer(&st)))
	r.guard.Exit()
	return st.Err(op, r.path)
}

func (r *region) isPmem(p unsafe.Pointer, n int) bool {
	if r.enter() != nil {
		return false
	}
	is := C.pmemgo_is_pmem(C.uintptr_t(uintptr(p)), C.size_t(n)) != 0
	r.guard.Exit()
	return is
}

// copy copies or moves n bytes by op and makes them durable as flags say.
func (r *region) copy(op *operation, dst, src unsafe.Pointer, n int, flags Flags) error {
	if n == 0 {
		return r.check()
	}
	if r.pmem && outside(uintptr(src)) {
		return r.run(op, dst, src, n, flags, 0)
	}
	return r.copySlow(op, dst, src, n, flags)
}

// copySlow is copy from this or another mapping, which must not go away
// either, or to an ordinary file.
func (r *region) copySlow(op *operation, dst, src unsafe.Pointer, n int, flags Flags) error {
	from := regionOf(uintptr(src), n)
	if from != nil && from != r {
		if err := from.enter(); err != nil {
			return ErrNotMapped
		}
		defer from.guard.Exit()
	}
	if r.pmem {
		return r.run(op, dst, src, n, flags, 0)
	}
	return r.copyInGo(op, dst, src, n, flags)
}

// copyInGo is copy on an ordinary file: C's copies don't make it durable
// there, and a fault in Go can be caught.
func (r *region) copyInGo(op *operation, dst, src unsafe.Pointer, n int, flags Flags) error {
	if err := r.enter(); err != nil {
		return err
	}
	defer r.guard.Exit()
	if err := copyCatching(op.name, r.bytes(dst, n), unsafe.Slice((*byte)(src), n)); err != nil {
		return err
	}
	if flags&NoFlush != 0 {
		return nil
	}
	return r.msync(op.name, dst, n)
}

// set fills n bytes by op and makes them durable as flags say.
func (r *region) set(op *operation, dst unsafe.Pointer, c byte, n int, flags Flags) error {
	if n == 0 {
		return r.check()
	}
	if r.pmem {
		return r.run(op, dst, nil, n, flags, c)
	}
	return r.setInGo(op, dst, c, n, flags)
}

func (r *region) setInGo(op *operation, dst unsafe.Pointer, c byte, n int, flags Flags) error {
	if err := r.enter(); err != nil {
		return err
	}
	defer r.guard.Exit()
	if err := fillCatching(op.name, r.bytes(dst, n), c); err != nil {
		return err
	}
	if flags&NoFlush != 0 {
		return nil
	}
	return r.msync(op.name, dst, n)
}
