package libpmemobj

import (
	"bytes"
	"fmt"
	"unsafe"
)

// The type numbers of the objects that [Bytes] and [String] values lie in.
// Such an object is a length of 8 bytes, in the machine's order, followed by
// as many bytes of data, without a terminating NUL.
const (
	BytesType  uint64 = 0x7365747962206f47 // "Go bytes" in memory
	StringType uint64 = 0x676e697274536f47 // "GoString"
)

// MaxBytes is the length of the longest [Bytes] or [String].
const MaxBytes = MaxAlloc - blobHeader

// blobHeader is the size of the length in front of the data.
const blobHeader = 8

// Bytes is a byte slice for persistent structs: 8 bytes in the struct, with
// the data and its length in an object of their own (see [BytesType]). The
// zero Bytes is empty and has no object, and an empty value is always zero.
//
// A field owns its object: Set frees the one before. Copying a Bytes within
// the pool moves it, and before an object with a Bytes in it is freed, the
// field is set to nil. A field of an object that is not zeroed ([New],
// [Reserve]) must be zeroed before Set: it holds anything.
//
// C programs see the offset of the object in the pool, and in the object
//
//	struct { uint64_t len; char data[]; };
type Bytes struct {
	off uint64
}

// IsEmpty says whether b has no bytes.
func (b Bytes) IsEmpty() bool { return b.off == 0 }

// Len is the number of bytes. It panics like View.
func (b Bytes) Len(p *Pool) int { return len(b.View(p)) }

// View returns the bytes in pool p, as a capped slice over the persistent
// memory, for reading; nil if there are none. It is valid until the value is
// changed, or the pool closed.
//
// View panics with a *[ValueError] if the pool is closed, or b describes
// nothing that lies in p. Any goroutine may call it; it does not enter C.
func (b Bytes) View(p *Pool) []byte { return mustView(p.blob(b.off, BytesType)) }

// TryView is View with an error instead of the panic.
func (b Bytes) TryView(p *Pool) ([]byte, error) { return p.blob(b.off, BytesType) }

// Get returns a copy of the bytes, nil if there are none. It panics like View.
func (b Bytes) Get(p *Pool) []byte { return bytes.Clone(b.View(p)) }

// Set makes *b, a field of an object in c's pool, hold v, and frees what it
// held. A nil or empty v leaves no object behind. v may be a view of the
// value itself. In a transaction Set takes the snapshots it needs; the field
// need not be snapshotted before. Setting what *b holds already does nothing.
//
// In a transaction a short value is changed in place where it fits; a
// publication always makes a new object, and readers see the old or the new
// value.
//
// After an error *b is unchanged; if the pool is full, the error matches
// ErrOutOfSpace and c can go on.
//
// Implements: pmemobj_tx_alloc(3), pmemobj_reserve(3)
func (b *Bytes) Set(c Change, v []byte) error {
	return setBlob(c, "set bytes", (*uint64)(unsafe.Pointer(b)), v, BytesType)
}

// LoadBytes returns what *src will be after the publication, like [Load].
func LoadBytes(a *Actions, src *Bytes) Bytes { return Bytes{Load(a, &src.off)} }

// String is [Bytes] that hold a Go string; all that is said there is true
// here. Its objects have [StringType].
type String struct {
	off uint64
}

// IsEmpty says whether s is the empty string.
func (s String) IsEmpty() bool { return s.off == 0 }

// Len is the length in bytes. It panics like View.
func (s String) Len(p *Pool) int { return len(s.View(p)) }

// Get returns the string, a copy. It panics like [Bytes.View].
func (s String) Get(p *Pool) string { return string(s.View(p)) }

// View returns the string's bytes without copying them, for reading, like
// [Bytes.View]. Comparisons such as string(s.View(p)) == "x" copy nothing.
func (s String) View(p *Pool) []byte { return mustView(p.blob(s.off, StringType)) }

// TryView is View with an error instead of the panic.
func (s String) TryView(p *Pool) ([]byte, error) { return p.blob(s.off, StringType) }

// Set makes *s hold v, like [Bytes.Set].
//
// Implements: pmemobj_tx_alloc(3), pmemobj_reserve(3)
func (s *String) Set(c Change, v string) error {
	return setBlob(c, "set string", (*uint64)(unsafe.Pointer(s)), unsafe.Slice(unsafe.StringData(v), len(v)), StringType)
}

