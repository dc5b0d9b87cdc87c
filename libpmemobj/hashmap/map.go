package hashmap

import (
	"iter"
	"math/bits"
	"sync/atomic"
	"unsafe"

	"github.com/pmem/pmdk-go/libpmemobj"
)

// Map is a persistent map of keys and values of fixed size. Its methods may be
// called from any goroutine. Handles need no closing: they end with the pool,
// and methods fail with libpmemobj.ErrClosed afterwards.
//
// Methods that change the map fail with libpmemobj.ErrInTx inside
// [libpmemobj.Pool.Update], where [Map.In] takes their place.
type Map[K comparable, V any] struct{ t *table }

// bytesOf is a value as bytes.
func bytesOf[T any](v *T) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(v)), unsafe.Sizeof(*v))
}

// Get returns the value of k. It takes no lock: it waits only for a change of
// the same page that is on its way to the medium, so that what it returns is
// durable, and for transactions that have the map.
//
// 0 fences.
func (m *Map[K, V]) Get(k K) (v V, found bool, err error) {
	t := m.t
	var hash uint64
	key := bytesOf(&k)
	if len(key) == wordSize {
		hash = mix(*(*uint64)(unsafe.Pointer(&k))^hashSize8, &t.seed)
	} else {
		hash = t.hash(key)
	}
	// All that a reader does is in one function: while a processor waits for
	// memory, it works on the next Get as far as it can look ahead, which is some
	// hundred instructions.
	tries := readTries
	if !t.Pin() {
		tries = 0
	}
	for ; tries > 0; tries-- {
		d := t.dir.Load()
		at := d.entry(hash)
		entry := atomic.LoadUint64(at)
		s := t.stripe(hash, uint(entry))
		version := s.version.Load()
		if version&1 != 0 || t.dir.Load() != d || atomic.LoadUint64(at) != entry {
			continue // see look
		}
		p := page{t.at(entry &^ depthMask)}
		value := m.find(p, hash, &k)
		if value != nil {
			read(&v, value)
		}
		if s.version.Load() == version {
			t.Unpin()
			if value == nil {
				v = *new(V) // a try before may have left something
			}
			return v, value != nil, nil
		}
	}
	t.Unpin()
	return m.getSlow(hash, &k)
}

// find returns where the value of a key lies in a page, or nil.
func (m *Map[K, V]) find(p page, hash uint64, k *K) unsafe.Pointer {
	t := m.t
	group, used := t.group(hash), p.load()
	for bytes := matching(p.prints(group), hash); bytes != 0; bytes &= bytes - 1 {
		i := group*groupSlots + uint(bits.TrailingZeros64(bytes))/groupSlots
		slot := t.slot(p, int(i))
		if used>>i&1 != 0 && hasKey(slot, k) {
			return unsafe.Add(slot, t.valueAt)
		}
	}
	return m.findElsewhere(p, used, hash, k)
}

// findElsewhere is find when the key is not in its group.
func (m *Map[K, V]) findElsewhere(p page, used, hash uint64, k *K) unsafe.Pointer {
	i := m.t.find(p, used, hash, bytesOf(k))
	if i < 0 {
		return nil
	}
	return unsafe.Add(m.t.slot(p, i), m.t.valueAt)
}

// hasKey says whether a key lies at the beginning of a slot.
func hasKey[K comparable](slot unsafe.Pointer, k *K) bool {
	if unsafe.Sizeof(*k) == wordSize {
		return loadWord(slot) == *(*uint64)(unsafe.Pointer(k))
	}
	return hasWords(slot, bytesOf(k))
}

func (m *Map[K, V]) getSlow(hash uint64, k *K) (v V, found bool, err error) {
	found, err = m.t.getSlow(hash, bytesOf(k), func(value []byte) { copy(bytesOf(&v), value) })
	return v, found, err
}

// read reads a value that may change meanwhile.
func read[V any](v *V, at unsafe.Pointer) {
	if plainReads {
		*v = *(*V)(at)
		return
	}
	getWords(bytesOf(v), at)
}

