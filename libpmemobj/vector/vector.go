package vector

import (
	"errors"
	"fmt"
	"iter"
	"sync/atomic"
	"unsafe"

	"github.com/pmem/pmdk-go/internal/container"
	"github.com/pmem/pmdk-go/libpmemobj"
	"github.com/pmem/pmdk-go/libpmemobj/directory"
)

// ErrRange is the error of an index or a length that the vector does not have.
var ErrRange = errors.New("index out of range")

// Vector is a sequence of T in a pool. Handles are made by [Open], which may
// be called any number of times for one vector; they end with the pool.
type Vector[T any] struct {
	name string
	s    *state
}

// Open returns the vector that has the name in the pool's directory, and makes
// an empty one if nothing has it. T must be plain data, as all that lies in a
// pool, else the error is a *libpmemobj.TypeError. If the name stands for
// something else, or a vector of another type, the error is a
// *directory.KindError.
//
// A new vector cannot be made inside [libpmemobj.Pool.Update].
func Open[T any](p *libpmemobj.Pool, name string) (*Vector[T], error) {
	e, err := container.ElementOf[T]()
	if err != nil {
		return nil, err
	}
	if e.Size > maxElement {
		return nil, fmt.Errorf("elements of %d bytes; a vector's have at most %d", e.Size, maxElement)
	}
	k := directory.Kind{Name: kind, Version: version, Param: container.Param(e), Types: "[" + e.Text + "]"}
	off, err := directory.Open(p, name, k, func(tx *libpmemobj.Tx) (uint64, error) { return create(tx, e) })
	if err != nil {
		return nil, err
	}
	s, err := stateOf(p, off)
	if err != nil {
		return nil, err
	}
	return &Vector[T]{name, s}, nil
}

const maxElement = 1 << 20

// Name is the name that the vector was opened by.
func (v *Vector[T]) Name() string { return v.name }

// Len is the number of elements. It never fails: once the pool is closed, it is
// the number of before.
func (v *Vector[T]) Len() int { return int(v.s.length.Load()) }

// fail is how operations return their errors.
func (v *Vector[T]) fail(op string, err error) error {
	if e, ok := err.(*container.Error); ok && e.Name == "" {
		err = e.Err
	}
	return &container.Error{Op: "vector " + op, Name: v.name, Err: err}
}

func (v *Vector[T]) outside(op string, i int, n uint64) error {
	return v.fail(op, fmt.Errorf("%w: %d with length %d", ErrRange, i, n))
}

// change enters for an operation that changes the vector by itself.
func (v *Vector[T]) change(op string) (container.Hold, error) {
	if libpmemobj.InUpdate() {
		return container.Hold{}, v.fail(op, errInUpdate)
	}
	if err := v.s.pool.Failed(); err != nil {
		return container.Hold{}, v.fail(op, err)
	}
	h, err := v.s.Shared(op)
	if err != nil {
		return h, v.fail(op, err)
	}
	return h, nil
}

// settled ends an operation that has released all it had: unless it failed, it
// waits for the pool's medium.
func (v *Vector[T]) settled(op string, err error) error {
	if err != nil {
		return err
	}
	if err := v.s.pool.AwaitDurable(); err != nil {
		return v.fail(op, err)
	}
	return nil
}

var errInUpdate = fmt.Errorf("%w: use the operations of In(tx)", libpmemobj.ErrInTx)

// Append adds an element at the end and returns its index. If the pool is
// full, the error matches libpmemobj.ErrOutOfSpace and nothing has happened.
func (v *Vector[T]) Append(x T) (int, error) {
	const op = "append"
	h, err := v.change(op)
	if err != nil {
		return 0, err
	}
	s := v.s
	i, err := s.reserve(1)
	if err != nil {
		h.Release()
		return 0, v.fail(op, err)
	}
	dst := (*T)(s.addr(i))
	*dst = x
	s.pool.PersistInside(libpmemobj.RangeOf(dst))
	s.count(i, i+1)
	h.Release()
	return int(i), v.settled(op, nil)
}

// AppendAll adds the elements at the end, next to each other, as one: after a
// crash all are there or none. It returns the index of the first.
func (v *Vector[T]) AppendAll(xs []T) (int, error) {
	return v.appendMany("append all", len(xs), func(at int, dst []T) { copy(dst, xs[at:]) })
}

// AppendN adds x n times, like AppendAll.
func (v *Vector[T]) AppendN(n int, x T) (int, error) {
	return v.appendMany("append n", n, func(_ int, dst []T) {
		for i := range dst {
			dst[i] = x
		}
	})
}

