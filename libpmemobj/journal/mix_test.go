package journal_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"github.com/pmem/pmdk-go/libpmemobj"
	"github.com/pmem/pmdk-go/libpmemobj/counter"
	"github.com/pmem/pmdk-go/libpmemobj/directory"
	"github.com/pmem/pmdk-go/libpmemobj/hashmap"
	"github.com/pmem/pmdk-go/libpmemobj/ring"
	"github.com/pmem/pmdk-go/libpmemobj/vector"
)

// mixRoot is the root object of a pool with a mix.
type mixRoot struct {
	Directory directory.Root
	Tx        [30]uint64 // all equal
	Note      libpmemobj.Ptr[note]
	Published [12]uint64 // all equal
	Item      libpmemobj.Ptr[note]
	Atomic    [5]libpmemobj.Ptr[note]
	Bytes     libpmemobj.OID
	BytesLen  uint64
	List      libpmemobj.ListHead[listed]
}

type listed struct {
	Number uint64
	Link   libpmemobj.ListEntry[listed]
}

// mix is a pool with one of each kind of thing, which are changed in turn. Each
// thing's state follows from how often that was.
type mix struct {
	pool  *libpmemobj.Pool
	root  *mixRoot
	list  libpmemobj.List[listed]
	m     *hashmap.Bytes
	v     *vector.Vector[uint64]
	log   *ring.Log
	count *counter.Sharded
}

func openMix(p *libpmemobj.Pool) (*mix, error) {
	root, err1 := directory.Embed[mixRoot](p)
	if err1 != nil {
		return nil, err1
	}
	m := &mix{pool: p, root: root.Get()}
	var err2, err3, err4, err5 error
	m.list, err1 = libpmemobj.ListOf(p, &m.root.List, func(l *listed) *libpmemobj.ListEntry[listed] { return &l.Link })
	m.m, err2 = hashmap.OpenBytes(p, "map")
	m.v, err3 = vector.Open[uint64](p, "vector")
	m.log, err4 = ring.OpenLog(p, "log", ring.WithCapacity(64<<10))
	m.count, err5 = counter.Open(p, "counter")
	return m, errors.Join(err1, err2, err3, err4, err5)
}

// thing is one of the things: how it is changed for the n-th time, what its
// state is, and what it is after n changes.
type thing struct {
	name   string
	change func(m *mix, n uint64) error
	state  func(m *mix) (string, error)
	model  func(n uint64) string
}

var errBack = errors.New("roll back")

// things are those of a mix.
var things = []thing{
	{"transaction", (*mix).transact, (*mix).transacted, func(n uint64) string { return fmt.Sprint(n-n/4, " ", n-n/4) }},
	{"publication", (*mix).publish, (*mix).published, func(n uint64) string { return fmt.Sprint(n, " ", n) }},
	{"allocation", (*mix).allocate, (*mix).allocated, func(n uint64) string {
		var all [5]uint64
		for i := uint64(1); i <= n; i++ {
			if all[i%5] == 0 {
				all[i%5] = i
			} else {
				all[i%5] = 0
			}
		}
		return fmt.Sprint(all)
	}},
	{"list", (*mix).enlist, (*mix).enlisted, func(n uint64) string {
		var l []uint64
		for i := uint64(1); i <= n; i++ {
			switch {
			case i%4 == 3:
				l = l[1:]
			case i%4 == 0:
				l = append(l[1:], l[0])
			default:
				l = append(l, i)
			}
		}
		return fmt.Sprint(l)
	}},
	{"map", (*mix).put, (*mix).mapped, func(n uint64) string {
		keys := map[uint64]uint64{}
		for i := uint64(1); i <= n; i++ {
			if k := i * i % 11; i%3 == 0 {
				delete(keys, k)
			} else {
				keys[k] = i
			}
		}
		return fmt.Sprint(keys)
	}},
	{"vector", (*mix).append, (*mix).appended, func(n uint64) string {
		v := []uint64{}
		for i := uint64(1); i <= n; i++ {
			switch {
			case i%5 == 0:
				v = v[:len(v)-2]
			case i%5 == 4:
				v[0] = i
			default:
				v = append(v, i, i, i)
			}
		}
		return fmt.Sprint(v)
	}},
	{"ring", (*mix).log3, (*mix).logged, func(n uint64) string {
		s, first := "", uint64(1)
		if n >= 6 {
			first = n - n%6 - 2
		}
		for i := first; i <= n; i++ {
			s += fmt.Sprint(i, " ")
		}
		return s
	}},
	{"counter", func(m *mix, n uint64) error { return m.count.Add(int64(n)) }, func(m *mix) (string, error) {
		n, err := m.count.Load()
		return fmt.Sprint(n), err
	}, func(n uint64) string { return fmt.Sprint(n * (n + 1) / 2) }},
}

// change is change n, numbered from 1. It is durable when it returns.
func (m *mix) change(n uint64) error {
	k := uint64(len(things))
	return things[(n-1)%k].change(m, (n-1)/k+1)
}

// check says what is wrong after so many acknowledged changes.
func (m *mix) check(acked uint64) error {
	k := uint64(len(things))
	for i, t := range things {
		got, err := t.state(m)
		if err != nil {
			return fmt.Errorf("%s: %w", t.name, err)
		}
		// Changes come in turn: change j of thing i has number (j-1)*k+i+1.
		n := (acked + k - 1 - uint64(i)) / k
		if got == t.model(n) || acked%k == uint64(i) && got == t.model(n+1) {
			continue
		}
		return fmt.Errorf("%s: it is %s after %d changes, should be %s", t.name, got, n, t.model(n))
	}
	return m.list.Check()
}

func (n *note) fill(v uint64) {
	n.Number = v
	for i := range n.Pad {
		n.Pad[i] = v
	}
}

