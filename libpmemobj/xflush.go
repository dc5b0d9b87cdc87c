package libpmemobj

// #cgo noescape pmemgo_obj_xflush
// #cgo nocallback pmemgo_obj_xflush
// #include "xflush_shim.h"
import "C"

import (
	"unsafe"

	"github.com/pmem/pmdk-go/cgoutil"
)

// XPersist makes several ranges durable in one crossing, with one wait for all
// of them, and takes a flag: with MemRelaxed, copies of the data in other
// replicas need not be written 8 bytes at a time. All other flags are
// refused. Each range must lie in the pool; if one does not, none is flushed.
// Empty ranges are skipped.
//
// Implements: pmemobj_xpersist(3)
func (p *Pool) XPersist(flags MemFlag, ranges ...Range) error {
	const op = "xpersist"
	err := p.xflush(op, flags, ranges, 1)
	if err != nil || p.keeper == nil || len(ranges) == 0 {
		return err
	}
	return p.awaitOutside(op)
}

// XFlush is XPersist without the wait, which is left to [Pool.Drain] on the
// same thread: see [Pool.Flush].
//
// Implements: pmemobj_xflush(3)
func (p *Pool) XFlush(flags MemFlag, ranges ...Range) error {
	return p.xflush("xflush", flags, ranges, 0)
}

func (p *Pool) xflush(op string, flags MemFlag, ranges []Range, drain C.int) error {
	if err := p.enterAnyChange(op); err != nil {
		return err
	}
	defer p.leave()
	if other := flags &^ MemRelaxed; other != 0 {
		return badArgument(op, "flags %#x; only MemRelaxed has a meaning here", uint32(other))
	}
	for _, r := range ranges {
		if err := p.inside(op, r); err != nil {
			return err
		}
	}
	if len(ranges) == 0 {
		return nil
	}
	var st cgoutil.Status
	C.pmemgo_obj_xflush(p.handle, (*C.struct_pmemgo_range)(unsafe.Pointer(unsafe.SliceData(ranges))),
		C.size_t(len(ranges)), C.uint(flags), drain, cStatus(&st))
	return st.Err(op, "")
}
