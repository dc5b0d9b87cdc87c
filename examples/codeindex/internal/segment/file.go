package segment

import "github.com/pmem/pmdk-go/examples/codeindex/internal/source"

// fileBuilder is a segment of one file, the unit that is committed.
type fileBuilder struct {
	head  Header
	terms []source.Term
}

// ForFile prepares the segment of the file whose id is id. Its terms are sorted
// by name.
func ForFile(id int, terms []source.Term) (Builder, error) {
	var names, posts, postings uint64
	for _, t := range terms {
		names += uint64(len(t.Name))
		posts += runSize(uint32(id), t.Lines)
		postings += uint64(len(t.Lines))
	}
	h, err := header(uint64(id), uint64(id)+1, uint64(len(terms)), names, posts, postings)
	return &fileBuilder{h, terms}, err
}

func (b *fileBuilder) sizes() Header { return b.head }

func (b *fileBuilder) write(w *writer) {
	for _, t := range b.terms {
		w.posts = appendRun(w.posts, b.head.First, t.Lines)
		w.endTerm([]byte(t.Name))
	}
}
