package objheap_test

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/objheap"
)

// Ensure that Allocated is true for each byte of every kind of object, for no
// byte once it was freed, and wherever Covers is.
func TestHeapAllocated(t *testing.T) {
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			p, h := newPool(t, 64<<20)
			class, err := p.NewClass(k.unit, k.align, k.perBlock, k.header)
			require.NoError(t, err)
			size := k.unit - k.overhead
			keep, freed := p.Alloc(size, 1, class), p.Alloc(size, 1, class)
			huge := p.Alloc(700_000, 1, 0)
			require.True(t, keep != 0 && freed != 0 && huge != 0)
			for _, off := range []uint64{keep, keep + size/2, keep + size - 1, freed, huge, huge + 600_000} {
				require.True(t, h.Allocated(off), "offset %#x", off)
			}
			p.Free(freed)
			p.Free(huge)
			for _, off := range []uint64{freed, freed + size/2, freed + size - 1, huge, huge + 600_000} {
				require.False(t, h.Allocated(off), "offset %#x", off)
			}
			require.True(t, h.Allocated(keep))
			var near objheap.Near
			rnd := rand.New(rand.NewPCG(3, 4))
			covered := 0
			for range 20_000 {
				off := rnd.Uint64N(p.Size() + 1<<20)
				if rnd.IntN(2) == 0 {
					off = keep - 64 + rnd.Uint64N(size+128)
				}
				require.Equal(t, h.Allocated(off), h.AllocatedNear(off, &near), "offset %#x", off)
				if h.Covers(off, 1) {
					covered++
					require.True(t, h.Allocated(off), "offset %#x", off)
				}
			}
			require.NotZero(t, covered)
			require.False(t, h.Allocated(0))
			require.False(t, h.Allocated(^uint64(0)))
		})
	}
}
