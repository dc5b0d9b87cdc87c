package libpmemobj

import "slices"

// span is [start, end) in a pool.
type span struct{ start, end uint64 }

// covers says whether [off, off+n), which does not wrap, lies in e.
func (e span) covers(off, n uint64) bool { return off >= e.start && off+n <= e.end }

// spans is a set of spans that do not overlap, in order. Objects are mostly
// allocated at rising addresses, so that adding is appending.
type spans []span

func (s spans) search(off uint64) (i int, found bool) {
	return slices.BinarySearchFunc(s, off, func(e span, off uint64) int {
		switch {
		case e.end <= off:
			return -1
		case e.start > off:
			return 1
		}
		return 0
	})
}

// covers says whether [off, off+n) lies inside one span.
func (s spans) covers(off, n uint64) bool {
	if len(s) == 0 {
		return false
	}
	i, ok := s.search(off)
	return ok && n <= s[i].end-off
}

func (s *spans) add(e span) {
	if n := len(*s); n == 0 || (*s)[n-1].end <= e.start {
		*s = append(*s, e)
		return
	}
	i, _ := s.search(e.start)
	*s = slices.Insert(*s, i, e)
}

// remove takes out the span that starts at off.
func (s *spans) remove(off uint64) {
	if i, ok := s.search(off); ok && (*s)[i].start == off {
		*s = slices.Delete(*s, i, i+1)
	}
}
