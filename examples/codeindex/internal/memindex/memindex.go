// Package memindex is the index that a Go program without persistent memory
// would build at every start: plain maps. It is what the persistent index is
// compared with.
package memindex

import (
	"context"
	"fmt"
	"slices"

	"github.com/pmem/pmdk-go/examples/codeindex/internal/index"
	"github.com/pmem/pmdk-go/examples/codeindex/internal/segment"
	"github.com/pmem/pmdk-go/examples/codeindex/internal/source"
)

// Index maps every term to the places where it stands.
type Index struct {
	files map[string]uint32 // path → number
	terms map[string][]segment.Posting
}

// Build reads the files and indexes them.
func Build(ctx context.Context, files []source.File) (*Index, error) {
	x := &Index{files: make(map[string]uint32, len(files)), terms: make(map[string][]segment.Posting)}
	err := source.Each(ctx, files, func(i int, terms []source.Term) error {
		x.files[files[i].Path] = uint32(i)
		for _, t := range terms {
			for _, line := range t.Lines {
				x.terms[t.Name] = append(x.terms[t.Name], segment.Posting{File: uint32(i), Line: line})
			}
		}
		return nil
	})
	return x, err
}

// Files is the number of files.
func (x *Index) Files() int { return len(x.files) }

// Terms is the number of distinct identifiers and qualified pairs.
func (x *Index) Terms() int { return len(x.terms) }

// Diff compares view with x, over the files of x, posting by posting. It
// returns nil if they are identical, else an error that describes a difference.
func (x *Index) Diff(view *index.View) error {
	number := make(map[uint32]uint32, len(x.files)) // the view's ids → ours
	for f := range view.Files() {
		if n, ours := x.files[f.Path]; ours {
			number[f.ID] = n
		}
	}
	if len(number) != len(x.files) {
		return fmt.Errorf("the pool has %d of %d files", len(number), len(x.files))
	}

	same := 0
	var got []segment.Posting
	for name, postings := range view.Terms("") {
		got = got[:0]
		for p := range postings {
			if n, ours := number[p.File]; ours {
				got = append(got, segment.Posting{File: n, Line: p.Line})
			}
		}
		if len(got) == 0 {
			continue // a term of other files only
		}
		slices.SortFunc(got, segment.Posting.Compare)
		want := x.terms[string(name)]
		if !slices.Equal(got, want) {
			return fmt.Errorf("%q stands on %d lines, the pool says %d", name, len(want), len(got))
		}
		same++
	}
	if same != len(x.terms) {
		return fmt.Errorf("the pool has %d of %d terms", same, len(x.terms))
	}
	return nil
}
