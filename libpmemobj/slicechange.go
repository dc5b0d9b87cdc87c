package libpmemobj

import "unsafe"

// Append adds v at the end of *s, a field of an object in c's pool. v may be a
// view of the Slice itself.
//
// Where the array has room, the elements are written behind those that exist,
// and the change is a single word, the length: for a publication that is the
// cheapest one there is. Else the elements move to a larger array, and the old
// one is freed. In a transaction Append takes the snapshots it needs; the field
// need not be snapshotted before.
//
// After an error *s is unchanged; if the pool is full, the error matches
// ErrOutOfSpace and c can go on. Two goroutines that change one Slice need a
// lock.
//
// Implements: pmemobj_tx_alloc(3), pmemobj_reserve(3)
func (s *Slice[T]) Append(c Change, v ...T) error {
	const op = "append"
	switch c := c.(type) {
	case *Tx:
		return s.appendTx(c, op, v)
	case *Actions:
		return s.appendTo(c, op, v)
	}
	return noChange(op)
}

// Grow makes room for n more elements, so that appending them moves nothing.
// It fails like Append.
func (s *Slice[T]) Grow(c Change, n int) error {
	const op = "grow"
	if n < 0 {
		return badArgument(op, "by %d elements", n)
	}
	switch c := c.(type) {
	case *Tx:
		h, all, err := s.inTx(c, op)
		if err != nil || h.cap-h.len >= uint64(n) {
			return err
		}
		return s.moveTx(c, op, h, all[:h.len], nil, h.len+uint64(n))
	case *Actions:
		h, all, err := s.in(c, op)
		if err != nil || h.cap-h.len >= uint64(n) {
			return err
		}
		return s.move(c, op, h, all[:h.len], nil, h.len+uint64(n))
	}
	return noChange(op)
}

// Set changes element i. In a publication the element is stored as words, each
// of which costs; see [Pool.Publish]. An element that is not a whole number of
// words is stored with its neighbours in the word.
//
// An i out of range is an error. Otherwise Set fails like Append.
//
// Implements: pmemobj_set_value(3), pmemobj_tx_add_range_direct(3)
func (s *Slice[T]) Set(c Change, i int, v T) error {
	const op = "set element"
	switch c := c.(type) {
	case *Tx:
		h, all, err := s.inTx(c, op)
		if err == nil {
			err = h.within(op, i, i+1)
		}
		if err == nil {
			err = c.log(op, RangeOf(&all[i]))
		}
		if err != nil {
			return err
		}
		all[i] = v
		return nil
	case *Actions:
		h, all, err := s.in(c, op)
		if err == nil {
			err = h.within(op, i, i+1)
		}
		if err != nil {
			return err
		}
		if c.isFresh(RangeOf(&all[i])) {
			all[i] = v
		} else {
			c.storeBytes(unsafe.Pointer(&all[i]), bytesOf(unsafe.Slice(&v, 1)))
		}
		return nil
	}
	return noChange(op)
}

// Mut snapshots element i and returns its address for reading and writing,
// like [MutAt]. What Set returns as an error is a panic here that Update turns
// into its error.
func (s *Slice[T]) Mut(tx *Tx, i int) *T {
	const op = "mut"
	if err := tx.usable(op); err != nil {
		panic(err)
	}
	h, all, err := s.inTx(tx, op)
	if err == nil {
		err = h.within(op, i, i+1)
	}
	if err != nil {
		tx.throw(err)
	}
	tx.snapshotOne(op, RangeOf(&all[i]))
	return &all[i]
}

// Truncate drops the elements from n on and keeps the array. Like Append, it
// changes a single word.
func (s *Slice[T]) Truncate(c Change, n int) error {
	const op = "truncate"
	switch c := c.(type) {
	case *Tx:
		h, _, err := s.inTx(c, op)
		if err == nil {
			err = h.longerThan(op, n)
		}
		if err != nil || uint64(n) == h.len {
			return err
		}
		return s.shorten(c, op, uint64(n))
	case *Actions:
		h, _, err := s.in(c, op)
		if err == nil {
			err = h.longerThan(op, n)
		}
		if err != nil || uint64(n) == h.len {
			return err
		}
		c.put(&s.len, uint64(n))
		return nil
	}
	return noChange(op)
}

