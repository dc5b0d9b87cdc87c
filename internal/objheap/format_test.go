package objheap

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Ensure that heaps are divided into zones as libpmemobj divides them. The
// numbers are those of pools it made, the large one of 40 GiB.
func TestZones(t *testing.T) {
	for _, c := range []struct {
		heap   uint64
		chunks []uint64
	}{
		{0, nil},
		{minHeapSize - 1, nil},
		{minHeapSize, []uint64{1}},
		{8<<20 - 0x302000, []uint64{17}},
		{128<<20 - 0x302000, []uint64{497}},
		{40<<30 - 0x302000, []uint64{65528, 65528, 0x7ffd}},
		{heapHeaderSize + zoneSize, []uint64{65528}},
		{heapHeaderSize + zoneSize + zoneMetaSize + chunkSize - 1, []uint64{65528}},
		{heapHeaderSize + zoneSize + zoneMetaSize + chunkSize, []uint64{65528, 1}},
	} {
		require.EqualValues(t, len(c.chunks), zonesIn(c.heap), "zones in %d bytes", c.heap)
		for z, n := range c.chunks {
			require.Equal(t, n, chunksIn(c.heap, uint64(z)), "chunks in zone %d of %d bytes", z, c.heap)
		}
	}
}

// Ensure that places in pools of several zones are found, and the gaps between
// them refused.
func TestPlaceOf(t *testing.T) {
	h := &Heap{first: 0x302400}
	h.span.Store(spanOf(40<<30 - 0x302000))
	span := h.span.Load()
	require.Equal(t, uint64(2*zoneSize+zoneMetaSize+0x7ffd*chunkSize), span)
	for _, c := range []struct {
		off         uint64
		zone, chunk uint64
		ok          bool
	}{
		{0, 0, 0, false},
		{h.first - 1, 0, 0, false},
		{h.first + zoneMetaSize - 1, 0, 0, false},
		{h.first + zoneMetaSize, 0, 0, true},
		{h.first + zoneMetaSize + 5*chunkSize - 1, 0, 4, true},
		{h.first + zoneSize - 1, 0, maxChunks - 1, true},
		{h.first + zoneSize, 1, 0, false},
		{h.first + zoneSize + zoneMetaSize + 7*chunkSize, 1, 7, true},
		{h.first + 2*zoneSize + zoneMetaSize, 2, 0, true},
		{h.first + span - 1, 2, 0x7ffc, true},
		{h.first + span, 0, 0, false},
		{1 << 63, 0, 0, false},
	} {
		p, ok := h.placeOf(c.off)
		require.Equal(t, c.ok, ok, "%#x", c.off)
		if ok {
			require.Equal(t, place{h.first + c.zone*zoneSize, c.chunk}, p, "%#x", c.off)
		}
	}
}

// Ensure that divisions by multiplication are exact.
func TestIndex(t *testing.T) {
	for _, unit := range []uint64{1, 2, 3, 7, 8, 24, 100, 128, 192, 704, 66560, 1<<20 + 1, 1<<32 - 1, 1 << 32} {
		g := &geometry{unit: unit, magic: reciprocal(unit)}
		for _, q := range []uint64{0, 1, 2, 1000, 65534, 1 << 30, 1<<32 - 1} {
			for _, r := range []uint64{0, 1, unit / 2, unit - 1} {
				rel := q*unit + r%unit
				require.Equal(t, rel/unit, g.index(rel), "%d / %d", rel, unit)
			}
		}
	}
}
