package libpmemobj_test

import (
	"math"
	"runtime"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/testpool"
	. "github.com/pmem/pmdk-go/libpmemobj"
)

type pair[A, B any] struct {
	First  A
	Second B
}

type tree struct {
	Left, Right Off[tree]
	Parent      Ptr[tree]
	Payload     Ptr[pair[uint64, [4]node]]
	Flags       [3]bool
	_           [5]byte
	Weight      float32
	Phase       complex64
	Signed      int16
}

type named uint64

type pinned struct{ A uint64 }

func (*pinned) PmemType() uint64 { return 4711 }

type pinnedValue struct{ A uint64 }

func (pinnedValue) PmemType() uint64 { return 4712 }

type pinnedZero struct{ A uint64 }

func (pinnedZero) PmemType() uint64 { return 0 }

// Ensure that type numbers are what they always were: pools hold them. The
// values were computed with another program's FNV-1a.
func TestTypeNum(t *testing.T) {
	cases := []struct {
		name string
		got  uint64
		want uint64
	}{
		{"struct", TypeNum[node](), 0x4c183cfdff197502},
		{"generic", TypeNum[pair[uint64, node]](), 0x58cce320289ac4bf},
		{"defined word", TypeNum[named](), 0xc5c9eaaa57a0fb83},
		{"predeclared", TypeNum[uint64](), 0x54d746c609966d93},
		{"pointer", TypeNum[Ptr[node]](), 0xf6abf9b9af6d21c2},
		{"method", TypeNum[pinned](), 4711},
		{"method of the value", TypeNum[pinnedValue](), 4712},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) { require.Equal(t, c.want, c.got, "%#x", c.got) })
	}
	require.Equal(t, TypeNum[tree](), TypeNum[tree]())
	require.NotEqual(t, TypeNum[pair[uint64, node]](), TypeNum[pair[node, uint64]]())
}

// Ensure that objects carry their type's number.
func TestTypeNumOfObjects(t *testing.T) {
	p := testpool.New(t)
	require.NoError(t, p.Update(func(tx *Tx) error {
		_, err := New[pinned](tx)
		return err
	}))
	oid := objectsIn(p)[0]
	num, err := p.TypeNum(oid)
	require.NoError(t, err)
	require.EqualValues(t, 4711, num)
}

type (
	withString    struct{ A, B, Name string }
	withMap       struct{ M map[string]int }
	withSlice     struct{ S []byte }
	withPointer   struct{ P *node }
	withFunc      struct{ F func() }
	withChan      struct{ C chan int }
	withInterface struct{ I any }
	withError     struct{ Err error }
	withUintptr   struct{ Addr uintptr }
	withUnsafe    struct{ P unsafe.Pointer }
	withDeep      struct {
		Ok   uint64
		Meta struct {
			Tags [4][2]struct{ Text string }
		}
	}
	withPtr      struct{ Next Ptr[withString] }
	withOff      struct{ Next Off[withMap] }
	withPtrArray struct {
		Slots [8]Ptr[pair[uint64, withSlice]]
	}
	withCycle struct {
		Self  Ptr[withCycle]
		Other Off[withCycleBack]
	}
	withCycleBack struct {
		Back Ptr[withCycle]
		Bad  func()
	}
	withGeneric struct {
		P pair[uint32, pair[bool, *int]]
	}
	withEmbedded struct {
		node
		withSlice
	}
	withEmbeddedPtr struct {
		Ptr[node]
		Name string
	}
	withEmbeddedOff struct {
		Name string
		Off[node]
	}
	withBlank struct{ _ string }
)