// Delete drops elements i to j-1 and moves those behind them down: in place in
// a transaction, to a new array in a publication.
//
// A range out of bounds is an error. Otherwise Delete fails like Append.
func (s *Slice[T]) Delete(c Change, i, j int) error {
	const op = "delete"
	switch c := c.(type) {
	case *Tx:
		h, all, err := s.inTx(c, op)
		if err == nil {
			err = h.within(op, i, j)
		}
		if err != nil || i == j {
			return err
		}
		left := int(h.len) - (j - i)
		if i < left {
			if err := c.log(op, RangeOfSlice(all[i:left])); err != nil {
				return err
			}
			copy(all[i:left], all[j:h.len])
		}
		return s.shorten(c, op, uint64(left))
	case *Actions:
		h, all, err := s.in(c, op)
		if err == nil {
			err = h.within(op, i, j)
		}
		switch {
		case err != nil || i == j:
			return err
		case j == int(h.len):
			c.put(&s.len, uint64(i))
			return nil
		}
		front, back := all[:i], all[j:h.len]
		return s.move(c, op, Slice[T]{off: h.off}, front, back, h.len-uint64(j-i))
	}
	return noChange(op)
}

// Free frees the array and makes *s the zero Slice.
//
// Implements: pmemobj_tx_free(3), pmemobj_defer_free(3)
func (s *Slice[T]) Free(c Change) error {
	const op = "free slice"
	switch c := c.(type) {
	case *Tx:
		h, _, err := s.inTx(c, op)
		if err != nil || h.off == 0 {
			return err
		}
		return s.replaceTx(c, op, Slice[T]{}, h.off)
	case *Actions:
		h, _, err := s.in(c, op)
		if err != nil || h.off == 0 {
			return err
		}
		s.replace(c, Slice[T]{}, h.off)
		return nil
	}
	return noChange(op)
}

// within checks a range of elements.
func (s Slice[T]) within(op string, i, j int) error {
	if i < 0 || j < i || uint64(j) > s.len {
		return badArgument(op, "elements [%d, %d) of %d", i, j, s.len)
	}
	return nil
}

// longerThan checks a length to be cut to.
func (s Slice[T]) longerThan(op string, n int) error {
	if n < 0 || uint64(n) > s.len {
		return badArgument(op, "to %d of %d elements", n, s.len)
	}
	return nil
}

// capFor is the capacity of a new array with need elements that replaces one
// with have. Arrays grow by a quarter when they are large, and use up what the
// allocator rounds sizes up to.
func capFor(size, have, need uint64) uint64 {
	const header, unit, small = 16, 128, 1024
	n := max(need, have+have/4)
	if have*size < small {
		n = max(need, 2*have)
	}
	if n > MaxAlloc/size {
		return need
	}
	bytes := (n*size+header+unit-1)/unit*unit - header
	return max(n, min(bytes, MaxAlloc)/size)
}

// tooLong checks the size of an array of n elements.
func tooLong(op string, info *typeInfo, n uint64) error {
	if n > MaxAlloc/info.size {
		return badArgument(op, "%d elements of %d bytes; an object has at most %d bytes", n, info.size, MaxAlloc)
	}
	return nil
}

// In transactions

// inTx checks that *s may be changed in tx and returns it with its array, which
// may be written.
func (s *Slice[T]) inTx(tx *Tx, op string) (h Slice[T], all []T, err error) {
	if err := tx.field(op, RangeOf(s)); err != nil {
		return h, nil, err
	}
	h = *s
	if h.off != 0 {
		info, err := typeInfoOf[T]()
		if err != nil {
			return h, nil, err
		}
		if _, err := tx.droppable(op, OID{tx.pool.uuid, h.off}, info.sliceNum); err != nil {
			return h, nil, err
		}
	}
	all, err = h.array(tx.pool)
	return h, all, err
}

func (s *Slice[T]) appendTx(tx *Tx, op string, v []T) error {
	h, all, err := s.inTx(tx, op)
	if err != nil || len(v) == 0 {
		return err
	}
	n := h.len + uint64(len(v))
	if n > h.cap {
		return s.moveTx(tx, op, h, all[:h.len], v, n)
	}
	// What lies behind the last element is nobody's, and is written without a
	// snapshot; unless it was an element when the transaction began.
	tail := all[h.len:n]
	if was := tx.cut[h.off]; was > h.len {
		if err := tx.log(op, RangeOfSlice(all[h.len:min(n, was)])); err != nil {
			return err
		}
	}
	if err := tx.log(op, RangeOf(&s.len)); err != nil {
		return err
	}
	copy(tail, v)
	tx.flushed(RangeOfSlice(tail))
	s.len = n
	return nil
}

