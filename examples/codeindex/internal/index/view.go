package index

import (
	"cmp"
	"iter"
	"slices"
	"strings"

	"github.com/pmem/pmdk-go/examples/codeindex/internal/segment"
)

// View reads the index as it stands. It is made in microseconds, refers to the
// pool's memory, and is valid until the index is changed or closed.
type View struct {
	x    *Index
	segs []segment.Segment // oldest first
	dead segment.IDs
}

// Hit is a line on which a term stands.
type Hit struct {
	Path string
	Line uint32
}

// View gives access to what has been committed.
func (x *Index) View() (*View, error) {
	segs, err := x.read(x.links())
	if err != nil {
		return nil, err
	}
	return &View{x, segs, x.dead(0, x.files.Len())}, nil
}

// Files walks the indexed files.
func (v *View) Files() iter.Seq[File] { return v.x.indexed() }

// Lookup finds an identifier or a qualified pair, ordered by path and line.
func (v *View) Lookup(word string) []Hit {
	var lists [][]byte
	for _, s := range v.segs {
		if posts := s.Find(word); posts != nil {
			lists = append(lists, posts)
		}
	}
	return v.hits(v.live(lists))
}

// Prefix walks the terms that begin with prefix, in their order.
func (v *View) Prefix(prefix string) iter.Seq2[string, []Hit] {
	return func(yield func(string, []Hit) bool) {
		for name, postings := range v.Terms(prefix) {
			if !strings.HasPrefix(string(name), prefix) || !yield(string(name), v.hits(postings)) {
				return
			}
		}
	}
}

// Terms walks all terms that are not less than from, in their order, with their
// postings in the order of file ids. The name is valid until the next step.
func (v *View) Terms(from string) iter.Seq2[[]byte, iter.Seq[segment.Posting]] {
	return func(yield func([]byte, iter.Seq[segment.Posting]) bool) {
		for name, lists := range segment.Union(v.segs, from) {
			postings := v.live(lists)
			if !isEmpty(postings) && !yield(name, postings) {
				return
			}
		}
	}
}

// live decodes the postings of a term, without those of dead files.
func (v *View) live(lists [][]byte) iter.Seq[segment.Posting] {
	return func(yield func(segment.Posting) bool) {
		for _, posts := range lists {
			for p := range segment.Postings(posts) {
				if !v.dead.Has(p.File) && !yield(p) {
					return
				}
			}
		}
	}
}

func isEmpty[T any](seq iter.Seq[T]) bool {
	for range seq {
		return false
	}
	return true
}

func (v *View) hits(postings iter.Seq[segment.Posting]) []Hit {
	var (
		hits []Hit
		file File
	)
	for p := range postings {
		if p.File != file.ID || file.Path == "" {
			file = v.file(p.File)
		}
		hits = append(hits, Hit{file.Path, p.Line})
	}
	slices.SortFunc(hits, func(a, b Hit) int {
		return cmp.Or(strings.Compare(a.Path, b.Path), cmp.Compare(a.Line, b.Line))
	})
	return hits
}

// file finds an id that stands in some posting.
func (v *View) file(id uint32) File {
	f, err := v.x.files.At(int(id))
	if err != nil {
		panic(err) // Verify proves that no segment names a file that is not there
	}
	return v.x.file(int(id), f)
}
