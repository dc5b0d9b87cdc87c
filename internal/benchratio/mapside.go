package main

import (
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/pmem/pmdk-go/libpmemobj"
)

// mapSide is a map in a pool of its own.
type mapSide struct {
	dir  string
	pool *libpmemobj.Pool
	open func(*libpmemobj.Pool) (goMap, error)
	goMap
}

func (b *mapBench) newSide(size int64) (*mapSide, error) {
	dir, err := os.MkdirTemp(b.dir, b.name+"-")
	if err != nil {
		return nil, err
	}
	s := &mapSide{dir: dir, open: b.open}
	s.pool, err = libpmemobj.Create(s.path(), "benchratio", libpmemobj.WithSize(size), libpmemobj.WithDurability(libpmemobj.DurabilityProcessCrash))
	if err == nil {
		err = s.pool.SetStatsMode(libpmemobj.StatsBoth)
	}
	if err == nil {
		s.goMap, err = s.open(s.pool)
	}
	if err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func (s *mapSide) path() string { return filepath.Join(s.dir, "pool") }

func (s *mapSide) reopen() (took time.Duration, err error) {
	if err := s.pool.Close(); err != nil {
		return 0, err
	}
	runtime.GC()
	start := time.Now()
	if s.pool, err = libpmemobj.Open(s.path(), "benchratio", libpmemobj.WithDurability(libpmemobj.DurabilityProcessCrash)); err != nil {
		return 0, err
	}
	s.goMap, err = s.open(s.pool)
	return time.Since(start), err
}

// Used is what is allocated in the pool.
func (s *mapSide) Used() (uint64, error) {
	st, err := s.pool.Stats()
	return uint64(st.Allocated), err
}

// Close closes the pool and removes it.
func (s *mapSide) Close() error {
	var err error
	if s.pool != nil {
		err = s.pool.Close()
	}
	if removed := os.RemoveAll(s.dir); err == nil {
		err = removed
	}
	return err
}
