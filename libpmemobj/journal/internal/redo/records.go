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
		if key&0xff == 0 || key>>8 < protected || key>>8 > maxLine {
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

// entry is a record: its line, and, in the low bits, the word of the buffer that
// it begins with. Numbers are sorted in half the time that structures take.
type entry uint64

const (
	entryBits = 27 // of a word in a segment
	maxLine   = 1<<(64-entryBits) - 1
)

// MaxPool is the size of the largest pool that can have a journal.
const MaxPool = (maxLine + 1) * lineSize

func (e entry) line() uint64 { return uint64(e) >> entryBits }

// record is the mask of the words, and the words with what follows them.
func (e entry) record(buf []byte) (mask uint8, words []byte) {
	b := buf[uint64(e)&(1<<entryBits-1)*8:]
	return b[0], b[8:]
}

// entries adds the records of a payload, which lies at byte at of a buffer.
func entries(dst []entry, payload []byte, at int) []entry {
	for pos := 0; pos < len(payload); {
		key := le.Uint64(payload[pos:])
		dst = append(dst, entry(key>>8<<entryBits|uint64(at+pos)/8))
		pos += 8 + 8*bits.OnesCount8(uint8(key))
	}
	return dst
}
