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
// every segment is complete, the segments agree with one another, and the heap
// holds no object besides them, half-written or lost.
func (x *Index) Verify() (Report, error) {
	links, err := x.links()
	if err != nil {
		return Report{}, err
	}
	report := Report{Segments: len(links)}
	for i, l := range links {
		if err := l.Check(); err != nil {
			return report, fmt.Errorf("segment %d: %w", i, err)
		}
		report.Bytes += int64(objectSize + l.Header().BodySize())
	}
	if report.Files, err = checkFiles(segments(links)); err != nil {
		return report, fmt.Errorf("%w: %w", ErrInconsistent, err)
	}
	if err := x.checkHeap(links); err != nil {
		return report, fmt.Errorf("%w: %w", ErrInconsistent, err)
	}
	return report, nil
}

// checkFiles proves that ids ascend from the oldest segment to the newest, that
// only files that are there are declared dead, and that no path is indexed twice.
func checkFiles(segs []segment.Segment) (int, error) {
	dead := segment.DeadIDs(segs)
	paths := make(map[string]uint32)
	next := uint64(0)
	for f := range segment.Files(segs) {
		if uint64(f.ID) < next {
			return 0, fmt.Errorf("file %d (%s) stands after file %d", f.ID, f.Path, next-1)
		}
		next = uint64(f.ID) + 1
		if dead.Has(f.ID) {
			delete(dead, f.ID)
			continue
		}
		if other, twice := paths[f.Path]; twice {
			return 0, fmt.Errorf("files %d and %d are both %s", other, f.ID, f.Path)
		}
		paths[f.Path] = f.ID
	}
	for id := range dead {
		return 0, fmt.Errorf("file %d is declared dead and not there", id)
	}
	return len(paths), nil
}

// checkHeap proves that the pool's objects are the linked segments and no others.
func (x *Index) checkHeap(links []link) error {
	linked := make(map[libpmemobj.OID]bool, len(links))
	for _, l := range links {
		linked[l.object.OID()] = true
	}
	if len(linked) != len(links) {
		return errors.New("a segment is linked twice")
	}
	found := 0
	for o := range libpmemobj.ObjectsOf[object](x.pool) {
		if !linked[o.OID()] {
			return fmt.Errorf("the object at offset %#x is linked nowhere", o.OID().Off)
		}
		found++
	}
	if found != len(links) {
		return fmt.Errorf("%d segments are linked, the heap has %d", len(links), found)
	}
	return nil
}
