package libpmemobj_test

import (
	"errors"
	"runtime"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/internal/testpool"
	. "github.com/pmem/pmdk-go/libpmemobj"
)

// constructed is what constructors fill in.
type constructed struct {
	Self  Ptr[constructed]
	Value uint64
	Text  [100]byte
}

// constructHolder is the root where they hang.
type constructHolder struct {
	Head  Ptr[constructed]
	Node  Ptr[node]
	Count uint64
}

func constructHolderOf(t testing.TB, p *Pool) Ptr[constructHolder] {
	t.Helper()
	root, err := Root[constructHolder](p)
	require.NoError(t, err)
	return root
}

func noConstruction(*constructed) error { return nil }

// Ensure that an object comes into being as its constructor leaves it, and
// that the pointer is stored wherever it is wanted.
func TestConstruct(t *testing.T) {
	p := testpool.New(t)
	root := constructHolderOf(t, p)
	head := &root.Get().Head
	var volatile Ptr[constructed]
	for name, dst := range map[string]*Ptr[constructed]{"in the pool": head, "in Go": &volatile, "nowhere": nil} {
		made, err := Construct(p, dst, func(v *constructed) error {
			require.Equal(t, constructed{}, *v, "not zeroed")
			self, err := PtrTo(v)
			v.Self, v.Value = self, 7
			return err
		})
		require.NoError(t, err, name)
		require.Equal(t, constructed{Self: made, Value: 7}, *made.Get(), name)
		if dst != nil {
			require.Equal(t, made, *dst, name)
		}
		num, err := p.TypeNum(made.OID())
		require.NoError(t, err)
		require.Equal(t, TypeNum[constructed](), num)
	}
	require.Len(t, objectsIn(p), 3)
	p = testpool.Reopen(t, p)
	again := constructHolderOf(t, p).Get().Head
	require.Equal(t, constructed{Self: again, Value: 7}, *again.Get())
}

// Ensure that memory that was used before is zero for the constructor, in
// every form and with the flag that asks for it in C.
func TestConstructZeroed(t *testing.T) {
	p := testpool.New(t)
	for _, size := range []int{16, 200, 5000, 600_000} {
		for range 3 {
			oid, err := p.ConstructBytes(nil, size, 5, func(b []byte) error {
				require.Len(t, b, size)
				require.Equal(t, size, cap(b))
				require.Equal(t, make([]byte, size), b)
				fill(b, 1)
				return nil
			}, AllocZero)
			require.NoError(t, err)
			usable, err := p.UsableSize(oid)
			require.NoError(t, err)
			copyOf := slices.Repeat([]byte{0xff}, int(usable))
			require.NoError(t, p.Memcpy(view(t, p, oid, int(usable)), copyOf, 0))
			require.NoError(t, p.Free(&oid))
		}
	}
	words, err := ConstructArray(p, nil, 300, func(v []uint64) error {
		require.Equal(t, make([]uint64, 300), v)
		require.Equal(t, 300, cap(v))
		for i := range v {
			v[i] = uint64(i)
		}
		return nil
	})
	require.NoError(t, err)
	require.EqualValues(t, 299, words.Slice(300)[299])
}

// Ensure that a constructor that fails, in whatever way, leaves no object, no
// pointer and no memory behind, and that its failure arrives.
func TestConstructCancelled(t *testing.T) {
	p := testpool.New(t)
	root := constructHolderOf(t, p)
	dst := &root.Get().Head
	old, err := p.Alloc(dst.Ref(), 64, 1)
	require.NoError(t, err)
	oops := errors.New("oops")
	ends := map[string]struct {
		fn    func(*constructed) error
		err   error
		value any
	}{
		"error":  {func(*constructed) error { return oops }, oops, nil},
		"panic":  {func(*constructed) error { panic(oops) }, nil, oops},
		"Goexit": {func(*constructed) error { runtime.Goexit(); return nil }, nil, nil},
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			for range 3000 { // more than there are lanes, and than the pool could hold
				var err error
				var value any
				inGoroutine(func() {
					value = panicOf(func() {
						var made Ptr[constructed]
						made, err = Construct(p, dst, func(v *constructed) error {
							v.Value = 1
							return end.fn(v)
						})
						require.True(t, made.IsNull())
					})
				})
				require.Equal(t, end.err, err)
				require.Equal(t, end.value, value)
			}
			require.Equal(t, old, dst.OID())
			require.Equal(t, []OID{old}, objectsIn(p))
			_, err := Construct(p, nil, noConstruction)
			require.NoError(t, err, "the goroutine still counts as inside a constructor")
			for oid := range ObjectsOf[constructed](p) {
				require.NoError(t, p.Free(oid.Ref()))
			}
		})
	}
}

