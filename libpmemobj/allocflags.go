package libpmemobj

// #include "shim.h"
import "C"

// AllocFlags change how an object is allocated. They are combined with |.
type AllocFlags uint64

const (
	// AllocZero sets the object's memory to zero.
	AllocZero AllocFlags = C.POBJ_XALLOC_ZERO

	// AllocNoFlush leaves it to the program to flush the object before the
	// transaction commits, where the commit would do it. It means something in
	// transactions only.
	AllocNoFlush AllocFlags = C.POBJ_XALLOC_NO_FLUSH
)

// checkFlags refuses flags that C does not know, or would fault at.
func (p *Pool) checkFlags(op string, size uint64, flags AllocFlags) error {
	if unknown := flags &^ (AllocZero | AllocNoFlush); unknown != 0 {
		return badArgument(op, "unknown allocation flags %#x", uint64(unknown))
	}
	return nil
}
