package segment

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
)

// Header describes a body. It stands in persistent memory in front of it and
// holds numbers only.
type Header struct {
	Postings uint64 // pairs of file and line, over all terms
	First    uint32 // the lowest id that a file in it may have
	End      uint32 // one more than the highest
	Terms    uint32
	Names    uint32 // bytes
	Posts    uint32 // bytes
	CRC      uint32 // CRC-32C of the numbers above and the body
}

// A term's record.
const (
	nameEnd  = 0
	postsEnd = 4
	termSize = 8
)

// BodySize is the length of the body in bytes.
func (h *Header) BodySize() uint64 {
	return h.postsAt() + uint64(h.Posts)
}

func (h *Header) namesAt() uint64 { return termSize * uint64(h.Terms) }
func (h *Header) postsAt() uint64 { return h.namesAt() + uint64(h.Names) }

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// checksum covers the header too: a body under a wrong header is as good as lost.
func (h *Header) checksum(body []byte) uint32 {
	var b [28]byte
	le := binary.LittleEndian
	le.PutUint64(b[0:], h.Postings)
	for i, n := range []uint32{h.First, h.End, h.Terms, h.Names, h.Posts} {
		le.PutUint32(b[8+4*i:], n)
	}
	return crc32.Update(crc32.Checksum(b[:], castagnoli), castagnoli, body)
}

func (h *Header) check(body []byte) error {
	if n := h.BodySize(); n != uint64(len(body)) {
		return fmt.Errorf("%w: header describes %d bytes, there are %d", ErrDamaged, n, len(body))
	}
	if sum := h.checksum(body); sum != h.CRC {
		return fmt.Errorf("%w: checksum is %08x, should be %08x", ErrDamaged, sum, h.CRC)
	}
	return nil
}
