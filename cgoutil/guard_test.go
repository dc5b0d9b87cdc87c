package cgoutil_test

import (
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/cgoutil"
)

func noRelease() error { return nil }

func TestGuardCountsWhoIsInside(t *testing.T) {
	var g cgoutil.Guard
	for want := int64(1); want <= 3; want++ {
		n, err := g.Enter()
		require.NoError(t, err)
		assert.Equal(t, want, n)
	}
	assert.EqualValues(t, 3, g.Inside())
	g.Exit()
	assert.EqualValues(t, 2, g.Inside())
	g.Exit()
	g.Exit()
	assert.Zero(t, g.Inside())
	assert.False(t, g.Closed())
}

func TestGuardRefusesCloseWhileInside(t *testing.T) {
	var g cgoutil.Guard
	_, err := g.Enter()
	require.NoError(t, err)
	released := 0
	release := func() error { released++; return nil }

	require.ErrorIs(t, g.Close(release), cgoutil.ErrBusy)
	assert.Zero(t, released)
	assert.False(t, g.Closed(), "a refused Close leaves the guard open")

	g.Exit()
	require.NoError(t, g.Close(release))
	require.NoError(t, g.Close(release))
	assert.Equal(t, 1, released, "release runs once")
	assert.True(t, g.Closed())

	_, err = g.Enter()
	require.ErrorIs(t, err, cgoutil.ErrClosed)
	assert.Zero(t, g.Inside(), "a refused Enter leaves no trace")
}

// Ensure that a failed release is reported once and the guard stays closed.
func TestGuardFailedRelease(t *testing.T) {
	var g cgoutil.Guard
	broken := errors.New("broken")
	require.ErrorIs(t, g.Close(func() error { return broken }), broken)
	assert.True(t, g.Closed())
	require.NoError(t, g.Close(func() error { return broken }))
	_, err := g.Enter()
	require.ErrorIs(t, err, cgoutil.ErrClosed)
}

// Ensure that a panic in release leaves no lock behind.
func TestGuardPanickingRelease(t *testing.T) {
	var g cgoutil.Guard
	assert.Panics(t, func() { _ = g.Close(func() error { panic("release") }) })
	require.NoError(t, g.Close(noRelease))
}

func TestGuardUnbalancedExitPanics(t *testing.T) {
	var open cgoutil.Guard
	assert.PanicsWithValue(t, "cgoutil: Guard.Exit without Enter", open.Exit)

	var closed cgoutil.Guard
	require.NoError(t, closed.Close(noRelease))
	assert.PanicsWithValue(t, "cgoutil: Guard.Exit without Enter", closed.Exit)
}

// Ensure that nobody is inside while release runs, with many goroutines
// coming and going, and that release runs once over all closers.
func TestGuardConcurrent(t *testing.T) {
	for range 50 {
		var g cgoutil.Guard
		var inside, released atomic.Int64
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for {
					if _, err := g.Enter(); err != nil {
						return
					}
					inside.Add(1)
					inside.Add(-1)
					g.Exit()
					runtime.Gosched() // or Close never finds it empty
				}
			})
			wg.Go(func() {
				for errors.Is(g.Close(func() error {
					released.Add(1)
					assert.Zero(t, inside.Load())
					return nil
				}), cgoutil.ErrBusy) {
					runtime.Gosched()
				}
			})
		}
		wg.Wait()
		require.EqualValues(t, 1, released.Load())
	}
}

func TestGuardAllocatesNothing(t *testing.T) {
	var g cgoutil.Guard
	assert.Zero(t, testing.AllocsPerRun(100, func() {
		if _, err := g.Enter(); err == nil {
			g.Exit()
		}
	}))
}

// Ensure that nobody is inside while Exclusive runs, that who comes meanwhile
// waits for its end, and that it keeps off who is inside and the closed.
func TestGuardExclusive(t *testing.T) {
	var g cgoutil.Guard
	_, err := g.Enter()
	require.NoError(t, err)
	require.ErrorIs(t, g.Exclusive(func() error { t.Error("ran"); return nil }), cgoutil.ErrBusy)
	g.Exit()

	failed := errors.New("failed")
	require.ErrorIs(t, g.Exclusive(func() error {
		assert.Zero(t, g.Inside())
		assert.False(t, g.Closed())
		return failed
	}), failed)

	var free cgoutil.Guard
	var alone atomic.Bool
	var wg sync.WaitGroup
	entered, ran := atomic.Int64{}, atomic.Int64{}
	for range 4 {
		wg.Go(func() {
			for range 2000 {
				if _, err := free.Enter(); err != nil {
					t.Error(err)
					return
				}
				if alone.Load() {
					t.Error("inside together with Exclusive")
				}
				entered.Add(1)
				free.Exit()
			}
		})
	}
	for ran.Load() < 20 {
		err := free.Exclusive(func() error {
			alone.Store(true)
			runtime.Gosched()
			alone.Store(false)
			ran.Add(1)
			return nil
		})
		if err != nil {
			require.ErrorIs(t, err, cgoutil.ErrBusy)
		}
	}
	wg.Wait()
	assert.EqualValues(t, 8000, entered.Load())
	assert.Zero(t, free.Inside())

	assert.Panics(t, func() { _ = free.Exclusive(func() error { panic("f") }) })
	require.NoError(t, free.Exclusive(noRelease), "a panic leaves no lock behind")
	require.NoError(t, free.Close(noRelease))
	require.ErrorIs(t, free.Exclusive(noRelease), cgoutil.ErrClosed)
}
