package libpmemobj_test

import (
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/testpool"
	. "github.com/pmem/pmdk-go/libpmemobj"
)

// Ensure that pointers have the sizes that C and persistent structs count on.
func TestPointerSizes(t *testing.T) {
	require.EqualValues(t, 16, unsafe.Sizeof(OID{}))
	require.EqualValues(t, 16, unsafe.Sizeof(Ptr[node]{}))
	require.EqualValues(t, 8, unsafe.Sizeof(Off[node]{}))
	require.Zero(t, unsafe.Offsetof(OID{}.Pool), "PMEMoid begins with the pool")
}

func TestPtr(t *testing.T) {
	p := testpool.New(t)
	n := oneNode(t, p, 7)
	require.False(t, n.IsNull())
	require.Equal(t, p.UUID(), n.OID().Pool)
	require.EqualValues(t, 7, n.Get().Value)
	require.Equal(t, n, PtrOf[node](n.OID()))
	require.Equal(t, n.OID(), *n.Ref())
	require.EqualValues(t, unsafe.Sizeof(node{}), n.Range().Len())
	addr, err := n.TryGet()
	require.NoError(t, err)
	require.Same(t, n.Get(), addr)

	o := OffOf(n)
	require.False(t, o.IsNull())
	require.Equal(t, n, o.Ptr(p))
	require.Same(t, n.Get(), o.Get(p))
}

func TestPtrNull(t *testing.T) {
	p := testpool.New(t)
	var n Ptr[node]
	var o Off[node]
	require.True(t, n.IsNull())
	require.True(t, n.OID().IsNull())
	require.True(t, o.IsNull())
	require.True(t, o.Ptr(p).IsNull())
	require.Equal(t, Ptr[node]{}, o.Ptr(p))
	require.True(t, OffOf(n).IsNull())
	require.Equal(t, "null", n.OID().String())
}

func TestOIDString(t *testing.T) {
	require.Equal(t, "00000000000000ff:0x1234", OID{Pool: 255, Off: 0x1234}.String())
	require.Equal(t, "null", OID{Pool: 255}.String())
}

// Ensure that a pointer that leads nowhere panics with an error that says
// why, through every way to follow it.
func TestPtrError(t *testing.T) {
	p := testpool.New(t)
	valid := oneNode(t, p, 1).OID()
	closed := testpool.New(t)
	kept := oneNode(t, closed, 1)
	require.NoError(t, closed.Close())
	cases := []struct {
		name string
		oid  OID
		null bool
		text string
	}{
		{"null", OID{}, true, "null persistent pointer"},
		{"null in a pool", OID{Pool: valid.Pool}, true, "null persistent pointer"},
		{"no pool", OID{Off: valid.Off}, false, "no pool with this UUID is open"},
		{"unknown pool", OID{Pool: valid.Pool + 1, Off: valid.Off}, false, "no pool with this UUID is open"},
		{"closed pool", kept.OID(), false, "no pool with this UUID is open"},
		{"in the pool's header", OID{Pool: valid.Pool, Off: 8}, false, "outside the pool's heap"},
		{"at the end", OID{Pool: valid.Pool, Off: testpool.Size}, false, "outside the pool's heap"},
		{"over the end", OID{Pool: valid.Pool, Off: testpool.Size - 8}, false, "outside the pool's heap"},
		{"far away", OID{Pool: valid.Pool, Off: 1 << 63}, false, "outside the pool's heap"},
		{"farthest", OID{Pool: valid.Pool, Off: ^uint64(0)}, false, "outside the pool's heap"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			n := PtrOf[node](c.oid)
			_, err := n.TryGet()
			for _, err := range []error{
				err,
				errorPanicOf(t, func() { n.Get() }),
				errorPanicOf(t, func() { n.Slice(1) }),
				errorPanicOf(t, func() { n.Range() }),
			} {
				var ptrErr *PtrError
				require.ErrorAs(t, err, &ptrErr)
				require.Equal(t, c.oid, ptrErr.OID)
				require.ErrorContains(t, err, c.text)
				require.Equal(t, c.null, isErr(err, ErrNull))
				if !c.null {
					require.ErrorContains(t, err, c.oid.String())
				}
			}
		})
	}
}

