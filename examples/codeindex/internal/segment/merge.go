package segment

import "slices"

// merge is the segment that replaces several older ones.
type merge struct {
	head Header
	segs []Segment // oldest first
	gone IDs       // files of segs that are replaced or deleted: left out
	keep []uint32  // dead ids whose file is in none of segs: passed on
}

// Merge prepares the union of segs, which come oldest first. A file that is
// declared dead in segs and also stands in them disappears, and so does the
// declaration; a declaration that concerns an older segment is passed on.
func Merge(segs []Segment) (Builder, error) {
	m := &merge{segs: segs}
	dead := DeadIDs(segs)
	m.gone = make(IDs)

	var files, paths uint64
	for file := range Files(segs) {
		if dead.Has(file.ID) {
			m.gone[file.ID] = struct{}{}
			continue
		}
		files++
		paths += uint64(len(file.Path))
	}
	for id := range dead {
		if !m.gone.Has(id) {
			m.keep = append(m.keep, id)
		}
	}
	slices.Sort(m.keep)

	// The first of two passes over the terms: count, so that the second can
	// write into memory of just the right size.
	var terms, names, posts, postings uint64
	for name, lists := range Union(segs, "") {
		size, count := m.measure(lists)
		if size == 0 {
			continue
		}
		terms++
		names += uint64(len(name))
		posts += size
		postings += count
	}
	if len(m.gone) == 0 {
		for _, s := range segs {
			postings += s.header.Postings
		}
	}
	var err error
	m.head, err = header(files, uint64(len(m.keep)), terms, paths, names, posts, postings)
	return m, err
}

func (m *merge) sizes() Header { return m.head }

func (m *merge) write(w *writer) {
	for file := range Files(m.segs) {
		if !m.gone.Has(file.ID) {
			w.file(file)
		}
	}
	for _, id := range m.keep {
		w.deadID(id)
	}
	for name, lists := range Union(m.segs, "") {
		before := len(w.posts)
		for _, posts := range lists {
			w.posts = m.appendLive(w.posts, posts)
		}
		if len(w.posts) > before {
			w.endTerm(name)
		}
	}
}

// measure is the size of a term's postings without the files that are gone,
// and, if there are any such files, the number of those postings.
func (m *merge) measure(lists [][]byte) (size, postings uint64) {
	for _, posts := range lists {
		if len(m.gone) == 0 {
			size += uint64(len(posts))
			continue
		}
		for r := range runs(posts) {
			if !m.gone.Has(r.file) {
				size += uint64(len(r.whole))
				postings += uint64(r.count)
			}
		}
	}
	return size, postings
}

func (m *merge) appendLive(dst, posts []byte) []byte {
	if len(m.gone) == 0 {
		return append(dst, posts...)
	}
	for r := range runs(posts) {
		if !m.gone.Has(r.file) {
			dst = append(dst, r.whole...)
		}
	}
	return dst
}