// shorten sets the length.
func (s *Slice[T]) shorten(tx *Tx, op string, n uint64) error {
	if err := tx.log(op, RangeOf(&s.len)); err != nil {
		return err
	}
	if tx.cut == nil {
		tx.cut = map[uint64]uint64{}
	}
	tx.cut[s.off] = max(tx.cut[s.off], s.len)
	s.len = n
	return nil
}

// moveTx gives *s a new array of front and back, with room for n elements and
// more.
func (s *Slice[T]) moveTx(tx *Tx, op string, h Slice[T], front, back []T, n uint64) error {
	info, err := typeInfoOf[T]()
	if err != nil {
		return err
	}
	if err := tooLong(op, info, n); err != nil {
		return err
	}
	moved := Slice[T]{len: uint64(len(front) + len(back)), cap: capFor(info.size, h.cap, n)}
	oid, err := tx.alloc(op, moved.cap*info.size, info.sliceNum, 0)
	if err != nil {
		return err
	}
	moved.off = oid.Off
	all := unsafe.Slice((*T)(unsafe.Add(tx.pool.base, oid.Off)), moved.cap)
	copy(all[copy(all, front):], back)
	return s.replaceTx(tx, op, moved, h.off)
}

// replaceTx puts another Slice, or none, in the place of one whose array it
// frees.
func (s *Slice[T]) replaceTx(tx *Tx, op string, by Slice[T], old uint64) error {
	uuid := tx.pool.uuid
	if err := tx.swap(op, RangeOf(s), OID{uuid, by.off}, OID{uuid, old}); err != nil {
		return err
	}
	delete(tx.cut, old)
	*s = by
	return nil
}

// In publications

// in checks that *s may be changed in a and returns what it will be so far, with
// its array.
func (s *Slice[T]) in(a *Actions, op string) (h Slice[T], all []T, err error) {
	if err := a.field(op, RangeOf(s)); err != nil {
		return h, nil, err
	}
	h = LoadSlice(a, s)
	if h.off != 0 {
		info, err := typeInfoOf[T]()
		if err != nil {
			return h, nil, err
		}
		if err := a.droppable(op, OID{a.pool.uuid, h.off}, info.sliceNum); err != nil {
			return h, nil, err
		}
	}
	all, err = h.array(a.pool)
	return h, all, err
}

func (s *Slice[T]) appendTo(a *Actions, op string, v []T) error {
	h, all, err := s.in(a, op)
	if err != nil || len(v) == 0 {
		return err
	}
	n := h.len + uint64(len(v))
	fresh := a.isFresh(RangeOfSlice(all)) && h.cap > 0
	if n > h.cap {
		return s.move(a, op, h, all[:h.len], v, n)
	}
	// Elements of before the publication stay until it happens.
	if !fresh && h.off == s.off && h.len < s.len {
		return s.move(a, op, Slice[T]{off: h.off}, all[:h.len], v, h.cap)
	}
	tail := all[h.len:n]
	copy(tail, v)
	if !fresh {
		a.overlay(bytesOf(tail))
		a.pool.flush(opPersist, RangeOfSlice(tail))
	}
	a.put(&s.len, n)
	return nil
}

// move is moveTx in a publication.
func (s *Slice[T]) move(a *Actions, op string, h Slice[T], front, back []T, n uint64) error {
	info, err := typeInfoOf[T]()
	if err != nil {
		return err
	}
	if err := tooLong(op, info, n); err != nil {
		return err
	}
	moved := Slice[T]{len: uint64(len(front) + len(back)), cap: capFor(info.size, h.cap, n)}
	oid, addr, err := a.reserve(op, moved.cap*info.size, info.sliceNum, nil)
	if err != nil {
		return err
	}
	moved.off = oid.Off
	all := unsafe.Slice((*T)(addr), moved.cap)
	a.loadElements(bytesOf(all[:len(front)]), bytesOf(front))
	a.loadElements(bytesOf(all[len(front):moved.len]), bytesOf(back))
	s.replace(a, moved, h.off)
	return nil
}

// loadElements copies elements with what is set in them by the publication.
func (a *Actions) loadElements(dst, src []byte) {
	if len(src) > 0 {
		a.loadBytes(dst, unsafe.Pointer(unsafe.SliceData(src)))
	}
}

func (s *Slice[T]) replace(a *Actions, by Slice[T], old uint64) {
	a.drop(OID{a.pool.uuid, old})
	a.put(&s.off, by.off)
	a.put(&s.len, by.len)
	a.put(&s.cap, by.cap)
}