// Ensure that inside a constructor, what changes the heap of the same pool is
// refused at once, where C would hang, and that everything else works.
func TestInConstructor(t *testing.T) {
	p, other, third := testpool.New(t), testpool.New(t), testpool.New(t)
	root := constructHolderOf(t, p)
	live := oneObject(t, p, 64, 1)
	refused := func(err error) {
		t.Helper()
		require.ErrorIs(t, err, ErrInConstructor)
		require.ErrorContains(t, err, "Update or Publish")
	}
	inside := func() {
		_, err := p.Alloc(nil, 64, 1)
		refused(err)
		_, err = p.Zalloc(nil, 64, 1)
		refused(err)
		_, err = p.Strdup(nil, "s", 1)
		refused(err)
		oid := live
		refused(p.Free(&oid))
		refused(p.Realloc(&oid, 1000, 1))
		require.Equal(t, live, oid)
		refused(p.Update(func(*Tx) error { t.Error("a transaction ran"); return nil }))
		refused(p.Publish(func(*Actions) error { t.Error("a publication ran"); return nil }))
		_, err = p.Defrag(t.Context(), slices.Values([]*OID{&oid}), nil)
		refused(err)
		_, err = Construct(p, nil, noConstruction)
		refused(err)
		_, err = Root[[1000]uint64](p)
		refused(err)
		require.ErrorIs(t, p.Close(), ErrPoolBusy)
		require.ErrorContains(t, p.Close(), "inside a constructor")

		again, err := Root[constructHolder](p)
		require.NoError(t, err)
		require.Equal(t, root, again)
		require.NoError(t, p.Persist(root.Range()))
		_, err = p.UsableSize(live)
		require.NoError(t, err)
		// Another pool, or another goroutine, is not concerned.
		require.NoError(t, third.Update(func(tx *Tx) error { _, err := New[node](tx); return err }))
		inGoroutine(func() {
			oid, err := p.Alloc(nil, 64, 1)
			require.NoError(t, err)
			require.NoError(t, p.Free(&oid))
			require.NoError(t, p.Update(func(tx *Tx) error { root.Mut(tx).Count++; return nil }))
		})
	}
	_, err := Construct(p, nil, func(*constructed) error {
		inside()
		_, err := Construct(other, nil, func(*constructed) error {
			inside()
			_, err := other.Alloc(nil, 64, 1)
			refused(err)
			return nil
		})
		require.NoError(t, err)
		inside()
		oid, err := other.Alloc(nil, 64, 1)
		require.NoError(t, err)
		return other.Free(&oid)
	})
	require.NoError(t, err)
	require.EqualValues(t, 3, root.Get().Count)
	oid, err := p.Alloc(nil, 64, 1)
	require.NoError(t, err, "refused although the constructor is over")
	require.NoError(t, p.Free(&oid))
}

