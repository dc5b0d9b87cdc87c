package redo

import (
	"errors"
	"fmt"
	"io"
)

func isEOF(err error) bool { return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) }

// part is what was found of a segment: batches first to last, up to byte end.
type part struct {
	seq         uint64
	end         int
	first, last uint64
}

// chain is what a journal holds for its pool.
type chain struct {
	parts []part
	next  uint64 // the number of the first batch that is not there
	bytes int64  // of batches
	line  uint64 // the highest one
}

func (c *chain) batches() uint64 {
	if len(c.parts) == 0 {
		return 0
	}
	return c.next - c.parts[0].first
}

// readSegment reads a segment, or the first bytes of it, into buf.
func readSegment(path string, r io.ReaderAt, h *header, seq uint64, buf []byte) error {
	n, err := r.ReadAt(buf, h.at(seq))
	if n == len(buf) {
		return nil
	}
	if isEOF(err) {
		return &DamagedError{path, h.at(seq) + int64(n), "the file ends inside a segment"}
	}
	return err
}

// scan finds the batches from tail on, whose first has the number first. They
// end with the first one that is invalid. If anything later says that this one
// was durable, the journal is damaged.
func scan(path string, r io.ReaderAt, h *header, tail, first uint64) (c chain, err error) {
	c.next = first
	buf := make([]byte, h.segmentSize)
	seq := tail
	for ; seq < tail+uint64(h.segments); seq++ {
		if err := readSegment(path, r, h, seq, buf); err != nil {
			return c, err
		}
		a, ok := activationOf(buf, h, seq)
		if ok && a.first < c.next {
			return c, &DamagedError{path, h.at(seq), fmt.Sprintf("segment %d begins with batch %d, which is in another one", seq, a.first)}
		}
		if !ok || a.first != c.next {
			break
		}
		p := part{seq: seq, end: segmentHeader, first: c.next}
		for {
			b, ok := batchOf(buf[p.end:], a.salt)
			if !ok {
				break
			}
			line, err := check(b.payload)
			if b.number != c.next {
				err = fmt.Errorf("it has the number %d", b.number)
			}
			if err != nil {
				return c, &DamagedError{path, h.at(seq) + int64(p.end), fmt.Sprintf("batch %d is valid, but %v", c.next, err)}
			}
			p.end += b.size()
			c.line = max(c.line, line)
			c.bytes += int64(b.size())
			p.last = c.next
			c.next++
		}
		if p.last == 0 {
			break
		}
		c.parts = append(c.parts, p)
	}
	return c, c.prove(path, r, h, tail, buf)
}

// prove looks for anything that says that the batch after the last one was
// durable.
func (c *chain) prove(path string, r io.ReaderAt, h *header, tail uint64, buf []byte) error {
	lost, from, end := h.at(tail), tail, segmentHeader
	if n := len(c.parts); n > 0 {
		from, end = c.parts[n-1].seq, c.parts[n-1].end
		lost = h.at(from) + int64(end)
	}
	for seq := from; seq < tail+uint64(h.segments); seq++ {
		if err := readSegment(path, r, h, seq, buf); err != nil {
			return err
		}
		at, claimed := c.claims(h, seq, buf, end)
		if claimed {
			return &DamagedError{path, lost, fmt.Sprintf("batch %d is missing, and was durable, says what was found at offset %d", c.next, h.at(seq)+int64(at))}
		}
		end = segmentHeader
	}
	return nil
}

// claims looks at all of a segment from byte end on, and at its beginning.
func (c *chain) claims(h *header, seq uint64, buf []byte, end int) (at int, claimed bool) {
	if a, ok := activationOf(buf, h, seq); ok && a.durable >= c.next {
		return 0, true
	}
	salt := h.salt(seq)
	for at = end; at+batchHeader <= len(buf); at += 8 {
		if le.Uint32(buf[at:]) != batchMagic || le.Uint64(buf[at+24:]) < c.next {
			continue
		}
		if _, ok := batchOf(buf[at:], salt); ok {
			return at, true
		}
	}
	return 0, false
}
