package objheap_test

import (
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/objheap"
)

// Ensure that what is free and what is taken add up, as objects of all kinds
// come and go, and that an empty heap is one piece.
func TestUsage(t *testing.T) {
	p, h := newPool(t, 32<<20)
	empty := h.Usage(objheap.Shape{}, 0)
	require.Equal(t, empty.Size, empty.FreeChunks)
	require.Equal(t, empty.Size, empty.LargestFree)
	require.Equal(t, empty.Size, empty.Cap)
	require.Zero(t, empty.RunChunks+empty.RunFree+empty.Fits)

	rnd := rand.New(rand.NewPCG(3, 4))
	const chunk = 256 << 10
	huge := uint64(0)
	var live []uint64
	for range 200 {
		size := uint64(100)
		if rnd.IntN(8) == 0 {
			size = chunk*(2+rnd.Uint64N(3)) - 16
		}
		if off := p.Alloc(size, 1, 0); off != 0 && size > 100 {
			live = append(live, off)
			huge += size + 16
		}
		if len(live) > 6 {
			huge -= p.Usable(live[0]) + 16
			p.Free(live[0])
			live = live[1:]
		}
		u := h.Usage(objheap.Shape{}, 0)
		require.Equal(t, empty.Size, u.FreeChunks+u.RunChunks+huge)
		require.LessOrEqual(t, u.LargestFree, u.FreeChunks)
		require.Less(t, u.RunFree, u.RunChunks)
	}
}

// Ensure that runs with room for an object are counted: those of its shape,
// with as many free units in a row.
func TestUsageFits(t *testing.T) {
	// Each thread allocates from runs of its own arena.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	p, h := newPool(t, 32<<20)
	const unit, perBlock = 1024, 100
	class, err := p.NewClass(unit, 0, perBlock, objheapCompact)
	require.NoError(t, err)
	shape, units, ok := objheap.ShapeFor(unit, 0, objheap.HeaderCompact, perBlock)
	require.True(t, ok)
	var live []uint64
	for range units * 3 / 2 {
		live = append(live, p.Alloc(unit-16, 1, class))
	}
	require.EqualValues(t, 1, h.Usage(shape, 1).Fits)
	require.EqualValues(t, 1, h.Usage(shape, 64).Fits)
	require.Zero(t, h.Usage(shape, 65).Fits, "no object crosses a word of the bitmap")
	require.Zero(t, h.Usage(shape, 0).Fits)
	p.Free(live[10])
	p.Free(live[12])
	require.EqualValues(t, 2, h.Usage(shape, 1).Fits)
	require.EqualValues(t, 1, h.Usage(shape, 2).Fits)
	p.Free(live[11])
	require.EqualValues(t, 2, h.Usage(shape, 3).Fits)
	other := shape
	other.Unit = 1040
	require.Zero(t, h.Usage(other, 1).Fits)
	other = shape
	other.Header = objheap.HeaderNone
	require.Zero(t, h.Usage(other, 1).Fits)
}

const objheapCompact = int(objheap.HeaderCompact)

// Ensure that a run is found that C would take for one of another class.
func TestConfusable(t *testing.T) {
	p, h := newPool(t, 32<<20)
	class, err := p.NewClass(24, 0, 100, int(objheap.HeaderNone))
	require.NoError(t, err)
	require.NotZero(t, p.Alloc(24, 0, class))
	aligned, err := p.NewClass(1024, 64, 100, int(objheap.HeaderNone))
	require.NoError(t, err)
	require.NotZero(t, p.Alloc(1024, 0, aligned))

	shape := func(unit, align uint64, k objheap.HeaderKind, n uint64) objheap.Shape {
		s, _, ok := objheap.ShapeFor(unit, align, k, n)
		require.True(t, ok)
		return s
	}
	other, found := h.Confusable(shape(32, 0, objheap.HeaderNone, 100))
	require.True(t, found)
	require.Equal(t, shape(24, 0, objheap.HeaderNone, 100), other)
	other, found = h.Confusable(shape(1024, 1024, objheap.HeaderNone, 100))
	require.True(t, found)
	require.EqualValues(t, 64, other.Align)
	for _, s := range []objheap.Shape{
		shape(24, 0, objheap.HeaderNone, 100),
		shape(48, 0, objheap.HeaderNone, 100),
		shape(32, 0, objheap.HeaderNone, 10000),
		shape(32, 0, objheap.HeaderCompact, 100),
		shape(32, 32, objheap.HeaderNone, 100),
		shape(1024, 64, objheap.HeaderNone, 100),
		shape(1024, 0, objheap.HeaderNone, 100),
	} {
		_, found = h.Confusable(s)
		require.False(t, found, "%+v", s)
	}
}

// Ensure that shapes that cannot be are told.
func TestShapeForRefuses(t *testing.T) {
	for _, c := range []struct{ unit, align, n uint64 }{
		{0, 0, 1}, {16, 0, 0}, {1 << 40, 0, 1}, {16, 1 << 40, 1}, {^uint64(0), 0, ^uint64(0)}, {1 << 20, 0, 1 << 40},
		{256<<10 - 16, 0, 1}, {262016, 64, 1},
	} {
		_, _, ok := objheap.ShapeFor(c.unit, c.align, objheap.HeaderNone, c.n)
		require.False(t, ok, c)
	}
}

// Ensure that the walk ends and stays inside while C allocates and frees.
func TestUsageConcurrent(t *testing.T) {
	p, h := newPool(t, 16<<20)
	var wg sync.WaitGroup
	stop := make(chan struct{})
	wg.Go(func() {
		rnd := rand.New(rand.NewPCG(5, 6))
		for {
			select {
			case <-stop:
				return
			default:
			}
			if off := p.Alloc(1+rnd.Uint64N(1<<20), 1, 0); off != 0 {
				p.Free(off)
			}
		}
	})
	size := h.Usage(objheap.Shape{}, 0).Size
	for range 2000 {
		u := h.Usage(objheap.Shape{Unit: 128, Header: objheap.HeaderCompact, Chunks: 1}, 1)
		require.LessOrEqual(t, u.FreeChunks+u.RunChunks, size)
		require.LessOrEqual(t, u.LargestFree, size)
	}
	close(stop)
	wg.Wait()
}

// Ensure that pools full of anything else end the walk too.
func TestUsageGarbage(t *testing.T) {
	p, h := newPool(t, 16<<20)
	require.NotZero(t, p.Alloc(100, 1, 0))
	lo, _ := h.Bounds()
	rnd := rand.New(rand.NewPCG(7, 8))
	b := p.Bytes()
	headers := b[lo-65528*8 : lo-65528*8+64*8]
	saved := append([]byte(nil), headers...)
	for range 2000 {
		for range 4 {
			headers[rnd.IntN(len(headers))] = byte(rnd.Uint32())
		}
		u := h.Usage(objheap.Shape{Unit: 128, Header: objheap.HeaderCompact, Chunks: 1}, 1)
		require.LessOrEqual(t, u.FreeChunks+u.RunChunks, u.Size)
		h.Confusable(objheap.Shape{Unit: 128, Header: objheap.HeaderCompact, Chunks: 1})
		copy(headers, saved)
	}
}
