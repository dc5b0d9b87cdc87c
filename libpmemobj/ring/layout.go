package ring

import (
	"fmt"
	"hash/crc32"
	"unsafe"

	"github.com/pmem/pmdk-go/libpmemobj"
)

const (
	version  = 1
	logMagic = 'P' | 'M'<<8 | 'G'<<16 | 'O'<<24 | 'L'<<32 | 'O'<<40 | 'G'<<48 | '1'<<56
	queMagic = 'P' | 'M'<<8 | 'G'<<16 | 'O'<<24 | 'Q'<<32 | 'U'<<40 | 'E'<<48 | '1'<<56
)

// header is the beginning of the object; the ring follows.
type header struct {
	magic    uint64
	version  uint32
	_        uint32
	capacity uint64 // of the ring, in bytes
	_        [5]uint64
	slots    [2]slot
}

const headerSize = uint64(unsafe.Sizeof(header{}))

// slot says where the records are. Of the two, the valid one with the higher
// generation counts, so that writing the other one changes all of it at once.
type slot struct {
	gen   uint64
	epoch uint64
	cut   uint64 // records from this sequence number on must have this epoch
	pos   uint64 // of the first record
	seq   uint64 // its sequence number
	crc   uint64 // CRC-32C of the words before
	_     [2]uint64
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func (s *slot) sum() uint64 {
	return uint64(crc32.Checksum(unsafe.Slice((*byte)(unsafe.Pointer(s)), unsafe.Offsetof(s.crc)), castagnoli)) | 1<<32 // never 0
}

// current is the slot that counts, and which one that is.
func (h *header) current() (s slot, which int, ok bool) {
	for i := range h.slots {
		c := h.slots[i]
		if c.crc == c.sum() && (!ok || c.gen > s.gen) {
			s, which, ok = c, i, true
		}
	}
	return s, which, ok
}

// Records begin with recordSize bytes and are padded to multiples of 8.
const recordSize = 32

// skipSize is the size of what stands at the end of the ring where a record
// did not fit.
const skipSize = 1<<32 - 1

type record struct {
	crc   uint32 // CRC-32C of what follows the state, and of the data
	state uint32 // of a queue's: stateDone when it is committed
	size  uint32 // of the data, or skipSize
	left  uint32 // how many records of the same batch follow
	epoch uint64
	seq   uint64
}

const (
	stateDone  = 1
	summedFrom = 8
)

// sum is the checksum of the record at pos with n bytes of data, from the
// memory of the pool: what goes into a checksum goes to Go's heap otherwise.
func (s *state) sum(pos, n uint64) uint32 {
	at := pos % s.capacity
	return crc32.Checksum(s.ring[at+summedFrom:at+recordSize+n], castagnoli)
}

// frame is how much of the ring n bytes of data take.
func frame(n int) uint64 { return recordSize + (uint64(n)+7)&^7 }

// skipTo is where a record of so many bytes lies that is written behind pos: there,
// or at the beginning of the next round.
func (s *state) skipTo(pos, bytes uint64) uint64 {
	if rest := s.capacity - pos%s.capacity; bytes > rest {
		return pos + rest
	}
	return pos
}

// at is the record at a position.
func (s *state) at(pos uint64) *record { return (*record)(unsafe.Pointer(&s.ring[pos%s.capacity])) }

// data is that of the record at a position, which is sound.
func (s *state) data(pos uint64) []byte {
	begin := pos%s.capacity + recordSize
	end := begin + uint64(s.at(pos).size)
	return s.ring[begin:end:end]
}

// valid says whether a record is the one with the sequence number, of which
// prev is the epoch of the one before.
func (s *state) valid(pos, seq, prev uint64) bool {
	r := s.at(pos)
	switch {
	case r.seq != seq || r.epoch < prev || r.epoch > s.slot.epoch:
		return false
	case seq >= s.slot.cut && r.epoch != s.slot.epoch:
		return false
	case r.size == skipSize:
		return r.crc == s.sum(pos, 0)
	}
	return s.sound(pos)
}

// sound says whether the record at pos is what was written.
func (s *state) sound(pos uint64) bool {
	r := s.at(pos)
	n := uint64(r.size)
	return n <= s.capacity-recordSize-pos%s.capacity && r.crc == s.sum(pos, n)
}

// write writes a record, without making it durable.
func (s *state) write(pos, epoch, seq uint64, left int, data []byte) {
	r := s.at(pos)
	*r = record{size: uint32(len(data)), left: uint32(left), epoch: epoch, seq: seq}
	copy(s.ring[pos%s.capacity+recordSize:], data)
	r.crc = s.sum(pos, uint64(len(data)))
}

// writeSkip marks that the next record is at the beginning of the ring. Where
// there is no room for a mark, there is no doubt.
func (s *state) writeSkip(pos, epoch, seq uint64) {
	if s.capacity-pos%s.capacity < recordSize {
		return
	}
	r := s.at(pos)
	*r = record{size: skipSize, epoch: epoch, seq: seq}
	r.crc = s.sum(pos, 0)
}

// create makes an empty ring.
func create(tx *libpmemobj.Tx, magic, capacity uint64) (uint64, error) {
	oid, view, err := libpmemobj.NewBytes(tx, int(headerSize+capacity), magic)
	if err != nil {
		return 0, err
	}
	clear(view) // which makes the file system provide for all of it
	h := (*header)(unsafe.Pointer(&view[0]))
	h.magic, h.version, h.capacity = magic, version, capacity
	h.slots[0] = slot{gen: 1, epoch: 1, cut: 1, seq: 1}
	h.slots[0].crc = h.slots[0].sum()
	return oid.Off, nil
}

// open finds the ring of the object at off.
func (s *state) open(p *libpmemobj.Pool, off, magic uint64) error {
	oid := libpmemobj.OID{Pool: p.UUID(), Off: off}
	damaged := func(format string, args ...any) error {
		return fmt.Errorf("the ring at offset %#x of pool %s is damaged: %s", off, p.Path(), fmt.Sprintf(format, args...))
	}
	view, err := p.Bytes(oid, 0, headerSize)
	if err != nil {
		return damaged("%v", err)
	}
	h := (*header)(unsafe.Pointer(&view[0]))
	if h.magic != magic || h.version != version || h.capacity < MinCapacity || h.capacity%8 != 0 {
		return damaged("magic %#016x, version %d, capacity %d", h.magic, h.version, h.capacity)
	}
	if s.ring, err = p.Bytes(oid, headerSize, h.capacity); err != nil {
		return damaged("%v", err)
	}
	s.pool, s.header, s.capacity = p, h, h.capacity
	var ok bool
	if s.slot, s.which, ok = h.current(); !ok || s.slot.seq == 0 || s.slot.pos%8 != 0 {
		return damaged("neither slot is valid")
	}
	return nil
}
