package objheap_test

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/objmutate/cpool"
)

// Ensure that each byte of an object of each kind of class leads to the object
// and to its type number, and that no other byte does.
func TestHoldingClasses(t *testing.T) {
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			p, h := newPool(t, 32<<20)
			class, err := p.NewClass(k.unit, k.align, k.perBlock, k.header)
			require.NoError(t, err)
			rnd := rand.New(rand.NewPCG(5, 6))
			for i := range 300 {
				size := k.unit - k.overhead
				if k.overhead != 0 && k.unit < 4096 {
					size += k.unit * rnd.Uint64N(5)
				}
				if off := p.Alloc(size, uint64(i+1), class); off == 0 || rnd.IntN(3) > 0 {
					continue
				} else {
					p.Free(off)
				}
			}
			objects := p.Objects()
			require.NotEmpty(t, objects)
			for i, off := range objects {
				usable := p.Usable(off)
				for _, in := range []uint64{0, 1, usable / 2, usable - 1, rnd.Uint64N(usable)} {
					start, size, ok := h.Holding(off + in)
					require.True(t, ok, "%d bytes into object %d", in, i)
					require.Equal(t, off, start)
					require.Equal(t, usable, size)
				}
				if start, _, ok := h.Holding(off - 1); ok {
					require.Less(t, start, off)
					require.GreaterOrEqual(t, start+p.Usable(start), off)
				}
				require.Equal(t, p.TypeNum(off), h.TypeNum(off))
				usableTagged, ok := h.Tagged(off, h.TypeNum(off))
				if k.header == cpool.HeaderCompact && off%8 == 0 {
					require.True(t, ok)
				}
				if ok && k.header == cpool.HeaderCompact {
					require.Equal(t, usable, usableTagged)
				}
				_, ok = h.Tagged(off, ^uint64(5))
				require.False(t, ok)
			}
		})
	}
}

// Ensure that huge objects and the root are found, and that offsets outside of
// everything are refused.
func TestHoldingHuge(t *testing.T) {
	p, h := newPool(t, 32<<20)
	huge := p.Alloc(3<<20, 17, 0)
	root := p.Root(1000)
	for _, off := range []uint64{huge, root} {
		usable := p.Usable(off)
		for _, in := range []uint64{0, 1, usable / 2, usable / 3, usable - 1} {
			start, size, ok := h.Holding(off + in)
			require.True(t, ok)
			require.Equal(t, off, start)
			require.Equal(t, usable, size)
		}
	}
	require.EqualValues(t, 17, h.TypeNum(huge))
	p.Free(huge)
	lo, hi := h.Bounds()
	for _, off := range []uint64{0, 1, 4096, huge, huge + 300_000, lo - 1, hi - 1, hi, 1 << 50, ^uint64(0)} {
		_, _, ok := h.Holding(off)
		require.False(t, ok, "%#x", off)
		_, ok = h.Tagged(off, ^uint64(5))
		require.False(t, ok, "%#x", off)
		h.TypeNum(off &^ 7)
	}
}
