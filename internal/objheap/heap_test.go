package objheap_test

import (
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/objheap"
	"github.com/pmem/pmdk-go/internal/objmutate/cpool"
)

// newPool makes a pool which the test closes at its end.
func newPool(t testing.TB, size uint64) (*cpool.Pool, *objheap.Heap) {
	t.Helper()
	p, err := cpool.Create(filepath.Join(tempDir(t), "pool"), size)
	require.NoError(t, err)
	t.Cleanup(p.Close)
	h, err := objheap.NewHeap(p.Base(), p.Size())
	require.NoError(t, err)
	return p, h
}

// kinds are allocation classes with every sort of header, alignment and unit.
var kinds = []struct {
	name        string
	unit, align uint64
	perBlock    int
	header      int
	overhead    uint64
}{
	{"legacy", 192, 0, 100, cpool.HeaderLegacy, 64},
	{"legacy aligned", 192, 64, 100, cpool.HeaderLegacy, 64},
	{"legacy large", 8192, 8192, 100, cpool.HeaderLegacy, 64},
	{"compact", 128 + 8, 0, 100, cpool.HeaderCompact, 16},
	{"compact odd unit", 100, 0, 100, cpool.HeaderCompact, 16},
	{"compact aligned", 4096, 4096, 10, cpool.HeaderCompact, 16},
	{"compact aligned small", 128, 128, 2045, cpool.HeaderCompact, 16},
	{"compact several chunks", 320, 0, 4000, cpool.HeaderCompact, 16},
	{"compact 1 MiB", 1 << 20, 1 << 20, 4, cpool.HeaderCompact, 16},
	{"none 8", 8, 0, 100, cpool.HeaderNone, 0},
	{"none 8 aligned", 8, 8, 100, cpool.HeaderNone, 0},
	{"none 24", 24, 0, 100, cpool.HeaderNone, 0},
	{"none 100", 100, 0, 100, cpool.HeaderNone, 0},
	{"none 32, several chunks", 32, 0, 50000, cpool.HeaderNone, 0},
	{"none 2 MiB", 2 << 20, 2 << 20, 2, cpool.HeaderNone, 0},
}

// Ensure that each object of each kind of class is found, with the usable size
// that C gives it, and that nothing else is.
func TestHeapClasses(t *testing.T) {
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			p, h := newPool(t, 64<<20)
			class, err := p.NewClass(k.unit, k.align, k.perBlock, k.header)
			require.NoError(t, err)
			rnd := rand.New(rand.NewPCG(1, 2))
			var live []uint64
			for len(live) < 3000 {
				size := k.unit - k.overhead
				if k.overhead != 0 && k.unit < 4096 && rnd.IntN(3) == 0 {
					size += k.unit * rnd.Uint64N(8)
				}
				off := p.Alloc(size, 1, class)
				if off == 0 {
					break
				}
				live = append(live, off)
				if rnd.IntN(4) == 0 {
					i := rnd.IntN(len(live))
					p.Free(live[i])
					live = slices.Delete(live, i, i+1)
				}
			}
			require.Greater(t, len(live), 2)
			checkAll(t, p, h, live, rnd)
		})
	}
}

// Ensure that a pool of all sorts of objects, huge ones and custom classes
// included, is read as C reads it.
func TestHeapMixed(t *testing.T) {
	p, h := newPool(t, 64<<20)
	p.Fill(7, 3000, true)
	for range 3 {
		require.NotZero(t, p.Alloc(3<<20, 1, 0))
	}
	live := p.Objects()
	require.Greater(t, len(live), 1000)
	checkAll(t, p, h, live, rand.New(rand.NewPCG(3, 4)))

	root := p.Root(1)
	require.True(t, h.IsRoot(root))
	require.False(t, h.IsRoot(live[0]))
	usable, ok := h.Object(root)
	require.True(t, ok)
	require.Equal(t, p.Usable(root), usable)
}

