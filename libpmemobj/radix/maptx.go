package radix

import (
	"iter"

	"github.com/pmem/pmdk-go/libpmemobj"
)

// MapTx is a [Map] in a transaction; see [Map.In]. Its methods are those of
// Map, and see what the transaction has changed.
type MapTx struct {
	t    *tree
	tx   *libpmemobj.Tx
	name string
}

func (m MapTx) own(op string) error {
	if err := m.t.InTx(op, m.tx); err != nil {
		return nameError(err, m.name)
	}
	if !m.t.changing {
		m.t.changing = true
		m.t.change()
	}
	return nil
}

// Get is [Map.Get].
func (m MapTx) Get(key []byte) (value []byte, found bool, err error) {
	value, found, err = m.AppendGet(nil, key)
	if found && value == nil {
		value = []byte{}
	}
	return value, found, err
}

// AppendGet is [Map.AppendGet].
func (m MapTx) AppendGet(dst, key []byte) (value []byte, found bool, err error) {
	if err := m.own("radix get"); err != nil {
		return dst, false, err
	}
	value, found = m.t.getAlone(key, dst)
	return value, found, nil
}

// Has is [Map.Has].
func (m MapTx) Has(key []byte) (bool, error) {
	_, found, err := m.AppendGet(nil, key)
	return found, err
}

// Put is [Map.Put].
func (m MapTx) Put(key, value []byte) error {
	_, err := m.put(key, value, false)
	return err
}

// PutIfAbsent is [Map.PutIfAbsent].
func (m MapTx) PutIfAbsent(key, value []byte) (inserted bool, err error) {
	found, err := m.put(key, value, true)
	return !found && err == nil, err
}

func (m MapTx) put(key, value []byte, onlyNew bool) (found bool, err error) {
	const op = "radix put"
	if err := checkEntry(op, m.name, key, value); err != nil {
		return false, err
	}
	if err := m.own(op); err != nil {
		return false, err
	}
	found, err = m.t.txPut(m.tx, key, value, onlyNew)
	if err != nil {
		err = failed(op, m.name, err)
	}
	return found, err
}

// Delete is [Map.Delete].
func (m MapTx) Delete(key []byte) (found bool, err error) {
	const op = "radix delete"
	if err := m.own(op); err != nil {
		return false, err
	}
	found, err = m.t.txRemove(m.tx, key)
	if err != nil {
		return false, failed(op, m.name, err)
	}
	return found, nil
}

// Len is [Map.Len], and exact.
func (m MapTx) Len() (int, error) {
	if err := m.own("radix len"); err != nil {
		return 0, err
	}
	if m.t.counted.Load() {
		return int(m.t.before.Load() + m.t.epochs.sum() + m.t.pending), nil
	}
	return int(m.t.countEntries()), nil
}

// Min is [Map.Min].
func (m MapTx) Min() (key, value []byte, found bool, err error) { return m.end(false) }

// Max is [Map.Max].
func (m MapTx) Max() (key, value []byte, found bool, err error) { return m.end(true) }

func (m MapTx) end(backward bool) (key, value []byte, found bool, err error) {
	if err := m.own("radix get"); err != nil {
		return nil, nil, false, err
	}
	all := m.Range(nil, nil)
	if backward {
		all = m.Backward(nil, nil)
	}
	for k, v := range all {
		return k, v, true, nil
	}
	return nil, nil, false, nil
}

// All is [Map.All].
func (m MapTx) All() iter.Seq2[[]byte, []byte] { return m.Range(nil, nil) }

// Range is [Map.Range]. It panics with the error if the transaction is over.
func (m MapTx) Range(from, to []byte) iter.Seq2[[]byte, []byte] { return m.loop(from, to, false) }

// Backward is [Map.Backward]; see Range.
func (m MapTx) Backward(from, to []byte) iter.Seq2[[]byte, []byte] { return m.loop(from, to, true) }

// Prefix is [Map.Prefix]; see Range.
func (m MapTx) Prefix(p []byte) iter.Seq2[[]byte, []byte] { return m.Range(p, PrefixEnd(p)) }

// Keys is [Map.Keys]; see Range.
func (m MapTx) Keys() iter.Seq[[]byte] { return keysOf(m.All()) }

func (m MapTx) loop(from, to []byte, backward bool) iter.Seq2[[]byte, []byte] {
	return m.t.loop(from, to, backward, func(b *batch, w *bounds) (more bool) {
		if err := m.own("radix range"); err != nil {
			panic(err)
		}
		return m.t.scan(b, w, backward, true)
	})
}

// Clear is [Map.Clear].
func (m MapTx) Clear() error {
	const op = "radix clear"
	if err := m.own(op); err != nil {
		return err
	}
	if err := m.t.txClear(m.tx); err != nil {
		return failed(op, m.name, err)
	}
	return nil
}
