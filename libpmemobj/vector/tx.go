package vector

import (
	"fmt"
	"iter"
	"unsafe"

	"github.com/pmem/pmdk-go/libpmemobj"
)

// Tx is a vector inside a transaction: what its methods change is part of the
// transaction, and seen by others when that is committed. From the first of
// them to the end of the transaction, other goroutines wait for the vector, and
// other transactions for the containers of the pool.
type Tx[T any] struct {
	v  *Vector[T]
	tx *libpmemobj.Tx
}

// In returns the vector as a part of tx, for use where tx can be used:
//
//	err := pool.Update(func(tx *libpmemobj.Tx) error {
//		_, err := v.In(tx).Append(x)
//		return err
//	})
func (v *Vector[T]) In(tx *libpmemobj.Tx) Tx[T] { return Tx[T]{v, tx} }

// begin makes the vector the transaction's.
func (t Tx[T]) begin(op string) (*state, *header, error) {
	s := t.v.s
	if err := s.InTx(op, t.tx); err != nil {
		return nil, nil, t.v.fail(op, err)
	}
	return s, s.header, nil
}

// elem is where element i is now.
func (t Tx[T]) elem(h *header, i uint64) *T {
	k, n := place(i, h.first)
	return (*T)(unsafe.Add(at(t.v.s.pool, h.segments[k]), n*uint64(h.elem)))
}

// Len is the number of elements.
func (t Tx[T]) Len() (int, error) {
	_, h, err := t.begin("len")
	if err != nil {
		return 0, err
	}
	return int(h.length), nil
}

// At returns element i.
func (t Tx[T]) At(i int) (T, error) {
	const op = "at"
	_, h, err := t.begin(op)
	if err != nil {
		return *new(T), err
	}
	if uint64(i) >= h.length {
		return *new(T), t.v.outside(op, i, h.length)
	}
	return *t.elem(h, uint64(i)), nil
}

// Set changes element i.
func (t Tx[T]) Set(i int, x T) error {
	const op = "set"
	s, h, err := t.begin(op)
	if err != nil {
		return err
	}
	if uint64(i) >= h.length {
		return t.v.outside(op, i, h.length)
	}
	return t.write(op, s, h, uint64(i), unsafe.Slice(&x, 1))
}

// write writes consecutive elements, in as many pieces as lie behind one
// another. What was no element when the transaction began needs no undo.
func (t Tx[T]) write(op string, s *state, h *header, i uint64, xs []T) error {
	for old := s.length.Load(); len(xs) > 0; {
		n := min(uint64(len(xs)), s.contiguous(i))
		isOld := i < old
		if isOld {
			n = min(n, old-i)
		}
		dst := unsafe.Slice(t.elem(h, i), n)
		var err error
		if isOld {
			err = t.tx.Snapshot(libpmemobj.RangeOfSlice(dst))
		} else {
			err = t.tx.Track(libpmemobj.RangeOfSlice(dst))
		}
		if err != nil {
			return t.v.fail(op, err)
		}
		copy(dst, xs)
		i, xs = i+n, xs[n:]
	}
	return nil
}

// Append adds an element at the end and returns its index.
func (t Tx[T]) Append(x T) (int, error) { return t.AppendAll(unsafe.Slice(&x, 1)) }

// AppendAll adds the elements at the end and returns the index of the first.
func (t Tx[T]) AppendAll(xs []T) (int, error) {
	const op = "append"
	s, h, err := t.begin(op)
	if err != nil {
		return 0, err
	}
	begin := h.length
	end := begin + uint64(len(xs))
	if len(xs) == 0 {
		return int(begin), nil
	}
	if err := t.grow(s, h, end); err != nil {
		return 0, t.v.fail(op, err)
	}
	if err := t.write(op, s, h, begin, xs); err != nil {
		return 0, err
	}
	if err := t.tx.Snapshot(libpmemobj.RangeOf(&h.length)); err != nil {
		return 0, t.v.fail(op, err)
	}
	h.length = end
	return int(begin), nil
}

// grow adds segments until there is room for n elements.
func (t Tx[T]) grow(s *state, h *header, n uint64) error {
	for k := h.count(); capacity(k, h.first) < n; k++ {
		size, err := s.segmentSize(k)
		if err != nil {
			return err
		}
		seg, _, err := libpmemobj.NewBytes(t.tx, int(size), s.num)
		if err != nil {
			return err
		}
		if err := t.tx.Snapshot(libpmemobj.RangeOf(&h.segments[k])); err != nil {
			return err
		}
		h.segments[k] = seg.Off
	}
	return nil
}

// Pop removes the last element and returns it.
func (t Tx[T]) Pop() (T, error) {
	const op = "pop"
	var none T
	_, h, err := t.begin(op)
	if err != nil {
		return none, err
	}
	if h.length == 0 {
		return none, t.v.fail(op, fmt.Errorf("%w: the vector is empty", ErrRange))
	}
	if err := t.tx.Snapshot(libpmemobj.RangeOf(&h.length)); err != nil {
		return none, t.v.fail(op, err)
	}
	h.length--
	return *t.elem(h, h.length), nil
}

// Truncate removes all but the first n elements, and frees the segments that
// hold none then.
func (t Tx[T]) Truncate(n int) error {
	const op = "truncate"
	s, h, err := t.begin(op)
	if err != nil {
		return err
	}
	if uint64(n) > h.length {
		return t.v.outside(op, n, h.length)
	}
	if err := t.tx.Snapshot(libpmemobj.RangeOf(&h.length)); err != nil {
		return t.v.fail(op, err)
	}
	h.length = uint64(n)
	if err := s.freeSegments(t.tx, uint64(n)); err != nil {
		return t.v.fail(op, err)
	}
	return nil
}

// Clear removes all elements and frees all segments.
func (t Tx[T]) Clear() error { return t.Truncate(0) }

// freeSegments frees the segments that are not needed for n elements.
func (s *state) freeSegments(tx *libpmemobj.Tx, n uint64) error {
	h := s.header
	for k := h.count() - 1; k >= 0 && capacity(k, h.first) >= n; k-- {
		if err := tx.Free(libpmemobj.OID{Pool: s.pool.UUID(), Off: h.segments[k]}); err != nil {
			return err
		}
		if err := tx.Snapshot(libpmemobj.RangeOf(&h.segments[k])); err != nil {
			return err
		}
		h.segments[k] = 0
	}
	return nil
}

// All ranges over the elements and their indexes, as the loop comes to them. It
// panics if the transaction is over.
func (t Tx[T]) All() iter.Seq2[int, T] {
	return func(yield func(int, T) bool) {
		for i := 0; ; i++ {
			n, err := t.Len()
			if err != nil {
				panic(err)
			}
			if i >= n {
				return
			}
			x, err := t.At(i)
			if err != nil {
				panic(err)
			}
			if !yield(i, x) {
				return
			}
		}
	}
}