// getSlow waits for whoever changes the page of a key, and gives its value as
// it lies in the pool to f.
func (t *table) getSlow(hash uint64, key []byte, f func(value []byte)) (found bool, err error) {
	h, err := t.Shared("hashmap get")
	if err != nil {
		return false, err
	}
	defer h.Release()
	l := t.lock(hash)
	defer l.unlock()
	i := t.find(l.page, l.used, hash, key)
	if i >= 0 {
		f(t.valueIn(&l, i, key))
	}
	return i >= 0, nil
}

// Has says whether k has a value, like Get.
func (m *Map[K, V]) Has(k K) (bool, error) {
	_, found, err := m.Get(k)
	return found, err
}

// Put makes v the value of k. It is durable when Put returns.
//
// 2 fences, or 1 if k has a value and V has 8 bytes.
func (m *Map[K, V]) Put(k K, v V) error {
	_, err := m.put("hashmap put", &k, &v, false)
	return err
}

// PutIfAbsent makes v the value of k if it has none, and says whether it had
// none.
//
// 2 fences, or none if k has a value.
func (m *Map[K, V]) PutIfAbsent(k K, v V) (inserted bool, err error) {
	found, err := m.put("hashmap put", &k, &v, true)
	return !found && err == nil, err
}

func (m *Map[K, V]) put(op string, k *K, v *V, onlyNew bool) (found bool, err error) {
	h, err := m.t.enter(op)
	if err != nil {
		return false, err
	}
	it := item{key: bytesOf(k), value: bytesOf(v)}
	it.hash = m.t.hash(it.key)
	found, err = m.t.put(&it, onlyNew)
	h.Release()
	return found, m.t.settled(op, !found || !onlyNew, err)
}

// Update makes what f returns the value of k. f is called once, with the value
// that k has or the zero V, while nobody else changes it; if f returns an error,
// so does Update, and the value stays. f must not use containers of the pool.
//
// Fences as for Put.
func (m *Map[K, V]) Update(k K, f func(v V, found bool) (V, error)) error {
	const op = "hashmap update"
	return m.t.settled(op, true, m.update(op, k, f))
}

func (m *Map[K, V]) update(op string, k K, f func(v V, found bool) (V, error)) error {
	h, err := m.t.enter(op)
	if err != nil {
		return err
	}
	defer h.Release()
	var v V
	it := item{key: bytesOf(&k), value: bytesOf(&v)}
	it.hash = m.t.hash(it.key)
	return m.t.update(&it, func(old []byte, found bool) (err error) {
		copy(bytesOf(&v), old)
		v, err = f(v, found)
		return err
	})
}

// Delete removes k and says whether it was there.
//
// 1 fence, or none if k is not there.
func (m *Map[K, V]) Delete(k K) (found bool, err error) {
	const op = "hashmap delete"
	h, err := m.t.enter(op)
	if err != nil {
		return false, err
	}
	key := bytesOf(&k)
	found, err = m.t.remove(m.t.hash(key), key)
	h.Release()
	return found, m.t.settled(op, found, err)
}

// Len is how many keys there are. What is put or deleted meanwhile may count or
// not. The first call after the pool was opened reads a line of every page,
// later ones a counter for some pages.
func (m *Map[K, V]) Len() (int, error) { return m.t.len() }

func (t *table) len() (int, error) {
	h, err := t.Shared("hashmap len")
	if err != nil {
		return 0, err
	}
	defer h.Release()
	return int(t.count()), nil
}

// All ranges over keys and values, in no particular order. The map may be
// changed meanwhile, also by the loop: a key that is there all the time comes
// once, one that is put or deleted meanwhile once or not at all, and its value
// is one that it had during the loop. After Close, and if the pool is closed
// during the loop, it ends.
func (m *Map[K, V]) All() iter.Seq2[K, V] {
	return func(yield func(K, V) bool) { eachFixed(m.t, false, yield) }
}

// Keys ranges over keys, like All.
func (m *Map[K, V]) Keys() iter.Seq[K] { return keysOf(m.All()) }

func keysOf[K, V any](all iter.Seq2[K, V]) iter.Seq[K] {
	return func(yield func(K) bool) {
		for k := range all {
			if !yield(k) {
				return
			}
		}
	}
}

func eachFixed[K comparable, V any](t *table, alone bool, yield func(K, V) bool) {
	t.each(alone, func(key, value []byte) bool {
		var k K
		var v V
		copy(bytesOf(&k), key)
		copy(bytesOf(&v), value)
		return yield(k, v)
	})
}

