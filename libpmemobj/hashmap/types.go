package hashmap

import (
	"fmt"
	"hash/fnv"
	"reflect"
	"strings"

	"github.com/pmem/pmdk-go/libpmemobj"
)

// fixedTypes checks that K and V can be a map's types, and returns what they
// look like in memory.
func fixedTypes[K comparable, V any]() (keySize, valueSize int, shape string, err error) {
	k, v := reflect.TypeFor[K](), reflect.TypeFor[V]()
	if err := provenKey(k, k.String(), k); err != nil {
		return 0, 0, "", err
	}
	if err := proven[K](); err != nil {
		return 0, 0, "", err
	}
	if v.Size() > 0 {
		if err := proven[V](); err != nil {
			return 0, 0, "", err
		}
	}
	var b strings.Builder
	describe(&b, k)
	b.WriteByte(':')
	describe(&b, v)
	return int(k.Size()), int(v.Size()), b.String(), nil
}

// proven is nil if T can live in a pool.
func proven[T any]() (err error) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case *libpmemobj.TypeError:
			err = r
		default:
			panic(r)
		}
	}()
	libpmemobj.TypeNum[T]()
	return nil
}

// provenKey refuses types whose values are not equal just when their bytes are.
func provenKey(root reflect.Type, path string, t reflect.Type) error {
	refuse := func(reason string) error {
		return &libpmemobj.TypeError{Type: root, Field: path, Reason: reason + ", so that equal keys could have different bytes"}
	}
	switch t.Kind() {
	case reflect.Float32, reflect.Float64, reflect.Complex64, reflect.Complex128:
		return refuse("is a floating-point number")
	case reflect.Array:
		return provenKey(root, path+"[]", t.Elem())
	case reflect.Struct:
		size := uintptr(0)
		for i := range t.NumField() {
			f := t.Field(i)
			if f.Name == "_" {
				return refuse("has a blank field")
			}
			if err := provenKey(root, path+"."+f.Name, f.Type); err != nil {
				return err
			}
			size += f.Type.Size()
		}
		if size != t.Size() {
			return refuse("has gaps between its fields")
		}
	}
	return nil
}

// describe writes the layout of a type, which stays the same when it or its
// fields get other names.
func describe(b *strings.Builder, t reflect.Type) {
	switch t.Kind() {
	case reflect.Array:
		fmt.Fprintf(b, "[%d]", t.Len())
		describe(b, t.Elem())
	case reflect.Struct:
		b.WriteByte('{')
		for i := range t.NumField() {
			fmt.Fprintf(b, "%d ", t.Field(i).Offset)
			describe(b, t.Field(i).Type)
			b.WriteByte(';')
		}
		fmt.Fprintf(b, "%d}", t.Size())
	default:
		b.WriteString(t.Kind().String())
	}
}

func shapeHash(shape string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(shape))
	return h.Sum64()
}
