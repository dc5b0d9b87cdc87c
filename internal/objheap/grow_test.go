package objheap

import (
	"encoding/binary"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
)

// growing is the memory of a pool that may grow to all of it: a heap of one
// zone, described by hand.
type growing struct {
	mem []byte
	*Heap
}

const growingHeap = 0x302000

func newGrowing(t *testing.T, size, limit uint64) growing {
	t.Helper()
	// A chunk more, so that reading behind the limit would be seen.
	mem := make([]byte, limit+chunkSize)
	for i := range mem[limit:] {
		mem[limit+uint64(i)] = 0xff
	}
	g := growing{mem: mem}
	g.put(heapOffsetOff, growingHeap)
	g.put(heapSizeOff, size-growingHeap)
	var err error
	g.Heap, err = NewGrowingHeap(unsafe.Pointer(unsafe.SliceData(mem)), size, limit)
	require.NoError(t, err)
	return g
}

func (g growing) put(off, v uint64) { binary.LittleEndian.PutUint64(g.mem[off:], v) }

// grow makes the heap end where a pool of size bytes ends.
func (g growing) grow(size uint64) { g.put(heapSizeOff, size-growingHeap) }

// huge makes a block of n chunks, the first of them chunk i, one object.
func (g growing) huge(i, n uint64) (off uint64) {
	p := place{g.first, i}
	g.put(p.headerOff(), n<<32|flagCompact<<16|chunkUsed)
	g.put(p.off(), n*chunkSize)
	return p.off() + 16
}

// Ensure that objects in what was added to a pool are found as soon as the
// pool says that it has grown, and not before.
func TestGrowingHeap(t *testing.T) {
	const size, limit = 8 << 20, 24 << 20
	g := newGrowing(t, size, limit)
	_, end := g.Bounds()
	have := chunksIn(size-growingHeap, 0)
	require.Equal(t, g.first+zoneMetaSize+have*chunkSize, end)
	require.EqualValues(t, size, g.End())

	far := g.huge(have+2, 3)
	_, ok := g.Object(far)
	require.False(t, ok, "before it has grown")
	require.False(t, g.Covers(far, 1))

	g.grow(16 << 20)
	require.True(t, g.Covers(far+100, 3*chunkSize-200))
	usable, ok := g.Object(far)
	require.True(t, ok)
	require.EqualValues(t, 3*chunkSize-16, usable)
	require.EqualValues(t, 16<<20, g.End())

	// One that began in the old part and reaches into the new.
	g.grow(20 << 20)
	wide := g.huge(0, 60)
	require.True(t, g.Covers(wide, 60*chunkSize-16))
	next, ok := g.Next(0)
	require.True(t, ok)
	require.Equal(t, wide, next)
	_, ok = g.Next(next)
	require.False(t, ok)
}

// Ensure that Next goes on into what was added.
func TestNextGrows(t *testing.T) {
	const size, limit = 8 << 20, 24 << 20
	g := newGrowing(t, size, limit)
	have := chunksIn(size-growingHeap, 0)
	first := g.huge(0, have)
	far := g.huge(have, 2)
	next, ok := g.Next(0)
	require.True(t, ok)
	require.Equal(t, first, next)
	_, ok = g.Next(first)
	require.False(t, ok, "before it has grown")
	g.grow(16 << 20)
	next, ok = g.Next(first)
	require.True(t, ok)
	require.Equal(t, far, next)
}

// Ensure that a heap size that growing cannot have made is not believed.
func TestGrownBeyondLimit(t *testing.T) {
	const size, limit = 8 << 20, 16 << 20
	g := newGrowing(t, size, limit)
	lo, end := g.Bounds()
	for _, wrong := range []uint64{limit - growingHeap + 1, 1 << 40, 1 << 63, ^uint64(0), 0, 1} {
		g.put(heapSizeOff, wrong)
		gotLo, gotEnd := g.Bounds()
		require.Equal(t, lo, gotLo, "%#x", wrong)
		require.Equal(t, end, gotEnd, "%#x", wrong)
		_, ok := g.Object(limit - chunkSize + 16)
		require.False(t, ok, "%#x", wrong)
		_, ok = g.Next(0)
		require.False(t, ok, "%#x", wrong)
	}
	g.grow(limit)
	_, end = g.Bounds()
	require.Equal(t, g.first+zoneMetaSize+chunksIn(limit-growingHeap, 0)*chunkSize, end)
}
