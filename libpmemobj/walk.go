package libpmemobj

import (
	"errors"
	"fmt"
	"iter"
	"reflect"
	"strings"
	"unsafe"
)

// Object is what [Pool.Walk] comes across.
type Object struct {
	OID     OID
	Type    reflect.Type // what it is, []T for the array of a Slice; nil if nothing says so
	TypeNum uint64       // in its header, 0 if there is none
	Size    uint64       // bytes that it has room for

	walk *walk
	step uint64
}

// Path is how the walk came to the object, for example
// "Company.Staff[3].Name"; the middle of a long path is left out. It is known
// while the loop's body runs, and empty later.
func (o Object) Path() string {
	if o.walk == nil || o.walk.step != o.step {
		return ""
	}
	return o.walk.path()
}

// WalkError says that a pointer which a walk came across leads nowhere, or
// where it cannot be followed.
type WalkError struct {
	Path string // of the pointer, as Object.Path
	OID  OID    // what it holds
	Err  error  // why; matches ErrNotLive, ErrForeignPool, ErrUnknownType or *ValueError
}

// Error names the pointer and says what is wrong with it.
func (e *WalkError) Error() string { return fmt.Sprintf("%s, %v: %v", e.Path, e.OID, e.Err) }

// Unwrap gives the reason.
func (e *WalkError) Unwrap() error { return e.Err }

// ErrUnknownType is the reason of a [WalkError] about an [OID] whose object has
// a type number that the walk does not know. See [WalkType] and [WalkOpaque].
var ErrUnknownType = errors.New("object of unknown type")

// AnyPtr is a [Ptr] of any type.
type AnyPtr interface {
	OID() OID
	pointer
}

// WalkOption changes what a walk follows.
type WalkOption func(*walk) error

// WalkFrom has a walk start from another object as well, for example one whose
// pointer is kept in another file.
func WalkFrom(from AnyPtr) WalkOption {
	return func(w *walk) error {
		w.roots = append(w.roots, from)
		return nil
	}
}

// WalkType has a walk take objects with T's type number for T, wherever a
// pointer does not say more: an [OID], or a [Ptr] to a part that several types
// have in common. The types that the root leads to are known by themselves.
//
// An object of many T counts as an array, as with [NewArray].
func WalkType[T any]() WalkOption {
	return func(w *walk) error {
		info, err := typeInfoOf[T]()
		if err != nil {
			return err
		}
		w.types = append(w.types, info.typ)
		return nil
	}
}

// WalkOpaque says that objects of these type numbers hold no pointers.
func WalkOpaque(typeNums ...uint64) WalkOption {
	return func(w *walk) error {
		for _, num := range typeNums {
			w.opaque[num] = true
		}
		return nil
	}
}

// Walk ranges over the objects that can be reached from root, root included,
// through fields of the types [Ptr], [Off], [OID], [Slice], [String] and
// [Bytes]. It comes to every object once, however many pointers lead to it. A
// pointer into the middle of an object leads to the object.
//
// A pointer that leads nowhere, or to an object that is too small for its
// type, gives a *[WalkError] in place of an object, and the walk goes on. An
// OID leads on if the walk knows the type number of its object (see
// [WalkType]); if not, the object is shown and an error that matches
// [ErrUnknownType] follows, which objects of [NewBytes] and the like avoid by
// [WalkOpaque].
//
// How many elements an object of [NewArray] has is not recorded. Whatever lies
// in it behind the first one is looked at, and where a pointer there leads to
// an object, that counts as reached; where it leads nowhere, it is passed over
// in silence, because it may be no element but rubbish in the memory that is
// left over. A Slice knows better.
//
// Nothing may change in the pool during the walk: Walk yields an error that
// matches ErrInTx or ErrPoolBusy while transactions are open, and if root is
// null, one that matches ErrNull. The pool cannot be closed meanwhile. A walk
// needs a bit or two for each 8 bytes of the heap where objects are, and 40
// bytes for each step of the longest chain of pointers.
func (p *Pool) Walk(root AnyPtr, opts ...WalkOption) iter.Seq2[Object, error] {
	return func(yield func(Object, error) bool) {
		w, err := p.startWalk("walk", root, opts)
		if err != nil {
			yield(Object{}, err)
			return
		}
		defer p.leave()
		w.yield = yield
		w.run()
	}
}

