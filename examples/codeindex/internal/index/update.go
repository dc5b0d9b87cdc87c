package index

import (
	"context"
	"errors"
	"math"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pmem/pmdk-go/examples/codeindex/internal/segment"
	"github.com/pmem/pmdk-go/examples/codeindex/internal/source"
)

// ErrNoIDs says that 2^32 files have been indexed over the pool's lifetime.
var ErrNoIDs = errors.New("the index has run out of file numbers")

// Plan is what separates the index from a source tree.
type Plan struct {
	Todo      []source.File // new or changed
	Unchanged int
	Deleted   []uint32 // ids of files that are no longer there, ascending

	replaces map[string]uint32 // path → id of the version that is indexed
	firstID  uint32            // ids are given in the order of Todo
}

// Plan compares the index with files, the Go files below root. Whatever was
// indexed from other roots is left alone.
func (x *Index) Plan(root string, files []source.File) (*Plan, error) {
	view, err := x.View()
	if err != nil {
		return nil, err
	}
	plan := &Plan{replaces: make(map[string]uint32)}
	indexed := make(map[string]segment.FileEntry)
	for f := range view.Files() {
		indexed[f.Path] = f
	}
	for _, f := range files {
		old, known := indexed[f.Path]
		delete(indexed, f.Path)
		if known && old.Size == f.Size && old.ModTime == f.ModTime {
			plan.Unchanged++
			continue
		}
		if known {
			plan.replaces[f.Path] = old.ID
		}
		plan.Todo = append(plan.Todo, f)
	}
	below := strings.TrimSuffix(root, string(filepath.Separator)) + string(filepath.Separator)
	for _, gone := range indexed {
		if strings.HasPrefix(gone.Path, below) {
			plan.Deleted = append(plan.Deleted, gone.ID)
		}
	}
	slices.Sort(plan.Deleted)

	// Dead files count too: their ids may still stand in a segment.
	first := uint64(0)
	for f := range segment.Files(view.segs) {
		first = max(first, uint64(f.ID)+1)
	}
	if first+uint64(len(plan.Todo)) > math.MaxUint32 {
		return nil, ErrNoIDs
	}
	plan.firstID = uint32(first)
	return plan, nil
}

// Apply carries out a plan that was made for the index as it stands, a
// publication per file. committed is called after each, when the file is in the
// pool for good; its error ends the work. However Apply ends early, by an error
// or a crash, a new plan holds exactly the rest.
func (x *Index) Apply(ctx context.Context, plan *Plan, committed func(segment.FileEntry) error) error {
	if err := x.compact(); err != nil {
		return err
	}
	err := source.Each(ctx, plan.Todo, func(i int, terms []source.Term) error {
		f := plan.Todo[i]
		entry := segment.FileEntry{ID: plan.firstID + uint32(i), Path: f.Path, Size: f.Size, ModTime: f.ModTime}
		var dead []uint32
		if id, changed := plan.replaces[f.Path]; changed {
			dead = []uint32{id}
		}
		b, err := segment.ForFile(entry, terms, dead)
		if err != nil {
			return err
		}
		if err := x.commit(b); err != nil {
			return err
		}
		if err := committed(entry); err != nil {
			return err
		}
		return x.compact()
	})
	if err != nil || len(plan.Deleted) == 0 {
		return err
	}
	if err := x.commit(segment.ForDeleted(plan.Deleted)); err != nil {
		return err
	}
	return x.compact()
}
