package journal_test

import (
	"encoding/binary"
	"fmt"

	"github.com/pmem/pmdk-go/libpmemobj"
	"github.com/pmem/pmdk-go/libpmemobj/hashmap"
)

const (
	layout  = "journal-test"
	writers = 4
	keys    = 300
)

// account is what a writer changes in transactions. All of it follows from Done.
type account struct {
	Done  uint64
	Cells [8]int64 // the sum is 0
	Last  libpmemobj.Ptr[note]
	Row   [40]uint64 // all equal Done
}

// note is an object that is replaced by each change.
type note struct {
	Number uint64
	Pad    [20]uint64 // all equal Number
}

// book is the root.
type book struct {
	Accounts [writers]account
}

// work is a pool with what the writers change: each its account, in
// transactions and publications, and its keys in a map that all share.
type work struct {
	pool *libpmemobj.Pool
	root *book
	m    *hashmap.Bytes
}

func openWork(p *libpmemobj.Pool) (*work, error) {
	m, err := hashmap.OpenBytes(p, "keys")
	if err != nil {
		return nil, err
	}
	holder, err := hashmap.Open[uint64, libpmemobj.Off[book]](p, "book")
	if err != nil {
		return nil, err
	}
	off, found, err := holder.Get(0)
	if err != nil {
		return nil, err
	}
	if !found {
		err := p.Update(func(tx *libpmemobj.Tx) error {
			b, err := libpmemobj.NewZeroed[book](tx)
			if err != nil {
				return err
			}
			off = libpmemobj.OffOf(b)
			return holder.In(tx).Put(0, off)
		})
		if err != nil {
			return nil, err
		}
	}
	return &work{p, off.Get(p), m}, nil
}

// change is change n of a writer, numbered from 1. It is durable when it
// returns.
func (w *work) change(writer int, n uint64) error {
	a := &w.root.Accounts[writer]
	if err := w.m.Put(key(writer, n), value(n)); err != nil {
		return err
	}
	return w.pool.Update(func(tx *libpmemobj.Tx) error {
		if err := tx.Snapshot(libpmemobj.RangeOf(a)); err != nil {
			return err
		}
		if !a.Last.IsNull() {
			if err := tx.Free(a.Last.OID()); err != nil {
				return err
			}
		}
		next, err := libpmemobj.New[note](tx)
		if err != nil {
			return err
		}
		v := next.Get()
		v.Number = n
		for i := range v.Pad {
			v.Pad[i] = n
		}
		a.Last, a.Done = next, n
		a.Cells[n%8] += int64(n)
		a.Cells[(n+3)%8] -= int64(n)
		for i := range a.Row {
			a.Row[i] = n
		}
		return nil
	})
}

func key(writer int, n uint64) []byte { return fmt.Appendf(nil, "%d/%d", writer, n%keys) }
func value(n uint64) []byte {
	return binary.LittleEndian.AppendUint64(make([]byte, n%90), n)
}

// check says what is wrong after so many acknowledged changes of a writer, and
// how many there are.
func (w *work) check(writer int, acknowledged uint64) (done uint64, err error) {
	a := &w.root.Accounts[writer]
	if a.Done < acknowledged || a.Done > acknowledged+1 {
		return 0, fmt.Errorf("writer %d: change %d is the last, %d was acknowledged", writer, a.Done, acknowledged)
	}
	sum := int64(0)
	for _, c := range a.Cells {
		sum += c
	}
	if sum != 0 {
		return 0, fmt.Errorf("writer %d: the cells sum up to %d", writer, sum)
	}
	for _, r := range a.Row {
		if r != a.Done {
			return 0, fmt.Errorf("writer %d: a row of %d after change %d", writer, r, a.Done)
		}
	}
	if a.Done > 0 {
		v, err := a.Last.TryGet()
		if err != nil {
			return 0, err
		}
		for _, x := range append(v.Pad[:], v.Number) {
			if x != a.Done {
				return 0, fmt.Errorf("writer %d: the note is of change %d after %d", writer, x, a.Done)
			}
		}
	}
	return a.Done, w.checkKeys(writer, a.Done)
}

// checkKeys looks for the last value of each key; the one of the change after
// done may be there.
func (w *work) checkKeys(writer int, done uint64) error {
	first := uint64(1)
	if done > keys {
		first = done - keys + 1
	}
	for n := first; n <= done; n++ {
		v, found, err := w.m.Get(key(writer, n))
		if err != nil {
			return err
		}
		if !found {
			return fmt.Errorf("writer %d: key %s is missing after change %d", writer, key(writer, n), done)
		}
		got := binary.LittleEndian.Uint64(v[len(v)-8:])
		next := got == done+1 && got%keys == n%keys
		if got != n && !next || string(v) != string(value(got)) {
			return fmt.Errorf("writer %d: key %s has change %d after %d", writer, key(writer, n), got, done)
		}
	}
	return nil
}
