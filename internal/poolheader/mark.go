package poolheader

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
)

// FeatureJournal is the incompatible feature that the header of a pool has
// while the newest data are not in its files but in a journal beside them. PMDK
// knows no such feature, and so leaves the pool alone.
const FeatureJournal = 1 << 31

// The mark stands in the same 512 bytes as the features, which disks write as a
// whole. PMDK has zeros there.
const (
	markOff  = 448
	markSize = 64
	markCRC  = markSize - 4

	markMagic   = "PMGOMARK"
	markVersion = 1

	incompatOff = 16
)

// Sector is what disks write as a whole. The features and the mark are in the
// first one of a header.
const Sector = 512

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Mark says in a pool's header which journal holds the pool's newest data.
type Mark struct {
	Version  uint32
	Session  [16]byte // the journal's
	Tail     uint64   // the first segment whose batches may be missing in the pool
	First    uint64   // the number of the first batch in that segment
	Original uint64   // checksum of the header without the mark
}

// MarkOf finds the mark in a header of Size bytes. The checksum of such a header
// is wrong, so look for a mark first.
func MarkOf(b []byte) (m Mark, found bool) {
	le := binary.LittleEndian
	block := b[markOff : markOff+markSize]
	if le.Uint32(b[incompatOff:])&FeatureJournal == 0 || string(block[:8]) != markMagic ||
		le.Uint32(block[markCRC:]) != crc32.Checksum(block[:markCRC], castagnoli) {
		return Mark{}, false
	}
	m = Mark{
		Version:  le.Uint32(block[8:]),
		Tail:     le.Uint64(block[32:]),
		First:    le.Uint64(block[40:]),
		Original: le.Uint64(block[48:]),
	}
	copy(m.Session[:], block[16:])
	return m, true
}

// KnownVersion says whether this package knows what the fields mean.
func (m *Mark) KnownVersion() bool { return m.Version == markVersion }

// Markable says whether a header has no mark, and room for one.
func Markable(b []byte) bool {
	return binary.LittleEndian.Uint32(b[incompatOff:])&FeatureJournal == 0 &&
		len(bytes.Trim(b[markOff:markOff+markSize], "\x00")) == 0
}

// Put sets the mark. The header's checksum stays what it was and so is wrong
// now: libpmemobj goes by the features, but pmempool check goes by the checksum
// alone. And so all that changes is in one sector.
func (m *Mark) Put(b []byte) {
	le := binary.LittleEndian
	m.Version = markVersion
	block := b[markOff : markOff+markSize]
	clear(block)
	copy(block, markMagic)
	le.PutUint32(block[8:], m.Version)
	copy(block[16:], m.Session[:])
	le.PutUint64(block[32:], m.Tail)
	le.PutUint64(block[40:], m.First)
	le.PutUint64(block[48:], m.Original)
	le.PutUint32(block[markCRC:], crc32.Checksum(block[:markCRC], castagnoli))
	le.PutUint32(b[incompatOff:], le.Uint32(b[incompatOff:])|FeatureJournal)
}

// Unmark makes of a header, whatever a crash has left of it and of the mark,
// the one that had the checksum before it was marked. It changes nothing and
// returns false if that is not what comes out.
func Unmark(b []byte, original uint64) bool {
	le := binary.LittleEndian
	c := bytes.Clone(b[:Size])
	clear(c[markOff : markOff+markSize])
	le.PutUint32(c[incompatOff:], le.Uint32(c[incompatOff:])&^FeatureJournal)
	le.PutUint64(c[checksumOff:], original)
	if HeaderChecksum(c) != original {
		return false
	}
	copy(b, c)
	return true
}

// HasFeatureJournal says whether a header has the feature, with a whole mark or
// without.
func HasFeatureJournal(b []byte) bool {
	return binary.LittleEndian.Uint32(b[incompatOff:])&FeatureJournal != 0
}
