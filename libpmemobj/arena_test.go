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

// Ensure that arenas can be made, counted, found and allocated from.
func TestArenas(t *testing.T) {
	p := testpool.New(t, WithArenas(3))
	require.Equal(t, 3, arenaCount(t, p))
	require.Len(t, slices.Collect(p.Arenas()), 3)
	n, err := p.AutomaticArenas()
	require.NoError(t, err)
	require.Equal(t, 3, n)

	a, err := p.NewArena()
	require.NoError(t, err)
	require.Equal(t, 4, a.ID())
	found, err := p.Arena(4)
	require.NoError(t, err)
	require.Equal(t, a, found)
	require.Zero(t, arenaSize(t, a))
	_, err = p.Xalloc(nil, 100, 1, a.Flag())
	require.NoError(t, err)
	require.Positive(t, arenaSize(t, a))

	automatic, err := a.Automatic()
	require.NoError(t, err)
	require.False(t, automatic)
	for range 2 { // C would count the second one too
		require.NoError(t, a.SetAutomatic(true))
		n, err = p.AutomaticArenas()
		require.NoError(t, err)
		require.Equal(t, 4, n)
	}
	for a := range p.Arenas() {
		if a.ID() < 4 {
			require.NoError(t, a.SetAutomatic(false))
			require.NoError(t, a.SetAutomatic(false))
		}
	}
	err = a.SetAutomatic(false)
	require.ErrorIs(t, err, unix.EINVAL)
	require.ErrorContains(t, err, "the last automatic one")
	_, err = p.Alloc(nil, 100, 1)
	require.NoError(t, err)
}

func arenaCount(t *testing.T, p *Pool) int {
	t.Helper()
	n, err := p.NumArenas()
	require.NoError(t, err)
	return n
}

func arenaSize(t *testing.T, a Arena) uint64 {
	t.Helper()
	n, err := a.Size()
	require.NoError(t, err)
	return n
}

// Ensure that no number that is none of an arena reaches C, and that a pool
// gets no more arenas than it may have, which C would make.
func TestArenaRefuses(t *testing.T) {
	p, other := testpool.New(t, WithArenas(2)), testpool.New(t)
	for _, id := range []int{0, -1, 3, 1024, 1 << 16, 1<<16 + 1, 1<<32 + 1, -1 << 63} {
		_, err := p.Arena(id)
		require.ErrorIs(t, err, unix.EINVAL, id)
		require.ErrorContains(t, err, "arenas 1 to 2")
	}
	_, err := Arena{}.Size()
	require.ErrorIs(t, err, ErrNull)
	_, err = Arena{}.Automatic()
	require.ErrorIs(t, err, ErrNull)
	require.ErrorIs(t, Arena{}.SetAutomatic(true), ErrNull)
	never := func() error { t.Error("ran"); return nil }
	require.ErrorIs(t, p.WithArena(Arena{}, never), ErrNull)
	a, err := p.Arena(1)
	require.NoError(t, err)
	require.ErrorIs(t, other.WithArena(a, never), ErrForeignPool)

	most, err := p.MaxArenas()
	require.NoError(t, err)
	require.Equal(t, 1024, most)
	for _, n := range []int{0, -5, 1, 1023, MaxArenas + 1, 1 << 32} {
		require.ErrorIs(t, p.SetMaxArenas(n), unix.EINVAL, n)
	}
	for arenaCount(t, p) < most {
		_, err := p.NewArena()
		require.NoError(t, err)
	}
	_, err = p.NewArena()
	require.ErrorIs(t, err, unix.ENOSPC)
	require.ErrorContains(t, err, "SetMaxArenas")
	require.NoError(t, p.SetMaxArenas(1025))
	require.NoError(t, p.SetMaxArenas(1025))
	last, err := p.NewArena()
	require.NoError(t, err)
	_, err = p.Xalloc(nil, 100, 1, last.Flag())
	require.NoError(t, err)
	require.Positive(t, arenaSize(t, last))

	require.NoError(t, p.Close())
	_, err = p.NewArena()
	require.ErrorIs(t, err, ErrClosed)
	_, err = p.Arena(1)
	require.ErrorIs(t, err, ErrClosed)
	_, err = a.Size()
	require.ErrorIs(t, err, ErrClosed)
	require.ErrorIs(t, a.SetAutomatic(true), ErrClosed)
	require.ErrorIs(t, p.SetMaxArenas(2000), ErrClosed)
	require.ErrorIs(t, p.WithArena(a, never), ErrClosed)
	require.Empty(t, slices.Collect(p.Arenas()))
}

