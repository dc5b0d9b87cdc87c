package segment

import (
	"cmp"
	"encoding/binary"
	"iter"
)

// Posting is a place where a term stands.
type Posting struct {
	File uint32 // its id
	Line uint32 // from 1
}

// Compare orders postings by file, then by line.
func (p Posting) Compare(q Posting) int {
	return cmp.Or(cmp.Compare(p.File, q.File), cmp.Compare(p.Line, q.Line))
}

// Postings decodes what Posts and Find return. Bytes that are no postings end
// the sequence early; Check tells that they are none.
func Postings(posts []byte) iter.Seq[Posting] {
	return func(yield func(Posting) bool) {
		for r := range runs(posts) {
			line := uint64(0)
			for lines := r.lines; len(lines) > 0; {
				step, n := binary.Uvarint(lines)
				lines = lines[n:]
				line += step
				if !yield(Posting{r.file, uint32(line)}) {
					return
				}
			}
		}
	}
}

// run is the part of a term's postings that belongs to one file.
type run struct {
	file  uint32
	count int    // lines
	lines []byte // the encoded lines, count valid varints
	whole []byte // the run with its head, fit to be copied into another segment
}

func runs(posts []byte) iter.Seq[run] {
	return func(yield func(run) bool) {
		for len(posts) > 0 {
			r, ok := readRun(posts)
			if !ok || !yield(r) {
				return
			}
			posts = posts[len(r.whole):]
		}
	}
}

func readRun(b []byte) (run, bool) {
	file, n := binary.Uvarint(b)
	if n <= 0 || file > maxU32 {
		return run{}, false
	}
	count, m := binary.Uvarint(b[n:])
	if m <= 0 || count > uint64(len(b)) {
		return run{}, false
	}
	head := n + m
	end := head
	for range count {
		_, n := binary.Uvarint(b[end:])
		if n <= 0 {
			return run{}, false
		}
		end += n
	}
	return run{file: uint32(file), count: int(count), lines: b[head:end], whole: b[:end]}, true
}

// appendRun encodes one file's lines. They ascend.
func appendRun(b []byte, file uint32, lines []uint32) []byte {
	b = binary.AppendUvarint(b, uint64(file))
	b = binary.AppendUvarint(b, uint64(len(lines)))
	previous := uint32(0)
	for _, line := range lines {
		b = binary.AppendUvarint(b, uint64(line-previous))
		previous = line
	}
	return b
}

// runSize is the length of what appendRun appends.
func runSize(file uint32, lines []uint32) uint64 {
	n := uvarintSize(file) + uvarintSize(uint32(len(lines)))
	previous := uint32(0)
	for _, line := range lines {
		n += uvarintSize(line - previous)
		previous = line
	}
	return n
}

func uvarintSize(v uint32) uint64 {
	n := uint64(1)
	for ; v >= 0x80; v >>= 7 {
		n++
	}
	return n
}
