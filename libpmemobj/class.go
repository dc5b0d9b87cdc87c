package libpmemobj

// #include "ctl_shim.h"
import "C"

import (
	"errors"
	"fmt"
	"iter"
	"math/bits"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/internal/objheap"
)

// Header is what stands in front of each object of an allocation class.
type Header int

// Kinds of headers. None of them is part of an object's usable size.
const (
	// HeaderCompact takes 16 bytes and knows the object's size and type
	// number. All objects have it that are allocated without a class.
	HeaderCompact Header = iota

	// HeaderNone takes nothing: objects lie side by side, each has exactly one
	// unit, and none has a type number: [Pool.TypeNum] says 0, and
	// [ObjectsOf] does not find them.
	HeaderNone

	// HeaderLegacy takes 64 bytes and does what HeaderCompact does. PMDK made
	// it before version 1.3.
	HeaderLegacy
)

// String is the header's name in PMDK's configuration.
func (h Header) String() string {
	switch h {
	case HeaderCompact:
		return "compact"
	case HeaderNone:
		return "none"
	case HeaderLegacy:
		return "legacy"
	}
	return fmt.Sprintf("Header(%d)", int(h))
}

// kind is the header as the heap knows it, which counts like C.
func (h Header) kind() objheap.HeaderKind {
	switch h {
	case HeaderNone:
		return objheap.HeaderNone
	case HeaderLegacy:
		return objheap.HeaderLegacy
	}
	return objheap.HeaderCompact
}

func headerOf(k objheap.HeaderKind) Header {
	switch k {
	case objheap.HeaderNone:
		return HeaderNone
	case objheap.HeaderLegacy:
		return HeaderLegacy
	}
	return HeaderCompact
}

// AllocClass describes an allocation class: objects of one size, cut from
// blocks of their own.
type AllocClass struct {
	// UnitSize is the size of a unit in bytes, the header included, a multiple
	// of 16. An object has one unit, or up to 64 adjacent ones if it has a
	// header.
	UnitSize uint64

	// Alignment of the objects' data in bytes, a power of two up to 2 MiB that
	// divides UnitSize; 0 for none in particular.
	Alignment uint64

	// UnitsPerBlock is how many units the allocator shall prepare at a time. A
	// block is a multiple of 256 KiB; NewClass returns how many units fit, at
	// most 65,535. A pool without room for a whole block has none for an
	// object, so small pools want small blocks.
	UnitsPerBlock int

	Header Header
}

const (
	maxUnitAlignment = 2 << 20
	unitStep         = 16
	maxUnitsPerAlloc = 64
	bitmapWord       = 64

	firstClassID = 128 // those below are PMDK's own, or given out by it
	maxClassID   = 254
)

// Class is an allocation class of an open pool. The zero Class is none.
//
// Classes are state of the open pool: make them anew after each Open, before
// the first use. Objects outlive their class, and can be read, freed and
// listed without it.
type Class struct {
	pool *Pool
	info *classInfo
}

// classInfo is a class as its pool has it, which never changes.
type classInfo struct {
	desc  AllocClass
	id    int
	shape objheap.Shape // of its runs
}

// ID is the class's number in its pool, 1 to 254.
func (c Class) ID() int {
	if c.info == nil {
		return 0
	}
	return c.info.id
}

// Desc describes the class, with the number of units that a block has.
func (c Class) Desc() AllocClass {
	if c.info == nil {
		return AllocClass{}
	}
	return c.info.desc
}

// Flag makes an allocation use this class. It means something in the class's
// own pool only.
func (c Class) Flag() AllocFlags { return AllocFlags(c.ID()) << classShift }

// NewClass makes an allocation class. If the pool has the same class already,
// it is returned.
//
// A description that cannot work is refused. So is one whose blocks would have
// a multiple of 64 units, the last 64 of which PMDK takes for allocated from
// the start, and one that PMDK would confuse with another class, in this
// process or an earlier one: it tells blocks apart by header, length, unit size
// in steps of 16, and whether there is an alignment, and after a restart would
// cut objects of the new class from the middle of the old ones. Against both,
// another UnitsPerBlock helps.
//
// Implements: pmemobj_ctl_set(3), the node heap.alloc_class.new.desc
func (p *Pool) NewClass(desc AllocClass) (Class, error) {
	return p.newClass("new class", 0, desc)
}