func noteOf(p libpmemobj.Ptr[note]) (uint64, error) {
	if p.IsNull() {
		return 0, nil
	}
	n, err := p.TryGet()
	if err != nil {
		return 0, err
	}
	return same(append(n.Pad[:], n.Number))
}

// same is what all words are.
func same(words []uint64) (uint64, error) {
	for _, w := range words {
		if w != words[0] {
			return 0, fmt.Errorf("not the same: %v", words)
		}
	}
	return words[0], nil
}

func both(words []uint64, p libpmemobj.Ptr[note]) (string, error) {
	a, err1 := same(words)
	b, err2 := noteOf(p)
	return fmt.Sprint(a, " ", b), errors.Join(err1, err2)
}

func (m *mix) transact(n uint64) error {
	err := m.pool.Update(func(tx *libpmemobj.Tx) error {
		if err := tx.Snapshot(libpmemobj.RangeOf(&m.root.Tx), libpmemobj.RangeOf(&m.root.Note)); err != nil {
			return err
		}
		v := m.root.Tx[0] + 1
		for i := range m.root.Tx {
			m.root.Tx[i] = v
		}
		if !m.root.Note.IsNull() {
			if err := tx.Free(m.root.Note.OID()); err != nil {
				return err
			}
		}
		next, err := libpmemobj.New[note](tx)
		if err != nil {
			return err
		}
		next.Get().fill(v)
		m.root.Note = next
		if n%4 == 0 {
			return errBack
		}
		return nil
	})
	if n%4 == 0 && errors.Is(err, errBack) {
		return nil
	}
	return err
}

func (m *mix) transacted() (string, error) { return both(m.root.Tx[:], m.root.Note) }

func (m *mix) publish(n uint64) error {
	return m.pool.Publish(func(a *libpmemobj.Actions) error {
		p, v, err := libpmemobj.Reserve[note](a)
		if err != nil {
			return err
		}
		v.fill(n)
		if !m.root.Item.IsNull() {
			a.Free(m.root.Item.OID())
		}
		libpmemobj.StorePtr(a, &m.root.Item, p)
		for i := range m.root.Published {
			libpmemobj.Store(a, &m.root.Published[i], n)
		}
		return nil
	})
}

func (m *mix) published() (string, error) { return both(m.root.Published[:], m.root.Item) }

func (m *mix) allocate(n uint64) error {
	at := &m.root.Atomic[n%5]
	if !at.IsNull() {
		return m.pool.Free(at.Ref())
	}
	_, err := libpmemobj.Construct(m.pool, at, func(v *note) error {
		v.fill(n)
		return nil
	})
	return err
}

func (m *mix) allocated() (string, error) {
	var all [5]uint64
	for i, p := range m.root.Atomic {
		var err error
		if all[i], err = noteOf(p); err != nil {
			return "", err
		}
	}
	return fmt.Sprint(all), nil
}

func (m *mix) enlist(n uint64) error {
	switch n % 4 {
	case 3:
		return m.list.RemoveFree(m.list.First())
	case 0:
		return m.list.MoveToTail(m.list.First(), m.list)
	}
	_, err := m.list.InsertNewTail(func(l *listed) error {
		l.Number = n
		return nil
	})
	return err
}

func (m *mix) enlisted() (string, error) {
	var l []uint64
	for e := range m.list.All() {
		l = append(l, e.Get().Number)
	}
	return fmt.Sprint(l), nil
}

func (m *mix) put(n uint64) error {
	key := fmt.Append(nil, n*n%11)
	if n%3 == 0 {
		_, err := m.m.Delete(key)
		return err
	}
	return m.m.Put(key, bytes.Repeat(fmt.Append(nil, n, " "), int(1+n%40)))
}

func (m *mix) mapped() (string, error) {
	keys := map[uint64]uint64{}
	for k, v := range m.m.All() {
		var key, value uint64
		if _, err := fmt.Sscan(string(k), &key); err != nil {
			return "", err
		}
		if _, err := fmt.Sscan(string(v), &value); err != nil {
			return "", err
		}
		if !bytes.Equal(v, bytes.Repeat(fmt.Append(nil, value, " "), int(1+value%40))) {
			return "", fmt.Errorf("key %d has %q", key, v)
		}
		keys[key] = value
	}
	return fmt.Sprint(keys), nil
}

func (m *mix) append(n uint64) error {
	switch n % 5 {
	case 0:
		return m.v.Truncate(m.v.Len() - 2)
	case 4:
		return m.v.Set(0, n)
	}
	_, err := m.v.AppendN(3, n)
	return err
}

func (m *mix) appended() (string, error) {
	v := make([]uint64, 0, m.v.Len())
	for _, x := range m.v.All() {
		v = append(v, x)
	}
	return fmt.Sprint(v), nil
}

func (m *mix) log3(n uint64) error {
	_, next := m.log.Bounds()
	if n%6 == 0 { // in one transaction
		return m.pool.Update(func(tx *libpmemobj.Tx) error {
			if _, err := m.log.In(tx).Append(record3(next)); err != nil {
				return err
			}
			return m.log.In(tx).TruncateFront(next - 2)
		})
	}
	_, err := m.log.Append(record3(next))
	return err
}

func record3(n uint64) []byte { return bytes.Repeat([]byte{byte(n)}, int(n*37%700)) }

func (m *mix) logged() (string, error) {
	s := ""
	for r, err := range m.log.From(0) {
		if err != nil {
			return "", err
		}
		if !slices.Equal(r.Data, record3(r.Seq)) {
			return "", fmt.Errorf("record %d has %d bytes", r.Seq, len(r.Data))
		}
		s += fmt.Sprint(r.Seq, " ")
	}
	return s, nil
}