// LoadString returns what *src will be after the publication, like [Load].
func LoadString(a *Actions, src *String) String { return String{Load(a, &src.off)} }

// mustView panics with the error.
func mustView[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// blob is the data of the object at off.
func (p *Pool) blob(off, typeNum uint64) ([]byte, error) {
	if off == 0 {
		return nil, nil
	}
	addr, err := p.room(off, blobHeader, typeNum)
	if err != nil {
		return nil, err
	}
	n := *(*uint64)(addr)
	if n > MaxBytes {
		return nil, &ValueError{OID{p.uuid, off}, n, fmt.Sprintf("the longest value has %d", MaxBytes), nil}
	}
	if addr, err = p.room(off, blobHeader+n, typeNum); err != nil {
		return nil, err
	}
	return unsafe.Slice((*byte)(unsafe.Add(addr, blobHeader)), n), nil
}

func setBlob(c Change, op string, field *uint64, v []byte, typeNum uint64) error {
	if len(v) > MaxBytes {
		return badArgument(op, "%d bytes; a value has at most %d", len(v), MaxBytes)
	}
	switch c := c.(type) {
	case *Tx:
		return c.setBlob(op, field, v, typeNum)
	case *Actions:
		return c.setBlob(op, field, v, typeNum)
	}
	return noChange(op)
}

// writeBlob fills an object that has room for v.
func writeBlob(addr unsafe.Pointer, v []byte) {
	copy(unsafe.Slice((*byte)(unsafe.Add(addr, blobHeader)), len(v)), v)
	*(*uint64)(addr) = uint64(len(v))
}

// inPlace is the size of the largest object that is overwritten in a
// transaction, at half the price of a new one. Logging more outgrows PMDK's
// log and costs as much; and a short value should not keep a large object.
const inPlace = 2048

func (tx *Tx) setBlob(op string, field *uint64, v []byte, typeNum uint64) error {
	if err := tx.field(op, RangeOf(field)); err != nil {
		return err
	}
	p, old := tx.pool, OID{tx.pool.uuid, *field}
	if old.IsNull() && len(v) == 0 {
		return nil
	}
	if !old.IsNull() {
		usable, err := tx.droppable(op, old, typeNum)
		if err != nil {
			return err
		}
		if have, err := p.blob(old.Off, typeNum); err == nil && len(v) > 0 && bytes.Equal(have, v) {
			return nil
		}
		if need := uint64(blobHeader + len(v)); len(v) > 0 && need <= usable && usable <= inPlace {
			addr := unsafe.Add(p.base, old.Off)
			if err := tx.log(op, Range{uintptr(addr), uintptr(need)}); err != nil {
				return err
			}
			writeBlob(addr, v)
			return nil
		}
	}
	var oid OID
	if len(v) > 0 {
		var err error
		if oid, err = tx.alloc(op, uint64(blobHeader+len(v)), typeNum, 0); err != nil {
			return err
		}
		writeBlob(unsafe.Add(p.base, oid.Off), v)
	}
	if err := tx.swap(op, RangeOf(field), oid, old); err != nil {
		return err
	}
	*field = oid.Off
	return nil
}

func (a *Actions) setBlob(op string, field *uint64, v []byte, typeNum uint64) error {
	if err := a.field(op, RangeOf(field)); err != nil {
		return err
	}
	p, old := a.pool, OID{a.pool.uuid, Load(a, field)}
	if old.IsNull() && len(v) == 0 {
		return nil
	}
	if !old.IsNull() {
		if err := a.droppable(op, old, typeNum); err != nil {
			return err
		}
		if have, err := p.blob(old.Off, typeNum); err == nil && len(v) > 0 && bytes.Equal(have, v) {
			return nil
		}
	}
	var oid OID
	if len(v) > 0 {
		var addr unsafe.Pointer
		var err error
		if oid, addr, err = a.reserve(op, uint64(blobHeader+len(v)), typeNum, nil); err != nil {
			return err
		}
		writeBlob(addr, v)
	}
	a.drop(old)
	a.put(field, oid.Off)
	return nil
}
