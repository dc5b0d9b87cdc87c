package radix

import (
	"bytes"
	"errors"
	"fmt"
	"iter"

	"github.com/pmem/pmdk-go/internal/container"
	"github.com/pmem/pmdk-go/libpmemobj"
)

// Map is a persistent map of byte strings to byte strings, ordered by its keys
// as [bytes.Compare] orders them. Keys have up to [MaxKey] bytes, values up to
// [MaxValue]; both may be empty. Slices that are returned are the caller's own,
// those that are passed are copied.
//
// Its methods may be called from any goroutine. Handles need no closing: they
// end with the pool, and methods fail with libpmemobj.ErrClosed afterwards.
// Inside [libpmemobj.Pool.Update], methods that change the map fail with
// libpmemobj.ErrInTx: [Map.In] takes their place.
type Map struct {
	t    *tree
	name string
}

// Get returns a copy of the value of key. An empty value is not nil.
//
// Get never waits for another operation, only for transactions that have the
// map. What it returns is durable. 0 fences, or 1 if it meets a change that is
// not durable yet.
func (m *Map) Get(key []byte) (value []byte, found bool, err error) {
	value, found, err = m.AppendGet(nil, key)
	if found && value == nil {
		value = []byte{}
	}
	return value, found, err
}

// AppendGet appends the value of key to dst, which allocates nothing if it has
// room. See [Map.Get].
func (m *Map) AppendGet(dst, key []byte) (value []byte, found bool, err error) {
	return m.t.sharedGet(m.name, key, dst)
}

func (t *tree) sharedGet(name string, key, dst []byte) (value []byte, found bool, err error) {
	const op = "radix get"
	hash := hash(key)
	if value, found, ok := t.glance(hash, key, dst); ok {
		return value, found, nil
	}
	h, err := t.Shared(op)
	if err != nil {
		return dst, false, named(err, name)
	}
	value, found = t.get(hash, key, dst)
	h.Release()
	return value, found, nil
}

// Has says whether key has a value, like Get.
func (m *Map) Has(key []byte) (bool, error) {
	var buf [128]byte
	_, found, err := m.AppendGet(buf[:0], key)
	return found, err
}

// Put makes value the value of key. It is durable when Put returns. If the
// pool is full, the error matches libpmemobj.ErrOutOfSpace, and the map is as
// it was.
//
// 2 fences if the new entry and the one before are inline, 5 or 6 if not; one
// in some 30 new keys also splits a leaf.
func (m *Map) Put(key, value []byte) error {
	_, err := m.t.sharedPut(m.name, key, value, false)
	return err
}

// PutIfAbsent makes value the value of key if it has none, and says whether it
// had none. See [Map.Put].
func (m *Map) PutIfAbsent(key, value []byte) (inserted bool, err error) {
	found, err := m.t.sharedPut(m.name, key, value, true)
	return !found && err == nil, err
}

func (t *tree) sharedPut(name string, key, value []byte, onlyNew bool) (found bool, err error) {
	const op = "radix put"
	if err := checkEntry(op, name, key, value); err != nil {
		return false, err
	}
	h, err := t.enter(op, name)
	if err != nil {
		return false, err
	}
	found, err = t.put(key, value, onlyNew)
	h.Release()
	return found, t.settled(op, name, !found || !onlyNew, err)
}

// Delete removes key and says whether it was there.
//
// 1 fence if the entry is inline, 5 if not; one in some 20 deletions also
// merges two leaves.
func (m *Map) Delete(key []byte) (found bool, err error) { return m.t.sharedRemove(m.name, key) }

func (t *tree) sharedRemove(name string, key []byte) (found bool, err error) {
	const op = "radix delete"
	h, err := t.enter(op, name)
	if err != nil {
		return false, err
	}
	found, err = t.remove(key)
	h.Release()
	return found, t.settled(op, name, found, err)
}

// Len is how many keys there are. What is put or deleted meanwhile may count or
// not. The first call after the pool was opened reads a line of every leaf, and
// has the map to itself meanwhile, some 3 ms for a million keys; later ones
// read a counter for each processor.
func (m *Map) Len() (int, error) { return m.t.len(m.name) }

func (t *tree) len(name string) (int, error) {
	const op = "radix len"
	if !t.counted.Load() && !libpmemobj.InUpdate() {
		if err := t.Exclusive(op); err != nil {
			return 0, named(err, name)
		}
		if !t.counted.Load() {
			t.before.Store(t.countEntries() - t.epochs.sum())
			t.counted.Store(true)
		}
		t.ReleaseExclusive()
	}
	h, err := t.Shared(op)
	if err != nil {
		return 0, named(err, name)
	}
	defer h.Release()
	if t.counted.Load() {
		return int(t.before.Load() + t.epochs.sum()), nil
	}
	count := t.epochs.enter()
	defer count.Add(-1)
	return int(t.countEntries()), nil
}

// Min returns the first key and its value.
func (m *Map) Min() (key, value []byte, found bool, err error) { return m.t.end(m.name, false) }

// Max returns the last key and its value.
func (m *Map) Max() (key, value []byte, found bool, err error) { return m.t.end(m.name, true) }

// end is the first entry in a direction.
func (t *tree) end(name string, backward bool) (key, value []byte, found bool, err error) {
	var b batch
	for w, more := (bounds{}), true; more; {
		if more, err = t.sharedScan("radix get", &b, &w, backward); err != nil {
			return nil, nil, false, named(err, name)
		}
		if key, value, found = b.end(backward); found {
			return key, value, true, nil
		}
	}
	return nil, nil, false, nil
}

func (b *batch) end(backward bool) (key, value []byte, found bool) {
	n := len(b.entries)
	if n == 0 {
		return nil, nil, false
	}
	i := 0
	if backward {
		i = n - 1
	}
	return b.key(i), b.value(i), true
}

