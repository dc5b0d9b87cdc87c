package redo

import (
	"fmt"
	"io"
	"math/bits"
	"slices"

	"github.com/pmem/pmdk-go/internal/medium"
)

// runSize is how much is written to the pool at a time, at most.
const runSize = 256 << 10

// folder brings the batches of a segment into the pool.
type folder struct {
	buf     []byte
	entries []entry
	run     []byte
	runAt   int64
}

// load reads the batches of a part again, and proves them again: it may have
// been long ago that they were written.
func (f *folder) load(path string, r readerAt, h *header, p part) error {
	if cap(f.buf) < p.end {
		f.buf = make([]byte, max(int64(p.end), h.segmentSize))
	}
	f.buf = f.buf[:p.end]
	if err := readSegment(path, r, h, p.seq, f.buf); err != nil {
		return err
	}
	f.entries = f.entries[:0]
	a, ok := activationOf(f.buf, h, p.seq)
	at, next := segmentHeader, p.first
	for ok && at < p.end {
		var b batch
		if b, ok = batchOf(f.buf[at:], a.salt); !ok || b.number != next || !sound(b.payload) {
			ok = false
			break
		}
		f.entries = entries(f.entries, b.payload, at+batchHeader)
		at += b.size()
		next++
	}
	if !ok || next != p.last+1 {
		return &DamagedError{path, h.at(p.seq) + int64(at), fmt.Sprintf("batch %d is not what was written", next)}
	}
	slices.Sort(f.entries) // those of a line in the order of the batches
	return nil
}

type readerAt interface {
	ReadAt(p []byte, off int64) (n int, err error)
}

// inside proves that a line lies in the pool.
func inside(path string, pool medium.Pool, line uint64) error {
	if line < uint64(pool.Size())/lineSize {
		return nil
	}
	if err := pool.Refresh(); err != nil { // it may have grown
		return err
	}
	if line < uint64(pool.Size())/lineSize {
		return nil
	}
	return &DamagedError{path, 0, fmt.Sprintf("it has a record of line %d, and the pool has only %d lines", line, pool.Size()/lineSize)}
}

// write writes the folded records, and tells wrote of every run.
func (f *folder) write(pool medium.Pool, wrote func(off, n int64) error) error {
	if f.run == nil {
		f.run = make([]byte, 0, runSize)
	}
	f.run = f.run[:0]
	var line [lineSize]byte
	for i := 0; i < len(f.entries); {
		number, mask := f.entries[i].line(), uint8(0)
		for ; i < len(f.entries) && f.entries[i].line() == number; i++ {
			own, words := f.entries[i].record(f.buf)
			mask |= own
			if own == 0xff {
				copy(line[:], words)
				continue
			}
			for m := own; m != 0; m &= m - 1 {
				copy(line[8*bits.TrailingZeros8(m):][:8], words)
				words = words[8:]
			}
		}
		for mask != 0 {
			from := bits.TrailingZeros8(mask)
			n := bits.TrailingZeros8(^(mask >> from))
			mask &^= uint8((1<<n - 1) << from)
			if err := f.add(pool, int64(number)*lineSize+int64(from)*8, line[from*8:(from+n)*8], wrote); err != nil {
				return err
			}
		}
	}
	return f.flush(pool, wrote)
}

// add appends to the run, or begins another one.
func (f *folder) add(pool medium.Pool, off int64, b []byte, wrote func(off, n int64) error) error {
	if off != f.runAt+int64(len(f.run)) || len(f.run)+len(b) > runSize {
		if err := f.flush(pool, wrote); err != nil {
			return err
		}
		f.runAt = off
	}
	f.run = append(f.run, b...)
	return nil
}

func (f *folder) flush(pool medium.Pool, wrote func(off, n int64) error) error {
	if len(f.run) == 0 {
		return nil
	}
	n, err := pool.WriteAt(f.run, f.runAt)
	if err == nil && n < len(f.run) {
		err = io.ErrShortWrite
	}
	if err == nil {
		err = wrote(f.runAt, int64(n))
	}
	f.run = f.run[:0]
	return err
}
