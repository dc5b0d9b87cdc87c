package capture

import (
	"encoding/binary"
	"slices"
)

// Batch is what was captured between two calls of Take: of each line that was
// flushed, what it was when that happened last. All of it happened before the
// next batch, and it makes sense only as a whole.
type Batch struct {
	keys []uint64 // line<<8 | the set of words
	data []byte   // Line bytes for each
	lsn  uint64
}

// Len is the number of lines.
func (b Batch) Len() int { return len(b.keys) }

// LSN is the number of the last flush in the batch, counted as by Appended.
// Those up to it are in this batch and the ones before. A flush that is larger
// than a batch is counted in the last one that has some of it.
func (b Batch) LSN() uint64 { return b.lsn }

// Size is how many bytes AppendTo appends.
func (b Batch) Size() int { return (Word + Line) * len(b.keys) }

// AppendTo appends the batch to dst: for each line, in no order, its number,
// counted from the start of the mapping, shifted by 8 bits, with the set of its
// words, which are all, in the low 8 bits; then the line, as it lies in memory.
// The number is little-endian.
func (b Batch) AppendTo(dst []byte) []byte {
	start, size := len(dst), b.Size()
	dst = slices.Grow(dst, size)[:start+size]
	to := dst[start:]
	for i, k := range b.keys {
		binary.LittleEndian.PutUint64(to, k)
		copy(to[Word:Word+Line], b.data[i*Line:])
		to = to[Word+Line:]
	}
	return dst
}
