package radix

import (
	"fmt"
	"math/bits"
	"sync/atomic"
	"unsafe"

	"github.com/pmem/pmdk-go/libpmemobj"
)

const (
	treeMagic   = 'P' | 'M'<<8 | 'G'<<16 | 'O'<<24 | 'R'<<32 | 'A'<<40 | 'D'<<48 | 'X'<<56
	treeVersion = 1

	headerType = treeMagic     // type numbers of objects
	innerType  = treeMagic + 1 //
	recordType = treeMagic + 2

	wordSize = 8
	lineSize = 64

	// What waits to be freed is in shards: the last one has nodes, the others
	// records.
	shards       = 5
	nodeShard    = shards - 1
	recordShards = nodeShard
)

// Limits, in bytes.
const (
	MaxKey    = 4096    // length of the longest key
	MaxValue  = 1 << 30 // length of the longest value
	MaxInline = 1016    // largest argument of WithInline

	defaultInline = 72
	minInline     = 16
)

// header is the object that a map's name stands for.
type header struct {
	magic     uint64
	version   uint32
	slotSize  uint32
	slots     uint32
	valueSize uint32 // of all values, or anySize
	_         [5]uint64

	root   uint64 // offset of the topmost node | its height
	doomed uint64 // the same of a tree that Clear has not freed yet
	_      [6]uint64

	// Two chains in each shard of objects that nothing refers to any more and
	// that readers may still look at.
	garbage [shards][2]uint64
}

// PmemType is the header's type number.
func (header) PmemType() uint64 { return headerType }

const anySize = 1<<32 - 1 // values of any size

// A node's height is kept in the low bits of what points at it, in the header
// only: further down it follows from where one is.
const (
	heightMask = 15
	maxHeight  = 15
)

// The next object in a chain of garbage is the first word of each object. While
// the object is in use it means nothing.
func (t *tree) nextWord(off uint64) *uint64 { return (*uint64)(t.at(off)) }

// A leaf is a line of metadata and the slots:
//
//	 0  next
//	 8  bitmap of the slots in use
//	16  fingerprints, a byte for each slot
//	64  slots
const (
	leafSlots = 48
	slotMask  = 1<<leafSlots - 1
	bitmapAt  = 8
	printsAt  = 16
	slotsAt   = 64

	// A slot is left for the new version of a value.
	leafFull = leafSlots - 1
)

type leaf struct{ at unsafe.Pointer }

func (l leaf) bitmap() *uint64          { return (*uint64)(unsafe.Add(l.at, bitmapAt)) }
func (l leaf) load() uint64             { return atomic.LoadUint64(l.bitmap()) & slotMask }
func (l leaf) print(i int) *uint8       { return (*uint8)(unsafe.Add(l.at, printsAt+i)) }
func (l leaf) line() libpmemobj.Range   { return libpmemobj.RangeOf((*[lineSize]byte)(l.at)) }
func (t *tree) slot(l leaf, i int) slot { return slot{unsafe.Add(l.at, slotsAt+i*t.slotSize)} }
func (t *tree) leaf(off uint64) leaf    { return leaf{t.at(off)} }
func entries(used uint64) int           { return bits.OnesCount64(used) }
func (t *tree) slotRange(s slot) libpmemobj.Range {
	return libpmemobj.RangeOfSlice(unsafe.Slice((*byte)(s.at), t.slotSize))
}

// leafSize is what a leaf is allocated, and the alignment of that: a whole page
// of memory if that wastes little, so that an operation needs one entry of the
// processor's address translation cache for it.
func leafSize(slotSize int) (size, align int) {
	const page, waste = 4096, 512
	size = slotsAt + leafSlots*slotSize
	if size <= page && size > page-waste {
		return page, page
	}
	return (size + lineSize - 1) &^ (lineSize - 1), lineSize
}

// match returns the bits of the slots among used whose fingerprints are print,
// and perhaps a few others.
func (l leaf) match(used uint64, print uint8) (found uint64) {
	const (
		ones   = 0x0101010101010101
		highs  = 0x8080808080808080
		gather = 0x0102040810204080
	)
	want := uint64(print) * ones
	for i := 0; i < leafSlots; i += 8 {
		x := atomic.LoadUint64((*uint64)(unsafe.Add(l.at, printsAt+i))) ^ want
		x = (x - ones) &^ x & highs
		found |= x >> 7 * gather >> 56 << i
	}
	return found & used
}

// hash tells keys in a leaf apart: its high byte is their fingerprint.
func hash(key []byte) uint64 {
	h := uint64(len(key))
	for ; len(key) >= wordSize; key = key[wordSize:] {
		h = mix(h ^ loadWord(key))
	}
	if len(key) > 0 {
		h = mix(h ^ tailWord(key))
	}
	return h
}

func fingerprint(hash uint64) uint8 { return uint8(hash >> 56) }

