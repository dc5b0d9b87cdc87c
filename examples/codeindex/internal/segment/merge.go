package segment

// IDs is a set of file ids.
type IDs map[uint32]struct{}

// Has reports whether id is in the set.
func (s IDs) Has(id uint32) bool {
	_, in := s[id]
	return in
}

// merge is the segment that replaces several older ones.
type merge struct {
	head Header
	segs []Segment
	dead IDs // files that are left out
}

// Merge prepares the union of segs, neighbours that come oldest first, without
// the files in dead.
func Merge(segs []Segment, dead IDs) (Builder, error) {
	m := &merge{segs: segs, dead: dead}

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
	if len(m.dead) == 0 {
		for _, s := range segs {
			postings += s.header.Postings
		}
	}
	var err error
	first, end := segs[0].header.First, segs[len(segs)-1].header.End
	m.head, err = header(uint64(first), uint64(end), terms, names, posts, postings)
	return m, err
}

func (m *merge) sizes() Header { return m.head }

func (m *merge) write(w *writer) {
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

// measure is the size of a term's postings without the files that are dead,
// and, if there are any such files, the number of those postings.
func (m *merge) measure(lists [][]byte) (size, postings uint64) {
	for _, posts := range lists {
		if len(m.dead) == 0 {
			size += uint64(len(posts))
			continue
		}
		for r := range runs(posts) {
			if !m.dead.Has(r.file) {
				size += uint64(len(r.whole))
				postings += uint64(r.count)
			}
		}
	}
	return size, postings
}

func (m *merge) appendLive(dst, posts []byte) []byte {
	if len(m.dead) == 0 {
		return append(dst, posts...)
	}
	for r := range runs(posts) {
		if !m.dead.Has(r.file) {
			dst = append(dst, r.whole...)
		}
	}
	return dst
}
