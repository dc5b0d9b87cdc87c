package radix

import (
	"fmt"
	"hash/fnv"
	"iter"
	"reflect"
	"unsafe"

	"github.com/pmem/pmdk-go/libpmemobj"
	"github.com/pmem/pmdk-go/libpmemobj/directory"
)

// Of is a [Map] with values of one type of fixed size, which may not hold Go
// pointers. All that is said of Map is true here.
type Of[V any] struct{ m Map }

// inlineKey is how long the keys are that lie in the leaves with their values.
const inlineKey = 24

// MaxOf is the size of the largest value of an [Of]. Larger ones are kept in
// objects of their own, with an Off to each in the map.
const MaxOf = MaxInline - inlineKey

// OpenOf is [Open] for a map with values of type V. That V is laid out in
// memory as it was when the map was made is checked; names do not matter.
func OpenOf[V any](p *libpmemobj.Pool, name string) (*Of[V], error) {
	const op = "radix open"
	t := reflect.TypeFor[V]()
	if t.Size() == 0 || t.Size() > MaxOf {
		return nil, failed(op, name, fmt.Errorf("values of type %v have %d bytes; 1 to %d are possible", t, t.Size(), MaxOf))
	}
	if err := proven[V](); err != nil {
		return nil, failed(op, name, err)
	}
	h := fnv.New64a()
	describe(h, t)
	kind := directory.Kind{Name: ofKind, Version: treeVersion, Param: h.Sum64(), Types: fmt.Sprintf("[%v]", t)}
	tree, err := open(p, name, kind, wordSize+inlineKey+round(int(t.Size())), uint32(t.Size()))
	if err != nil {
		return nil, err
	}
	return &Of[V]{Map{tree, name}}, nil
}

// proven is nil if a T can live in a pool.
func proven[T any]() (err error) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case *libpmemobj.TypeError:
			err = r
		default:
			panic(r)
		}
	}()
	libpmemobj.TypeNum[T]()
	return nil
}

// describe writes the layout of a type, which stays the same when it or its
// fields get other names.
func describe(w interface{ Write([]byte) (int, error) }, t reflect.Type) {
	switch t.Kind() {
	case reflect.Array:
		fmt.Fprintf(w, "[%d]", t.Len())
		describe(w, t.Elem())
	case reflect.Struct:
		fmt.Fprint(w, "{")
		for i := range t.NumField() {
			fmt.Fprintf(w, "%d ", t.Field(i).Offset)
			describe(w, t.Field(i).Type)
			fmt.Fprint(w, ";")
		}
		fmt.Fprintf(w, "%d}", t.Size())
	default:
		fmt.Fprint(w, t.Kind())
	}
}

// bytesOf is a value as bytes.
func bytesOf[V any](v *V) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(v)), unsafe.Sizeof(*v))
}

// valueOf is a value of bytes.
func valueOf[V any](b []byte) (v V) {
	copy(bytesOf(&v), b)
	return v
}

// Get returns the value of key; see [Map.Get].
func (m *Of[V]) Get(key []byte) (v V, found bool, err error) {
	_, found, err = m.m.AppendGet(bytesOf(&v)[:0], key)
	if !found {
		v = *new(V) // a try that failed may have left something
	}
	return v, found, err
}

// Has is [Map.Has].
func (m *Of[V]) Has(key []byte) (bool, error) {
	_, found, err := m.Get(key)
	return found, err
}

// Put makes v the value of key; see [Map.Put].
func (m *Of[V]) Put(key []byte, v V) error { return m.m.Put(key, bytesOf(&v)) }

// PutIfAbsent is [Map.PutIfAbsent].
func (m *Of[V]) PutIfAbsent(key []byte, v V) (inserted bool, err error) {
	return m.m.PutIfAbsent(key, bytesOf(&v))
}

// Delete is [Map.Delete].
func (m *Of[V]) Delete(key []byte) (found bool, err error) { return m.m.Delete(key) }

