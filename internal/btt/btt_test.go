package btt

import (
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/poolheader"
)

// sparse is an area that is zero but for a few pages.
type sparse map[int64]*[4096]byte

func (s sparse) ReadAt(b []byte, off int64) (n int, err error) {
	clear(b)
	for n < len(b) {
		page, from := (off+int64(n))/4096, (off+int64(n))%4096
		k := min(len(b)-n, int(4096-from))
		if p := s[page]; p != nil {
			copy(b[n:n+k], p[from:])
		}
		n += k
	}
	return n, nil
}

func (s sparse) put(off int64, b ...byte) {
	for i, c := range b {
		at := off + int64(i)
		if s[at/4096] == nil {
			s[at/4096] = new([4096]byte)
		}
		s[at/4096][at%4096] = c
	}
}

func (s sparse) put32(off int64, v uint32) { s.put(off, binary.LittleEndian.AppendUint32(nil, v)...) }
func (s sparse) put64(off int64, v uint64) { s.put(off, binary.LittleEndian.AppendUint64(nil, v)...) }

// seal computes the checksum of an info block.
func (s sparse) seal(off int64) {
	b := make([]byte, InfoSize)
	_, _ = s.ReadAt(b, off)
	s.put64(off+checksumOff, poolheader.Checksum(b, checksumOff))
}

var parent = poolheader.UUID{1, 2, 3}

// newArea is an area that was laid out, with nothing written to it.
func newArea(size, blockSize int64) (*Area, sparse) {
	s := sparse{}
	plan := Plan(size, blockSize)
	for n, g := range plan {
		for _, at := range []int64{g.Start, g.Start + g.Backup} {
			s.put(at, []byte(Signature)...)
			s.put(at+16, 9)
			s.put(at+32, parent[:]...)
			s.put(at+52, 1, 0, 1)
			s.put32(at+56, uint32(blockSize))
			s.put32(at+60, uint32(g.Blocks))
			s.put32(at+64, uint32(g.Internal))
			s.put32(at+68, uint32(g.Blocks+spare))
			s.put32(at+72, spare)
			s.put32(at+76, InfoSize)
			if n < len(plan)-1 {
				s.put64(at+80, uint64(g.Size))
			}
			for i, off := range []int64{g.Data, g.Map, g.Flog, g.Backup} {
				s.put64(at+88+int64(8*i), uint64(off))
			}
			s.seal(at)
		}
		for i := range int64(spare) {
			at := g.Start + g.Flog + i*flogEntry
			s.put32(at, uint32(i))
			s.put32(at+4, uint32(g.Blocks+i)|entryZero)
			s.put32(at+8, uint32(g.Blocks+i)|entryZero)
			s.put32(at+12, 1)
		}
	}
	return &Area{ReaderAt: s, Size: size, BlockSize: blockSize, Parent: parent, Zeroed: true}, s
}

const (
	someSize  = 20<<20 + 123
	twoArenas = MaxArena + 5<<30 + 777
	hugeBlock = 8 << 20 // so that their maps are small
)

// Ensure that blocks are where PMDK was seen to put them, and as many.
func TestPlan(t *testing.T) {
	cases := []struct {
		size, blockSize int64
		want            []Geometry
	}{
		{20963328, 512, []Geometry{{0, 20963328, 40315, 512, 4096, 20779008, 20942848, 20959232}}},
		{41934848, 1000, []Geometry{{0, 41934848, 40508, 1024, 4096, 41750528, 41914368, 41930752}}},
		{17817600, 513, []Geometry{{0, 17817600, 22786, 768, 4096, 17702912, 17797120, 17813504}}},
		{16785408 - 8192, 16384, []Geometry{{0, 16777216, 766, 16384, 4096, 16752640, 16756736, 16773120}}},
		{MaxArena + 2<<30 + 777, 1 << 20, []Geometry{
			{0, MaxArena, 524029, 1 << 20, 4096, 0x7fffdfb000, 0x7fffffb000, 0x7ffffff000},
			{MaxArena, 2<<30 + 777, 1791, 1 << 20, 4096, 0x7fff9000, 0x7fffb000, 0x7ffff000},
		}},
		{16793598 - 8192, 35633, nil},
		{MinArena - 1, 512, nil},
		{MinArena, 0, nil},
		{MinArena, -1, nil},
		{0, 512, nil},
		{-1, 512, nil},
		{1 << 62, 1<<63 - 1, nil},
	}
	for _, c := range cases {
		got := Plan(c.size, c.blockSize)
		require.Equal(t, c.want, got)
		n := int64(0)
		for _, g := range c.want {
			n += g.Blocks
		}
		require.Equal(t, n, Blocks(c.size, c.blockSize))
	}
}

