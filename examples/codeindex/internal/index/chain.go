package index

import (
	"slices"

	"github.com/pmem/pmdk-go/examples/codeindex/internal/segment"
	"github.com/pmem/pmdk-go/libpmemobj"
)

// link is a segment together with the object that it lies in.
type link struct {
	object libpmemobj.Ptr[object]
	segment.Segment
}

// chain lists the segments of a level, oldest first.
func (x *Index) chain(level int) ([]link, error) {
	var links []link
	for at := x.root.Get().Heads[level]; !at.IsNull(); {
		o := at.Ptr(x.pool)
		seg, err := x.read(o)
		if err != nil {
			return nil, err
		}
		links = append(links, link{o, seg})
		at = o.Get().Next
	}
	slices.Reverse(links)
	return links, nil
}

// read gives the segment that lies in o, without copying it.
func (x *Index) read(o libpmemobj.Ptr[object]) (segment.Segment, error) {
	header := &o.Get().Header
	body, err := x.pool.Bytes(o.OID(), objectSize, header.BodySize())
	if err != nil {
		return segment.Segment{}, err
	}
	return segment.View(header, body)
}

// links lists all segments, oldest first: what is on a higher level is older.
func (x *Index) links() ([]link, error) {
	var all []link
	for level := levels - 1; level >= 0; level-- {
		links, err := x.chain(level)
		if err != nil {
			return nil, err
		}
		all = append(all, links...)
	}
	return all, nil
}

func segments(links []link) []segment.Segment {
	segs := make([]segment.Segment, len(links))
	for i, l := range links {
		segs[i] = l.Segment
	}
	return segs
}
