package hashmap

import (
	"fmt"
	"math/bits"
	"sync/atomic"
	"unsafe"

	"github.com/pmem/pmdk-go/libpmemobj"
)

// The layout in the pool is described in the package's doc comment.

const (
	tableMagic   = 'P' | 'M'<<8 | 'G'<<16 | 'O'<<24 | 'H'<<32 | 'M'<<40 | 'A'<<48 | 'P'<<56
	tableVersion = 1

	dirType = 0x524944484f474d50 // "PMGOHDIR" in memory, the type number of directories
	bigType = 0x474942484f474d50 // "PMGOHBIG", that of entries outside their slots
)

// header is the map's own object.
type header struct {
	magic     uint64
	version   uint32
	kind      uint32 // kindFixed or kindBytes
	seed      [2]uint64
	keySize   uint32 // kindFixed: of a key; kindBytes: 0
	valueSize uint32 // kindFixed: of a value; kindBytes: what fits into a slot
	slotSize  uint32
	slots     uint32 // in a page
	dir       uint64 // the directory's offset
	oldDir    uint64 // that of a directory to be freed, or 0
	_         [8]uint64
}

// PmemType is the type number of headers: "PMGOHMAP" in memory.
func (header) PmemType() uint64 { return tableMagic }

const (
	kindFixed = 1
	kindBytes = 2
)

const (
	dirHeader  = 8 // the depth, before the entries
	metaSize   = 64
	maxSlots   = 56
	minSlots   = 8
	goodPage   = 4096
	depthMask  = 63
	maxDepth   = 32
	maxSlot    = 16 << 10
	occupied   = 1<<maxSlots - 1 // the bits of a page's word that stand for slots
	wordSize   = 8
	slotHeader = 16 // kindBytes: the hash and the lengths
)

// round is n rounded up to whole words.
func round(n int) int { return (n + wordSize - 1) &^ (wordSize - 1) }

// slotsOf is how many slots a page has: as many as its first line can
// describe, but no more than fit into a page of memory, unless these are few.
func slotsOf(slotSize int) int {
	return min(max((goodPage-metaSize)/slotSize, minSlots), maxSlots)
}

// geometry is what follows from the header.
type geometry struct {
	kind      uint32
	keySize   int // kindFixed
	valueSize int
	valueAt   int // kindFixed: of the value in the slot
	slotSize  int
	slots     int
	pageSize  int
	groups    uint64
	mask      uint64 // a page's word when all slots are taken
	seed      [2]uint64
}

func fixedGeometry(keySize, valueSize int) (geometry, error) {
	slot := round(keySize) + round(valueSize)
	if slot > maxSlot {
		return geometry{}, fmt.Errorf("a key and a value of %d and %d bytes: together they have at most %d; keep large values in objects of their own, or use Bytes", keySize, valueSize, maxSlot)
	}
	return geometry{kind: kindFixed, keySize: keySize, valueSize: valueSize, slotSize: slot}.complete(), nil
}

func bytesGeometry(inline int) geometry {
	return geometry{kind: kindBytes, valueSize: inline, slotSize: slotHeader + inline}.complete()
}

func (g geometry) complete() geometry {
	g.slots = slotsOf(g.slotSize)
	g.pageSize = (metaSize + g.slots*g.slotSize + 63) &^ 63
	g.mask = 1<<g.slots - 1
	g.groups = uint64(g.slots+groupSlots-1) / groupSlots
	g.valueAt = round(g.keySize)
	return g
}