func (t *tree) sharedScan(op string, b *batch, w *bounds, backward bool) (more bool, err error) {
	h, err := t.Shared(op)
	if err != nil {
		return false, err
	}
	defer h.Release()
	return t.scan(b, w, backward, false), nil
}

// All ranges over all entries in the order of their keys; see [Map.Range].
func (m *Map) All() iter.Seq2[[]byte, []byte] { return m.Range(nil, nil) }

// Range ranges over the entries with keys from from on and below to, in order.
// A nil from is below all keys, a nil to above them.
//
// The map may be changed meanwhile, by the loop too. The entries of a leaf, up
// to 48 neighbours, are read at once, as they were at one moment before the
// first of them comes. So the keys ascend, each comes once at most, one that is
// in the map during the whole loop comes, and one that is put or deleted
// meanwhile comes or not, with a value that it had during the loop. Loops never
// wait for other operations, nor these for them.
//
// The loop ends early if the pool is closed or the map removed. It panics with
// an error that matches libpmemobj.ErrInTx in the goroutine whose transaction
// has the map: use [Map.In] there.
func (m *Map) Range(from, to []byte) iter.Seq2[[]byte, []byte] {
	return m.t.shared(m.name, from, to, false)
}

// Backward is Range in descending order: from the last key below to down to
// from.
func (m *Map) Backward(from, to []byte) iter.Seq2[[]byte, []byte] {
	return m.t.shared(m.name, from, to, true)
}

// Prefix ranges over the entries whose keys begin with p, in order; see Range.
func (m *Map) Prefix(p []byte) iter.Seq2[[]byte, []byte] { return m.Range(p, PrefixEnd(p)) }

// Keys ranges over all keys in order; see Range.
func (m *Map) Keys() iter.Seq[[]byte] { return keysOf(m.All()) }

func keysOf[V any](all iter.Seq2[[]byte, V]) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for k := range all {
			if !yield(k) {
				return
			}
		}
	}
}

// PrefixEnd is the first key above all that begin with p, the end of their
// range; nil if there are no other keys above.
func PrefixEnd(p []byte) []byte {
	for i := len(p) - 1; i >= 0; i-- {
		if p[i] != 0xff {
			end := bytes.Clone(p[:i+1])
			end[i]++
			return end
		}
	}
	return nil
}

func (t *tree) shared(name string, from, to []byte, backward bool) iter.Seq2[[]byte, []byte] {
	return t.loop(from, to, backward, func(b *batch, w *bounds) (more bool) {
		more, err := t.sharedScan("radix range", b, w, backward)
		if err != nil && !errors.Is(err, libpmemobj.ErrClosed) && !errors.Is(err, container.ErrRemoved) {
			panic(named(err, name))
		}
		return more
	})
}

// loop ranges over what scan puts into batches, one after the other.
func (t *tree) loop(from, to []byte, backward bool, scan func(b *batch, w *bounds) (more bool)) iter.Seq2[[]byte, []byte] {
	return func(yield func(key, value []byte) bool) {
		w := bounds{bytes.Clone(from), bytes.Clone(to)}
		if to != nil && bytes.Compare(from, to) >= 0 {
			return
		}
		for more := true; more; {
			var b batch // what it holds is the loop's to keep
			more = scan(&b, &w)
			n := len(b.entries)
			for i := range n {
				if backward {
					i = n - 1 - i
				}
				if !yield(b.key(i), b.value(i)) {
					return
				}
			}
		}
	}
}

// Clear removes all keys, as a whole. It has the map to itself meanwhile, some
// 0.5 µs for each leaf.
func (m *Map) Clear() error {
	const op = "radix clear"
	if libpmemobj.InUpdate() {
		return inUpdate(op, m.name)
	}
	if err := m.t.clear(op); err != nil {
		return named(err, m.name)
	}
	return m.t.settled(op, m.name, true, nil)
}

// In is the map as part of a transaction: what is changed through it happens
// together with what else tx does, or not at all. From the first use on, the
// map is the transaction's until its end; all others wait, readers as well. It
// must be used by tx's goroutine.
func (m *Map) In(tx *libpmemobj.Tx) MapTx { return MapTx{m.t, tx, m.name} }

func checkEntry(op, name string, key, value []byte) error {
	switch {
	case len(key) > MaxKey:
		return failed(op, name, fmt.Errorf("a key of %d bytes; it has at most %d", len(key), MaxKey))
	case len(value) > MaxValue:
		return failed(op, name, fmt.Errorf("a value of %d bytes; it has at most %d", len(value), MaxValue))
	}
	return nil
}

// enter admits an operation that changes the map by itself.
func (t *tree) enter(op, name string) (container.Hold, error) {
	if libpmemobj.InUpdate() {
		return container.Hold{}, inUpdate(op, name)
	}
	if err := t.pool.Failed(); err != nil {
		return container.Hold{}, failed(op, name, err)
	}
	h, err := t.Shared(op)
	return h, named(err, name)
}

// settled ends an operation that has released all it had: if it has changed the
// map, it waits for the pool's medium.
func (t *tree) settled(op, name string, changed bool, err error) error {
	if err == nil && changed {
		err = t.pool.AwaitDurable()
	}
	if err != nil {
		return failed(op, name, err)
	}
	return nil
}

func inUpdate(op, name string) error {
	return failed(op, name, fmt.Errorf("%w: use the operations of In(tx)", libpmemobj.ErrInTx))
}

// named tells a container's error the map's name.
func named(err error, name string) error {
	if err == nil {
		return nil
	}
	return nameError(err, name)
}

func nameError(err error, name string) error {
	var e *container.Error
	if errors.As(err, &e) && e.Name == "" {
		e.Name = name
	}
	return err
}
