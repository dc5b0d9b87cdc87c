package libpmemobj

// offsets is a set of offsets in a pool: a bitmap of the multiples of 8, made as
// needed, and a map for the few objects that custom classes place in between.
type offsets struct {
	pages []*[offsetsPage / 8 / 64]uint64
	odd   map[uint64]struct{}
}

// offsetsPage is how many bytes of a pool one piece of the bitmap is for.
const offsetsPage = 256 << 10

// add says whether off was not in the set yet.
func (s *offsets) add(off uint64) bool {
	if off%8 != 0 {
		if _, have := s.odd[off]; have {
			return false
		}
		if s.odd == nil {
			s.odd = map[uint64]struct{}{}
		}
		s.odd[off] = struct{}{}
		return true
	}
	page := off / offsetsPage
	if have := uint64(len(s.pages)); page >= have {
		s.pages = append(s.pages, make([]*[offsetsPage / 8 / 64]uint64, page+1-have)...)
	}
	if s.pages[page] == nil {
		s.pages[page] = new([offsetsPage / 8 / 64]uint64)
	}
	word, bit := &s.pages[page][off%offsetsPage/8/64], uint64(1)<<(off/8%64)
	if *word&bit != 0 {
		return false
	}
	*word |= bit
	return true
}

// has says whether off is in the set.
func (s *offsets) has(off uint64) bool {
	if off%8 != 0 {
		_, have := s.odd[off]
		return have
	}
	page := off / offsetsPage
	if page >= uint64(len(s.pages)) || s.pages[page] == nil {
		return false
	}
	return s.pages[page][off%offsetsPage/8/64]>>(off/8%64)&1 != 0
}
