package redo

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"hash/crc32"
)

var (
	le         = binary.LittleEndian
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
)

// Version is the version of the format.
const Version = 1

const (
	slotSize    = 4096
	slotCRC     = 508
	segmentsOff = 2 * slotSize

	slotMagic = "PMGOJRNL"
)

// State is what a journal's header says about the pool.
type State uint32

// The states.
const (
	Clean State = 1 // the pool's file has everything
	Dirty State = 2 // the journal may have what the pool's file lacks
)

func (s State) String() string {
	switch s {
	case Clean:
		return "clean"
	case Dirty:
		return "dirty"
	}
	return "unknown"
}

// header is what stands in a slot.
type header struct {
	state       State
	segmentSize int64
	segments    int64
	uuid        [16]byte // of the pool
	session     [16]byte
	tail        uint64 // the first segment that is not checkpointed
	first       uint64 // the number of its first batch
	original    uint64 // checksum of the pool's header without the mark
	generation  uint64
}

func (h *header) encode() []byte {
	b := make([]byte, slotSize)
	copy(b, slotMagic)
	le.PutUint32(b[8:], Version)
	le.PutUint32(b[12:], uint32(h.state))
	le.PutUint64(b[16:], uint64(h.segmentSize))
	le.PutUint64(b[24:], uint64(h.segments))
	copy(b[32:], h.uuid[:])
	copy(b[48:], h.session[:])
	le.PutUint64(b[64:], h.tail)
	le.PutUint64(b[72:], h.first)
	le.PutUint64(b[80:], h.original)
	le.PutUint64(b[88:], h.generation)
	le.PutUint32(b[slotCRC:], crc32.Checksum(b[:slotCRC], castagnoli))
	return b
}

type slotKind int

const (
	slotInvalid slotKind = iota
	slotValid
	slotUnknown // a version to come
)

func decode(b []byte) (h header, kind slotKind) {
	if !bytes.HasPrefix(b, []byte(slotMagic)) || le.Uint32(b[slotCRC:]) != crc32.Checksum(b[:slotCRC], castagnoli) {
		return h, slotInvalid
	}
	if le.Uint32(b[8:]) != Version {
		return h, slotUnknown
	}
	h = header{
		state:       State(le.Uint32(b[12:])),
		segmentSize: int64(le.Uint64(b[16:])),
		segments:    int64(le.Uint64(b[24:])),
		tail:        le.Uint64(b[64:]),
		first:       le.Uint64(b[72:]),
		original:    le.Uint64(b[80:]),
		generation:  le.Uint64(b[88:]),
	}
	copy(h.uuid[:], b[32:])
	copy(h.session[:], b[48:])
	if h.state != Clean && h.state != Dirty || !geometry(h.segmentSize, h.segments) || h.tail == 0 || h.first == 0 {
		return header{}, slotInvalid
	}
	return h, slotValid
}

// What is sensible, and far from where sums overflow.
const (
	minSegment  = 64 << 10
	maxSegment  = 8 << entryBits
	minSegments = 2
	maxSegments = 1 << 20
)

func geometry(size, segments int64) bool {
	return size >= minSegment && size <= maxSegment && size%4096 == 0 && segments >= minSegments && segments <= maxSegments
}

// size is that of the file.
func (h *header) size() int64 { return segmentsOff + h.segmentSize*h.segments }

// at is where a segment is.
func (h *header) at(seq uint64) int64 {
	return segmentsOff + int64(seq%uint64(h.segments))*h.segmentSize
}

// salt makes the checksums of one activation of a segment differ from those of
// all others.
func (h *header) salt(seq uint64) uint64 {
	var b [24]byte
	copy(b[:], h.session[:])
	le.PutUint64(b[16:], seq)
	sum := sha256.Sum256(b[:])
	return le.Uint64(sum[:])
}

// readHeader finds the slot that counts.
func readHeader(path string, r interface {
	ReadAt(p []byte, off int64) (int, error)
}) (h header, err error) {
	b := make([]byte, segmentsOff)
	n, err := r.ReadAt(b, 0)
	if n < len(b) {
		if !isEOF(err) {
			return h, err
		}
		clear(b[n:])
	}
	found, unknown := false, false
	for i := range 2 {
		s, kind := decode(b[i*slotSize : (i+1)*slotSize])
		switch {
		case kind == slotUnknown:
			unknown = true
		case kind == slotValid && (!found || s.generation > h.generation):
			h, found = s, true
		}
	}
	switch {
	case unknown:
		return h, &Error{path, ErrVersion, "this package writes and reads version 1"}
	case !found:
		return h, &Error{path, ErrNotJournal, "neither of its two headers is valid"}
	}
	return h, nil
}
