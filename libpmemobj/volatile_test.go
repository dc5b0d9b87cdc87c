package libpmemobj_test

import (
	"fmt"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/internal/testchild"
	"github.com/pmem/pmdk-go/internal/testpool"
	. "github.com/pmem/pmdk-go/libpmemobj"
)

// volatileData is what the tests keep in a Volatile.
type volatileData struct {
	A uint64
	B [5]uint32
}

type volatileRoot struct {
	Before uint64
	V      Volatile[volatileData]
	Byte   Volatile[byte]
	After  uint64
}

func volatileRootOf(t testing.TB, p *Pool) *volatileRoot {
	t.Helper()
	root, err := Root[volatileRoot](p)
	require.NoError(t, err)
	return root.Get()
}

// Ensure that a value is constructed once, in zeroed memory, and that failures
// leave none.
func TestVolatile(t *testing.T) {
	p := testpool.New(t)
	r := volatileRootOf(t, p)
	require.EqualValues(t, 8+(8+32)+16+8, unsafe.Sizeof(*r))
	b := unsafe.Slice((*byte)(unsafe.Pointer(&r.V)), unsafe.Sizeof(r.V))
	fill(b[8:], 1)

	_, err := r.V.Get(func(*volatileData) error { return errStop })
	require.ErrorIs(t, err, errStop)
	require.Equal(t, "oops", panicOf(func() {
		_, _ = r.V.Get(func(d *volatileData) error { d.A = 1; panic("oops") })
	}))
	inGoroutine(func() {
		_, _ = r.V.Get(func(*volatileData) error { runtime.Goexit(); return nil })
		t.Error("Goexit did not end the goroutine")
	})
	_, err = r.V.Get(func(*volatileData) error {
		_, err := r.V.Get(func(*volatileData) error { return nil })
		return err
	})
	require.ErrorIs(t, err, unix.EINVAL)
	require.ErrorContains(t, err, "by the constructor of the same value")
	require.ErrorIs(t, func() error {
		_, err := r.V.Get(func(*volatileData) error {
			return p.Close()
		})
		return err
	}(), ErrPoolBusy)

	calls := 0
	construct := func(d *volatileData) error {
		calls++
		require.Equal(t, volatileData{}, *d)
		d.A = 11
		_, err := r.Byte.Get(func(b *byte) error { *b = 3; return nil })
		return err
	}
	for range 3 {
		d, err := r.V.Get(construct)
		require.NoError(t, err)
		require.EqualValues(t, 11, d.A)
		require.Equal(t, uintptr(unsafe.Pointer(&r.V))+8, uintptr(unsafe.Pointer(d)))
	}
	require.Equal(t, 1, calls)
	small, err := r.Byte.Get(nil)
	require.NoError(t, err)
	require.EqualValues(t, 3, *small)

	require.NoError(t, r.V.Reset())
	_, err = r.V.Get(construct)
	require.NoError(t, err)
	require.Equal(t, 2, calls)
	require.Zero(t, r.Before)
	require.Zero(t, r.After)

	// Another pool, and this one after it was opened again, construct anew.
	_, err = volatileRootOf(t, testpool.New(t)).V.Get(construct)
	require.NoError(t, err)
	require.Equal(t, 3, calls)
	r = volatileRootOf(t, testpool.Reopen(t, p))
	_, err = r.V.Get(construct)
	require.NoError(t, err)
	require.Equal(t, 4, calls)
}

// Ensure that one of many goroutines constructs, and that nobody sees the
// value before.
func TestVolatileOnce(t *testing.T) {
	p := testpool.New(t)
	r := volatileRootOf(t, p)
	for range 50 {
		require.NoError(t, r.V.Reset())
		var calls atomic.Int64
		var wg sync.WaitGroup
		for g := range 8 {
			wg.Go(func() {
				d, err := r.V.Get(func(d *volatileData) error {
					n := calls.Add(1)
					runtime.Gosched()
					d.A = 42
					if n == 1 && g%2 == 0 {
						return errStop // somebody else's turn
					}
					return nil
				})
				if err != nil {
					if err != errStop {
						t.Error(err)
					}
					return
				}
				if d.A != 42 {
					t.Error("seen before it was constructed")
				}
			})
		}
		wg.Wait()
		require.LessOrEqual(t, calls.Load(), int64(2))
	}
}

// Ensure that a value which cannot be in a pool is refused.
func TestVolatileMisuse(t *testing.T) {
	p := testpool.New(t)
	never := func(*volatileData) error { t.Error("called"); return nil }
	get := func(v *Volatile[volatileData]) error {
		_, err := v.Get(never)
		return err
	}
	require.ErrorIs(t, get(nil), ErrNull)
	require.ErrorIs(t, get(new(Volatile[volatileData])), ErrNotPersistent)
	require.ErrorIs(t, new(Volatile[volatileData]).Reset(), ErrNotPersistent)
	var typeError *TypeError
	_, err := new(Volatile[string]).Get(nil)
	require.ErrorAs(t, err, &typeError)
	_, err = Root[Volatile[*int]](p)
	require.ErrorAs(t, err, &typeError)

	oid := oneObject(t, p, 64, 1)
	v := PtrOf[Volatile[volatileData]](oid).Get()
	_, err = v.Get(func(*volatileData) error { return p.Free(&oid) })
	require.ErrorIs(t, err, ErrNotLive, "freed by the constructor")
	require.ErrorIs(t, get(v), ErrNotLive)
	require.NoError(t, p.Close())
	require.ErrorIs(t, get(v), ErrNotPersistent)
}

func init() {
	testchild.Register("volatile", func(args []string) error {
		p, err := Open(args[0], "", WithDurability(DurabilityProcessCrash))
		if err != nil {
			return err
		}
		root, err := Root[volatileRoot](p)
		if err != nil {
			return err
		}
		d, err := root.Get().V.Get(func(d *volatileData) error { d.A = uint64(os.Getpid()); return nil })
		if err != nil {
			return err
		}
		fmt.Println(d.A, os.Getpid())
		testchild.Wait()
		return nil
	})
}

// Ensure that a value of a process that was killed is not taken for this one's.
func TestVolatileKill(t *testing.T) {
	p := testpool.New(t)
	volatileRootOf(t, p)
	path := p.Path()
	require.NoError(t, p.Close())
	for range 2 {
		c := testchild.Start(t, "volatile", path)
		var value, pid int
		_, err := fmt.Sscan(c.Line(t), &value, &pid)
		require.NoError(t, err)
		require.Equal(t, pid, value)
		c.Kill(t)
	}
	p = testpool.Open(t, path)
	d, err := volatileRootOf(t, p).V.Get(func(d *volatileData) error { d.A = 5; return nil })
	require.NoError(t, err)
	require.EqualValues(t, 5, d.A)
}

// Ensure that a value that is there costs no memory.
func TestVolatileGoHeap(t *testing.T) {
	if addressSanitizer {
		t.Skip("the address sanitizer changes what escapes to the heap")
	}
	p := testpool.New(t)
	r := volatileRootOf(t, p)
	set := func(d *volatileData) error { d.A = 1; return nil }
	require.Zero(t, testing.AllocsPerRun(100, func() {
		if d, err := r.V.Get(set); err != nil || d.A != 1 {
			t.Error(err)
		}
	}))
}

func BenchmarkVolatile(b *testing.B) {
	p := testpool.New(b)
	r := volatileRootOf(b, p)
	set := func(d *volatileData) error { d.A = 1; return nil }
	for b.Loop() {
		_, _ = r.V.Get(set)
	}
}