// checkAll compares the heap with the objects that are live, and C's usable
// sizes: at their starts, at every other offset in and around them, and at
// random ones.
func checkAll(t *testing.T, p *cpool.Pool, h *objheap.Heap, live []uint64, rnd *rand.Rand) {
	t.Helper()
	slices.Sort(live)
	require.Equal(t, live, p.Objects(), "what C iterates over, in order")
	var got []uint64
	for off, ok := h.Next(0); ok; off, ok = h.Next(off) {
		got = append(got, off)
	}
	require.Equal(t, live, got, "what Next iterates over")

	size := map[uint64]uint64{}
	for i, off := range live {
		want := p.Usable(off)
		// Without headers the next object may follow at once.
		adjacent := i+1 < len(live) && live[i+1] == off+want
		size[off] = want
		usable, ok := h.Object(off)
		require.True(t, ok, "object at %#x", off)
		require.Equal(t, want, usable, "usable size at %#x", off)
		for _, c := range []struct {
			off, n uint64
			want   bool
		}{
			{off, want, true}, {off, 1, true}, {off + want - 1, 1, true}, {off, 0, true},
			{off + want/2, want - want/2, true},
			{off, want + 1, false}, {off + want, 0, adjacent}, {off - 1, 2, false},
			{off + 1, want, false}, {off, ^uint64(0), false}, {off, -off, false},
		} {
			require.Equal(t, c.want, h.Covers(c.off, c.n), "Covers(%#x, %d) of an object of %d bytes at %#x", c.off, c.n, want, off)
		}
	}
	lo, hi := h.Bounds()
	check := func(off uint64) {
		usable, ok := h.Object(off)
		want, isLive := size[off]
		if off != 0 && h.IsRoot(off) {
			want, isLive = p.Usable(off), true
		}
		if ok != isLive && internalObject(p, off) {
			return
		}
		if ok != isLive || usable != want {
			t.Fatalf("Object(%#x) = %d, %v; C says %d, %v", off, usable, ok, want, isLive)
		}
		i, found := slices.BinarySearch(live, off)
		if found {
			i++
		}
		if next, ok := h.Next(off); ok != (i < len(live)) || ok && next != live[i] {
			t.Fatalf("Next(%#x) = %#x, %v; %d objects live", off, next, ok, len(live))
		}
		i, found = slices.BinarySearch(live, off)
		if !found {
			i--
		}
		in := i >= 0 && off-live[i] < size[live[i]]
		if cover := h.Covers(off, 1); cover != in && !coveredByInternal(p, h, off) {
			t.Fatalf("Covers(%#x, 1) = %v, C's objects say %v", off, cover, in)
		}
	}
	for range 20000 {
		check(lo + rnd.Uint64N(hi-lo))
		check(live[rnd.IntN(len(live))] + rnd.Uint64N(300) - 100)
	}
	for _, off := range []uint64{0, 1, lo - 1, lo, hi - 1, hi, hi + 1, p.Size(), 1 << 62, ^uint64(0)} {
		check(off)
	}
}

// internalObject says whether off is an object that C does not show: its
// header has the flag of such.
func internalObject(p *cpool.Pool, off uint64) bool {
	return off >= 16 && off < p.Size() && p.Bytes()[off-16+7]&0x80 != 0
}

// coveredByInternal says whether off lies in the root object or another one
// that C does not show.
func coveredByInternal(p *cpool.Pool, h *objheap.Heap, off uint64) bool {
	lo, _ := h.Bounds()
	for at := off &^ 7; at > lo && off-at < 100000; at -= 8 {
		if n, ok := h.Object(at); ok {
			return internalObject(p, at) && off-at < n
		}
	}
	return false
}

// Ensure that data which imitates an object's header in the middle of another
// object fools nobody.
func TestHeapImitation(t *testing.T) {
	const unit = 136
	p, h := newPool(t, 8<<20)
	class, err := p.NewClass(unit, 0, 1000, cpool.HeaderCompact)
	require.NoError(t, err)
	mem := p.Bytes()
	var live []uint64
	for range 500 {
		off := p.Alloc(unit*5-16, 1, class)
		require.NotZero(t, off)
		live = append(live, off)
		// At each unit inside: what the header of an object of 1 to 5 units
		// looks like.
		for u := uint64(1); u < 5; u++ {
			header := mem[off-16+u*unit:][:16]
			clear(header)
			header[0], header[1] = byte(unit*u), byte(unit*u>>8)
		}
	}
	for _, off := range live {
		for u := uint64(1); u < 5; u++ {
			_, ok := h.Object(off + u*unit)
			require.False(t, ok, "unit %d inside %#x", u, off)
			require.True(t, h.Covers(off+u*unit-16, 16))
		}
		require.True(t, h.Covers(off, unit*5-16))
		require.False(t, h.Covers(off, unit*5))
		usable, ok := h.Object(off)
		require.True(t, ok)
		require.EqualValues(t, unit*5-16, usable)
	}
}