// Len is [Map.Len].
func (m *Of[V]) Len() (int, error) { return m.m.Len() }

// Min is [Map.Min].
func (m *Of[V]) Min() (key []byte, v V, found bool, err error) {
	key, b, found, err := m.m.Min()
	return key, valueOf[V](b), found, err
}

// Max is [Map.Max].
func (m *Of[V]) Max() (key []byte, v V, found bool, err error) {
	key, b, found, err := m.m.Max()
	return key, valueOf[V](b), found, err
}

// All is [Map.All].
func (m *Of[V]) All() iter.Seq2[[]byte, V] { return valuesOf[V](m.m.All()) }

// Range is [Map.Range].
func (m *Of[V]) Range(from, to []byte) iter.Seq2[[]byte, V] { return valuesOf[V](m.m.Range(from, to)) }

// Backward is [Map.Backward].
func (m *Of[V]) Backward(from, to []byte) iter.Seq2[[]byte, V] {
	return valuesOf[V](m.m.Backward(from, to))
}

// Prefix is [Map.Prefix].
func (m *Of[V]) Prefix(p []byte) iter.Seq2[[]byte, V] { return valuesOf[V](m.m.Prefix(p)) }

// Keys is [Map.Keys].
func (m *Of[V]) Keys() iter.Seq[[]byte] { return m.m.Keys() }

// Clear is [Map.Clear].
func (m *Of[V]) Clear() error { return m.m.Clear() }

func valuesOf[V any](all iter.Seq2[[]byte, []byte]) iter.Seq2[[]byte, V] {
	return func(yield func([]byte, V) bool) {
		for k, b := range all {
			if !yield(k, valueOf[V](b)) {
				return
			}
		}
	}
}

// In is [Map.In].
func (m *Of[V]) In(tx *libpmemobj.Tx) OfTx[V] { return OfTx[V]{m.m.In(tx)} }

// OfTx is an [Of] in a transaction; see [Map.In].
type OfTx[V any] struct{ m MapTx }

// Get is [Of.Get].
func (m OfTx[V]) Get(key []byte) (v V, found bool, err error) {
	_, found, err = m.m.AppendGet(bytesOf(&v)[:0], key)
	return v, found, err
}

// Has is [Map.Has].
func (m OfTx[V]) Has(key []byte) (bool, error) {
	_, found, err := m.Get(key)
	return found, err
}

// Put is [Of.Put].
func (m OfTx[V]) Put(key []byte, v V) error { return m.m.Put(key, bytesOf(&v)) }

// PutIfAbsent is [Map.PutIfAbsent].
func (m OfTx[V]) PutIfAbsent(key []byte, v V) (inserted bool, err error) {
	return m.m.PutIfAbsent(key, bytesOf(&v))
}

// Delete is [Map.Delete].
func (m OfTx[V]) Delete(key []byte) (found bool, err error) { return m.m.Delete(key) }

// Len is [MapTx.Len].
func (m OfTx[V]) Len() (int, error) { return m.m.Len() }

// All is [Map.All].
func (m OfTx[V]) All() iter.Seq2[[]byte, V] { return valuesOf[V](m.m.All()) }

// Range is [MapTx.Range].
func (m OfTx[V]) Range(from, to []byte) iter.Seq2[[]byte, V] { return valuesOf[V](m.m.Range(from, to)) }

// Backward is [MapTx.Backward].
func (m OfTx[V]) Backward(from, to []byte) iter.Seq2[[]byte, V] {
	return valuesOf[V](m.m.Backward(from, to))
}

// Prefix is [MapTx.Prefix].
func (m OfTx[V]) Prefix(p []byte) iter.Seq2[[]byte, V] { return valuesOf[V](m.m.Prefix(p)) }

// Clear is [MapTx.Clear].
func (m OfTx[V]) Clear() error { return m.m.Clear() }
