package index

import (
	"fmt"

	"github.com/pmem/pmdk-go/examples/codeindex/internal/segment"
	"github.com/pmem/pmdk-go/libpmemobj"
)

// commit adds a segment to level 0. It is there, whole and for good, when
// commit returns without error; after an error or a crash there is no trace of it.
func (x *Index) commit(b segment.Builder) error {
	return x.pool.Publish(func(a *libpmemobj.Actions) error {
		head := &x.root.Get().Heads[0]
		o, err := x.reserve(a, b, *head)
		if err != nil {
			return err
		}
		libpmemobj.StoreOff(a, head, o)
		return nil
	})
}

// compact merges every level that is full. Usually that is none; a full level
// may be left over from a process that was killed before its merge.
func (x *Index) compact() error {
	for level := range levels - 1 {
		links, err := x.chain(level)
		if err != nil {
			return err
		}
		if len(links) < fanout {
			continue
		}
		if err := x.merge(level, links); err != nil {
			return fmt.Errorf("merge %d segments of level %d: %w", len(links), level, err)
		}
	}
	return nil
}

// merge replaces all segments of a level by one of the next. Between the old
// state and the new there is none that a crash could leave.
func (x *Index) merge(level int, links []link) error {
	union, err := segment.Merge(segments(links))
	if err != nil {
		return err
	}
	return x.pool.Publish(func(a *libpmemobj.Actions) error {
		heads := &x.root.Get().Heads
		o, err := x.reserve(a, union, heads[level+1])
		if err != nil {
			return err
		}
		libpmemobj.StoreOff(a, &heads[level+1], o)
		libpmemobj.StoreOff(a, &heads[level], libpmemobj.Off[object]{})
		for _, l := range links {
			a.Free(l.object.OID())
		}
		return nil
	})
}

// reserve takes memory for a segment and writes it there. Nobody can see it
// before the publication links it, and Publish flushes it first.
func (x *Index) reserve(a *libpmemobj.Actions, b segment.Builder, next libpmemobj.Off[object]) (libpmemobj.Off[object], error) {
	size := objectSize + segment.BodySize(b)
	oid, memory, err := a.ReserveBytes(int(roomFor(size)), libpmemobj.TypeNum[object]())
	if err != nil {
		return libpmemobj.Off[object]{}, err
	}
	p := libpmemobj.PtrOf[object](oid)
	o := p.Get()
	o.Next = next
	segment.Build(b, &o.Header, memory[objectSize:size])
	return libpmemobj.OffOf(p), nil
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