// Ensure that a freed object is none, huge ones that were merged with others
// included.
func TestHeapFreed(t *testing.T) {
	p, h := newPool(t, 64<<20)
	rnd := rand.New(rand.NewPCG(5, 6))
	live := map[uint64]bool{}
	var was []uint64
	for range 4000 {
		if off := p.Alloc([]uint64{50, 1000, 20000, 300000, 700000, 3 << 20}[rnd.IntN(6)], 1, 0); off != 0 {
			live[off] = true
			was = append(was, off)
		}
		for off := range live {
			if len(live) > 40 || rnd.IntN(3) == 0 {
				p.Free(off)
				delete(live, off)
			}
			break
		}
		for range 20 {
			off := was[rnd.IntN(len(was))]
			if _, ok := h.Object(off); ok != live[off] {
				t.Fatalf("Object(%#x) = %v, it is live: %v", off, ok, live[off])
			}
		}
	}
}

// Ensure that questions neither fault nor hang while objects come and go, and
// are right about one that stays.
func TestHeapConcurrent(t *testing.T) {
	p, h := newPool(t, 16<<20)
	var stay []uint64
	for range 200 {
		stay = append(stay, p.Alloc(200, 1, 0))
		p.Alloc(100, 1, 0)
	}
	usable, ok := h.Object(stay[0])
	require.True(t, ok)
	stop := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		rnd := rand.New(rand.NewPCG(7, 8))
		var own []uint64
		for {
			select {
			case <-stop:
				return
			default:
			}
			if off := p.Alloc(1+rnd.Uint64N(800), 1, 0); off != 0 {
				mem := p.Bytes()[off:][:p.Usable(off)]
				for i := range mem {
					mem[i] = byte(i & 0x80)
				}
				own = append(own, off)
			}
			if len(own) > 100 {
				i := rnd.IntN(len(own))
				p.Free(own[i])
				own = slices.Delete(own, i, i+1)
			}
		}
	}()
	rnd := rand.New(rand.NewPCG(9, 10))
	lo, hi := h.Bounds()
	for range 200_000 {
		off := stay[rnd.IntN(len(stay))]
		if n, ok := h.Object(off); !ok || n != usable {
			t.Errorf("Object(%#x) = %d, %v while others change", off, n, ok)
			break
		}
		if !h.Covers(off, usable) || h.Covers(off, usable+1) {
			t.Errorf("Covers(%#x) is wrong while others change", off)
			break
		}
		wild := lo + rnd.Uint64N(hi-lo)
		h.Object(wild)
		h.Covers(wild, 64)
		h.Next(wild)
	}
	close(stop)
	<-done
}

// Ensure that no contents of the mapping make a question fault or hang.
func TestHeapGarbage(t *testing.T) {
	p, _ := newPool(t, 8<<20)
	p.Fill(11, 800, true)
	good := p.Bytes()
	mem := make([]byte, len(good)+8)
	rnd := rand.New(rand.NewPCG(11, 12))
	for round := range 30 {
		copy(mem, good)
		h, err := objheap.NewHeap(aligned(mem), p.Size())
		require.NoError(t, err)
		lo, hi := h.Bounds()
		meta := lo - 524288
		for range 1 << round % 4000 {
			at := meta + rnd.Uint64N(8*64)
			if rnd.IntN(2) == 0 {
				at = lo + rnd.Uint64N((hi-lo)>>18)<<18 + rnd.Uint64N(24)
			}
			mem[at] = byte(rnd.Uint32())
		}
		n := 0
		for off, ok := h.Next(0); ok; off, ok = h.Next(off) {
			n++
		}
		require.LessOrEqual(t, n, 1<<20)
		for range 2000 {
			off := lo + rnd.Uint64N(hi-lo)
			h.Object(off)
			h.Covers(off, rnd.Uint64N(1000))
			h.Next(off)
		}
	}
}

// Ensure that questions allocate nothing.
func TestHeapAllocs(t *testing.T) {
	p, h := newPool(t, 8<<20)
	off := p.Alloc(64, 1, 0)
	require.Zero(t, testing.AllocsPerRun(100, func() {
		h.Object(off)
		h.Covers(off, 8)
		h.Next(off)
	}))
}

// Ensure that a mapping which is no pool is refused.
func TestNewHeapRefuses(t *testing.T) {
	_, err := objheap.NewHeap(nil, 8<<20)
	require.ErrorContains(t, err, "no pool")
	mem := make([]byte, 8<<20)
	_, err = objheap.NewHeap(aligned(mem), 8<<20)
	require.ErrorContains(t, err, "does not fit")
	_, err = objheap.NewHeap(aligned(mem), 4096)
	require.ErrorContains(t, err, "no pool")
}