// startWalk enters the pool, unless it fails.
func (p *Pool) startWalk(op string, root AnyPtr, opts []WalkOption) (w *walk, err error) {
	if err := p.enter(op); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			p.leave()
		}
	}()
	if openTxs.uses(p) {
		return nil, stateErr(op, ErrPoolBusy, "transactions are open in other goroutines")
	}
	w = &walk{pool: p, shapes: newShapes(), opaque: map[uint64]bool{BytesType: true, StringType: true}, again: map[scan]struct{}{}}
	w.roots = append(w.roots, root)
	for _, o := range opts {
		if err := o(w); err != nil {
			return nil, err
		}
	}
	for _, r := range w.roots {
		if r == nil {
			return nil, stateErr(op, ErrNull, "there is nothing to start from")
		}
		if err := p.own(op, r.OID()); err != nil {
			return nil, err
		}
		_, target := r.pmemTarget()
		if _, err := proven(target); err != nil {
			return nil, err
		}
		if _, err := w.shapes.target(target); err != nil {
			return nil, err
		}
	}
	for _, t := range w.types {
		s, err := w.shapes.target(t)
		if err != nil {
			return nil, err
		}
		w.shapes.byNum[s.num] = s // also where another type has the number
	}
	return w, nil
}

// walk is one walk. It goes into depth: its stack is the path.
type walk struct {
	pool   *Pool
	roots  []AnyPtr
	types  []reflect.Type // of WalkType
	shapes *shapes
	opaque map[uint64]bool
	yield  func(Object, error) bool
	ended  bool   // the loop's body has had enough
	step   uint64 // counts what was shown

	base  string // the first element of the path
	stack []frame

	seen  offsets           // objects that were shown
	whole offsets           // objects that were scanned as what their type number says
	again map[scan]struct{} // all other scans
}

// scan is memory that is looked at for pointers, as values of a type. The first
// strict values are values for sure, and their pointers must be good.
type scan struct {
	off    uint64
	shape  *shape
	count  uint64
	strict uint64
}

// frame is a scan that has come to a slot.
type frame struct {
	scan
	next uint64
}

func (w *walk) run() {
	for _, r := range w.roots {
		_, target := r.pmemTarget()
		w.base = target.Name()
		if w.base == "" {
			w.base = target.String()
		}
		w.reach(r.OID().Off, w.shapes.byType[target], 0, true)
		for len(w.stack) > 0 && !w.ended {
			f := &w.stack[len(w.stack)-1]
			if f.next == f.count*f.shape.slots {
				w.stack = w.stack[:len(w.stack)-1]
				continue
			}
			k := f.next
			f.next++
			value := k / f.shape.slots
			at, p := f.shape.locate(k % f.shape.slots)
			w.follow(p, f.off+value*f.shape.size+at, value < f.strict)
		}
		if w.ended {
			return
		}
	}
}

// follow goes where the pointer at a place in the pool leads.
func (w *walk) follow(p *shapePart, at uint64, strict bool) {
	addr := unsafe.Add(w.pool.base, at)
	switch p.kind {
	case isPtr, isOID:
		oid := *(*OID)(addr)
		switch {
		case oid.IsNull():
		case oid.Pool != w.pool.uuid:
			w.complain(oid, strict, ErrForeignPool)
		default:
			w.reach(oid.Off, p.target, 0, strict)
		}
	case isOff:
		if off := *(*uint64)(addr); off != 0 {
			w.reach(off, p.target, 0, strict)
		}
	case isBytes:
		w.reachBlob(*(*uint64)(addr), BytesType, reflect.TypeFor[Bytes](), strict)
	case isString:
		w.reachBlob(*(*uint64)(addr), StringType, reflect.TypeFor[String](), strict)
	case isSlice:
		w.reachSlice(*(*Slice[byte])(addr), p.target, strict)
	}
}

// reach comes to off, as the start of a value of the shape, which may be nil,
// or of exactly count of them.
func (w *walk) reach(off uint64, s *shape, count uint64, strict bool) {
	start, usable, ok := w.pool.heap.Holding(off)
	if !ok {
		w.complain(w.oid(off), strict, ErrNotLive)
		return
	}
	num := w.pool.heap.TypeNum(start)
	if w.pool.heap.IsRoot(start) {
		num = 0 // PMDK's own
	}
	known := w.shapes.byNum[num]
	if num == 0 {
		known = nil
	}
	shown := known
	if shown == nil && start == off {
		shown = s
	}
	if w.show(start, usable, num, shown.reflected()) && s == nil && known == nil && !w.opaque[num] {
		w.complain(w.oid(off), strict, fmt.Errorf("%w %#x", ErrUnknownType, num))
	}
	if s != nil {
		w.scan(off, start, usable, num, s, count, strict)
	}
	if known != nil && (known != s || start != off) && !(num == BytesType || num == StringType) {
		w.scan(start, start, usable, num, known, 0, strict)
	}
}