// NewClassAt is NewClass with a number, 128 to 254, which must be free.
//
// Implements: pmemobj_ctl_set(3), the node heap.alloc_class.[class_id].desc
func (p *Pool) NewClassAt(id int, desc AllocClass) (Class, error) {
	const op = "new class"
	if id < firstClassID || id > maxClassID {
		return Class{}, badArgument(op, "number %d; a program's own classes have %d to %d", id, firstClassID, maxClassID)
	}
	return p.newClass(op, id, desc)
}

func (p *Pool) newClass(op string, id int, desc AllocClass) (Class, error) {
	shape, units, err := desc.shape(op)
	if err != nil {
		return Class{}, err
	}
	asked := desc.UnitsPerBlock
	desc.UnitsPerBlock = int(units)
	if err := p.enterAny(op); err != nil {
		return Class{}, err
	}
	defer p.leave()
	p.ctlLock.Lock()
	defer p.ctlLock.Unlock()
	if id != 0 {
		if c := p.class(id); c != nil {
			return Class{}, &Error{Op: op, Path: p.path, Errno: unix.EEXIST, Msg: fmt.Sprintf("class %d exists: %+v", id, c.desc)}
		}
	}
	for have := range p.classes() {
		switch {
		case id == 0 && have.desc == desc && have.shape == shape:
			return Class{p, have}, nil
		case confusable(have.shape, shape):
			return Class{}, p.confused(op, desc, fmt.Sprintf("class %d, %+v", have.id, have.desc))
		}
	}
	if other, found := p.heap.Confusable(shape); found {
		return Class{}, p.confused(op, desc, fmt.Sprintf("a block in the pool that an earlier process left, with units of %d bytes aligned to %d", other.Unit, other.Align))
	}
	info, err := p.makeClass(op, id, asked, desc, shape)
	if err != nil {
		return Class{}, err
	}
	return Class{p, info}, nil
}

// shape checks a description and finds out what blocks it makes.
func (d AllocClass) shape(op string) (shape objheap.Shape, units uint64, err error) {
	if d.Header < HeaderCompact || d.Header > HeaderLegacy {
		return shape, 0, badArgument(op, "header %d; there are HeaderCompact, HeaderNone and HeaderLegacy", int(d.Header))
	}
	header := d.Header.kind()
	switch {
	case d.UnitSize == 0 || d.UnitSize%unitStep != 0:
		return shape, 0, badArgument(op, "units of %d bytes; PMDK confuses those that are no multiples of %d", d.UnitSize, unitStep)
	case d.UnitSize <= header.Size():
		return shape, 0, badArgument(op, "units of %d bytes; the header alone (%v) takes %d", d.UnitSize, d.Header, header.Size())
	case d.UnitSize > MaxAlloc:
		return shape, 0, badArgument(op, "units of %d bytes; an object has at most %d", d.UnitSize, MaxAlloc)
	case d.Alignment&(d.Alignment-1) != 0:
		return shape, 0, badArgument(op, "an alignment of %d is no power of two", d.Alignment)
	case d.Alignment > maxUnitAlignment:
		return shape, 0, badArgument(op, "an alignment of %d; at most %d is possible", d.Alignment, maxUnitAlignment)
	case d.Alignment != 0 && d.UnitSize%d.Alignment != 0:
		return shape, 0, badArgument(op, "an alignment of %d does not divide units of %d bytes", d.Alignment, d.UnitSize)
	case d.UnitsPerBlock < 1:
		return shape, 0, badArgument(op, "%d units in a block; there must be one at least", d.UnitsPerBlock)
	case d.UnitsPerBlock > objheap.MaxUnits:
		return shape, 0, badArgument(op, "%d units in a block; PMDK loses count at more than %d", d.UnitsPerBlock, objheap.MaxUnits)
	}
	shape, units, ok := objheap.ShapeFor(d.UnitSize, d.Alignment, header, uint64(d.UnitsPerBlock))
	switch {
	case shape.Chunks == 0:
		return shape, 0, badArgument(op, "%d units of %d bytes are more than a block can have", d.UnitsPerBlock, d.UnitSize)
	case !ok:
		return shape, 0, badArgument(op, "PMDK's block for %d units of %d bytes aligned to %d has room for none; take one more", d.UnitsPerBlock, d.UnitSize, d.Alignment)
	case units%bitmapWord == 0:
		return shape, 0, &blockError{Error{Op: op, Errno: unix.EINVAL, Msg: fmt.Sprintf("PMDK would put %d units of %d bytes into a block, a multiple of %d, and takes the last %d for allocated then; choose another UnitsPerBlock", units, d.UnitSize, bitmapWord, bitmapWord)}}
	}
	return shape, units, nil
}

