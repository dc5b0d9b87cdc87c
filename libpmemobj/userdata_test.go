package libpmemobj_test

import (
	"runtime"
	"sync"
	"testing"
	"weak"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/cgoutil"
	"github.com/pmem/pmdk-go/internal/testpool"
	. "github.com/pmem/pmdk-go/libpmemobj"
)

type poolCache struct{ hits [1000]int }

// Ensure that each pool keeps the value that it was given last, until it is
// closed.
func TestUserData(t *testing.T) {
	p, other := testpool.New(t), testpool.New(t)
	require.Nil(t, p.UserData())
	cache := &poolCache{}
	require.NoError(t, p.SetUserData(cache))
	require.NoError(t, other.SetUserData("text"))
	require.Same(t, cache, p.UserData())
	require.Equal(t, "text", other.UserData())
	require.NoError(t, p.SetUserData(5))
	require.Equal(t, 5, p.UserData())
	require.NoError(t, p.SetUserData(nil))
	require.Nil(t, p.UserData())

	require.NoError(t, p.Update(func(*Tx) error { return p.SetUserData("in a transaction") }))
	require.Equal(t, "in a transaction", p.UserData())
	require.NoError(t, p.Close())
	require.Nil(t, p.UserData())
	require.ErrorIs(t, p.SetUserData(1), ErrClosed)
	require.Nil(t, testpool.Open(t, p.Path()).UserData(), "it outlived the pool")
}

// Ensure that a value that was replaced, or whose pool was closed, is not kept.
func TestUserDataIsReleased(t *testing.T) {
	p := testpool.New(t)
	before := cgoutil.OpenHandles()
	set := func() weak.Pointer[poolCache] {
		cache := &poolCache{}
		require.NoError(t, p.SetUserData(cache))
		return weak.Make(cache)
	}
	replaced := set()
	last := set()
	runtime.GC()
	require.Nil(t, replaced.Value())
	require.NotNil(t, last.Value())
	require.NoError(t, p.Close())
	runtime.GC()
	require.Nil(t, last.Value())
	require.Equal(t, before, cgoutil.OpenHandles())
	runtime.KeepAlive(p)
}

// Ensure that goroutines may set and read at the same time.
func TestUserDataConcurrently(t *testing.T) {
	p := testpool.New(t)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for range 1000 {
				if err := p.SetUserData(i); err != nil {
					t.Error(err)
				}
				if v, ok := p.UserData().(int); !ok || v < 0 || v > 7 {
					t.Error(v)
				}
			}
		})
	}
	wg.Wait()
}
