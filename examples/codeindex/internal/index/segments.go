package index

import (
	"unsafe"

	"github.com/pmem/pmdk-go/examples/codeindex/internal/segment"
	"github.com/pmem/pmdk-go/libpmemobj"
)

// link is what the pool knows of a segment: the object with its header, behind
// which its body stands, and its level.
type link struct {
	Object libpmemobj.Off[segment.Header]
	Level  uint64
}

const headerSize = uint64(unsafe.Sizeof(segment.Header{}))

// links lists all segments, oldest first.
func (x *Index) links() []link {
	links := make([]link, 0, x.segments.Len())
	for _, l := range x.segments.All() {
		links = append(links, l)
	}
	return links
}

// read gives the segments that links name, without copying them.
func (x *Index) read(links []link) ([]segment.Segment, error) {
	segs := make([]segment.Segment, len(links))
	for i, l := range links {
		object := l.Object.Ptr(x.pool)
		header := object.Get()
		body, err := x.pool.Bytes(object.OID(), headerSize, header.BodySize())
		if err != nil {
			return nil, err
		}
		if segs[i], err = segment.View(header, body); err != nil {
			return nil, err
		}
	}
	return segs, nil
}

// addSegment writes a segment into memory of its own, where nobody can see it
// before the transaction is committed, and puts it behind all others.
func (x *Index) addSegment(tx *libpmemobj.Tx, b segment.Builder, level uint64) error {
	size := headerSize + segment.BodySize(b)
	oid, memory, err := libpmemobj.NewBytes(tx, int(roomFor(size)), libpmemobj.TypeNum[segment.Header]())
	if err != nil {
		return err
	}
	object := libpmemobj.PtrOf[segment.Header](oid)
	segment.Build(b, object.Get(), memory[headerSize:size])
	_, err = x.segments.In(tx).Append(link{libpmemobj.OffOf(object), level})
	return err
}

// roomFor rounds a size up to one of few. The heap keeps runs of memory, up to
// 4 MiB apiece, for every class of small sizes that has ever occurred. Segments
// come in all sizes, and would leave a run behind in each class. Above the small
// sizes the heap hands out chunks of 256 KiB, which go back when they are freed.
func roomFor(size uint64) uint64 {
	const (
		header = 16 // the heap's own, which has to fit too
		chunk  = 256 << 10
	)
	for _, small := range []uint64{4 << 10, 16 << 10} {
		if size+header <= small {
			return small - header
		}
	}
	return (size+header+chunk-1)/chunk*chunk - header
}