// Ensure that areas are accepted that were laid out, were not yet, or were in
// part.
func TestCheckSound(t *testing.T) {
	for _, size := range []int64{MinArena, someSize, twoArenas} {
		blockSize := int64(4096)
		if size == twoArenas {
			blockSize = hugeBlock
		}
		a, s := newArea(size, blockSize)
		laidOut, err := a.Check()
		require.NoError(t, err)
		require.True(t, laidOut)

		for _, g := range Plan(size, blockSize) {
			s.put32(g.Start+g.Map, entryZero|entryError|uint32(g.Blocks+5)) // written
			s.put32(g.Start+g.Map+4, entryError|1)                          // bad
			s.put32(g.Start+g.Map+4*(g.Blocks-1), entryZero)                // zero
			s.put32(g.Start+g.Flog+28, 2)                                   // as after a write
		}
		laidOut, err = a.Check()
		require.NoError(t, err)
		require.True(t, laidOut)

		a.ReaderAt = sparse{}
		laidOut, err = a.Check()
		require.NoError(t, err)
		require.False(t, laidOut)

		// Killed while it was laid out: there is some of it, but no block.
		for n, g := range Plan(size, blockSize) {
			for _, gone := range []int64{g.Start, g.Start + g.Backup} {
				a, s := newArea(size, blockSize)
				clear(s[gone/4096][:])
				laidOut, err := a.Check()
				require.NoError(t, err, "arena %d", n)
				require.Equal(t, gone == g.Start+g.Backup, laidOut)
			}
		}
	}

	// What an old file held is no sign of blocks.
	a, s := newArea(someSize, 4096)
	g := Plan(someSize, 4096)[0]
	a.Zeroed = false
	for _, page := range []int64{0, g.Map / 4096, g.Flog / 4096, g.Backup / 4096} {
		s[page] = new([4096]byte)
		for i := range s[page] {
			s[page][i] = 0xff
		}
	}
	laidOut, err := a.Check()
	require.NoError(t, err)
	require.False(t, laidOut)
}

// Ensure that an area with a damaged info block is refused where blocks were
// written, with the repair that there is.
func TestCheckInfoLost(t *testing.T) {
	for _, size := range []int64{someSize, twoArenas} {
		blockSize := int64(4096)
		if size == twoArenas {
			blockSize = hugeBlock
		}
		for _, g := range Plan(size, blockSize) {
			damage := func(zeroed bool, change func(s sparse)) *Fault {
				a, s := newArea(size, blockSize)
				a.Zeroed = zeroed
				s.put32(g.Start+g.Map+40, entryZero|entryError|7)
				change(s)
				_, err := a.Check()
				var f *Fault
				require.ErrorAs(t, err, &f)
				require.Equal(t, g.Start, f.Offset)
				require.Contains(t, f.Reason, "though blocks were written")
				requireRestored(t, a, s)
				return f
			}
			zero := func(s sparse, at int64) { clear(s[at/4096][:]) }
			f := damage(false, func(s sparse) { zero(s, g.Start) })
			require.Equal(t, FromCopy, f.Remedy)
			require.Contains(t, f.Reason, "does not begin with its signature")
			f = damage(false, func(s sparse) { s.put(g.Start+2000, 1) })
			require.Equal(t, FromCopy, f.Remedy)
			require.Contains(t, f.Reason, "checksum is")
			f = damage(false, func(s sparse) { s.put(g.Start+33, 77) })
			require.Equal(t, FromCopy, f.Remedy)
			require.Contains(t, f.Reason, "belongs to another pool")
			f = damage(false, func(s sparse) { s.put(g.Start+52, 0); s.seal(g.Start) })
			require.Equal(t, FromCopy, f.Remedy)
			require.Contains(t, f.Reason, "version 0")

			// Both gone: there are other signs.
			for _, zeroed := range []bool{true, false} {
				f = damage(zeroed, func(s sparse) { zero(s, g.Start); zero(s, g.Start+g.Backup) })
				require.Equal(t, Rebuild, f.Remedy)
			}
			f = damage(false, func(s sparse) { s.put(g.Start+2000, 1); zero(s, g.Start+g.Backup) })
			require.Equal(t, Rebuild, f.Remedy)

			// Without a flog as well, nobody knows what to rebuild.
			for _, zeroed := range []bool{true, false} {
				a, s := newArea(size, blockSize)
				a.Zeroed = zeroed
				s.put32(g.Start+g.Map+40, entryZero|entryError|7)
				s.put(g.Start+2000, 1)
				zero(s, g.Start+g.Backup)
				zero(s, g.Start+g.Flog)
				_, err := a.Check()
				require.ErrorContains(t, err, "though blocks were written")
				_, err = a.Restore()
				require.ErrorContains(t, err, "BTT flog entry 0")
			}
		}
	}
}

