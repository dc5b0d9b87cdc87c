package engine

import (
	"errors"
	"os"
	"path/filepath"

	"github.com/pmem/pmdk-go/libpmemobj"
	"github.com/pmem/pmdk-go/libpmemobj/hashmap"
	"github.com/pmem/pmdk-go/libpmemobj/journal"
)

const layout = "benchmark"

func poolPath(c Config) string { return filepath.Join(c.Dir, "store.pool") }

func openPool(c Config, opts ...libpmemobj.Option) (*libpmemobj.Pool, error) {
	return libpmemobj.OpenOrCreate(poolPath(c), layout, append(opts, libpmemobj.WithSize(c.Size))...)
}

// pool keeps its values in a hashmap.Map.
type pool struct {
	pool *libpmemobj.Pool
	m    *hashmap.Map[uint64, Value]
}

func openMap(c Config, opts ...libpmemobj.Option) (Engine, error) {
	p, err := openPool(c, opts...)
	if err != nil {
		return nil, err
	}
	m, err := hashmap.Open[uint64, Value](p, "values")
	if err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return &pool{p, m}, nil
}

func (p *pool) Put(key uint64, value *Value) error { return p.m.Put(key, *value) }

func (p *pool) Get(key uint64) (Value, bool, error) { return p.m.Get(key) }

func (p *pool) Close() error { return p.pool.Close() }

func openMsync(c Config) (Engine, error) {
	return openMap(c, libpmemobj.WithDurability(libpmemobj.DurabilityMsync))
}

// openProcessCrash does not do what Engine promises: it shows what is left if
// nothing waits for the disk.
func openProcessCrash(c Config) (Engine, error) {
	return openMap(c, libpmemobj.WithDurability(libpmemobj.DurabilityProcessCrash))
}

func openJournal(c Config) (Engine, error) { return openMap(c, journal.With(journal.Options{})) }

// Checkpoints is how often the journal has brought a segment into the pool; 0
// without a journal.
func (p *pool) Checkpoints() int64 {
	s, err := journal.StatsOf(p.pool)
	if err != nil {
		return 0
	}
	return int64(s.Checkpoints)
}

// fillPool puts without waiting for the disk, and waits at the end. A pool is
// the same file however it is opened.
func fillPool(c Config, content Content) (err error) {
	e, err := openProcessCrash(c)
	if err != nil {
		return err
	}
	var v Value
	for _, key := range content.Keys {
		content.ValueOf(key, &v)
		if err := e.Put(key, &v); err != nil {
			return errors.Join(err, e.Close())
		}
	}
	if err := e.Close(); err != nil {
		return err
	}
	f, err := os.OpenFile(poolPath(c), os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
