package redo

import (
	"fmt"
	"math/bits"

	"github.com/pmem/pmdk-go/internal/poolheader"
)

// A payload is a row of records: a word with the number of a line of 64 bytes
// in the pool, shifted by 8, and a mask of the line's 8 words; then the words of
// the mask, the lowest first. The lines of a payload differ from one another.
const lineSize = 64

// protected is the pool's header, which no record may change.
const protected = poolheader.Size / lineSize

// check finds what is wrong with a payload, apart from where the pool ends, and
// the highest line.
func check(payload []byte) (highest uint64, err error) {
	if len(payload) == 0 || len(payload)%8 != 0 {
		return 0, fmt.Errorf("%d bytes are no row of records", len(payload))
	}
	for at := 0; at < len(payload); {
		key := le.Uint64(payload[at:])
		if key&0xff == 0 || key>>8 < protected {
			return 0, fmt.Errorf("record at byte %d: line %d, mask %#x", at, key>>8, key&0xff)
		}
		highest = max(highest, key>>8)
		at += 8 + 8*bits.OnesCount8(uint8(key))
		if at > len(payload) {
			return 0, fmt.Errorf("the last record needs %d bytes more", at-len(payload))
		}
	}
	return highest, nil
}

func sound(payload []byte) bool {
	_, err := check(payload)
	return err == nil
}

// entry is a record: its words lie in the buffer that it comes from.
type entry struct {
	line  uint64
	words uint32 // where they begin, in words
	mask  uint8
}

// entries adds the records of a payload, which lies at byte at of a buffer.
func entries(dst []entry, payload []byte, at int) []entry {
	for pos := 0; pos < len(payload); {
		key := le.Uint64(payload[pos:])
		pos += 8
		dst = append(dst, entry{line: key >> 8, words: uint32((at + pos) / 8), mask: uint8(key)})
		pos += 8 * bits.OnesCount8(uint8(key))
	}
	return dst
}
