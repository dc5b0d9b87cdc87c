package hashmap

import (
	"bytes"
	"fmt"
	"iter"
	"slices"

	"github.com/pmem/pmdk-go/libpmemobj"
)

// Bytes is a persistent map of byte strings to byte strings, of any length,
// also none. All that is said of [Map] is true here. Slices that are returned
// are the caller's own.
//
// Small entries lie in the map's pages, as those of a Map; see [WithInline].
// Larger ones take an object each, which costs Put and Delete a publication, see
// [libpmemobj.Pool.Publish].
type Bytes struct{ t *table }

// MaxLen is how long a key may be, and a value.
const MaxLen = 1 << 30

func checkLen(op, name string, key, value []byte) error {
	if len(key) > MaxLen || len(value) > MaxLen {
		return failed(op, name, fmt.Errorf("a key of %d bytes with a value of %d: each has at most %d", len(key), len(value), MaxLen))
	}
	return nil
}

// Get returns a copy of the value of key. An empty value is not nil.
func (m *Bytes) Get(key []byte) (value []byte, found bool, err error) {
	value, found, err = m.AppendGet(nil, key)
	if found && value == nil {
		value = []byte{}
	}
	return value, found, err
}

// AppendGet appends the value of key to dst, which allocates nothing if it has
// room.
func (m *Bytes) AppendGet(dst, key []byte) (value []byte, found bool, err error) {
	hash := m.t.hash(key)
	for {
		value, found, ok, need := m.t.getBytes(hash, key, dst)
		if !ok {
			value = dst
			found, err = m.t.getSlow(hash, key, func(v []byte) { value = append(dst, v...) })
			return value, found, err
		}
		if need == 0 {
			return value, found, nil
		}
		dst = slices.Grow(dst, need)
	}
}

// Has says whether key has a value.
func (m *Bytes) Has(key []byte) (bool, error) {
	var buf [64]byte
	_, found, err := m.AppendGet(buf[:0], key)
	return found, err
}

// Put makes value the value of key. It is durable when Put returns.
//
// 2 fences if the new entry is small and the one before was.
func (m *Bytes) Put(key, value []byte) error {
	_, err := m.put("hashmap put", key, value, false)
	return err
}

// PutIfAbsent makes value the value of key if it has none, and says whether it
// had none.
func (m *Bytes) PutIfAbsent(key, value []byte) (inserted bool, err error) {
	found, err := m.put("hashmap put", key, value, true)
	return !found && err == nil, err
}

func (m *Bytes) put(op string, key, value []byte, onlyNew bool) (found bool, err error) {
	if err := checkLen(op, m.t.name, key, value); err != nil {
		return false, err
	}
	h, err := m.t.enter(op)
	if err != nil {
		return false, err
	}
	it := item{hash: m.t.hash(key), key: key, value: value}
	found, err = m.t.put(&it, onlyNew)
	h.Release()
	return found, m.t.settled(op, !found || !onlyNew, err)
}

// Update makes what f returns the value of key. f is called once, with a copy
// of the value that key has, while nobody else changes it; if f returns an
// error, so does Update, and the value stays. f must not use containers of the
// pool.
func (m *Bytes) Update(key []byte, f func(value []byte, found bool) ([]byte, error)) error {
	const op = "hashmap update"
	if err := checkLen(op, m.t.name, key, nil); err != nil {
		return err
	}
	return m.t.settled(op, true, m.update(op, key, f))
}

func (m *Bytes) update(op string, key []byte, f func(value []byte, found bool) ([]byte, error)) error {
	h, err := m.t.enter(op)
	if err != nil {
		return err
	}
	defer h.Release()
	it := item{hash: m.t.hash(key), key: key}
	return m.t.update(&it, func(old []byte, found bool) (err error) {
		it.value, err = m.checked(op, key, old, found, f)
		return err
	})
}

// checked is what f makes of a copy of the old value, if that is not too long.
func (m *Bytes) checked(op string, key, old []byte, found bool, f func(value []byte, found bool) ([]byte, error)) ([]byte, error) {
	value, err := f(bytes.Clone(old), found)
	if err == nil {
		err = checkLen(op, m.t.name, key, value)
	}
	return value, err
}

