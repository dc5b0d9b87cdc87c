package segment

import (
	"bytes"
	"iter"
)

// Union walks the terms of several segments together, in the order of names,
// from the first one that is not less than from. With each name come its
// postings, an entry for every segment that has it, in the order of segs. Both
// are only valid until the next step.
func Union(segs []Segment, from string) iter.Seq2[[]byte, [][]byte] {
	return func(yield func([]byte, [][]byte) bool) {
		cursors := make([]*cursor, 0, len(segs))
		for _, s := range segs {
			c := &cursor{seg: s, at: s.Search(from)}
			if c.load() {
				cursors = append(cursors, c)
			}
		}
		posts := make([][]byte, 0, len(segs))
		for len(cursors) > 0 {
			// A linear search for the least name: there are a handful of segments,
			// and the common names stand in all of them.
			name := cursors[0].name
			for _, c := range cursors[1:] {
				if bytes.Compare(c.name, name) < 0 {
					name = c.name
				}
			}

			posts = posts[:0]
			live := cursors[:0]
			for _, c := range cursors {
				more := true
				if bytes.Equal(c.name, name) {
					posts = append(posts, c.seg.Posts(c.at))
					c.at++
					more = c.load()
				}
				if more {
					live = append(live, c)
				}
			}
			cursors = live
			if !yield(name, posts) {
				return
			}
		}
	}
}

// cursor stands on a term of a segment.
type cursor struct {
	seg  Segment
	at   int
	name []byte
}

// load fetches the name under the cursor, and reports whether there is one.
func (c *cursor) load() bool {
	if c.at == c.seg.Terms() {
		return false
	}
	c.name = c.seg.Name(c.at)
	return true
}