// Ensure that WithArena assigns the arena for the length of the call, whatever
// its end, and that calls nest.
func TestWithArena(t *testing.T) {
	p := testpool.New(t)
	a, err := p.NewArena()
	require.NoError(t, err)
	b, err := p.NewArena()
	require.NoError(t, err)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	thread := func() Arena {
		t.Helper()
		a, err := p.ThreadArena()
		require.NoError(t, err)
		return a
	}
	before := thread()
	require.NotEqual(t, a, before)
	failed := errors.New("failed")
	err = p.WithArena(a, func() error {
		require.Equal(t, a, thread())
		_, err := p.Alloc(nil, 100, 1)
		require.NoError(t, err)
		require.NoError(t, p.WithArena(b, func() error {
			require.Equal(t, b, thread())
			return p.Update(func(tx *Tx) error {
				_, err := New[node](tx)
				return err
			})
		}))
		require.Equal(t, a, thread())
		require.ErrorIs(t, p.Close(), ErrPoolBusy)
		return failed
	})
	require.ErrorIs(t, err, failed)
	require.Equal(t, before, thread())
	require.Positive(t, arenaSize(t, a))
	require.Positive(t, arenaSize(t, b))

	require.Equal(t, "stop", panicOf(func() { _ = p.WithArena(a, func() error { panic("stop") }) }))
	require.Equal(t, before, thread())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = p.WithArena(a, func() error { runtime.Goexit(); return nil })
	}()
	<-done
	// In a transaction as well.
	require.NoError(t, p.Update(func(tx *Tx) error {
		return p.WithArena(b, func() error { _, err := New[node](tx); return err })
	}))
	require.Equal(t, before, thread())
	require.NoError(t, p.Close())
}

// Ensure that a pool whose threads share one arena says so, and that flags
// work there.
func TestWithGlobalArena(t *testing.T) {
	made := testpool.New(t)
	require.NoError(t, made.Close())
	p := testpool.Open(t, made.Path(), WithGlobalArena())
	a, err := p.NewArena()
	require.NoError(t, err)
	err = p.WithArena(a, func() error { return nil })
	require.ErrorIs(t, err, unix.ENOTSUP)
	require.ErrorContains(t, err, "WithGlobalArena")
	_, err = p.Xalloc(nil, 100, 1, a.Flag())
	require.NoError(t, err)
	require.Positive(t, arenaSize(t, a))
}

// Ensure that arenas and classes can be made while other goroutines allocate.
func TestArenasConcurrently(t *testing.T) {
	p := testpool.New(t, WithSize(64<<20))
	rounds := 300
	if testing.Short() {
		rounds = 60
	}
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := range rounds {
				oid, err := p.Alloc(nil, uint64(32+g*100+i%7*50), 1)
				if err == nil {
					err = p.Free(&oid)
				}
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Go(func() {
		for range 30 {
			a, err := p.NewArena()
			if err == nil {
				_, err = p.Xalloc(nil, 50, 2, a.Flag())
			}
			if err != nil {
				t.Error(err)
				return
			}
		}
	})
	wg.Go(func() {
		for i := range 30 {
			c, err := p.NewClass(AllocClass{UnitSize: uint64(8000 + 16*i), UnitsPerBlock: 30, Header: HeaderNone})
			if err == nil {
				_, err = p.Xalloc(nil, 50, 2, c.Flag())
			}
			if err != nil {
				t.Error(err)
				return
			}
		}
	})
	wg.Go(func() {
		for range 20 {
			if _, err := p.Stats(); err != nil {
				t.Error(err)
				return
			}
		}
	})
	wg.Wait()
	require.Equal(t, 60, len(objectsIn(p)))
}
