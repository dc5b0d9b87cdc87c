package segment

import "github.com/pmem/pmdk-go/examples/codeindex/internal/source"

// fileBuilder is a segment of one file, the unit that is committed.
type fileBuilder struct {
	head  Header
	file  FileEntry
	terms []source.Term
	dead  []uint32
}

// ForFile prepares the segment of a file. Its terms are sorted by name; dead is
// the ids that it replaces, ascending.
func ForFile(file FileEntry, terms []source.Term, dead []uint32) (Builder, error) {
	var names, posts, postings uint64
	for _, t := range terms {
		names += uint64(len(t.Name))
		posts += runSize(file.ID, t.Lines)
		postings += uint64(len(t.Lines))
	}
	h, err := header(1, uint64(len(dead)), uint64(len(terms)), uint64(len(file.Path)), names, posts, postings)
	return &fileBuilder{h, file, terms, dead}, err
}

func (b *fileBuilder) sizes() Header { return b.head }

func (b *fileBuilder) write(w *writer) {
	w.file(b.file)
	for _, id := range b.dead {
		w.deadID(id)
	}
	for _, t := range b.terms {
		w.posts = appendRun(w.posts, b.file.ID, t.Lines)
		w.endTerm([]byte(t.Name))
	}
}

// tombstones is a segment that adds nothing and declares files dead.
type tombstones []uint32

// ForDeleted prepares the segment that takes files out of the index. The ids ascend.
func ForDeleted(ids []uint32) Builder { return tombstones(ids) }

func (t tombstones) sizes() Header { return Header{Dead: uint32(len(t))} }

func (t tombstones) write(w *writer) {
	for _, id := range t {
		w.deadID(id)
	}
}
