package engine

import (
	"errors"
	"sync"

	"github.com/pmem/pmdk-go/libpmemobj"
	"github.com/pmem/pmdk-go/libpmemobj/journal"
)

const slots = 1 << 15

type slot struct {
	Key   uint64
	Value Value
}

type updateRoot struct{ Slots [slots]slot }

// update changes one object by Pool.Update, as a program does that has no need
// of a map: each key has a slot, which it may have to leave to another key.
type update struct {
	pool  *libpmemobj.Pool
	root  *updateRoot
	locks [1024]sync.Mutex
}

func openUpdate(c Config, opts ...libpmemobj.Option) (Engine, error) {
	p, err := openPool(c, opts...)
	if err != nil {
		return nil, err
	}
	root, err := libpmemobj.Root[updateRoot](p)
	if err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return &update{pool: p, root: root.Get()}, nil
}

func (u *update) Put(key uint64, value *Value) error {
	i := key % slots
	lock := &u.locks[i%uint64(len(u.locks))]
	lock.Lock()
	defer lock.Unlock()
	return u.pool.Update(func(tx *libpmemobj.Tx) error {
		*libpmemobj.MutAt(tx, &u.root.Slots[i]) = slot{key, *value}
		return nil
	})
}

// get finds a key that no other one has driven from its slot, so that update is
// not a Reader.
func (u *update) get(key uint64) (Value, bool, error) {
	i := key % slots
	lock := &u.locks[i%uint64(len(u.locks))]
	lock.Lock()
	defer lock.Unlock()
	s := u.root.Slots[i]
	return s.Value, s.Key == key, nil
}

func (u *update) Close() error { return u.pool.Close() }

func openMsyncUpdate(c Config) (Engine, error) {
	return openUpdate(c, libpmemobj.WithDurability(libpmemobj.DurabilityMsync))
}

func openJournalUpdate(c Config) (Engine, error) {
	return openUpdate(c, journal.With(journal.Options{}))
}
