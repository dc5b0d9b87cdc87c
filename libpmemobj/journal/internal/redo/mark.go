package redo

import (
	"fmt"

	"github.com/pmem/pmdk-go/internal/medium"
	"github.com/pmem/pmdk-go/internal/poolheader"
)

const checksumOff = poolheader.Size - 8

func readPoolHeader(pool medium.Pool) ([]byte, error) {
	b := make([]byte, poolheader.Size)
	n, err := pool.ReadAt(b, 0)
	if n == len(b) {
		return b, nil
	}
	return nil, pathError("read", pool.Path(), err)
}

func uuidOf(poolHeader []byte) (u [16]byte) {
	copy(u[:], poolHeader[24:])
	return u
}

// verdict says what has to be done with a pool and a journal that exists.
type verdict struct {
	replay      bool // from segment tail on, whose first batch is first
	tail, first uint64

	// The pool has everything, and its header is to be written once more: that
	// it has no mark may be in the kernel's memory alone, if a process was killed
	// just when it took the mark away.
	settle bool
}

// judge compares a pool's header with its journal's.
func judge(path, poolPath string, b []byte, h *header) (v verdict, err error) {
	foreign := func(format string, args ...any) (verdict, error) {
		return v, &Error{path, ErrForeign, fmt.Sprintf(format, args...)}
	}
	uuid := poolheader.UUID(uuidOf(b))
	own := h.uuid == uuid
	m, marked := poolheader.MarkOf(b)
	if !marked {
		sum := le.Uint64(b[checksumOff:])
		feature := poolheader.HasFeatureJournal(b)
		switch {
		case h.state == Dirty && !own:
			return foreign("it may have the newest data of the pool %v, and %s is %v; remove it if that pool is gone", poolheader.UUID(h.uuid), poolPath, uuid)
		case !feature && poolheader.HeaderChecksum(b) == sum:
			return verdict{settle: h.state == Dirty}, nil
		case h.state == Dirty && poolheader.Unmark(append([]byte(nil), b...), h.original):
			// A mark that was being written when the power went, on a disk that
			// does not write sectors as a whole. The journal has what the mark
			// says, or said.
			return verdict{replay: true, tail: h.tail, first: h.first}, nil
		case feature:
			return v, &DamagedError{poolPath, 0, "the pool's header has the mark of a journal, which cannot be read"}
		}
		return v, nil // damaged, which PMDK will say
	}
	switch {
	case !m.KnownVersion():
		return v, &Error{poolPath, ErrVersion, fmt.Sprintf("the mark in the pool's header has version %d", m.Version)}
	case !own:
		return foreign("it is that of the pool %v, and %s is %v", poolheader.UUID(h.uuid), poolPath, uuid)
	case m.Session != h.session:
		return foreign("it is of session %x, and the pool's newest data are in that of session %x", h.session, m.Session)
	case h.state == Clean:
		return foreign("%s is an older copy of the pool: the journal was closed properly, and has nothing for it", poolPath)
	case m.Tail < h.tail:
		return foreign("%s is an older copy of the pool: it lacks segment %d, and the journal begins with %d", poolPath, m.Tail, h.tail)
	case m.Tail > h.tail+1:
		return foreign("%s is an older copy of the journal: the pool lacks segment %d, and the journal begins with %d", path, m.Tail, h.tail)
	case !poolheader.Unmark(append([]byte(nil), b...), m.Original):
		return v, &DamagedError{poolPath, 0, "the pool's header has changed since it was marked"}
	}
	return verdict{replay: true, tail: m.Tail, first: m.First}, nil
}

// mark sets the mark, or changes it: one sector, so that the old header or the
// new one is there after a crash.
func mark(pool medium.Pool, plain []byte, m poolheader.Mark) error {
	b := append([]byte(nil), plain...)
	m.Put(b)
	if err := writeAll(pool, b[:poolheader.Sector], 0); err != nil {
		return err
	}
	return pool.Sync()
}

// unmark makes the pool a plain one. Apart from the first sector, the header is
// what it has been all the time.
func unmark(pool medium.Pool, plain []byte) error {
	if err := writeAll(pool, plain, 0); err != nil {
		return err
	}
	return pool.Sync()
}
