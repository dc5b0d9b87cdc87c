package libpmemobj

import "unsafe"

// Range is a stretch of persistent memory, by address: an object, a field, a
// part of an array. It is made from a pointer into a mapped pool and, like
// such a pointer, is valid until the pool is closed.
type Range struct {
	addr uintptr // struct pmemgo_range, which C reads arrays of
	len  uintptr
}

// RangeOf is the memory that *p occupies.
func RangeOf[T any](p *T) Range {
	return Range{uintptr(unsafe.Pointer(p)), unsafe.Sizeof(*p)}
}

// RangeOfSlice is the memory that the elements of s occupy.
func RangeOfSlice[T any](s []T) Range {
	return Range{uintptr(unsafe.Pointer(unsafe.SliceData(s))), uintptr(len(s)) * unsafe.Sizeof(*new(T))}
}

// Len is the length of the range in bytes.
func (r Range) Len() int { return int(r.len) }