// home is the first of two slots, in one of which a key with this hash is put if
// one is free, or else in the next free slot. Nothing depends on it but how long
// a reader waits for memory: it looks there while the line with the bitmap
// comes.
func home(hash uint64) int { return int(hash>>24&0xffff*(leafSlots/2)>>16) * 2 }

// freeSlot is a slot that is not in use, of which there must be one.
func freeSlot(used, hash uint64) int {
	h := home(hash)
	if after := ^used & slotMask >> h << h; after != 0 {
		return bits.TrailingZeros64(after)
	}
	return bits.TrailingZeros64(^used)
}

// prefetch has the processor get the lines of the slots that the key is in,
// probably.
func (t *tree) prefetch(l leaf, hash uint64) {
	s := t.slot(l, home(hash))
	s.load(0)
	s.load(t.slotSize/wordSize - 1)
	s.load(2*t.slotSize/wordSize - 1)
}

func mix(h uint64) uint64 {
	h *= 0x9e3779b97f4a7c15
	return h ^ h>>32
}

// A slot is a word of lengths and an entry, inline or by reference:
//
//	0  length of the key (low 16 bits), isRecord, length of the value << 32
//	8  inline: the key, padded to words, and the value, padded to words
//	   isRecord: offset of the record
type slot struct{ at unsafe.Pointer }

const isRecord = 1 << 16

func lengths(key, value int) uint64 { return uint64(key) | uint64(value)<<32 }
func keyLen(lengths uint64) int     { return int(lengths & 0xffff) }
func valueLen(lengths uint64) int   { return int(lengths >> 32) }

func round(n int) int { return (n + wordSize - 1) &^ (wordSize - 1) }

func (t *tree) fits(key, value int) bool {
	return wordSize+round(key)+round(value) <= t.slotSize
}

func (s slot) word(i int) *uint64 { return (*uint64)(unsafe.Add(s.at, i*wordSize)) }
func (s slot) load(i int) uint64  { return atomic.LoadUint64(s.word(i)) }

// fill writes an entry that fits.
func (s slot) fill(key, value []byte) {
	*s.word(0) = lengths(len(key), len(value))
	putWords(unsafe.Add(s.at, wordSize), key)
	putWords(unsafe.Add(s.at, wordSize+round(len(key))), value)
}

// refer writes the reference to a record.
func (s slot) refer(key, value int, record uint64) {
	*s.word(0) = lengths(key, value) | isRecord
	*s.word(1) = record
}

// record is the offset of the slot's record, or 0. The leaf must not change.
func (s slot) record() uint64 {
	if *s.word(0)&isRecord == 0 {
		return 0
	}
	return *s.word(1)
}

// A record is an entry in an object of its own, which never changes:
//
//	 0  next
//	 8  lengths, like a slot's
//	16  the key, padded to words, and the value
const recordAt = 16

func recordSize(key, value int) int { return recordAt + round(key) + value }

// view is what a slot holds, as it lies in the pool. It must not change
// meanwhile; a record does not, as long as it is not freed.
func (t *tree) view(s slot) (key, value []byte) {
	head := s.load(0)
	at := unsafe.Add(s.at, wordSize)
	if head&isRecord != 0 {
		at = unsafe.Add(t.at(s.load(1)), recordAt)
	}
	k, v := keyLen(head), valueLen(head)
	key = unsafe.Slice((*byte)(at), k)
	value = unsafe.Slice((*byte)(unsafe.Add(at, round(k))), v)
	return key, value
}

// writeRecord fills in a record.
func (t *tree) writeRecord(off uint64, key, value []byte) {
	at := t.at(off)
	*(*[2]uint64)(at) = [2]uint64{0, lengths(len(key), len(value))}
	putWords(unsafe.Add(at, recordAt), key)
	copy(unsafe.Slice((*byte)(unsafe.Add(at, recordAt+round(len(key)))), len(value)), value)
}

func (t *tree) at(off uint64) unsafe.Pointer { return unsafe.Add(t.base, off) }

func (t *tree) oid(off uint64) libpmemobj.OID { return libpmemobj.OID{Pool: t.pool.UUID(), Off: off} }

func (t *tree) offOf(at unsafe.Pointer) uint64 { return uint64(uintptr(at) - uintptr(t.base)) }

// check says what is wrong with a header.
func (h *header) check() error {
	switch {
	case h.magic != treeMagic:
		return fmt.Errorf("it begins with %#016x", h.magic)
	case h.version != treeVersion:
		return fmt.Errorf("it has layout version %d; this program knows version %d", h.version, treeVersion)
	case h.slots != leafSlots || h.slotSize%wordSize != 0 || h.slotSize < wordSize+minInline || h.slotSize > wordSize+MaxInline:
		return fmt.Errorf("its header says %d slots of %d bytes in a leaf", h.slots, h.slotSize)
	}
	return nil
}