// appendMany adds n elements that fill writes to consecutive pieces of memory.
func (v *Vector[T]) appendMany(op string, n int, fill func(at int, dst []T)) (int, error) {
	i, err := v.appendNow(op, n, fill)
	if n == 0 {
		return i, err
	}
	return i, v.settled(op, err)
}

func (v *Vector[T]) appendNow(op string, n int, fill func(at int, dst []T)) (int, error) {
	if n < 0 {
		return 0, v.outside(op, n, uint64(v.Len()))
	}
	h, err := v.change(op)
	if err != nil {
		return 0, err
	}
	defer h.Release()
	s := v.s
	if n == 0 {
		return int(s.length.Load()), nil
	}
	begin, err := s.reserve(uint64(n))
	if err != nil {
		return 0, v.fail(op, err)
	}
	var buf [4]libpmemobj.Range // one crossing
	ranges := buf[:0]
	end := begin + uint64(n)
	for i := begin; i < end; {
		piece := unsafe.Slice((*T)(s.addr(i)), min(end-i, s.contiguous(i)))
		fill(int(i-begin), piece)
		ranges = append(ranges, libpmemobj.RangeOfSlice(piece))
		i += uint64(len(piece))
	}
	s.pool.PersistInside(ranges...)
	s.count(begin, end)
	return int(begin), nil
}

// At returns element i.
func (v *Vector[T]) At(i int) (T, error) {
	const op = "at"
	s := v.s
	h, err := s.Shared(op)
	if err != nil {
		return *new(T), v.fail(op, err)
	}
	defer h.Release()
	if n := s.length.Load(); uint64(i) >= n {
		return *new(T), v.outside(op, i, n)
	}
	return read[T](s, uint64(i)), nil
}

// Set changes element i. Elements of 1, 2, 4 or 8 bytes are changed by one
// store, others by a transaction of their own.
func (v *Vector[T]) Set(i int, x T) error {
	const op = "set"
	if libpmemobj.InUpdate() {
		return v.fail(op, errInUpdate)
	}
	if !word(v.s.elem) {
		return v.settled(op, v.setInTx(op, i, x))
	}
	return v.settled(op, v.setWord(op, i, x))
}

func (v *Vector[T]) setWord(op string, i int, x T) error {
	h, err := v.change(op)
	if err != nil {
		return err
	}
	defer h.Release()
	s := v.s
	if n := s.length.Load(); uint64(i) >= n {
		return v.outside(op, i, n)
	}
	dst := (*T)(s.addr(uint64(i)))
	st := s.beginWrite(uint64(i))
	defer st.endWrite()
	storeWord(unsafe.Pointer(dst), unsafe.Pointer(&x), s.elem)
	s.pool.PersistInside(libpmemobj.RangeOf(dst))
	return nil
}

// setInTx is Set with an undo log. The transaction is begun first: one that has
// begun may wait to enter, but who is inside must not wait to begin.
func (v *Vector[T]) setInTx(op string, i int, x T) error {
	s := v.s
	var h container.Hold
	var st *stripe
	err := s.pool.UpdateUnsettled(func(tx *libpmemobj.Tx) error {
		var err error
		if h, err = s.Shared(op); err != nil {
			return err
		}
		if n := s.length.Load(); uint64(i) >= n {
			return fmt.Errorf("%w: %d with length %d", ErrRange, i, n)
		}
		dst := (*T)(s.addr(uint64(i)))
		st = s.beginWrite(uint64(i))
		*libpmemobj.MutAt(tx, dst) = x
		return nil
	})
	if st != nil {
		st.endWrite()
	}
	if h != (container.Hold{}) {
		h.Release()
	}
	if err != nil {
		return v.fail(op, err)
	}
	return nil
}

// word says whether one store changes size bytes.
func word(size uint64) bool { return size <= 8 && size&(size-1) == 0 }

// storeWord copies one word of size bytes, which is aligned to its size, by one
// store.
func storeWord(dst, src unsafe.Pointer, size uint64) {
	switch size {
	case 8:
		var w uint64
		*(*[8]byte)(unsafe.Pointer(&w)) = *(*[8]byte)(src)
		atomic.StoreUint64((*uint64)(dst), w)
	case 4:
		var w uint32
		*(*[4]byte)(unsafe.Pointer(&w)) = *(*[4]byte)(src)
		atomic.StoreUint32((*uint32)(dst), w)
	case 2:
		*(*uint16)(dst) = uint16(*(*byte)(src)) | uint16(*(*byte)(unsafe.Add(src, 1)))<<8
	case 1:
		*(*byte)(dst) = *(*byte)(src)
	}
}