// Ensure that wrong arguments are errors that say what is wrong, and leave
// nothing behind.
func TestConstructMisuse(t *testing.T) {
	p, other := testpool.New(t), testpool.New(t)
	root, foreign := constructHolderOf(t, p), constructHolderOf(t, other)
	ran := func([]byte) error { t.Error("the constructor ran"); return nil }
	never := func(*constructed) error { t.Error("the constructor ran"); return nil }
	cases := []struct {
		name string
		call func() error
		is   error
		text string
	}{
		{"no bytes", func() error { _, err := p.ConstructBytes(nil, 0, 1, ran); return err }, unix.EINVAL, "0 bytes"},
		{"negative", func() error { _, err := p.ConstructBytes(nil, -1, 1, ran); return err }, unix.EINVAL, "-1 bytes"},
		{"over the cap", func() error { _, err := p.ConstructBytes(nil, MaxAlloc+1, 1, ran); return err }, unix.EINVAL, "17179738049 bytes"},
		{"larger than the pool", func() error { _, err := p.ConstructBytes(nil, testpool.Size, 1, ran); return err }, ErrOutOfSpace, "out of space"},
		{"empty array", func() error { _, err := ConstructArray(p, nil, 0, func([]uint64) error { return nil }); return err }, unix.EINVAL, "0 × 8 bytes"},
		{"overflowing array", func() error {
			_, err := ConstructArray(p, nil, 1<<61+1, func([]uint64) error { return nil })
			return err
		}, unix.EINVAL, "an object has 1 to"},
		{"flags", func() error { _, err := Construct(p, nil, never, AllocZero, 1<<20); return err }, unix.EINVAL, "0x100000"},
		{"a flag for transactions", func() error { _, err := Construct(p, nil, never, AllocNoFlush); return err }, unix.EINVAL, "in transactions only"},
		{"no function", func() error { _, err := Construct[constructed](p, nil, nil); return err }, unix.EINVAL, "no function"},
		{"no function for an array", func() error { _, err := ConstructArray[uint64](p, nil, 1, nil); return err }, unix.EINVAL, "no function"},
		{"no function for bytes", func() error { _, err := p.ConstructBytes(nil, 1, 1, nil); return err }, unix.EINVAL, "no function"},
		{"destination in another pool", func() error { _, err := Construct(p, &foreign.Get().Head, never); return err }, ErrForeignPool, "another pool"},
		{"destination in no object", func() error { _, err := Construct(p, (*Ptr[constructed])(addressIn(p, root, 8192)), never); return err }, ErrNotLive, "offset 0x2000"},
		{"in a transaction", func() error {
			return p.Update(func(*Tx) error { _, err := Construct(p, nil, never); return err })
		}, ErrInTx, "transaction"},
		{"a type with Go pointers", func() error { _, err := Construct(p, nil, func(*struct{ S string }) error { return nil }); return err }, nil, "string"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			err := c.call()
			require.ErrorContains(t, err, c.text)
			if c.is != nil {
				require.ErrorIs(t, err, c.is)
			}
			require.Empty(t, objectsIn(p))
		})
	}
	require.NoError(t, other.Close())
	_, err := Construct(other, nil, never)
	require.ErrorIs(t, err, ErrClosed)
}

// Ensure that a destination that goes away while the constructor runs is
// noticed.
func TestConstructDestinationFreed(t *testing.T) {
	p := testpool.New(t)
	holder := oneNode(t, p, 1)
	_, err := Construct(p, &holder.Get().Next, func(*node) error {
		inGoroutine(func() { require.NoError(t, p.Free(holder.Ref())) })
		return nil
	})
	require.ErrorIs(t, err, ErrNotLive)
	require.Empty(t, objectsIn(p))
}

// Ensure that many goroutines construct at the same time, also while others
// are slow and the collector runs.
func TestConstructConcurrently(t *testing.T) {
	p := testpool.New(t)
	const goroutines, each = 16, 100
	slow := make(chan struct{})
	var wg, slowOnes sync.WaitGroup
	for range 64 { // more than PMDK has arenas on most machines
		slowOnes.Go(func() {
			_, err := Construct(p, nil, func(v *constructed) error { <-slow; v.Value = 1; return nil })
			if err != nil {
				t.Error(err)
			}
		})
	}
	for g := range goroutines {
		wg.Go(func() {
			for i := range each {
				made, err := Construct(p, nil, func(v *constructed) error {
					if i%10 == 0 {
						runtime.GC()
					}
					v.Value = uint64(g*each + i + 2)
					return nil
				})
				if err != nil || made.Get().Value != uint64(g*each+i+2) {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	close(slow)
	slowOnes.Wait()
	seen := map[uint64]int{}
	for c := range ObjectsOf[constructed](p) {
		seen[c.Get().Value]++
	}
	require.Equal(t, 64, seen[1])
	require.Len(t, seen, goroutines*each+1)
}

// Ensure that constructing allocates nothing in Go.
func TestConstructAllocs(t *testing.T) {
	if addressSanitizer {
		t.Skip("with the address sanitizer every call into C goes through cgo, whose arguments escape")
	}
	if raceDetector {
		t.Skip("the race detector allocates")
	}
	p := testpool.New(t)
	root := constructHolderOf(t, p)
	dst := &root.Get().Node
	require.Zero(t, testing.AllocsPerRun(200, func() {
		made, err := Construct(p, dst, func(v *node) error { v.Value = 1; return nil })
		if err != nil || made != *dst || p.Free(dst.Ref()) != nil {
			t.Error(err)
		}
	}))
}