func TestOffError(t *testing.T) {
	p := testpool.New(t)
	kept := OffOf(oneNode(t, p, 1))
	var ptrErr *PtrError
	require.ErrorAs(t, errorPanicOf(t, func() { Off[node]{}.Get(p) }), &ptrErr)
	require.ErrorIs(t, ptrErr, ErrNull)
	far := OffOf(PtrOf[node](OID{Off: 1 << 50}))
	require.ErrorAs(t, errorPanicOf(t, func() { far.Get(p) }), &ptrErr)
	require.ErrorContains(t, ptrErr, "outside the pool's heap")
	require.NoError(t, p.Close())
	require.ErrorAs(t, errorPanicOf(t, func() { kept.Get(p) }), &ptrErr)
	require.ErrorContains(t, ptrErr, "no pool with this UUID is open")
}

// Ensure that a pointer to a type larger than the heap is found out.
func TestPtrGetTooLarge(t *testing.T) {
	p := testpool.New(t, WithSize(MinPool))
	n := oneNode(t, p, 1)
	var ptrErr *PtrError
	require.ErrorAs(t, errorPanicOf(t, func() { PtrOf[[2 * MinPool]byte](n.OID()).Get() }), &ptrErr)
	require.ErrorAs(t, errorPanicOf(t, func() { PtrOf[[MinPool]byte](n.OID()).Get() }), &ptrErr)
}

func TestPtrSlice(t *testing.T) {
	p := testpool.New(t)
	var a Ptr[node]
	require.NoError(t, p.Update(func(tx *Tx) (err error) {
		a, err = NewArray[node](tx, 10)
		return err
	}))
	s := a.Slice(10)
	require.Len(t, s, 10)
	require.Equal(t, 10, cap(s))
	require.Same(t, a.Get(), &s[0])
	require.Empty(t, a.Slice(0))
	for _, n := range []int{-1, testpool.Size, 1 << 40, 1 << 62} {
		var ptrErr *PtrError
		require.ErrorAs(t, errorPanicOf(t, func() { a.Slice(n) }), &ptrErr, "%d", n)
	}
}

func TestBytes(t *testing.T) {
	p := testpool.New(t)
	oid := oneObject(t, p, 100, 1)
	usable, err := p.UsableSize(oid)
	require.NoError(t, err)
	cases := []struct {
		name   string
		oid    OID
		off, n uint64
		is     error
	}{
		{"all", oid, 0, 100, nil},
		{"with the slack", oid, 0, usable, nil},
		{"the last byte", oid, usable - 1, 1, nil},
		{"nothing", oid, 0, 0, nil},
		{"behind the end", oid, usable, 1, ErrNotLive},
		{"over the end", oid, 1, usable, ErrNotLive},
		{"wraps", oid, ^uint64(0), 2, ErrNotLive},
		{"all there is", oid, 0, ^uint64(0), ErrNotLive},
		{"the header in front", OID{oid.Pool, oid.Off - 16}, 0, 8, ErrNotLive},
		{"null", OID{}, 0, 1, ErrNull},
		{"foreign", OID{oid.Pool + 1, oid.Off}, 0, 1, ErrForeignPool},
		{"wild", OID{oid.Pool, 1 << 50}, 0, 1, ErrNotLive},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			b, err := p.Bytes(c.oid, c.off, c.n)
			if c.is != nil {
				require.ErrorIs(t, err, c.is)
				require.Nil(t, b)
				return
			}
			require.NoError(t, err)
			require.Len(t, b, int(c.n))
			require.Equal(t, len(b), cap(b))
		})
	}
}