// each calls f with copies of all entries until it returns false.
func (t *table) each(alone bool, f func(key, value []byte) bool) {
	var s snapshot
	for hash, more := uint64(0), true; more; {
		if alone {
			hash, more = t.read(hash, true, &s)
		} else {
			h, err := t.Shared("hashmap all")
			if err != nil {
				return
			}
			hash, more = t.read(hash, false, &s)
			h.Release()
		}
		for i := range s.keys {
			if !f(s.keys[i], s.values[i]) {
				return
			}
		}
	}
}

// Clear removes all keys, as a whole. It has the map to itself meanwhile, some
// 0.3 µs for each page.
func (m *Map[K, V]) Clear() error { return m.t.clear("hashmap clear") }

// In is the map as part of a transaction: what is changed through it happens
// together with what else tx does, or not at all. From the first use on, the
// map is the transaction's until its end; all others wait, readers as well. It
// must be used by tx's goroutine.
func (m *Map[K, V]) In(tx *libpmemobj.Tx) MapTx[K, V] { return MapTx[K, V]{m.t, tx} }

// MapTx is a [Map] in a transaction; see [Map.In].
type MapTx[K comparable, V any] struct {
	t  *table
	tx *libpmemobj.Tx
}

// Get is [Map.Get], and sees what the transaction has changed.
func (m MapTx[K, V]) Get(k K) (v V, found bool, err error) {
	if err := m.t.InTx("hashmap get", m.tx); err != nil {
		return v, false, err
	}
	key := bytesOf(&k)
	l := m.t.peek(m.t.hash(key))
	_, found = m.t.getFrom(&l, key, bytesOf(&v)[:0])
	return v, found, nil
}

// Put is [Map.Put].
func (m MapTx[K, V]) Put(k K, v V) error {
	_, err := m.put(&k, &v, false, nil)
	return err
}

// PutIfAbsent is [Map.PutIfAbsent].
func (m MapTx[K, V]) PutIfAbsent(k K, v V) (inserted bool, err error) {
	found, err := m.put(&k, &v, true, nil)
	return !found && err == nil, err
}

// Update is [Map.Update]. f may use the transaction.
func (m MapTx[K, V]) Update(k K, f func(v V, found bool) (V, error)) error {
	var v V
	_, err := m.put(&k, &v, false, func(old []byte, found bool) (err error) {
		copy(bytesOf(&v), old)
		v, err = f(v, found)
		return err
	})
	return err
}

func (m MapTx[K, V]) put(k *K, v *V, onlyNew bool, f func(old []byte, found bool) error) (found bool, err error) {
	if err := m.t.InTx("hashmap put", m.tx); err != nil {
		return false, err
	}
	it := item{key: bytesOf(k), value: bytesOf(v)}
	it.hash = m.t.hash(it.key)
	return m.t.txPut(m.tx, &it, onlyNew, f)
}

// Delete is [Map.Delete].
func (m MapTx[K, V]) Delete(k K) (found bool, err error) {
	if err := m.t.InTx("hashmap delete", m.tx); err != nil {
		return false, err
	}
	key := bytesOf(&k)
	return m.t.txRemove(m.tx, m.t.hash(key), key)
}

// Len is [Map.Len], and exact.
func (m MapTx[K, V]) Len() (int, error) { return m.t.txLen(m.tx) }

func (t *table) txLen(tx *libpmemobj.Tx) (int, error) {
	if err := t.InTx("hashmap len", tx); err != nil {
		return 0, err
	}
	return int(t.count()), nil
}

// All is [Map.All]. If the transaction is over, there is nothing in it.
func (m MapTx[K, V]) All() iter.Seq2[K, V] {
	return func(yield func(K, V) bool) {
		if m.t.InTx("hashmap all", m.tx) == nil {
			eachFixed(m.t, true, yield)
		}
	}
}

// Keys is [Map.Keys], like All.
func (m MapTx[K, V]) Keys() iter.Seq[K] { return keysOf(m.All()) }

// Clear is [Map.Clear].
func (m MapTx[K, V]) Clear() error { return m.t.txClearIn(m.tx) }

func (t *table) txClearIn(tx *libpmemobj.Tx) error {
	if err := t.InTx("hashmap clear", tx); err != nil {
		return err
	}
	return t.txClear(tx)
}