// Pop removes the last element and returns it. If there is none, the error
// matches ErrRange. The segments stay, for elements to come: see Truncate.
func (v *Vector[T]) Pop() (T, error) {
	const op = "pop"
	x, err := v.popNow(op)
	return x, v.settled(op, err)
}

func (v *Vector[T]) popNow(op string) (T, error) {
	var none T
	if libpmemobj.InUpdate() {
		return none, v.fail(op, errInUpdate)
	}
	s := v.s
	if err := s.pool.Failed(); err != nil {
		return none, v.fail(op, err)
	}
	if err := s.Exclusive(op); err != nil {
		return none, v.fail(op, err)
	}
	defer s.ReleaseExclusive()
	n := s.length.Load()
	if n == 0 {
		return none, v.fail(op, fmt.Errorf("%w: the vector is empty", ErrRange))
	}
	x := *(*T)(s.addr(n - 1))
	atomic.StoreUint64(&s.header.length, n-1)
	s.pool.PersistInside(libpmemobj.RangeOf(&s.header.length))
	s.setLength(n - 1)
	return x, nil
}

// Truncate removes all but the first n elements, and frees the segments that
// hold none then. Views of those must not be used any more. It is a
// transaction of its own.
func (v *Vector[T]) Truncate(n int) error {
	return v.update("truncate", func(t Tx[T]) error { return t.Truncate(n) })
}

// Clear removes all elements and frees all segments, like Truncate.
func (v *Vector[T]) Clear() error {
	return v.update("clear", func(t Tx[T]) error { return t.Truncate(0) })
}

func (v *Vector[T]) update(op string, fn func(t Tx[T]) error) error {
	if libpmemobj.InUpdate() {
		return v.fail(op, errInUpdate)
	}
	err := v.s.pool.Update(func(tx *libpmemobj.Tx) error { return fn(v.In(tx)) })
	if err != nil {
		if _, ok := err.(*container.Error); ok {
			return err
		}
		return v.fail(op, err)
	}
	return nil
}

// View returns as many of the elements from i on as lie behind one another, at
// most n of them and at least one, as a capped slice over the pool's memory, for
// reading. It stays valid, and the elements stay where they are, until they
// are removed or the pool is closed. If there is no element i, the error matches
// ErrRange.
func (v *Vector[T]) View(i, n int) ([]T, error) {
	const op = "view"
	s := v.s
	h, err := s.Shared(op)
	if err != nil {
		return nil, v.fail(op, err)
	}
	defer h.Release()
	have := s.length.Load()
	if uint64(i) >= have || n <= 0 {
		return nil, v.outside(op, i, have)
	}
	n64 := min(uint64(n), have-uint64(i), s.contiguous(uint64(i)))
	return unsafe.Slice((*T)(s.addr(uint64(i))), n64)[:n64:n64], nil
}

// Slices ranges over the elements from index from up to, but not including, to,
// in pieces: the index of a piece's first element, and a view of it. At most one
// piece comes for each time that the vector has doubled. It ends early if the
// vector gets shorter meanwhile, and panics if the pool is closed.
func (v *Vector[T]) Slices(from, to int) iter.Seq2[int, []T] {
	return func(yield func(int, []T) bool) {
		for i := from; i < to; {
			view, err := v.View(i, to-i)
			if errors.Is(err, ErrRange) {
				return
			}
			if err != nil {
				panic(err)
			}
			if !yield(i, view) {
				return
			}
			i += len(view)
		}
	}
}

// All ranges over the elements and their indexes. It shows each as it is, or was
// shortly before, when the loop comes to it: elements that are appended meanwhile
// are shown as well, and it ends early if the vector gets shorter. No lock is held
// while the loop's body runs. It panics if the pool is closed, or if the
// goroutine's own transaction has the vector: see [Tx.All].
func (v *Vector[T]) All() iter.Seq2[int, T] {
	return func(yield func(int, T) bool) {
		buf := make([]T, max(min(2048/v.s.elem, 32), 1))
		for i := 0; ; {
			n, err := v.copyTo(buf, i)
			if err != nil {
				panic(err)
			}
			for _, x := range buf[:n] {
				if !yield(i, x) {
					return
				}
				i++
			}
			if n == 0 {
				return
			}
		}
	}
}

// copyTo copies elements from i on, as many as there are and have room.
func (v *Vector[T]) copyTo(dst []T, i int) (n int, err error) {
	const op = "all"
	s := v.s
	h, err := s.Shared(op)
	if err != nil {
		return 0, v.fail(op, err)
	}
	defer h.Release()
	have := s.length.Load()
	for ; n < len(dst) && uint64(i+n) < have; n++ {
		dst[n] = read[T](s, uint64(i+n))
	}
	return n, nil
}
