package libpmemobj

import (
	"reflect"
	"unsafe"
)

// Ptr is a typed persistent pointer: an OID that says what it points at. It
// may stand in persistent structs and is 16 bytes long; [Off] is half that.
// The zero Ptr is null.
//
// A Ptr is a name, not a claim: copying or dropping one does nothing to the
// object.
type Ptr[T any] struct {
	oid OID
}

// PtrOf gives oid a type. That the object is a T is the caller's word.
func PtrOf[T any](oid OID) Ptr[T] { return Ptr[T]{oid} }

// OID gives the pointer without its type.
func (p Ptr[T]) OID() OID { return p.oid }

// Ref gives the address of the OID inside the pointer, for [Pool.Free] and
// the other operations that set an OID in place.
func (p *Ptr[T]) Ref() *OID { return &p.oid }

// IsNull says whether p points at nothing.
func (p Ptr[T]) IsNull() bool { return p.oid.Off == 0 }

// Get returns the address of the object, for reading. It is valid until the
// object is freed or its pool closed. To write through it, snapshot the
// object first ([Ptr.Mut]), unless it is new.
//
// Get panics with a *[PtrError] if p is null, belongs to no open pool, or
// points outside its pool's heap. That the object is alive is not checked.
//
// Get does not enter C. Any goroutine may call it.
//
// Implements: pmemobj_direct(3)
func (p Ptr[T]) Get() (v *T) {
	t := pools.Load()
	s := &t.first
	if p.oid.Pool != s.uuid {
		s = &t.rest[p.oid.Pool*t.mul>>t.shift]
	}
	if p.oid.Pool == s.uuid && p.oid.Off-s.min < max(*s.heap-heapMeta, uint64(unsafe.Sizeof(*v)))-uint64(unsafe.Sizeof(*v)) {
		return (*T)(unsafe.Add(s.base, p.oid.Off))
	}
	panic(&PtrError{p.oid})
}

// TryGet is Get with an error instead of the panic.
func (p Ptr[T]) TryGet() (*T, error) {
	addr, err := resolve(p.oid, uint64(unsafe.Sizeof(*new(T))))
	return (*T)(addr), err
}

// Slice returns n consecutive values of T, of which p points at the first, as
// a capped slice over the persistent memory; see [NewArray]. It panics like
// Get.
func (p Ptr[T]) Slice(n int) []T {
	size := uint64(unsafe.Sizeof(*new(T)))
	if n < 0 || size != 0 && uint64(n) > MaxAlloc/size {
		panic(&PtrError{p.oid})
	}
	addr, err := resolve(p.oid, size*uint64(n))
	if err != nil {
		panic(err)
	}
	return unsafe.Slice((*T)(addr), n)
}

// Range is the memory of the object, for [Tx.Snapshot] and [Pool.Persist]. It
// panics like Get.
func (p Ptr[T]) Range() Range { return RangeOf(p.Get()) }

// Mut snapshots the object, so that an abort or a crash restores it, and
// returns its address for reading and writing. An object that the same
// transaction has allocated is returned without a snapshot.
//
// A failure ends the transaction: Mut panics with a value that Update turns
// into its error. The object must be alive, in tx's pool, and tx open in this
// goroutine. To change a field of a large object, [MutAt] logs less; to
// change several objects, [Tx.Snapshot] enters C once.
//
// Implements: pmemobj_tx_add_range(3)
func (p Ptr[T]) Mut(tx *Tx) *T {
	return (*T)(tx.mut(p.oid, uint64(unsafe.Sizeof(*new(T)))))
}

// pmemTarget lets the type proof follow a pointer to what it points at. A
// struct that embeds a pointer has the method as well, so it says whose it is.
func (Ptr[T]) pmemTarget() (self, target reflect.Type) {
	return reflect.TypeFor[Ptr[T]](), reflect.TypeOf((*T)(nil)).Elem()
}

// Off is a typed pointer inside one pool: 8 bytes, so that a single
// power-fail-atomic store changes it, which a publication does several times
// faster than anything else. The zero Off is null.
//
// What an Off points at depends on the pool it is read from: nothing notices
// one that strayed into another pool.
type Off[T any] struct {
	off uint64
}

// OffOf drops the pool from a pointer.
func OffOf[T any](p Ptr[T]) Off[T] { return Off[T]{p.oid.Off} }

// IsNull says whether o points at nothing.
func (o Off[T]) IsNull() bool { return o.off == 0 }

// Ptr is the full pointer, with o read as an offset in pool p. A null o
// gives a null Ptr.
func (o Off[T]) Ptr(p *Pool) Ptr[T] {
	if o.off == 0 {
		return Ptr[T]{}
	}
	return Ptr[T]{OID{p.uuid, o.off}}
}

// Get returns the address of the object in pool p, for reading, like
// [Ptr.Get]. It panics with a *[PtrError] if o is null or outside the pool,
// or the pool is closed.
func (o Off[T]) Get(p *Pool) *T { return Ptr[T]{OID{p.uuid, o.off}}.Get() }

// Mut is [Ptr.Mut] for an object in tx's pool.
func (o Off[T]) Mut(tx *Tx) *T { return o.Ptr(tx.pool).Mut(tx) }

func (Off[T]) pmemTarget() (self, target reflect.Type) {
	return reflect.TypeFor[Off[T]](), reflect.TypeOf((*T)(nil)).Elem()
}