// requireRestored ensures that the info blocks that Restore finds make the area
// a good one.
func requireRestored(t *testing.T, a *Area, s sparse) {
	t.Helper()
	patches, err := a.Restore()
	require.NoError(t, err)
	require.NotEmpty(t, patches)
	for _, p := range patches {
		s.put(p.Offset, p.Bytes...)
	}
	laidOut, err := a.Check()
	require.NoError(t, err)
	require.True(t, laidOut)
	patches, err = a.Restore()
	require.NoError(t, err)
	require.Empty(t, patches)
}

// Ensure that fields are refused that PMDK would go astray by, though their
// checksum is right.
func TestCheckFields(t *testing.T) {
	g := Plan(someSize, 4096)[0]
	const max32, max64 = 1<<32 - 1, 1<<64 - 1
	cases := []struct {
		name   string
		off    int64
		size   int
		values []uint64
		reason string
	}{
		{"version", 52, 2, []uint64{2, 1<<16 - 1}, "only 1 is known"},
		{"block size", 56, 4, []uint64{0, 1, 4095, 4097, max32}, "in a pool with blocks of 4096"},
		{"blocks", 60, 4, []uint64{0, 255, uint64(g.Blocks) - 1, uint64(g.Blocks) + 1, max32}, "usable blocks of"},
		{"internal size", 64, 4, []uint64{0, 511, 4095}, "are stored in"},
		{"internal size, large", 64, 4, []uint64{4352, max32}, "but the map is at"},
		{"internal blocks", 68, 4, []uint64{0, uint64(g.Blocks), uint64(g.Blocks) + 257, max32}, "usable blocks of"},
		{"spare", 72, 4, []uint64{0, 1, 255, 257, max32}, "spare blocks, should be 256"},
		{"next", 80, 8, []uint64{1, 4096, uint64(g.Size), MaxArena, max64}, "the next arena begins"},
		{"data", 88, 8, []uint64{0, 4095, max64, 1 << 63}, "the blocks begin at"},
		{"data, late", 88, 8, []uint64{uint64(g.Map), uint64(g.Size)}, "but the map is at"},
		{"map", 96, 8, []uint64{0, uint64(g.Map) - 4096*8, max64}, "but the map is at"},
		{"map, late", 96, 8, []uint64{uint64(g.Map) + 1, uint64(g.Flog), uint64(g.Backup)}, "but the flog is at"},
		{"flog", 104, 8, []uint64{0, uint64(g.Map), max64}, "but the flog is at"},
		{"flog, late", 104, 8, []uint64{uint64(g.Flog) + 64, uint64(g.Flog) + 1, uint64(g.Backup)}, "the copy of this block"},
		{"backup", 112, 8, []uint64{0, uint64(g.Flog), uint64(g.Size), max64}, "the copy of this block"},
	}
	for _, c := range cases {
		for _, v := range c.values {
			a, s := newArea(someSize, 4096)
			s.put(c.off, binary.LittleEndian.AppendUint64(nil, v)[:c.size]...)
			s.seal(0)
			_, err := a.Check()
			require.ErrorContains(t, err, c.reason, "%s = %#x", c.name, v)
			require.ErrorContains(t, err, "BTT info block at offset")
		}
	}
}

func TestCheckFlogAndMap(t *testing.T) {
	g := Plan(someSize, 4096)[0]
	entry := g.Flog + 3*flogEntry
	end := uint32(g.Blocks + spare)
	cases := []struct {
		name   string
		off    int64
		value  uint32
		reason string
	}{
		{"block", entry, uint32(g.Blocks), "BTT flog entry 3 at offset"},
		{"block of the older half", entry + 16, 1<<32 - 1, "block 4294967295 of"},
		{"before", entry + 4, end | entryZero, "internal blocks"},
		{"after", entry + 8, entryBlock, "internal blocks"},
		{"sequence", entry + 12, 0, "sequence numbers 0 and 0"},
		{"sequence, high", entry + 12, 4, "sequence numbers 4 and 0"},
		{"sequence, equal", entry + 28, 1, "sequence numbers 1 and 1"},
		{"map", g.Map + 4*17, end | entryZero | entryError, "BTT map entry 17 at offset"},
		{"end of map", g.Map + 4*(g.Blocks-1), entryBlock, "internal block 1073741823 of"},
	}
	for _, c := range cases {
		a, s := newArea(someSize, 4096)
		s.put32(c.off, c.value)
		_, err := a.Check()
		require.ErrorContains(t, err, c.reason, c.name)
	}
}

func TestCheckNoRoom(t *testing.T) {
	a := &Area{ReaderAt: sparse{}, Size: MinArena, BlockSize: 1 << 20}
	_, err := a.Check()
	require.ErrorContains(t, err, "16777216 bytes have no room for 256 blocks of 1048576 bytes")
}