// confusable says whether C takes the classes, or their blocks, for the same.
func confusable(a, b objheap.Shape) bool {
	return a.Header == b.Header && a.Chunks == b.Chunks && (a.Align == 0) == (b.Align == 0) &&
		(a.Unit+unitStep-1)/unitStep == (b.Unit+unitStep-1)/unitStep
}

func (p *Pool) confused(op string, desc AllocClass, other string) error {
	return &blockError{Error{Op: op, Path: p.path, Errno: unix.EEXIST, Msg: fmt.Sprintf("PMDK cannot tell %+v from %s; choose another UnitsPerBlock", desc, other)}}
}

// blockError is an error that another length of blocks helps against.
type blockError struct{ err Error }

func (e *blockError) Error() string { return e.err.Error() }
func (e *blockError) Unwrap() error { return &e.err }

// makeClass makes the class in C, where asked for so many units in a block.
func (p *Pool) makeClass(op string, id, asked int, desc AllocClass, shape objheap.Shape) (*classInfo, error) {
	var c C.struct_pobj_alloc_class_desc
	c.unit_size, c.alignment = C.size_t(desc.UnitSize), C.size_t(desc.Alignment)
	c.units_per_block, c.header_type = C.uint(asked), C.enum_pobj_header_type(desc.Header.kind())
	name := "heap.alloc_class.new.desc"
	if id != 0 {
		name = classNode(id)
	}
	if err := ctl(ctlSet, p.handle, op, name, unsafe.Pointer(&c)); err != nil {
		return nil, &Error{Op: op, Path: p.path, Errno: unix.ENOSPC, Msg: fmt.Sprintf("PMDK refuses %+v; a pool has at most %d classes", desc, maxClassID)}
	}
	info := &classInfo{desc: desc, id: int(c.class_id), shape: shape}
	if id != 0 {
		info.id = id
	}
	if got := int(c.units_per_block); got != desc.UnitsPerBlock {
		return nil, badArgument(op, "PMDK made class %d with %d units in a block, where %d were expected; it will not be used", info.id, got, desc.UnitsPerBlock)
	}
	p.knownClasses[info.id].Store(info)
	return info, nil
}

func classNode(id int) string { return fmt.Sprintf("heap.alloc_class.%d.desc", id) }

// class is class id of the pool, or nil if there is none that can be used.
// Classes are never removed and never change.
func (p *Pool) class(id int) *classInfo {
	if id < 1 || id > maxClassID { // 0 is for objects of whole chunks
		return nil
	}
	if info := p.knownClasses[id].Load(); info != nil {
		return info
	}
	var c C.struct_pobj_alloc_class_desc
	if ctl(ctlGet, p.handle, "class", classNode(id), unsafe.Pointer(&c)) != nil {
		return nil
	}
	kind := objheap.HeaderKind(c.header_type)
	info := &classInfo{id: id, desc: AllocClass{
		UnitSize: uint64(c.unit_size), Alignment: uint64(c.alignment),
		UnitsPerBlock: int(c.units_per_block), Header: headerOf(kind),
	}}
	units := uint64(0)
	info.shape, units, _ = objheap.ShapeFor(info.desc.UnitSize, info.desc.Alignment, kind, uint64(c.units_per_block))
	if units == 0 || units > objheap.MaxUnits || c.units_per_block%bitmapWord == 0 {
		return nil // made by configuration, and no good
	}
	p.knownClasses[id].Store(info)
	return info
}

