package libpmemobj_test

import (
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/internal/testpool"
	. "github.com/pmem/pmdk-go/libpmemobj"
)

// Ensure that the root is made as the constructor says, once, and found again.
func TestConstructRoot(t *testing.T) {
	p := testpool.New(t)
	calls := 0
	construct := func(v *rootV1) error {
		calls++
		require.Equal(t, rootV1{}, *v)
		*v = rootV1{1, 2}
		return nil
	}
	root, err := ConstructRoot(p, construct)
	require.NoError(t, err)
	require.Equal(t, rootV1{1, 2}, *root.Get())
	p = testpool.Reopen(t, p)
	again, err := ConstructRoot(p, construct)
	require.NoError(t, err)
	require.Equal(t, root, again)
	plain, err := Root[rootV1](p)
	require.NoError(t, err)
	require.Equal(t, root, plain)
	require.Equal(t, rootV1{1, 2}, *root.Get())
	require.NoError(t, p.Update(func(*Tx) error {
		_, err := ConstructRoot(p, construct)
		return err
	}), "it exists")
	require.Equal(t, 1, calls)
}

// Ensure that a root that exists grows with zeros, keeps its content, and does
// not meet the constructor.
func TestConstructRootGrows(t *testing.T) {
	type middle struct {
		A, B uint64
		C    [12]uint64 // to all the room that the first root's memory has
	}
	p := testpool.New(t)
	_, err := ConstructRoot(p, func(v *rootV1) error { *v = rootV1{1, 2}; return nil })
	require.NoError(t, err)
	root, err := ConstructRoot(p, func(*middle) error { t.Error("called"); return nil })
	require.NoError(t, err)
	require.Equal(t, middle{A: 1, B: 2}, *root.Get())
	p = testpool.Reopen(t, p)
	large, err := ConstructRoot(p, func(*rootV2) error { t.Error("called"); return nil })
	require.NoError(t, err)
	require.Equal(t, rootV2{A: 1, B: 2}, *large.Get())
	_, err = ConstructRoot(p, func(*rootV1) error { t.Error("called"); return nil })
	require.ErrorIs(t, err, unix.EINVAL)
	require.ErrorContains(t, err, "8016 bytes, the type asked for only 16")
}

// Ensure that after a constructor that failed there is no root, and the next
// one makes it.
func TestConstructRootCancelled(t *testing.T) {
	p := testpool.New(t)
	oops := errors.New("oops")
	_, err := ConstructRoot(p, func(v *rootV1) error { v.A = 9; return oops })
	require.Equal(t, oops, err)
	require.Equal(t, oops, panicOf(func() { _, _ = ConstructRoot(p, func(*rootV1) error { panic(oops) }) }))
	inGoroutine(func() { _, _ = ConstructRoot(p, func(*rootV1) error { runtime.Goexit(); return nil }) })
	size, err := p.RootSize()
	require.NoError(t, err)
	require.Zero(t, size)
	_, err = ConstructRoot[rootV1](p, nil)
	require.ErrorIs(t, err, unix.EINVAL)
	require.ErrorContains(t, err, "no function")
	require.NoError(t, p.Update(func(*Tx) error {
		_, err := ConstructRoot(p, func(*rootV1) error { t.Error("called"); return nil })
		require.ErrorIs(t, err, ErrInTx)
		return nil
	}))
	_, err = ConstructRoot(p, func(*struct{ S string }) error { return nil })
	require.ErrorContains(t, err, "string")
	_, err = ConstructRoot(p, func(*[2 * testpool.Size]byte) error { return nil })
	require.ErrorIs(t, err, ErrOutOfSpace)

	_, err = ConstructRoot(p, func(v *rootV1) error {
		_, err := Root[rootV1](p)
		require.ErrorIs(t, err, ErrInConstructor)
		_, err = ConstructRoot(p, func(*rootV1) error { return nil })
		require.ErrorIs(t, err, ErrInConstructor)
		_, err = p.Alloc(nil, 64, 1)
		require.ErrorIs(t, err, ErrInConstructor)
		require.ErrorIs(t, p.Close(), ErrPoolBusy)
		v.B = 3
		return nil
	})
	require.NoError(t, err)
	root, err := Root[rootV1](p)
	require.NoError(t, err)
	require.Equal(t, rootV1{0, 3}, *root.Get())
}

// Ensure that one goroutine of many runs the constructor, and the others wait
// for what it makes.
func TestConstructRootConcurrently(t *testing.T) {
	p := testpool.New(t)
	var calls atomic.Int64
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			root, err := ConstructRoot(p, func(v *rootV1) error {
				calls.Add(1)
				runtime.Gosched()
				*v = rootV1{uint64(i), uint64(i)}
				return nil
			})
			if err != nil || root.Get().A != root.Get().B {
				t.Error("wrong root", err)
			}
		})
	}
	wg.Wait()
	require.EqualValues(t, 1, calls.Load())
}
