package journal

import (
	"github.com/pmem/pmdk-go/internal/medium"
	"github.com/pmem/pmdk-go/libpmemobj/journal/internal/redo"
)

// Tiny is a journal that is full after a few dozen changes, over another file
// system and another pool.
func Tiny(fs redo.FS, pool func(medium.Pool) medium.Pool) Options {
	return Options{SegmentSize: 64 << 10, Segments: 2, CheckpointRate: -1, tests: &forTests{fs: fs, pool: pool, lines: 256}}
}
