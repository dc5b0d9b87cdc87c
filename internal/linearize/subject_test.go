package linearize_test

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"github.com/pmem/pmdk-go/internal/linearize"
	"github.com/pmem/pmdk-go/libpmemobj"
	"github.com/pmem/pmdk-go/libpmemobj/hashmap"
	"github.com/pmem/pmdk-go/libpmemobj/radix"
)

// mapping is a map of numbers to numbers, by itself or in a transaction.
type mapping interface {
	get(k int) (v int, found bool, err error)
	put(k, v int) error
	putIfAbsent(k, v int) (inserted bool, err error)
	update(k, v int) (old int, found bool, err error) // to v
	delete(k int) (found bool, err error)
}

// subject is a map that histories are recorded of.
type subject struct {
	mapping
	in func(tx *libpmemobj.Tx) mapping

	// churn, if it is not nil, makes what the map is built of come and go around
	// the keys. Every id is another.
	churn func(id int) error
}

// subjects are the maps of this library. Others with keys and values of bytes
// need a line of their own here.
var subjects = []struct {
	name string
	open func(p *libpmemobj.Pool) (subject, error)
}{
	{"hashmap.Map", openFixed},
	{"hashmap.Bytes", openBytes},
	{"radix.Map", openRadix},
	{"radix.Map, large", openLargeRadix},
	{"both", openBoth},
}

func openBytes(p *libpmemobj.Pool) (subject, error) {
	m, err := hashmap.OpenBytes(p, "bytes")
	return subject{mapping: bytes{m}, in: func(tx *libpmemobj.Tx) mapping { return bytes{m.In(tx)} }}, err
}

func openFixed(p *libpmemobj.Pool) (subject, error) {
	m, err := hashmap.Open[[2]int64, row](p, "fixed")
	return subject{mapping: fixed{m}, in: func(tx *libpmemobj.Tx) mapping { return fixed{m.In(tx)} }}, err
}

func openRadix(p *libpmemobj.Pool) (subject, error) {
	m, err := radix.Open(p, "radix")
	return subject{mapping: bytes{m}, in: func(tx *libpmemobj.Tx) mapping { return bytes{m.In(tx)} }}, err
}

