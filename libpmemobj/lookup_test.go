package libpmemobj_test

import (
	"runtime"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/cgoutil"
	"github.com/pmem/pmdk-go/internal/cbaseline"
	"github.com/pmem/pmdk-go/internal/testchild"
	"github.com/pmem/pmdk-go/internal/testpool"
	. "github.com/pmem/pmdk-go/libpmemobj"
)

// baseOf is the address at which a pool is mapped.
func baseOf[T any](root Ptr[T]) uintptr {
	return uintptr(unsafe.Pointer(root.Get())) - uintptr(root.OID().Off)
}

// addressIn is the address of an offset in a pool.
func addressIn[T any](_ *Pool, root Ptr[T], off int) unsafe.Pointer {
	return unsafe.Add(unsafe.Pointer(root.Get()), off-int(root.OID().Off))
}

// Ensure that pools and pointers are found from OIDs and addresses, with the
// answers that C gives.
func TestLookup(t *testing.T) {
	var pools []*Pool
	for range 5 {
		pools = append(pools, testpool.New(t))
	}
	rnd := newRand(t)
	for _, p := range pools {
		root := rootOf(t, p)
		n := oneNode(t, p, 3)
		last := oneObject(t, p, 300_000, 1)
		for _, oid := range []OID{root.OID(), n.OID(), last, {p.UUID(), 8}, {p.UUID(), ^uint64(0)}} {
			found, err := PoolOf(oid)
			require.NoError(t, err)
			require.Same(t, p, found)
			require.Equal(t, baseOf(root), cbaseline.PoolByOID(cbaseline.OID(oid)))
		}
		field := &n.Get().Pad[3]
		ptr, err := PtrTo(field)
		require.NoError(t, err)
		require.Equal(t, OID{p.UUID(), n.OID().Off + uint64(unsafe.Offsetof(n.Get().Pad)) + 24}, ptr.OID())
		require.Same(t, field, ptr.Get())
		whole, err := PtrTo(n.Get())
		require.NoError(t, err)
		require.Equal(t, n, whole)
		oid := ptr.OID()
		require.ErrorIs(t, p.Free(&oid), ErrNotLive, "a field is no object")
		require.NoError(t, p.Update(func(tx *Tx) error { *ptr.Mut(tx) = 5; return nil }))
		require.EqualValues(t, 5, n.Get().Pad[3])

		offs := []int{0, 1, 4096, 8192, int(root.OID().Off), int(last.Off), testpool.Size - 1<<18}
		for range 200 {
			offs = append(offs, rnd.IntN(testpool.Size-1<<18))
		}
		for _, off := range offs {
			addr := (*byte)(addressIn(p, root, off))
			found, err := PoolAt(addr)
			require.NoError(t, err, "offset %#x", off)
			require.Same(t, p, found)
			require.Equal(t, baseOf(root), cbaseline.PoolByPtr(uintptr(unsafe.Pointer(addr))))
			ptr, err := PtrTo(addr)
			if err != nil {
				require.ErrorIs(t, err, ErrNotLive)
				require.ErrorContains(t, err, "not in the pool's heap")
				require.Less(t, off, 1<<22, "refused in the heap")
				continue
			}
			require.Equal(t, cbaseline.OIDOf(uintptr(unsafe.Pointer(addr))), cbaseline.OID(ptr.OID()))
		}
	}
}

// Ensure that what lies in no open pool is an error that says so, also after a
// pool is closed.
func TestLookupMisuse(t *testing.T) {
	p := testpool.New(t)
	root := rootOf(t, p)
	inside := root.Get()
	end := (*byte)(addressIn(p, root, testpool.Size))
	before := (*byte)(addressIn(p, root, -1))
	outside := new(rootData)
	var stack rootData
	for _, v := range []*rootData{outside, &stack} {
		_, err := PoolAt(v)
		require.ErrorIs(t, err, ErrForeignPool)
		require.ErrorContains(t, err, "lies in no open pool")
		_, err = PtrTo(v)
		require.ErrorIs(t, err, ErrForeignPool)
		require.Zero(t, cbaseline.PoolByPtr(uintptr(unsafe.Pointer(v))))
	}
	for _, v := range []*byte{before, end} {
		_, err := PoolAt(v)
		require.ErrorIs(t, err, ErrForeignPool)
		_, err = PtrTo(v)
		require.Error(t, err)
	}
	_, err := PtrTo((*[testpool.Size]byte)(unsafe.Pointer(inside)))
	require.ErrorIs(t, err, ErrNotLive, "it would reach beyond the heap")
	_, err = PoolAt[byte](nil)
	require.ErrorIs(t, err, ErrNull)
	_, err = PtrTo[byte](nil)
	require.ErrorIs(t, err, ErrNull)
	_, err = PoolOf(OID{})
	require.ErrorIs(t, err, ErrNull)
	_, err = PoolOf(OID{Pool: p.UUID()})
	require.ErrorIs(t, err, ErrNull)
	_, err = PoolOf(OID{Pool: 1, Off: 1})
	var ptrErr *PtrError
	require.ErrorAs(t, err, &ptrErr)
	require.ErrorContains(t, err, "no pool with this UUID is open")

	require.NoError(t, p.Close())
	_, err = PoolOf(root.OID())
	require.ErrorAs(t, err, &ptrErr)
	_, err = PoolAt(inside)
	require.ErrorIs(t, err, ErrForeignPool)
	_, err = PtrTo(inside)
	require.ErrorIs(t, err, ErrForeignPool)
}

func init() {
	testchild.Register("lost pool", func(args []string) error {
		lost := make(chan struct{})
		cgoutil.SetLeakReporter(func(cgoutil.Leak) { close(lost) })
		root := losePool(args[0])
		for {
			runtime.GC()
			select {
			case <-lost:
				_, err := PoolOf(root.OID())
				println("OID:", err.Error())
				_, err = PoolAt(root.Get())
				println("address:", err.Error())
				return err
			case <-time.After(time.Millisecond):
			}
		}
	})
}

//go:noinline
func losePool(path string) Ptr[rootV1] {
	p, err := Open(path, "")
	if err != nil {
		panic(err)
	}
	// That the pool refers to itself does not keep it.
	if err := p.SetUserData(p); err != nil {
		panic(err)
	}
	root, err := Root[rootV1](p)
	if err != nil {
		panic(err)
	}
	return root
}

// Ensure that the lookups neither keep a pool from being noticed that was
// dropped without Close, nor bring it back.
func TestLookupOfLostPool(t *testing.T) {
	p := testpool.New(t)
	require.NoError(t, p.Close())
	c := testchild.Start(t, "lost pool", p.Path())
	require.Error(t, c.End())
	require.Contains(t, c.Stderr(), "OID: ")
	require.Contains(t, c.Stderr(), "was dropped without Close")
}

// Ensure that the lookups allocate nothing.
func TestLookupAllocs(t *testing.T) {
	p := testpool.New(t)
	root := rootOf(t, p)
	require.Zero(t, testing.AllocsPerRun(100, func() {
		a, err := PoolOf(root.OID())
		b, err2 := PoolAt(root.Get())
		c, err3 := PtrTo(root.Get())
		if a != p || b != p || c != root || err != nil || err2 != nil || err3 != nil {
			t.Error("not found")
		}
	}))
}
