package libpmemobj

// #include "shim.h"
import "C"

// AllocFlags change how an object is allocated. They are combined with |, also
// with [Class.Flag] and [Arena.Flag].
type AllocFlags uint64

const (
	// AllocZero sets the object's memory to zero.
	AllocZero AllocFlags = C.POBJ_XALLOC_ZERO

	// AllocNoFlush leaves it to the program to flush the object before the
	// transaction commits, where the commit would do it. It means something in
	// transactions only.
	AllocNoFlush AllocFlags = C.POBJ_XALLOC_NO_FLUSH
)

// Where the numbers of a class and of an arena stand in flags. PMDK's macros
// for them are no constants.
const (
	classShift            = 48
	classMask  AllocFlags = 0xFFFF << classShift
	arenaShift            = 32
	arenaMask  AllocFlags = 0xFFFF << arenaShift
)

// checkFlags refuses flags that C does not know, or would fault at.
func (p *Pool) checkFlags(op string, size uint64, flags AllocFlags) error {
	if flags&^(AllocZero|AllocNoFlush) == 0 {
		return nil
	}
	if unknown := flags &^ (AllocZero | AllocNoFlush | classMask | arenaMask); unknown != 0 {
		return badArgument(op, "unknown allocation flags %#x", uint64(unknown))
	}
	if arena := flags & arenaMask >> arenaShift; arena != 0 {
		if err := p.checkArena(op, int(arena)); err != nil {
			return err
		}
	}
	class := int(flags & classMask >> classShift)
	if class == 0 {
		return nil
	}
	info := p.class(class)
	if info == nil {
		return p.noClass(op, class)
	}
	return info.checkSize(op, size)
}

// allFlags combines flags.
func allFlags(flags []AllocFlags) (all AllocFlags) {
	for _, f := range flags {
		all |= f
	}
	return all
}
