package redo

import (
	"errors"
	"os"

	"github.com/pmem/pmdk-go/internal/poolheader"
)

// Status is what a journal file holds.
type Status struct {
	Path        string
	Version     uint32
	State       State
	Pool        poolheader.UUID // the pool set's
	Session     [16]byte
	Generation  uint64
	SegmentSize int64
	Segments    int
	Size        int64  // of the file
	Tail        uint64 // the first segment that is not known to be in the pool
	First       uint64 // the number of its first batch
	Original    uint64 // checksum of the pool's header without the mark

	// What a replay would bring into the pool, if the pool is marked.
	Batches uint64
	Bytes   int64
	Used    int // segments

	Damage *DamagedError // what would make a replay fail, or nil
}

// ReadStatus reads a journal without locking it, for tools: while a program has it
// open, what it says may be old or may not fit together. It writes nothing.
// Errors match fs.ErrNotExist, ErrNotJournal, ErrVersion or are the system's.
func ReadStatus(path string) (Status, error) {
	f, err := os.Open(path)
	if err != nil {
		return Status{}, err
	}
	defer f.Close()
	return readStatus(path, file{f})
}

func readStatus(path string, f File) (Status, error) {
	h, err := readHeader(path, f)
	if err != nil {
		return Status{}, err
	}
	size, err := f.Size()
	if err != nil {
		return Status{}, err
	}
	s := Status{
		Path: path, Version: Version, State: h.state, Pool: h.uuid, Session: h.session, Generation: h.generation,
		SegmentSize: h.segmentSize, Segments: int(h.segments), Size: size, Tail: h.tail, First: h.first, Original: h.original,
	}
	if h.state == Clean {
		return s, nil
	}
	c, err := scan(path, f, &h, h.tail, h.first)
	s.Batches, s.Bytes, s.Used = c.batches(), c.bytes, len(c.parts)
	if errors.As(err, &s.Damage) {
		err = nil
	}
	return s, err
}

// Stats is what a journal has done since Open.
type Stats struct {
	SegmentSize int64
	Segments    int
	Free        int    // segments that can still be begun
	Appended    uint64 // number of the last batch
	Durable     uint64 // number of the last durable one
	Batches     uint64
	Bytes       uint64 // written by Append
	Syncs       uint64 // by Datasync
	Checkpoints uint64 // segments brought into the pool
	Records     uint64 // in them
	Runs        uint64 // writes to the pool, replay and Finish included
	PoolBytes   uint64 // in them

	Replayed      uint64 // batches that Open brought into the pool
	ReplayedBytes int64
}

// Stats may be called at any time.
func (j *Journal) Stats() Stats {
	s := Stats{
		SegmentSize:   j.o.SegmentSize,
		Segments:      j.o.Segments,
		Durable:       j.durable.Load(),
		Batches:       j.stats.batches.Load(),
		Bytes:         j.stats.bytes.Load(),
		Syncs:         j.stats.syncs.Load(),
		Checkpoints:   j.stats.checkpoints.Load(),
		Records:       j.stats.folded.Load(),
		Runs:          j.stats.runs.Load(),
		PoolBytes:     j.stats.pooled.Load(),
		Replayed:      j.replayed.batches(),
		ReplayedBytes: j.replayed.bytes,
	}
	s.Appended = s.Batches
	j.mu.Lock()
	defer j.mu.Unlock()
	s.Free = len(j.ring)
	if j.begun {
		s.Free = int(j.tail + uint64(len(j.ring)) - 1 - j.active)
	}
	return s
}
