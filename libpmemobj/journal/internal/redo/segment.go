package redo

import (
	"hash/crc32"
)

const (
	segmentHeader = 64
	segmentCRC    = segmentHeader - 4
	segmentMagic  = "PMGOSEGM"

	batchHeader = 32
	batchMagic  = 0x484342 | 0xa7<<24 // "BCH\xa7"
)

// activation is what stands at the beginning of a segment.
type activation struct {
	seq, salt uint64
	first     uint64 // the number of the first batch
	session   [16]byte
	durable   uint64 // the last batch known durable when this was written
}

func (a *activation) encode(b []byte) {
	b = b[:segmentHeader]
	clear(b)
	copy(b, segmentMagic)
	le.PutUint64(b[8:], a.seq)
	le.PutUint64(b[16:], a.salt)
	le.PutUint64(b[24:], a.first)
	copy(b[32:], a.session[:])
	le.PutUint64(b[48:], a.durable)
	le.PutUint32(b[segmentCRC:], crc32.Checksum(b[:segmentCRC], castagnoli))
}

// activationOf reads the beginning of a segment, if it is the one wanted.
func activationOf(b []byte, h *header, seq uint64) (a activation, ok bool) {
	b = b[:segmentHeader]
	if string(b[:8]) != segmentMagic || le.Uint32(b[segmentCRC:]) != crc32.Checksum(b[:segmentCRC], castagnoli) {
		return a, false
	}
	a = activation{seq: le.Uint64(b[8:]), salt: le.Uint64(b[16:]), first: le.Uint64(b[24:]), durable: le.Uint64(b[48:])}
	copy(a.session[:], b[32:])
	return a, a.session == h.session && a.seq == seq && a.salt == h.salt(seq)
}

// batch is what stands before a payload.
type batch struct {
	number  uint64
	durable uint64 // the last batch known durable when this was written
	payload []byte
}

func (b *batch) size() int { return batchHeader + len(b.payload) }

// appendBatch adds a batch to dst.
func appendBatch(dst []byte, salt uint64, b *batch) []byte {
	at := len(dst)
	dst = append(dst, make([]byte, batchHeader)...)
	dst = append(dst, b.payload...)
	whole := dst[at:]
	le.PutUint32(whole, batchMagic)
	le.PutUint32(whole[8:], uint32(len(b.payload)))
	le.PutUint64(whole[16:], b.number)
	le.PutUint64(whole[24:], b.durable)
	le.PutUint32(whole[4:], batchSum(salt, whole))
	return dst
}

// batchSum is the checksum of everything after it, with the salt before.
func batchSum(salt uint64, whole []byte) uint32 {
	var s [8]byte
	le.PutUint64(s[:], salt)
	return crc32.Update(crc32.Checksum(s[:], castagnoli), castagnoli, whole[8:])
}

// batchOf reads the batch at the beginning of b.
func batchOf(b []byte, salt uint64) (batch, bool) {
	n, ok := lengthOf(b)
	if !ok || le.Uint32(b[4:]) != batchSum(salt, b[:batchHeader+n]) {
		return batch{}, false
	}
	return batch{number: le.Uint64(b[16:]), durable: le.Uint64(b[24:]), payload: b[batchHeader : batchHeader+n]}, true
}

// lengthOf is how long the payload claims to be.
func lengthOf(b []byte) (int, bool) {
	if len(b) < batchHeader || le.Uint32(b) != batchMagic {
		return 0, false
	}
	n := int64(le.Uint32(b[8:]))
	return int(n), n > 0 && n%8 == 0 && n <= int64(len(b)-batchHeader) && le.Uint32(b[12:]) == 0
}