// geometryOf reads a header, which must be one of a map.
func geometryOf(h *header) (geometry, error) {
	if h.magic != tableMagic {
		return geometry{}, fmt.Errorf("it begins with %#016x", h.magic)
	}
	if h.version != tableVersion {
		return geometry{}, fmt.Errorf("it has layout version %d; this program knows version %d", h.version, tableVersion)
	}
	var g geometry
	switch {
	case h.keySize > maxSlot || h.valueSize > maxSlot:
	case h.kind == kindFixed:
		g, _ = fixedGeometry(int(h.keySize), int(h.valueSize))
	case h.kind == kindBytes:
		g = bytesGeometry(int(h.valueSize))
	}
	if g.slots == 0 || g.slots != int(h.slots) || g.slotSize != int(h.slotSize) {
		return geometry{}, fmt.Errorf("its header says kind %d with keys of %d bytes, values of %d, and %d slots of %d in a page, which do not belong together",
			h.kind, h.keySize, h.valueSize, h.slots, h.slotSize)
	}
	g.seed = h.seed
	return g, nil
}

func (g *geometry) fill(h *header) {
	*h = header{
		magic: tableMagic, version: tableVersion, kind: g.kind, seed: g.seed,
		keySize: uint32(g.keySize), valueSize: uint32(g.valueSize),
		slotSize: uint32(g.slotSize), slots: uint32(g.slots),
	}
}

// pageClass is the allocation class of the pages. PMDK refuses some numbers of
// units in a block, for various reasons; a few more units help.
func (g *geometry) pageClass(p *libpmemobj.Pool) (libpmemobj.Class, error) {
	const block, room = 256 << 10, 248 << 10
	units := max(room/g.pageSize, 1)
	for try := 0; ; try++ {
		c, err := p.NewClass(libpmemobj.AllocClass{
			UnitSize: uint64(g.pageSize), Alignment: 64, UnitsPerBlock: units, Header: libpmemobj.HeaderNone,
		})
		if err == nil || try == 16 {
			return c, err
		}
		units += max(block/g.pageSize, 1)
	}
}

// page is the address of a page.
type page struct{ at unsafe.Pointer }

// word is the page's bitmap: bit i stands for slot i.
func (p page) word() *uint64 { return (*uint64)(p.at) }

func (p page) load() uint64 { return atomic.LoadUint64(p.word()) & occupied }

// print is the byte that belongs to slot i: the low byte of its key's hash.
func (p page) print(i int) *uint8 { return (*uint8)(unsafe.Add(p.at, wordSize+i)) }

func (g *geometry) slot(p page, i int) unsafe.Pointer {
	return unsafe.Add(p.at, metaSize+i*g.slotSize)
}

// The slots of a page form groups of 8, whose prints are one word. A key lies
// in the group that its hash names if there was room, so that a reader mostly
// looks at one word of prints.

const (
	groupSlots = 8
	ones       = 0x0101010101010101
	highs      = 0x8080808080808080
)

// group is the group that a hash names.
func (g *geometry) group(hash uint64) uint { return uint(hash >> 8 & (1<<32 - 1) * g.groups >> 32) }

// prints are those of a group.
func (p page) prints(group uint) uint64 {
	return loadWord(unsafe.Add(p.at, wordSize+group*groupSlots))
}

// matching has the high bit of every byte of prints that is the low byte of
// hash, and perhaps of a few others.
func matching(prints, hash uint64) uint64 {
	x := prints ^ hash&0xff*ones
	return (x - ones) &^ x & highs
}

// matches returns the slots of a page whose prints are the hash's, and perhaps
// others.
func (g *geometry) matches(p page, hash uint64) (slots uint64) {
	const gather = 0x0102040810204080 // moves the low bits of all bytes into the highest byte
	for i := range uint(g.groups) {
		slots |= matching(p.prints(i), hash) >> 7 * gather >> 56 << (i * groupSlots)
	}
	return slots
}

// freeSlot is the slot for a new entry, none of used, which must have room.
func (g *geometry) freeSlot(used, hash uint64) int {
	free := ^used & g.mask
	first := g.group(hash) * groupSlots
	if in := free >> first & (1<<groupSlots - 1); in != 0 {
		return int(first) + bits.TrailingZeros64(in)
	}
	return bits.TrailingZeros64(free)
}

// full says whether a page takes no more keys. One slot is left, for new
// versions of values.
func (g *geometry) full(word uint64) bool { return bits.OnesCount64(word) >= g.slots-1 }
