package libpmemobj

import (
	"fmt"
	"hash/fnv"
	"math"
	"reflect"
	"sync"
	"sync/atomic"
)

// PmemTyper is implemented by types that choose their own type number, to
// keep it over a renaming or to share objects with C programs. Numbers are the
// program's own, except 0, which means "no type".
type PmemTyper interface {
	PmemType() uint64
}

// TypeError says that a Go type cannot live in a pool.
type TypeError struct {
	Type   reflect.Type
	Field  string // the path of the offending field, for example "Node.Meta.Name"
	Reason string
}

// Error names the field and the reason.
func (e *TypeError) Error() string {
	return fmt.Sprintf("type %v cannot live in a pool: %s %s", e.Type, e.Field, e.Reason)
}

// TypeNum is the type number of T's objects: what its PmemType method
// returns, or else a hash of its package path and name, which is the same in
// every program. A type that moves or is renamed without a PmemType method
// gets another number. Types of one name in different functions of a package
// share one, and a struct that embeds a type has its PmemType method.
//
// TypeNum panics with a *TypeError if T cannot live in a pool.
func TypeNum[T any]() uint64 {
	info, err := typeInfoOf[T]()
	if err != nil {
		panic(err)
	}
	return info.num
}

type typeInfo struct {
	typ  reflect.Type
	num  uint64
	size uint64

	sliceNum uint64 // of arrays; see SliceType
}

var (
	typeInfos sync.Map // reflect.Type → *typeInfo, of proven types

	// recentTypes answers most questions in a fifth of the map's time.
	recentTypes [256]atomic.Pointer[typeInfo]
)

// typeInfoOf proves, once for each type, that T holds nothing but data.
func typeInfoOf[T any]() (*typeInfo, error) {
	// Unlike reflect.TypeFor, this makes no T, which may be large.
	t := reflect.TypeOf((*T)(nil)).Elem()
	addr := reflect.ValueOf(t).Pointer()
	recent := &recentTypes[(addr>>5^addr>>13)%uintptr(len(recentTypes))]
	if info := recent.Load(); info != nil && info.typ == t {
		return info, nil
	}
	info, err := proven(t)
	if err == nil {
		recent.Store(info)
	}
	return info, err
}

func proven(t reflect.Type) (*typeInfo, error) {
	if info, ok := typeInfos.Load(t); ok {
		return info.(*typeInfo), nil
	}
	if t.Size() > MaxAlloc {
		return nil, &TypeError{t, t.String(), fmt.Sprintf("has %d bytes; an object has at most %d", t.Size(), MaxAlloc)}
	}
	if err := prove(t, t, t.String(), map[reflect.Type]bool{}); err != nil {
		return nil, err
	}
	if t.Size() == 0 {
		return nil, &TypeError{t, t.String(), "has size 0: there is nothing to store"}
	}
	num, err := typeNumOf(t)
	if err != nil {
		return nil, err
	}
	info := &typeInfo{typ: t, num: num, size: uint64(t.Size()), sliceNum: sliceTypeOf(num)}
	typeInfos.Store(t, info)
	return info, nil
}

func typeNumOf(t reflect.Type) (uint64, error) {
	if reflect.PointerTo(t).Implements(typerType) {
		num := reflect.New(t).Interface().(PmemTyper).PmemType()
		if num == 0 {
			return 0, &TypeError{t, t.String(), "has a PmemType method that returns 0, which means no type"}
		}
		return num, nil
	}
	h := fnv.New64a()
	if t.PkgPath() != "" {
		fmt.Fprintf(h, "%s.%s", t.PkgPath(), t.Name())
	} else {
		fmt.Fprint(h, t.String())
	}
	// libpmemobj keeps the largest number for the root object.
	if num := h.Sum64(); num != 0 && num != math.MaxUint64 {
		return num, nil
	}
	return 1, nil
}

// pointer is implemented by Ptr, Off and Slice, and by structs that embed one.
type pointer interface {
	pmemTarget() (self, target reflect.Type)
}

var (
	pointerType = reflect.TypeFor[pointer]()
	typerType   = reflect.TypeFor[PmemTyper]()
)

// prove walks t. A persistent pointer leads on to the type it points at,
// whose objects will be reached through it.
func prove(root, t reflect.Type, path string, seen map[reflect.Type]bool) error {
	if seen[t] {
		return nil
	}
	seen[t] = true
	if t.Implements(pointerType) && t.Size() <= reflect.TypeFor[Slice[byte]]().Size() {
		if self, target := reflect.Zero(t).Interface().(pointer).pmemTarget(); self == t {
			return prove(root, target, target.String(), seen)
		}
	}
	switch t.Kind() {
	case reflect.Bool, reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64,
		reflect.Float32, reflect.Float64, reflect.Complex64, reflect.Complex128:
		return nil
	case reflect.Array:
		return prove(root, t.Elem(), path+"[]", seen)
	case reflect.Struct:
		for i := range t.NumField() {
			f := t.Field(i)
			if err := prove(root, f.Type, path+"."+f.Name, seen); err != nil {
				return err
			}
		}
		return nil
	}
	return &TypeError{root, path, fmt.Sprintf("is a %s, which means nothing after a restart; %s", t.Kind(), remedy(t.Kind()))}
}

func remedy(k reflect.Kind) string {
	switch k {
	case reflect.Pointer:
		return "use libpmemobj.Ptr or Off"
	case reflect.String:
		return "use libpmemobj.String"
	case reflect.Slice:
		return "use libpmemobj.Slice or Bytes"
	case reflect.Uintptr, reflect.UnsafePointer:
		return "addresses change with every open; use libpmemobj.Ptr or Off"
	}
	return "keep it outside the pool"
}
