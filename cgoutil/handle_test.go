package cgoutil_test

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/cgoutil"
	"github.com/pmem/pmdk-go/internal/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

func TestHandleResolves(t *testing.T) {
	before := cgoutil.OpenHandles()
	h := cgoutil.NewHandle("value")
	defer h.Release()
	assert.Equal(t, before+1, cgoutil.OpenHandles())
	require.NotNil(t, h.Pointer())

	s, ok := cgoutil.Resolve[string](h.Pointer())
	assert.True(t, ok)
	assert.Equal(t, "value", s)

	// Ensure that a handle of another type is refused, not reinterpreted.
	n, ok := cgoutil.Resolve[int](h.Pointer())
	assert.False(t, ok)
	assert.Zero(t, n)
}

func TestHandleOfNil(t *testing.T) {
	h := cgoutil.NewHandle(nil)
	defer h.Release()
	assert.NotNil(t, h.Pointer(), "C must be able to tell it from no handle")
	_, ok := cgoutil.Resolve[string](h.Pointer())
	assert.False(t, ok)
}

func TestHandleReleaseIsIdempotent(t *testing.T) {
	before := cgoutil.OpenHandles()
	h := cgoutil.NewHandle(1)
	clone := h
	p := h.Pointer()
	h.Release()
	h.Release()
	clone.Release()
	assert.Equal(t, before, cgoutil.OpenHandles())
	assert.Nil(t, clone.Pointer())
	_, ok := cgoutil.Resolve[int](p)
	assert.False(t, ok, "a released pointer resolves to nothing")
}

func TestHandleZero(t *testing.T) {
	before := cgoutil.OpenHandles()
	var h cgoutil.Handle
	assert.Nil(t, h.Pointer())
	h.Release()
	assert.Equal(t, before, cgoutil.OpenHandles())
	_, ok := cgoutil.Resolve[int](nil)
	assert.False(t, ok)
}

// Ensure that racing releases of one handle free it once.
func TestHandleConcurrentRelease(t *testing.T) {
	before := cgoutil.OpenHandles()
	for i := range 200 {
		h := cgoutil.NewHandle(i)
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(h.Release)
		}
		wg.Wait()
	}
	assert.Equal(t, before, cgoutil.OpenHandles())
}
