package libpmemlog

import (
	"encoding/binary"
	"hash/crc32"
)

// The format of a log of records, all numbers little-endian:
//
//	header, once, at position 0
//	  0  8  "PMGOREC1"
//	  8  8  salt, a random number, new after every rewind
//	 16  4  CRC-32C of the 16 bytes before
//	 20  4  0
//	record, any number of them, one directly after the other
//	  0  4  size of the data
//	  4  4  CRC-32C of salt (8), the record's position (8), size (4), data
//	  8     data
//
// The salt tells a record from one that was there before a rewind, and the
// position tells it from a copy elsewhere.
const (
	recordsMagic  = "PMGOREC1"
	recordsHeader = 24
	recordHeader  = 8
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// putRecordsHeader fills in the header of a log of records.
func putRecordsHeader(b *[recordsHeader]byte, salt uint64) {
	copy(b[:], recordsMagic)
	binary.LittleEndian.PutUint64(b[8:], salt)
	binary.LittleEndian.PutUint32(b[16:], crc32.Checksum(b[:16], castagnoli))
	binary.LittleEndian.PutUint32(b[20:], 0)
}

// parseRecordsHeader returns the salt.
func parseRecordsHeader(b []byte) (salt uint64, ok bool) {
	ok = len(b) >= recordsHeader && string(b[:8]) == recordsMagic &&
		binary.LittleEndian.Uint32(b[16:]) == crc32.Checksum(b[:16], castagnoli) &&
		binary.LittleEndian.Uint32(b[20:]) == 0
	if !ok {
		return 0, false
	}
	return binary.LittleEndian.Uint64(b[8:]), true
}

// recordSums computes checksums of records. It is part of a longer-lived value:
// what package crc32 is passed, the compiler puts on the heap.
type recordSums struct{ before [20]byte }

func (s *recordSums) sum(salt uint64, pos int64, data []byte) uint32 {
	b := s.before[:]
	binary.LittleEndian.PutUint64(b, salt)
	binary.LittleEndian.PutUint64(b[8:], uint64(pos))
	binary.LittleEndian.PutUint32(b[16:], uint32(len(data)))
	return crc32.Update(crc32.Checksum(b, castagnoli), castagnoli, data)
}

// putHeader fills in the header of the record that goes to pos.
func (s *recordSums) putHeader(b []byte, salt uint64, pos int64, data []byte) {
	binary.LittleEndian.PutUint32(b, uint32(len(data)))
	binary.LittleEndian.PutUint32(b[4:], s.sum(salt, pos, data))
}
