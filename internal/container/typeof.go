package container

import (
	"encoding/binary"
	"hash/fnv"
	"reflect"

	"github.com/pmem/pmdk-go/libpmemobj"
)

// Element is what a container knows about the type of its elements, keys or
// values.
type Element struct {
	Text string // the type's name in Go
	Size uint64 // in bytes
	Num  uint64 // its type number
}

// ElementOf describes T, or says why it cannot live in a pool, by a
// *libpmemobj.TypeError.
func ElementOf[T any]() (e Element, err error) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case *libpmemobj.TypeError:
			err = r
		default:
			panic(r)
		}
	}()
	t := reflect.TypeFor[T]()
	return Element{t.String(), uint64(t.Size()), libpmemobj.TypeNum[T]()}, nil
}

// Param is a hash of the elements' type numbers and sizes, for the directory.
func Param(elements ...Element) uint64 {
	h := fnv.New64a()
	for _, e := range elements {
		var b [16]byte
		binary.LittleEndian.PutUint64(b[:], e.Num)
		binary.LittleEndian.PutUint64(b[8:], e.Size)
		_, _ = h.Write(b[:])
	}
	return h.Sum64()
}
