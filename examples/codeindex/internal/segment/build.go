package segment

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

const maxU32 = math.MaxUint32

var (
	// ErrTooLarge says that a section would outgrow its 32-bit offsets.
	ErrTooLarge = errors.New("segment would exceed 4 GiB")
	// ErrNoIDs says that 2^32 files have been indexed over the pool's lifetime.
	ErrNoIDs = errors.New("the index has run out of file numbers")
)

// Builder is a segment whose size is known and whose bytes are not written yet.
// The caller reserves persistent memory of that size and has the bytes written
// there: they never exist anywhere else.
type Builder interface {
	sizes() Header
	write(w *writer)
}

// BodySize is how many bytes Build will fill.
func BodySize(b Builder) uint64 {
	h := b.sizes()
	return h.BodySize()
}

// Build writes the segment: the body into body, which is BodySize bytes, and
// the description of it into *h.
func Build(b Builder, h *Header, body []byte) {
	*h = b.sizes()
	w := newWriter(h, body)
	b.write(w)
	w.finish()
	h.CRC = h.checksum(body)
}

// writer fills the sections of a body side by side. Each is a slice of length
// zero whose capacity is the section, so that append writes in place.
type writer struct {
	terms, names, posts []byte
}

func newWriter(h *Header, body []byte) *writer {
	section := func(from, to uint64) []byte { return body[from:from:to] }
	return &writer{
		terms: section(0, h.namesAt()),
		names: section(h.namesAt(), h.postsAt()),
		posts: section(h.postsAt(), h.BodySize()),
	}
}

// endTerm closes the term whose postings have just been appended to w.posts.
func (w *writer) endTerm(name []byte) {
	w.names = append(w.names, name...)
	w.terms = binary.LittleEndian.AppendUint32(w.terms, uint32(len(w.names)))
	w.terms = binary.LittleEndian.AppendUint32(w.terms, uint32(len(w.posts)))
}

// finish proves that sizes and write agreed. If they had not, append would have
// moved a section to the Go heap, and its bytes would be missing from the body.
func (w *writer) finish() {
	for _, section := range [][]byte{w.terms, w.names, w.posts} {
		if len(section) != cap(section) {
			panic(fmt.Sprintf("segment: wrote %d bytes into a section of %d", len(section), cap(section)))
		}
	}
}

// header turns sums into a Header, unless one does not fit.
func header(first, end, terms, names, posts, postings uint64) (Header, error) {
	if end > maxU32 {
		return Header{}, ErrNoIDs
	}
	for _, n := range []uint64{terms, names, posts} {
		if n > maxU32 {
			return Header{}, ErrTooLarge
		}
	}
	return Header{
		Postings: postings,
		First:    uint32(first),
		End:      uint32(end),
		Terms:    uint32(terms),
		Names:    uint32(names),
		Posts:    uint32(posts),
	}, nil
}