// classes lists the pool's classes that can be used.
func (p *Pool) classes() iter.Seq[*classInfo] {
	return func(yield func(*classInfo) bool) {
		for id := 1; id <= maxClassID; id++ {
			if info := p.class(id); info != nil && !yield(info) {
				return
			}
		}
	}
}

// Class finds an allocation class by its number: one of PMDK's own, which
// serve all allocations without a class, or one made by [Pool.NewClass] or
// PMDK's configuration. If there is none, the error matches fs.ErrNotExist.
//
// Implements: pmemobj_ctl_get(3), the node heap.alloc_class.[class_id].desc
func (p *Pool) Class(id int) (Class, error) {
	const op = "class"
	if err := p.enterAny(op); err != nil {
		return Class{}, err
	}
	defer p.leave()
	info := p.class(id)
	if info == nil {
		return Class{}, p.noClass(op, id)
	}
	return Class{p, info}, nil
}

func (p *Pool) noClass(op string, id int) error {
	return &Error{Op: op, Path: p.path, Errno: unix.ENOENT, Msg: fmt.Sprintf("the pool has no allocation class %d; classes must be made after every Open", id)}
}

// Classes lists the pool's allocation classes, PMDK's own included.
func (p *Pool) Classes() iter.Seq[Class] {
	return func(yield func(Class) bool) {
		if p.enterAny("classes") != nil {
			return
		}
		defer p.leave()
		for info := range p.classes() {
			if !yield(Class{p, info}) {
				return
			}
		}
	}
}

// units is how many units of the class an object of size bytes takes, 0 if it
// does not fit.
func (c *classInfo) units(size uint64) uint64 {
	most := uint64(min(maxUnitsPerAlloc, c.desc.UnitsPerBlock))
	if c.desc.Header == HeaderNone {
		most = 1
	}
	if size == 0 || size > most*c.desc.UnitSize {
		return 0
	}
	n := (size + c.desc.Header.kind().Size() + c.desc.UnitSize - 1) / c.desc.UnitSize
	if n > most {
		return 0
	}
	return n
}

// checkSize refuses a size that objects of the class cannot have.
func (c *classInfo) checkSize(op string, size uint64) error {
	if c.units(size) != 0 {
		return nil
	}
	most := uint64(min(maxUnitsPerAlloc, c.desc.UnitsPerBlock))
	if c.desc.Header == HeaderNone {
		most = 1
	}
	return badArgument(op, "%d bytes; objects of class %d have 1 to %d", size, c.id, most*c.desc.UnitSize-c.desc.Header.kind().Size())
}

// blockFor is how many units a block of a class for a Go type has: one block
// is what a thread takes from the heap at a time, and a small pool should hold
// several.
func (p *Pool) blockFor(unit uint64) int {
	const least, most = 16, objheap.MaxUnits
	const room = 256<<10 - 8<<10 // in a chunk, beside the largest bitmap
	_, heap := p.heap.Bounds()
	large := min(least, heap/64/unit)
	return int(min(max(room/unit, large, 1), most))
}

// classFor finds or makes a class for objects of size bytes.
func (p *Pool) classFor(op string, size uint64, h Header) (Class, error) {
	if h < HeaderCompact || h > HeaderLegacy {
		return Class{}, badArgument(op, "header %d; there are HeaderCompact, HeaderNone and HeaderLegacy", int(h))
	}
	unit, carry := bits.Add64(size, h.kind().Size()+unitStep-1, 0)
	if carry != 0 || unit > MaxAlloc {
		return Class{}, tooLarge(op, size)
	}
	unit -= unit % unitStep
	desc := AllocClass{UnitSize: unit, UnitsPerBlock: p.blockFor(unit), Header: h}
	for {
		c, err := p.newClass(op, 0, desc)
		var block *blockError
		if !errors.As(err, &block) {
			return c, err
		}
		more := max(1, int((256<<10)/unit))
		if desc.UnitsPerBlock += more; desc.UnitsPerBlock > objheap.MaxUnits {
			return c, err
		}
	}
}
