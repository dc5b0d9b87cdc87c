package main

import (
	"github.com/pmem/pmdk-go/internal/cmap"
	"github.com/pmem/pmdk-go/libpmemobj"
	"github.com/pmem/pmdk-go/libpmemobj/hashmap"
)

type hashmapLoops struct {
	m *hashmap.Map[uint64, cmap.Value]
}

func openHashmap(p *libpmemobj.Pool) (goMap, error) {
	m, err := hashmap.Open[uint64, cmap.Value](p, "map")
	return hashmapLoops{m}, err
}

func (s hashmapLoops) Put(first, count int) error {
	for i := first; i < first+count; i++ {
		k := cmap.Key(i)
		if err := s.m.Put(k, cmap.ValueOf(k)); err != nil {
			return err
		}
	}
	return nil
}

func (s hashmapLoops) Get(o cmap.Order, first, count int) (sum uint64, err error) {
	for i := first; i < first+count; i++ {
		v, found, err := s.m.Get(cmap.Key(o.At(i)))
		if err != nil || !found {
			return 0, cmap.Missing(o.At(i), err)
		}
		sum += v.Sum()
	}
	return sum, nil
}

func (s hashmapLoops) Delete(o cmap.Order, first, count int) error {
	for i := first; i < first+count; i++ {
		if found, err := s.m.Delete(cmap.Key(o.At(i))); err != nil || !found {
			return cmap.Missing(o.At(i), err)
		}
	}
	return nil
}