// Ensure that a type that cannot live in a pool is refused with the path of
// the field, wherever that is, and by every function that takes a type.
func TestTypeErrorField(t *testing.T) {
	p := testpool.New(t)
	cases := []struct {
		name  string
		err   error
		field string
		kind  string
	}{
		{"string", rootError[withString](p), "libpmemobj_test.withString.A", "is a string"},
		{"map", rootError[withMap](p), "libpmemobj_test.withMap.M", "is a map"},
		{"slice", rootError[withSlice](p), "libpmemobj_test.withSlice.S", "is a slice"},
		{"pointer", rootError[withPointer](p), "libpmemobj_test.withPointer.P", "is a ptr"},
		{"func", rootError[withFunc](p), "libpmemobj_test.withFunc.F", "is a func"},
		{"chan", rootError[withChan](p), "libpmemobj_test.withChan.C", "is a chan"},
		{"interface", rootError[withInterface](p), "libpmemobj_test.withInterface.I", "is a interface"},
		{"error", rootError[withError](p), "libpmemobj_test.withError.Err", "is a interface"},
		{"uintptr", rootError[withUintptr](p), "libpmemobj_test.withUintptr.Addr", "is a uintptr"},
		{"unsafe.Pointer", rootError[withUnsafe](p), "libpmemobj_test.withUnsafe.P", "is a unsafe.Pointer"},
		{"in arrays and structs", rootError[withDeep](p), "libpmemobj_test.withDeep.Meta.Tags[][].Text", "is a string"},
		{"behind a Ptr", rootError[withPtr](p), "libpmemobj_test.withString.A", "is a string"},
		{"behind an Off", rootError[withOff](p), "libpmemobj_test.withMap.M", "is a map"},
		{"behind an array of Ptr to a generic", rootError[withPtrArray](p), "Second.S", "is a slice"},
		{"in a cycle of types", rootError[withCycle](p), "libpmemobj_test.withCycleBack.Bad", "is a func"},
		{"in a generic", rootError[withGeneric](p), "libpmemobj_test.withGeneric.P.Second.Second", "is a ptr"},
		{"embedded", rootError[withEmbedded](p), "libpmemobj_test.withEmbedded.withSlice.S", "is a slice"},
		{"beside an embedded Ptr", rootError[withEmbeddedPtr](p), "libpmemobj_test.withEmbeddedPtr.Name", "is a string"},
		{"beside an embedded Off", rootError[withEmbeddedOff](p), "libpmemobj_test.withEmbeddedOff.Name", "is a string"},
		{"without a name", rootError[withBlank](p), "libpmemobj_test.withBlank._", "is a string"},
		{"the type itself", rootError[string](p), "string", "is a string"},
		{"an array", rootError[[3]*node](p), "[3]*libpmemobj_test.node[]", "is a ptr"},
		{"empty struct", rootError[struct{}](p), "struct {}", "has size 0"},
		{"empty array", rootError[[0]node](p), "[0]libpmemobj_test.node", "has size 0"},
		{"too large", rootError[[MaxAlloc + 1]byte](p), "[17179738049]uint8", "at most 17179738048"},
		{"PmemType of 0", rootError[pinnedZero](p), "libpmemobj_test.pinnedZero", "returns 0"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var typeErr *TypeError
			require.ErrorAs(t, c.err, &typeErr)
			require.Contains(t, typeErr.Field, c.field)
			require.ErrorContains(t, c.err, c.field)
			require.ErrorContains(t, c.err, c.kind)
			require.ErrorContains(t, c.err, typeErr.Type.String())
		})
	}
	size, err := p.RootSize()
	require.NoError(t, err)
	require.Zero(t, size, "a root was made for a type that was refused")
}

func rootError[T any](p *Pool) error {
	_, err := Root[T](p)
	return err
}

func TestTypeErrorEverywhere(t *testing.T) {
	p := testpool.New(t)
	var typeErr *TypeError
	require.NoError(t, p.Update(func(tx *Tx) error {
		_, err := New[withString](tx)
		require.ErrorAs(t, err, &typeErr)
		_, err = NewZeroed[withString](tx)
		require.ErrorAs(t, err, &typeErr)
		_, err = NewArray[withString](tx, 2)
		require.ErrorAs(t, err, &typeErr)
		return nil
	}))
	require.NoError(t, p.Publish(func(a *Actions) error {
		_, _, err := Reserve[withString](a)
		require.ErrorAs(t, err, &typeErr)
		_, _, err = ReserveArray[withString](a, 2)
		require.ErrorAs(t, err, &typeErr)
		return nil
	}))
	require.ErrorAs(t, errorPanicOf(t, func() { TypeNum[withString]() }), &typeErr)
	require.ErrorAs(t, errorPanicOf(t, func() { ObjectsOf[withString](p) }), &typeErr)
	require.Empty(t, objectsIn(p))
}

// Ensure that types of plain data and persistent pointers are accepted.
func TestTypeAccepted(t *testing.T) {
	p := testpool.New(t)
	for _, err := range []error{
		typeAccepted[tree](p), typeAccepted[node](p), typeAccepted[named](p), typeAccepted[bool](p),
		typeAccepted[pair[Ptr[tree], Off[tree]]](p), typeAccepted[[3][2]Ptr[tree]](p), typeAccepted[OID](p),
		typeAccepted[struct {
			node
			Extra int8
		}](p),
	} {
		require.NoError(t, err)
	}
	require.Len(t, objectsIn(p), 8)
}

func typeAccepted[T any](p *Pool) error {
	return p.Update(func(tx *Tx) error {
		_, err := New[T](tx)
		return err
	})
}

// Ensure that any number can be an object's type, the root's and C's internal
// ones included.
func TestTypeNumExtremes(t *testing.T) {
	p := testpool.New(t)
	rootOf(t, p)
	for _, num := range []uint64{0, 1, math.MaxUint64 - 1, math.MaxUint64} {
		oid := oneObject(t, p, 64, num)
		got, err := p.TypeNum(oid)
		require.NoError(t, err)
		require.Equal(t, num, got)
	}
	require.Len(t, objectsIn(p), 4)
}

// Ensure that looking at a large type does not make a value of it.
func TestTypeProofAllocatesLittle(t *testing.T) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	TypeNum[pair[[64 << 20]byte, bool]]()
	TypeNum[[64 << 20]uint16]()
	runtime.ReadMemStats(&after)
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(1<<20))
}