// openLargeRadix makes a map with two levels of inner nodes, so that it has a
// guide, in which the keys lie far from one another. Between them leaves are
// split and merged again and again.
func openLargeRadix(p *libpmemobj.Pool) (subject, error) {
	const (
		others = 8000
		phase  = 40 // how many ids put, and then delete
		at     = 6  // keys at once
	)
	m, err := radix.Open(p, "large radix", radix.WithInline(24))
	if err != nil {
		return subject{}, err
	}
	rnd := rand.New(rand.NewPCG(0, 0))
	err = p.Update(func(tx *libpmemobj.Tx) error {
		for range others {
			if err := m.In(tx).Put(radix.AppendUint64(nil, rnd.Uint64()), nil); err != nil {
				return err
			}
		}
		return nil
	})
	beside := func(id, i int) []byte {
		key := spread(keyOf(id % linearize.Keys))
		return fmt.Appendf(key, "%d", id*at+i)
	}
	churn := func(id int) error {
		for i := range at {
			var err error
			if id/phase%2 == 0 {
				err = m.Put(beside(id, i), nil)
			} else {
				_, err = m.Delete(beside(id-phase, i))
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
	return subject{
		mapping: bytes{spreadKeys{m}},
		in:      func(tx *libpmemobj.Tx) mapping { return bytes{spreadKeys{m.In(tx)}} },
		churn:   churn,
	}, err
}

// openBoth keeps odd keys in one map and even ones in another, so that
// transactions change both.
func openBoth(p *libpmemobj.Pool) (subject, error) {
	a, err := openFixed(p)
	if err != nil {
		return a, err
	}
	b, err := openBytes(p)
	return subject{mapping: both{a, b}, in: func(tx *libpmemobj.Tx) mapping { return both{a.in(tx), b.in(tx)} }}, err
}

// bytesMap is a map of byte strings, by itself or in a transaction.
type bytesMap interface {
	Get(key []byte) (value []byte, found bool, err error)
	Put(key, value []byte) error
	PutIfAbsent(key, value []byte) (inserted bool, err error)
	Delete(key []byte) (found bool, err error)
}

// bytes makes a mapping of a bytesMap.
type bytes struct{ m bytesMap }

// keyOf makes short and long keys.
func keyOf(k int) []byte { return fmt.Appendf(nil, "%0*d", 1+k*13%70, k) }

// bytesOf makes values that lie in the map's pages, and larger ones.
func bytesOf(v int) []byte { return fmt.Appendf(nil, "%0*d", 1+v*37%130, v) }

// numberOf reads a value, which must be whole.
func numberOf(b []byte, found bool) (int, error) {
	if !found {
		return 0, nil
	}
	v, err := strconv.Atoi(strings.TrimLeft(string(b), "0"))
	if err != nil || string(b) != string(bytesOf(v)) {
		return 0, fmt.Errorf("%q is no value that was put", b)
	}
	return v, nil
}

func (b bytes) get(k int) (v int, found bool, err error) {
	value, found, err := b.m.Get(keyOf(k))
	if err == nil {
		v, err = numberOf(value, found)
	}
	return v, found, err
}

func (b bytes) put(k, v int) error                 { return b.m.Put(keyOf(k), bytesOf(v)) }
func (b bytes) putIfAbsent(k, v int) (bool, error) { return b.m.PutIfAbsent(keyOf(k), bytesOf(v)) }
func (b bytes) delete(k int) (bool, error)         { return b.m.Delete(keyOf(k)) }

// update fails with errNoUpdate if the map has no Update.
func (b bytes) update(k, v int) (old int, found bool, err error) {
	u, ok := b.m.(interface {
		Update(key []byte, f func(value []byte, found bool) ([]byte, error)) error
	})
	if !ok {
		return 0, false, errNoUpdate
	}
	err = u.Update(keyOf(k), func(value []byte, had bool) (_ []byte, err error) {
		pause()
		found = had
		old, err = numberOf(value, had)
		return bytesOf(v), err
	})
	return old, found, err
}

// spreadKeys is a map with keys all over the range.
type spreadKeys struct{ m bytesMap }

func spread(key []byte) []byte {
	h := fnv.New64a()
	h.Write(key)
	return slices.Concat(binary.BigEndian.AppendUint64(nil, h.Sum64()), key)
}

func (s spreadKeys) Get(key []byte) ([]byte, bool, error) { return s.m.Get(spread(key)) }
func (s spreadKeys) Put(key, value []byte) error          { return s.m.Put(spread(key), value) }
func (s spreadKeys) Delete(key []byte) (bool, error)      { return s.m.Delete(spread(key)) }
func (s spreadKeys) PutIfAbsent(key, value []byte) (bool, error) {
	return s.m.PutIfAbsent(spread(key), value)
}

// row is a value of several cache lines: six to a page, so that pages split
// early.
type row [80]int64

func rowOf(v int) (r row) {
	for i := range r {
		r[i] = int64(v)
	}
	return r
}

// number reads a value, which must be whole.
func (r row) number() (int, error) {
	for _, w := range r {
		if w != r[0] {
			return 0, fmt.Errorf("%v is no value that was put", r)
		}
	}
	return int(r[0]), nil
}

// fixedMap is a map of rows, by itself or in a transaction.
type fixedMap interface {
	Get(k [2]int64) (row, bool, error)
	Put(k [2]int64, v row) error
	PutIfAbsent(k [2]int64, v row) (bool, error)
	Update(k [2]int64, f func(v row, found bool) (row, error)) error
	Delete(k [2]int64) (bool, error)
}

// fixed makes a mapping of a fixedMap.
type fixed struct{ m fixedMap }

func (f fixed) get(k int) (v int, found bool, err error) {
	r, found, err := f.m.Get([2]int64{int64(k), 1})
	if err == nil {
		v, err = r.number()
	}
	return v, found, err
}

func (f fixed) put(k, v int) error { return f.m.Put([2]int64{int64(k), 1}, rowOf(v)) }

func (f fixed) putIfAbsent(k, v int) (bool, error) {
	return f.m.PutIfAbsent([2]int64{int64(k), 1}, rowOf(v))
}

func (f fixed) update(k, v int) (old int, found bool, err error) {
	err = f.m.Update([2]int64{int64(k), 1}, func(r row, had bool) (_ row, err error) {
		pause()
		found = had
		old, err = r.number()
		return rowOf(v), err
	})
	return old, found, err
}

func (f fixed) delete(k int) (bool, error) { return f.m.Delete([2]int64{int64(k), 1}) }

// both is two maps.
type both [2]mapping

func (b both) get(k int) (int, bool, error)       { return b[k%2].get(k) }
func (b both) put(k, v int) error                 { return b[k%2].put(k, v) }
func (b both) putIfAbsent(k, v int) (bool, error) { return b[k%2].putIfAbsent(k, v) }
func (b both) update(k, v int) (int, bool, error) { return b[k%2].update(k, v) }
func (b both) delete(k int) (bool, error)         { return b[k%2].delete(k) }
