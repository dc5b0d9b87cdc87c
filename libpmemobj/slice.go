package libpmemobj

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"iter"
	"reflect"
	"unsafe"
)

// Slice is a slice of T for persistent structs: 24 bytes in the struct, with
// the elements in an object of their own, an array as in C (see [SliceType]).
// The zero Slice is empty and has no object.
//
// A field owns its array: growing frees the one before. Copying a Slice within
// the pool moves it, unlike a Go slice, two of which may share an array; and
// before an object with a Slice in it is freed, the field's Free is called, and
// before that the elements' own values and objects are freed, as nothing else
// does it. A field of an object that is not zeroed ([New], [Reserve]) must be
// zeroed before its first change: it holds anything.
//
// C programs see
//
//	struct { uint64_t off, len, cap; };
//
// the offset of the array in the pool, and two numbers of elements. What lies
// between len and cap is not zeroed.
type Slice[T any] struct {
	off, len, cap uint64
}

// SliceType is the type number of the arrays that Slices of T have. It follows
// from that of T and differs from it, so that [ObjectsOf] does not take the
// unused elements for values.
//
// SliceType panics with a *TypeError if T cannot live in a pool.
func SliceType[T any]() uint64 {
	return sliceTypeOf(TypeNum[T]())
}

func sliceTypeOf(elem uint64) uint64 {
	h := fnv.New64a()
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], elem)
	_, _ = h.Write(b[:])
	_, _ = h.Write([]byte("[]"))
	return h.Sum64()
}

// Len is the number of elements.
func (s Slice[T]) Len() int { return int(s.len) }

// Cap is the number of elements that the array has room for.
func (s Slice[T]) Cap() int { return int(s.cap) }

// View returns the elements in pool p, as a capped Go slice over the persistent
// memory, for reading; nil if there is no array. It is valid until the Slice
// grows or is freed, or the pool closed. To change elements, use [Slice.Set] or
// [Slice.Mut].
//
// View panics with a *[ValueError] if the pool is closed, or s describes
// nothing that lies in p. Any goroutine may call it; it does not enter C.
func (s Slice[T]) View(p *Pool) []T { return mustView(s.TryView(p)) }

// TryView is View with an error instead of the panic.
func (s Slice[T]) TryView(p *Pool) ([]T, error) {
	all, err := s.array(p)
	if err != nil {
		return nil, err
	}
	return all[:s.len:s.len], nil
}

// At returns the address of element i, for reading, like [Ptr.Get]. It panics
// like View, and if i is out of range, like Go's slices.
func (s Slice[T]) At(p *Pool, i int) *T { return &s.View(p)[i] }

// All ranges over the elements with their numbers, as they are when the loop
// begins.
func (s Slice[T]) All(p *Pool) iter.Seq2[int, T] {
	return func(yield func(int, T) bool) {
		for i, v := range s.View(p) {
			if !yield(i, v) {
				return
			}
		}
	}
}

// array is all that the Slice has room for.
func (s Slice[T]) array(p *Pool) ([]T, error) {
	info, err := typeInfoOf[T]()
	if err != nil {
		return nil, err
	}
	if s == (Slice[T]{}) {
		return nil, nil
	}
	oid := OID{p.uuid, s.off}
	switch {
	case s.cap > MaxAlloc/info.size:
		return nil, &ValueError{oid, s.cap, fmt.Sprintf("a capacity of %d elements of %d bytes each is more than an object has", s.cap, info.size), nil}
	case s.len > s.cap:
		return nil, &ValueError{oid, s.cap * info.size, fmt.Sprintf("%d elements in a capacity of %d", s.len, s.cap), nil}
	}
	addr, err := p.room(s.off, s.cap*info.size, info.sliceNum)
	if err != nil {
		return nil, err
	}
	return unsafe.Slice((*T)(addr), s.cap), nil
}

// pmemTarget lets the type proof follow a Slice to its elements, as it follows
// pointers.
func (Slice[T]) pmemTarget() (self, target reflect.Type) {
	return reflect.TypeFor[Slice[T]](), reflect.TypeOf((*T)(nil)).Elem()
}

// LoadSlice returns what *src will be after the publication, like [Load]. Its
// View shows elements that were set, and not appended, as they are before.
func LoadSlice[T any](a *Actions, src *Slice[T]) Slice[T] {
	return Slice[T]{Load(a, &src.off), Load(a, &src.len), Load(a, &src.cap)}
}

// bytesOf is the memory of some elements.
func bytesOf[T any](v []T) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(v))), uintptr(len(v))*unsafe.Sizeof(*new(T)))
}