// Delete removes key and says whether it was there.
//
// 1 fence if the entry is small.
func (m *Bytes) Delete(key []byte) (found bool, err error) {
	const op = "hashmap delete"
	h, err := m.t.enter(op)
	if err != nil {
		return false, err
	}
	found, err = m.t.remove(m.t.hash(key), key)
	h.Release()
	return found, m.t.settled(op, found, err)
}

// Len is how many keys there are, like [Map.Len].
func (m *Bytes) Len() (int, error) { return m.t.len() }

// All ranges over keys and values, like [Map.All].
func (m *Bytes) All() iter.Seq2[[]byte, []byte] {
	return func(yield func(key, value []byte) bool) { m.t.each(false, yield) }
}

// Keys ranges over keys, like All.
func (m *Bytes) Keys() iter.Seq[[]byte] { return keysOf(m.All()) }

// Clear removes all keys, like [Map.Clear].
func (m *Bytes) Clear() error { return m.t.clear("hashmap clear") }

// In is the map as part of a transaction, like [Map.In].
func (m *Bytes) In(tx *libpmemobj.Tx) BytesTx { return BytesTx{m, tx} }

// BytesTx is a [Bytes] in a transaction; see [Bytes.In].
type BytesTx struct {
	m  *Bytes
	tx *libpmemobj.Tx
}

// Get is [Bytes.Get], and sees what the transaction has changed.
func (b BytesTx) Get(key []byte) (value []byte, found bool, err error) {
	t := b.m.t
	if err := t.InTx("hashmap get", b.tx); err != nil {
		return nil, false, err
	}
	l := t.peek(t.hash(key))
	value, found = t.getFrom(&l, key, nil)
	if found && value == nil {
		value = []byte{}
	}
	return value, found, nil
}

// Put is [Bytes.Put].
func (b BytesTx) Put(key, value []byte) error {
	_, err := b.put(key, value, false)
	return err
}

// PutIfAbsent is [Bytes.PutIfAbsent].
func (b BytesTx) PutIfAbsent(key, value []byte) (inserted bool, err error) {
	found, err := b.put(key, value, true)
	return !found && err == nil, err
}

// Update is [Bytes.Update]. f may use the transaction.
func (b BytesTx) Update(key []byte, f func(value []byte, found bool) ([]byte, error)) error {
	it := item{key: key}
	_, err := b.putItem(&it, false, func(old []byte, found bool) (err error) {
		it.value, err = b.m.checked("hashmap update", key, old, found, f)
		return err
	})
	return err
}

func (b BytesTx) put(key, value []byte, onlyNew bool) (found bool, err error) {
	return b.putItem(&item{key: key, value: value}, onlyNew, nil)
}

func (b BytesTx) putItem(it *item, onlyNew bool, f func(old []byte, found bool) error) (found bool, err error) {
	t := b.m.t
	const op = "hashmap put"
	if err := checkLen(op, t.name, it.key, it.value); err != nil {
		return false, err
	}
	if err := t.InTx(op, b.tx); err != nil {
		return false, err
	}
	it.hash = t.hash(it.key)
	return t.txPut(b.tx, it, onlyNew, f)
}

// Delete is [Bytes.Delete].
func (b BytesTx) Delete(key []byte) (found bool, err error) {
	t := b.m.t
	if err := t.InTx("hashmap delete", b.tx); err != nil {
		return false, err
	}
	return t.txRemove(b.tx, t.hash(key), key)
}

// Len is [Bytes.Len], and exact.
func (b BytesTx) Len() (int, error) { return b.m.t.txLen(b.tx) }

// All is [Bytes.All]. If the transaction is over, there is nothing in it.
func (b BytesTx) All() iter.Seq2[[]byte, []byte] {
	return func(yield func(key, value []byte) bool) {
		if b.m.t.InTx("hashmap all", b.tx) == nil {
			b.m.t.each(true, yield)
		}
	}
}

// Keys is [Bytes.Keys], like All.
func (b BytesTx) Keys() iter.Seq[[]byte] { return keysOf(b.All()) }

// Clear is [Bytes.Clear].
func (b BytesTx) Clear() error { return b.m.t.txClearIn(b.tx) }
