package diagnose

import (
	"math/bits"
	"slices"

	"github.com/pmem/pmdk-go/libpmem/crashtest/internal/trace"
)

// mask is a set of the bytes of a line: bit i is byte i.
type mask uint64

// differ returns the bytes in which old and data differ.
func differ(old, data []byte) mask {
	var m mask
	for i := range min(len(old), len(data)) {
		if old[i] != data[i] {
			m |= 1 << i
		}
	}
	return m
}

// part returns the bytes of the line at off that lie in [start, end).
func part(off, start, end uint64) mask {
	start, end = max(start, off), min(end, off+trace.Line)
	if start >= end {
		return 0
	}
	return mask(^uint64(0)>>(trace.Line-(end-start))) << (start - off)
}

// words returns the 8-byte words that hold any of the bytes: bit i is word i.
func (m mask) words() uint8 {
	var w uint8
	for i := range 8 {
		if m>>(8*i)&0xff != 0 {
			w |= 1 << i
		}
	}
	return w
}

// first and last are the range that the bytes span; m is not 0.
func (m mask) first() uint64 { return uint64(bits.TrailingZeros64(uint64(m))) }
func (m mask) last() uint64  { return uint64(bits.Len64(uint64(m))) }

// ranges is a set of [start, end), in order, apart from one another.
type ranges []struct{ start, end uint64 }

// from returns the index of the first range that ends behind off.
func (r ranges) from(off uint64) int {
	i, j := 0, len(r)
	for i < j {
		if h := (i + j) / 2; r[h].end <= off {
			i = h + 1
		} else {
			j = h
		}
	}
	return i
}

func (r *ranges) add(start, end uint64) {
	if start >= end {
		return
	}
	i := r.from(start)
	if i > 0 && (*r)[i-1].end == start {
		i--
	}
	j := i
	for ; j < len(*r) && (*r)[j].start <= end; j++ {
		start, end = min(start, (*r)[j].start), max(end, (*r)[j].end)
	}
	*r = slices.Replace(*r, i, j, struct{ start, end uint64 }{start, end})
}

// covers reports whether all of [start, end) is in the set.
func (r ranges) covers(start, end uint64) bool {
	i := r.from(start)
	return i < len(r) && r[i].start <= start && end <= r[i].end
}

// line returns the bytes of the line at off that are in the set.
func (r ranges) line(off uint64) mask {
	var m mask
	for i := r.from(off); i < len(r) && r[i].start < off+trace.Line; i++ {
		m |= part(off, r[i].start, r[i].end)
	}
	return m
}
