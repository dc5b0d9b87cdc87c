package index

import (
	"errors"
	"fmt"

	"github.com/pmem/pmdk-go/examples/codeindex/internal/segment"
	"github.com/pmem/pmdk-go/libpmemobj"
)

// ErrInconsistent is what Verify returns, wrapped in the reason, for faults
// that lie between segments; those inside one are segment.ErrDamaged.
var ErrInconsistent = errors.New("index is inconsistent")

// Report says what Verify has read and found in order.
type Report struct {
	Segments int
	Files    int
	Bytes    int64
}

// Verify reads everything in the pool and proves that it is a sound index:
// every segment is complete, the segments and the files agree with one another,
// and the heap holds no segment besides them, half-written or lost.
func (x *Index) Verify() (Report, error) {
	links := x.links()
	segs, err := x.read(links)
	if err != nil {
		return Report{}, err
	}
	report := Report{Segments: len(segs)}
	for i, s := range segs {
		if err := s.Check(); err != nil {
			return report, fmt.Errorf("segment %d: %w", i, err)
		}
		report.Bytes += int64(headerSize + s.Header().BodySize())
	}
	if report.Files, err = x.checkFiles(); err != nil {
		return report, fmt.Errorf("%w: %w", ErrInconsistent, err)
	}
	if err := checkIDs(segs, x.files.Len()); err != nil {
		return report, fmt.Errorf("%w: %w", ErrInconsistent, err)
	}
	if err := x.checkHeap(links); err != nil {
		return report, fmt.Errorf("%w: %w", ErrInconsistent, err)
	}
	return report, nil
}

// checkFiles proves that every path is there, and none is indexed twice.
func (x *Index) checkFiles() (int, error) {
	ids := make(map[string]uint32)
	for id, f := range x.files.All() {
		if all := uint64(x.paths.Len()); f.PathAt > all || f.PathLen > all-f.PathAt {
			return 0, fmt.Errorf("file %d has its path at %d to %d, there are %d bytes", id, f.PathAt, f.PathAt+f.PathLen, all)
		}
	}
	for f := range x.indexed() {
		if other, twice := ids[f.Path]; twice {
			return 0, fmt.Errorf("files %d and %d are both %s", other, f.ID, f.Path)
		}
		ids[f.Path] = f.ID
	}
	return len(ids), nil
}

// checkIDs proves that every file has been in one segment, and only in one: each
// segment begins with the id at which the one before it ends.
func checkIDs(segs []segment.Segment, files int) error {
	next := uint32(0)
	for i, s := range segs {
		if h := s.Header(); h.First != next || h.End <= h.First {
			return fmt.Errorf("segment %d has files %d to %d, those before it end at %d", i, h.First, h.End, next)
		}
		next = s.Header().End
	}
	if int(next) != files {
		return fmt.Errorf("the segments end at file %d of %d", next, files)
	}
	return nil
}

// checkHeap proves that the pool's segments are the linked ones and no others.
func (x *Index) checkHeap(links []link) error {
	linked := make(map[libpmemobj.OID]bool, len(links))
	for _, l := range links {
		linked[l.Object.Ptr(x.pool).OID()] = true
	}
	for o := range libpmemobj.ObjectsOf[segment.Header](x.pool) {
		if !linked[o.OID()] {
			return fmt.Errorf("the object at offset %#x is linked nowhere", o.OID().Off)
		}
	}
	return nil
}
