package index

import (
	"fmt"

	"github.com/pmem/pmdk-go/examples/codeindex/internal/segment"
	"github.com/pmem/pmdk-go/examples/codeindex/internal/source"
	"github.com/pmem/pmdk-go/libpmemobj"
)

const fanout = 16 // segments of a level that become one of the next

// commit adds a file with its terms, in place of the version whose id is
// replaced if that is not negative. It is there, whole and for good, when commit
// returns without error; after an error or a crash there is no trace of it.
func (x *Index) commit(f source.File, terms []source.Term, replaced int) (File, error) {
	var id int
	err := x.pool.Update(func(tx *libpmemobj.Tx) error {
		var err error
		if id, err = x.addFile(tx, f, replaced); err != nil {
			return err
		}
		b, err := segment.ForFile(id, terms)
		if err != nil {
			return err
		}
		return x.addSegment(tx, b, 0)
	})
	return File{uint32(id), f}, err
}

// delete takes files out of the index, all or none.
func (x *Index) delete(ids []uint32) error {
	return x.pool.Update(func(tx *libpmemobj.Tx) error {
		for _, id := range ids {
			if err := x.files.In(tx).Set(int(id), file{}); err != nil {
				return err
			}
		}
		return nil
	})
}

// compact merges the newest segments as long as there are enough on one level.
// Usually there are not; a process that was killed before its merge may leave
// some over.
func (x *Index) compact() error {
	for {
		links := x.links()
		from := len(links)
		for from > 0 && links[from-1].Level == links[len(links)-1].Level {
			from--
		}
		if len(links)-from < fanout {
			return nil
		}
		if err := x.merge(from, links[from:]); err != nil {
			return fmt.Errorf("merge %d segments of level %d: %w", len(links)-from, links[from].Level, err)
		}
	}
}

// merge replaces the segments from one on by one of the next level. Between the
// old state and the new there is none that a crash could leave.
func (x *Index) merge(from int, links []link) error {
	segs, err := x.read(links)
	if err != nil {
		return err
	}
	first, last := segs[0].Header(), segs[len(segs)-1].Header()
	union, err := segment.Merge(segs, x.dead(int(first.First), int(last.End)))
	if err != nil {
		return err
	}
	return x.pool.Update(func(tx *libpmemobj.Tx) error {
		if err := x.segments.In(tx).Truncate(from); err != nil {
			return err
		}
		if err := x.addSegment(tx, union, links[0].Level+1); err != nil {
			return err
		}
		for _, l := range links {
			if err := tx.Free(l.Object.Ptr(x.pool).OID()); err != nil {
				return err
			}
		}
		return nil
	})
}