// scan has the values at off looked at, which lie in the object at start.
func (w *walk) scan(off, start, usable, num uint64, s *shape, count uint64, strict bool) {
	room := usable - (off - start)
	if room < s.size || s.size != 0 && count > room/s.size {
		w.complain(w.oid(off), strict, fmt.Errorf("%w of that type: %d bytes are left in it, and %v has %d", ErrNotLive, room, s.typ, max(count, 1)*s.size))
		return
	}
	if s.slots == 0 || w.ended {
		return
	}
	f := scan{off: off, shape: s, count: count}
	natural := off == start && num == s.num && count == 0
	switch {
	case count != 0:
	case off != start || w.pool.heap.IsRoot(start):
		f.count = 1
	default:
		f.count = room / s.size
	}
	// What a pointer that may be rubbish leads to is only sure to be what the
	// object says itself.
	if strict || natural {
		f.strict = max(count, 1)
	}
	if natural {
		if !w.whole.add(off) {
			return
		}
	} else {
		if _, done := w.again[f]; done {
			return
		}
		w.again[f] = struct{}{}
	}
	w.stack = append(w.stack, frame{scan: f})
}

func (w *walk) reachBlob(off, typeNum uint64, typ reflect.Type, strict bool) {
	if off == 0 {
		return
	}
	usable, ok := w.pool.heap.Object(off)
	if !ok {
		w.complain(w.oid(off), strict, ErrNotLive)
		return
	}
	w.show(off, usable, w.pool.heap.TypeNum(off), typ)
	if _, err := w.pool.blob(off, typeNum); err != nil {
		w.complain(w.oid(off), strict, err)
	}
}

func (w *walk) reachSlice(h Slice[byte], elem *shape, strict bool) {
	if h == (Slice[byte]{}) {
		return
	}
	usable, ok := w.pool.heap.Object(h.off)
	if !ok {
		w.complain(w.oid(h.off), strict, ErrNotLive)
		return
	}
	w.show(h.off, usable, w.pool.heap.TypeNum(h.off), reflect.SliceOf(elem.typ))
	switch {
	case elem.size == 0:
	case h.len > h.cap || h.cap > usable/elem.size:
		reason := fmt.Sprintf("a Slice of %d elements, with a capacity of %d, of %d bytes each in an object of %d", h.len, h.cap, elem.size, usable)
		w.complain(w.oid(h.off), strict, &ValueError{w.oid(h.off), h.cap * elem.size, reason, nil})
	case h.len > 0:
		w.scan(h.off, h.off, usable, 0, elem, h.len, strict)
	}
}

func (w *walk) oid(off uint64) OID { return OID{w.pool.uuid, off} }

// reflected is nil for no shape.
func (s *shape) reflected() reflect.Type {
	if s == nil {
		return nil
	}
	return s.typ
}

// show yields an object if it is new.
func (w *walk) show(off, usable, num uint64, t reflect.Type) bool {
	if w.ended || !w.seen.add(off) {
		return false
	}
	w.step++
	w.ended = !w.yield(Object{w.oid(off), t, num, usable, w, w.step}, nil)
	w.step++
	return !w.ended
}

// complain yields an error, unless the pointer may be none.
func (w *walk) complain(oid OID, strict bool, err error) {
	if strict && !w.ended {
		w.ended = !w.yield(Object{}, &WalkError{w.path(), oid, err})
	}
}

// path names the pointer that is being followed.
func (w *walk) path() string {
	const ends = 16
	var b strings.Builder
	b.WriteString(w.base)
	for i := 0; i < len(w.stack); i++ {
		if i == ends && len(w.stack) > 2*ends {
			skip := len(w.stack) - 2*ends
			fmt.Fprintf(&b, "…(%d more)…", skip)
			i += skip
		}
		f := &w.stack[i]
		if f.next == 0 {
			continue // the object is scanned as something else first
		}
		k := f.next - 1
		if f.count > 1 && (f.strict != 1 || k >= f.shape.slots) {
			fmt.Fprintf(&b, "[%d]", k/f.shape.slots)
		}
		b.WriteString(f.shape.path(k % f.shape.slots))
	}
	return b.String()
}
