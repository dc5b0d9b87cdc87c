package main

import (
	"unsafe"

	"github.com/pmem/pmdk-go/internal/cmap"
	"github.com/pmem/pmdk-go/libpmemobj"
	"github.com/pmem/pmdk-go/libpmemobj/radix"
)

type radixLoops struct {
	m *radix.Map
}

func openRadix(p *libpmemobj.Pool) (goMap, error) {
	m, err := radix.Open(p, "map")
	return radixLoops{m}, err
}

func bytesOf(v *cmap.Value) []byte { return (*[unsafe.Sizeof(*v)]byte)(unsafe.Pointer(v))[:] }

func (s radixLoops) Put(first, count int) error {
	var key [8]byte
	for i := first; i < first+count; i++ {
		k := cmap.Key(i)
		v := cmap.ValueOf(k)
		if err := s.m.Put(radix.AppendUint64(key[:0], k), bytesOf(&v)); err != nil {
			return err
		}
	}
	return nil
}

func (s radixLoops) Get(o cmap.Order, first, count int) (sum uint64, err error) {
	var key [8]byte
	var v cmap.Value
	for i := first; i < first+count; i++ {
		_, found, err := s.m.AppendGet(bytesOf(&v)[:0], radix.AppendUint64(key[:0], cmap.Key(o.At(i))))
		if err != nil || !found {
			return 0, cmap.Missing(o.At(i), err)
		}
		sum += v.Sum()
	}
	return sum, nil
}

func (s radixLoops) Delete(o cmap.Order, first, count int) error {
	var key [8]byte
	for i := first; i < first+count; i++ {
		if found, err := s.m.Delete(radix.AppendUint64(key[:0], cmap.Key(o.At(i)))); err != nil || !found {
			return cmap.Missing(o.At(i), err)
		}
	}
	return nil
}
