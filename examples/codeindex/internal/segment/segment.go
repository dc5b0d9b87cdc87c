package segment

import (
	"bytes"
	"encoding/binary"
	"errors"
	"sort"
)

// ErrDamaged is what Check returns, wrapped in the place and the reason.
var ErrDamaged = errors.New("segment is damaged")

// Segment reads a finished segment in place. It copies nothing: what its
// methods return points into the body, and is valid as long as that is.
type Segment struct {
	header              *Header
	body                []byte
	terms, names, posts []byte
}

// View reads the body that h describes. It looks at nothing but lengths, so it
// costs the same for any size; Check proves the contents.
func View(h *Header, body []byte) (Segment, error) {
	if n := h.BodySize(); n != uint64(len(body)) {
		return Segment{}, h.check(body)
	}
	return Segment{
		header: h,
		body:   body,
		terms:  body[:h.namesAt()],
		names:  body[h.namesAt():h.postsAt()],
		posts:  body[h.postsAt():],
	}, nil
}

// Header describes the segment.
func (s Segment) Header() *Header { return s.header }

// Terms is the number of terms.
func (s Segment) Terms() int { return int(s.header.Terms) }

// Name is the i-th term in the order of names.
func (s Segment) Name(i int) []byte { return piece(s.names, s.terms, nameEnd, i) }

// Posts is the encoded postings of the i-th term; see Postings.
func (s Segment) Posts(i int) []byte { return piece(s.posts, s.terms, postsEnd, i) }

// Search is the place of the first term that is not less than name.
func (s Segment) Search(name string) int {
	key := []byte(name)
	return sort.Search(s.Terms(), func(i int) bool { return bytes.Compare(s.Name(i), key) >= 0 })
}

// Find is the encoded postings of the term name, nil if the segment lacks it.
func (s Segment) Find(name string) []byte {
	i := s.Search(name)
	if i == s.Terms() || string(s.Name(i)) != name {
		return nil
	}
	return s.Posts(i)
}

// piece cuts the i-th piece out of blob. The piece's end stands in the record of
// the i-th term, at offset; its start is the end of the piece before.
func piece(blob, terms []byte, offset, i int) []byte {
	end := u32(terms[i*termSize+offset:])
	start := uint32(0)
	if i > 0 {
		start = u32(terms[(i-1)*termSize+offset:])
	}
	return blob[start:end]
}

func u32(b []byte) uint32 { return binary.LittleEndian.Uint32(b) }
