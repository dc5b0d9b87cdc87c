package segment

import "iter"

// Files walks the files of segs, dead ones included.
func Files(segs []Segment) iter.Seq[FileEntry] {
	return func(yield func(FileEntry) bool) {
		for _, s := range segs {
			for i := range s.Files() {
				if !yield(s.File(i)) {
					return
				}
			}
		}
	}
}

// IDs is a set of file ids.
type IDs map[uint32]struct{}

// Has reports whether id is in the set.
func (s IDs) Has(id uint32) bool {
	_, in := s[id]
	return in
}

// DeadIDs collects what segs declare replaced or deleted.
func DeadIDs(segs []Segment) IDs {
	dead := make(IDs)
	for _, s := range segs {
		for i := range s.Dead() {
			dead[s.DeadID(i)] = struct{}{}
		}
	}
	return dead
}
