package redo

import (
	"fmt"
	"io/fs"
)

// Options say how a journal is made and run. The zero value of each field is a
// default.
type Options struct {
	// SegmentSize and Segments are the size of a journal: 16 MiB and 4. A
	// segment has 64 KiB at least, and is a multiple of 4096 bytes; no batch is
	// larger. There are at least 2. A journal of another size is replaced, unless
	// Keep says that it will do.
	SegmentSize int64
	Segments    int
	Keep        bool

	// Rate is how many bytes of the pool's pages a checkpoint makes dirty per
	// second, while there is no hurry. Zero is as fast as it goes.
	Rate int64

	// Mode is that of a new file: 0600.
	Mode fs.FileMode

	// FS is System.
	FS FS
}

func (o Options) withDefaults() (Options, error) {
	if o.SegmentSize == 0 {
		o.SegmentSize = 16 << 20
	}
	if o.Segments == 0 {
		o.Segments = 4
	}
	if o.Mode == 0 {
		o.Mode = 0o600
	}
	if o.FS == nil {
		o.FS = System
	}
	if !geometry(o.SegmentSize, int64(o.Segments)) {
		return o, fmt.Errorf("%w: %d segments of %d bytes: at least %d segments of at least %d bytes, which is a multiple of 4096", ErrMisuse,
			o.Segments, o.SegmentSize, minSegments, minSegment)
	}
	return o, nil
}
