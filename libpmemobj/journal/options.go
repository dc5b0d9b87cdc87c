package journal

import (
	"fmt"

	"github.com/pmem/pmdk-go/internal/medium"
	"github.com/pmem/pmdk-go/libpmemobj/journal/internal/redo"
)

// Options say how a journal is made and run. The zero value is a good choice.
type Options struct {
	// Path is the journal's file. By default it is beside the pool: the pool's
	// path and ".journal". Put on another disk, the journal takes the burden of
	// commits away from the pool's. The pool does not note the path: whoever opens
	// it says it again.
	Path string

	// SegmentSize and Segments are the size of the journal, which is allocated and
	// written when the journal is made. A full segment is brought into the pool;
	// what changed several times in it is written once, and neighbours together,
	// so that large segments save much of the writing of random changes. They
	// take memory while that happens, some 1.4 times their size, and longer to
	// replay. By default there are DefaultSegments of a sixteenth of the pool's
	// size, MinDefaultSegment to MaxDefaultSegment bytes, and a journal that exists
	// stays as large as it is; else one of another size is replaced when the pool
	// is opened. A segment has MinSegment to MaxSegment bytes, in steps of
	// 4096; there are at least 2.
	SegmentSize int64
	Segments    int

	// CheckpointRate bounds how many bytes per second of the pool's pages a
	// checkpoint writes while it has time, so that it does not get in the way of
	// commits. The default is DefaultCheckpointRate, a negative one is no bound.
	// When the journal is nearly full there is none either.
	CheckpointRate int64

	// NoSync makes Update, Publish and all the others return before their
	// changes are durable: the last ones are lost in a crash, and when the process
	// is killed, but never a part of one, and none without all that came after
	// it. Pool.Sync makes durable what there is. Without it nothing becomes
	// durable but when half a megabyte of changes has gathered, and when the pool
	// is closed.
	NoSync bool

	tests *forTests
}

// forTests is what tests have otherwise.
type forTests struct {
	fs    redo.FS
	pool  func(medium.Pool) medium.Pool
	lines int // in a batch
}

// Limits and defaults of Options.
const (
	MinSegment            = 4 << 20
	MaxSegment            = 1 << 30
	MinDefaultSegment     = 16 << 20
	MaxDefaultSegment     = 128 << 20
	DefaultSegments       = 4
	DefaultCheckpointRate = 64 << 20
)

// batchLines is how many lines of 64 bytes gather at most before they are
// written: a batch has at most 1.2 MB, and fits into a segment.
const batchLines = 16 << 10

func (o *Options) check() error {
	if o.tests == nil && o.SegmentSize != 0 && (o.SegmentSize < MinSegment || o.SegmentSize > MaxSegment || o.SegmentSize%4096 != 0) {
		return fmt.Errorf("journal.Options: SegmentSize %d: at least %d (MinSegment) and at most %d (MaxSegment), a multiple of 4096", o.SegmentSize, MinSegment, MaxSegment)
	}
	if o.Segments != 0 && (o.Segments < 2 || o.Segments > 1<<20) {
		return fmt.Errorf("journal.Options: Segments %d: at least 2", o.Segments)
	}
	return nil
}

func (o *Options) path(pool string) string {
	if o.Path != "" {
		return o.Path
	}
	return pool + Suffix
}

// redo is the options for the journal of a pool of some size.
func (o *Options) redo(pool int64) redo.Options {
	const step = 1 << 20
	r := redo.Options{SegmentSize: o.SegmentSize, Segments: o.Segments, Rate: o.rate()}
	r.Keep = r.SegmentSize == 0 && r.Segments == 0
	if r.SegmentSize == 0 {
		r.SegmentSize = min(max(pool/16&^(step-1), MinDefaultSegment), MaxDefaultSegment)
	}
	if r.Segments == 0 {
		r.Segments = DefaultSegments
	}
	return r
}

func (o *Options) rate() int64 {
	switch {
	case o.CheckpointRate < 0:
		return 0
	case o.CheckpointRate == 0:
		return DefaultCheckpointRate
	}
	return o.CheckpointRate
}

// Suffix is what a journal's default path has after the pool's.
const Suffix = ".journal"
