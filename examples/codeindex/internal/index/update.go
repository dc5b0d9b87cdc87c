package index

import (
	"context"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pmem/pmdk-go/examples/codeindex/internal/source"
)

// Plan is what separates the index from a source tree.
type Plan struct {
	Todo      []source.File // new or changed
	Unchanged int
	Deleted   []uint32 // ids of files that are no longer there, ascending

	replaces map[string]uint32 // path → id of the version that is indexed
}

// Plan compares the index with files, the Go files below root. Whatever was
// indexed from other roots is left alone.
func (x *Index) Plan(root string, files []source.File) *Plan {
	plan := &Plan{replaces: make(map[string]uint32)}
	indexed := make(map[string]File)
	for f := range x.indexed() {
		indexed[f.Path] = f
	}
	for _, f := range files {
		old, known := indexed[f.Path]
		delete(indexed, f.Path)
		if known && old.File == f {
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
	return plan
}

// Apply carries out a plan that was made for the index as it stands, a
// transaction per file. committed is called after each, when the file is in the
// pool for good; its error ends the work. However Apply ends early, by an error
// or a crash, a new plan holds exactly the rest.
func (x *Index) Apply(ctx context.Context, plan *Plan, committed func(File) error) error {
	if err := x.compact(); err != nil {
		return err
	}
	err := source.Each(ctx, plan.Todo, func(i int, terms []source.Term) error {
		replaced := -1
		if id, changed := plan.replaces[plan.Todo[i].Path]; changed {
			replaced = int(id)
		}
		f, err := x.commit(plan.Todo[i], terms, replaced)
		if err != nil {
			return err
		}
		if err := committed(f); err != nil {
			return err
		}
		return x.compact()
	})
	if err != nil || len(plan.Deleted) == 0 {
		return err
	}
	return x.delete(plan.Deleted)
}
