package libpmemobj

import (
	"fmt"
	"reflect"
	"strings"
	"unsafe"
)

// A shape says where in the values of a type the persistent pointers are, so
// that a walk needs no reflection for each object.
type shape struct {
	typ   reflect.Type
	num   uint64 // of the type's objects; only pointers' targets have one
	size  uint64
	slots uint64      // places for a pointer in a value
	parts []shapePart // in the order of their slots
}

// shapePart is a pointer, or an array of values with pointers in them.
type shapePart struct {
	name   string // the path from the value, for example ".Meta.Next"
	first  uint64 // its first slot
	at     uint64 // in bytes from the value's start
	kind   pointerKind
	target *shape // what the pointer points at, nil if it does not say

	elem *shape // of an array
}

type pointerKind uint8

const (
	noPointer pointerKind = iota
	isPtr
	isOff
	isOID
	isBytes
	isString
	isSlice
)

// locate finds the slot k of a value: where it is, and what it is.
func (s *shape) locate(k uint64) (at uint64, p *shapePart) {
	for {
		p = s.partOf(k)
		at += p.at
		if p.elem == nil {
			return at, p
		}
		k -= p.first
		at += k / p.elem.slots * p.elem.size
		k %= p.elem.slots
		s = p.elem
	}
}

// path names slot k of a value.
func (s *shape) path(k uint64) string {
	var b strings.Builder
	for {
		p := s.partOf(k)
		b.WriteString(p.name)
		if p.elem == nil {
			return b.String()
		}
		k -= p.first
		fmt.Fprintf(&b, "[%d]", k/p.elem.slots)
		k %= p.elem.slots
		s = p.elem
	}
}

// partOf finds the last part that does not begin behind slot k.
func (s *shape) partOf(k uint64) *shapePart {
	lo, hi := 0, len(s.parts)
	for hi-lo > 1 {
		if mid := (lo + hi) / 2; s.parts[mid].first <= k {
			lo = mid
		} else {
			hi = mid
		}
	}
	return &s.parts[lo]
}

// shapes are those of all types that were asked for, and of what they lead to.
type shapes struct {
	byType map[reflect.Type]*shape
	// byNum finds the targets of pointers by type number, nil where two share
	// one.
	byNum map[uint64]*shape
}

func newShapes() *shapes {
	return &shapes{map[reflect.Type]*shape{}, map[uint64]*shape{}}
}

// target is the shape of a type that objects have.
func (m *shapes) target(t reflect.Type) (*shape, error) {
	s, err := m.of(t)
	if err != nil || s.num != 0 {
		return s, err
	}
	if s.num, err = typeNumOf(t); err != nil {
		return nil, err
	}
	if _, taken := m.byNum[s.num]; taken {
		m.byNum[s.num] = nil
	} else {
		m.byNum[s.num] = s
	}
	return s, nil
}

func (m *shapes) of(t reflect.Type) (*shape, error) {
	if s := m.byType[t]; s != nil {
		return s, nil
	}
	s := &shape{typ: t, size: uint64(t.Size())}
	m.byType[t] = s // it may point at itself
	return s, m.fill(s, t, 0, "")
}

// fill adds what is in t, a part of s's type.
func (m *shapes) fill(s *shape, t reflect.Type, at uint64, name string) error {
	kind, to := pointerOf(t)
	if kind != noPointer {
		p := shapePart{name: name, first: s.slots, at: at, kind: kind}
		s.slots++
		if to != nil {
			var err error
			if p.target, err = m.target(to); err != nil {
				return err
			}
		}
		s.parts = append(s.parts, p)
		return nil
	}
	switch t.Kind() {
	case reflect.Struct:
		for i := range t.NumField() {
			f := t.Field(i)
			if err := m.fill(s, f.Type, at+uint64(f.Offset), name+"."+f.Name); err != nil {
				return err
			}
		}
	case reflect.Array:
		elem, err := m.of(t.Elem())
		if err != nil || elem.slots == 0 || t.Len() == 0 {
			return err
		}
		s.parts = append(s.parts, shapePart{name: name, first: s.slots, at: at, elem: elem})
		s.slots += elem.slots * uint64(t.Len())
	}
	return nil
}

// pointerOf says which kind of pointer t is, and to what.
func pointerOf(t reflect.Type) (kind pointerKind, target reflect.Type) {
	switch t {
	case reflect.TypeFor[OID]():
		return isOID, nil
	case reflect.TypeFor[Bytes]():
		return isBytes, nil
	case reflect.TypeFor[String]():
		return isString, nil
	}
	if t.Size() > unsafe.Sizeof(Slice[byte]{}) || !t.Implements(pointerType) {
		return noPointer, nil
	}
	self, target := reflect.Zero(t).Interface().(pointer).pmemTarget()
	if self != t {
		return noPointer, nil
	}
	switch t.Size() {
	case unsafe.Sizeof(Ptr[byte]{}):
		return isPtr, target
	case unsafe.Sizeof(Off[byte]{}):
		return isOff, target
	}
	return isSlice, target
}
