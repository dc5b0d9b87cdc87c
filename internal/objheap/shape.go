package objheap

// HeaderKind is the kind of header that the objects of a run have, numbered as
// libpmemobj's enum pobj_header_type.
type HeaderKind int

// Kinds of headers.
const (
	HeaderLegacy HeaderKind = iota
	HeaderCompact
	HeaderNone
)

// Size is the bytes that the header takes in front of each object.
func (k HeaderKind) Size() uint64 { return objHeaderSize(k.flags()) }

func (k HeaderKind) flags() uint16 {
	switch k {
	case HeaderCompact:
		return flagCompact
	case HeaderNone:
		return flagNone
	}
	return 0
}

// Shape is what the runs of one allocation class have in common.
type Shape struct {
	Unit   uint64 // bytes
	Align  uint64 // of the user's data, 0 for none in particular
	Header HeaderKind
	Chunks uint64 // in each run
}

// ShapeFor is the shape that libpmemobj chooses for a class of units of that
// size, of which a run shall have n, and how many they are in the end. It is
// false if such a run would have more chunks than a zone, or no unit at all.
// Up to MaxUnits of a multiple of 16 bytes never become more.
func ShapeFor(unit, align uint64, header HeaderKind, n uint64) (s Shape, units uint64, ok bool) {
	const most = maxChunks << chunkShift
	if unit == 0 || n == 0 || unit > most || align > most || n > most/unit {
		return Shape{}, 0, false
	}
	total := n*unit + align
	if align == 0 || align >= chunkSize {
		total += runHeaderSize // which smaller alignments pay for
	}
	chunks := (total + chunkSize - 1) >> chunkShift
	if chunks > maxChunks {
		return Shape{}, 0, false
	}
	s = Shape{unit, align, header, chunks}
	units = s.units()
	return s, units, units > 0
}

// MaxUnits is how many units a run can have before libpmemobj loses count.
const MaxUnits = maxUnits

// units counts the units of a run without regard to MaxUnits.
func (s Shape) units() uint64 {
	size := s.Chunks << chunkShift
	words := ((size-runHeaderSize)/s.Unit + 63) / 64
	meta := (runHeaderSize + words*8 + cacheLine - 1) &^ (cacheLine - 1)
	if meta+s.Unit > size {
		return 0
	}
	units := (size - meta) / s.Unit
	if s.Align != 0 {
		units--
	}
	return units
}

// step is what libpmemobj divides the size of units by when it looks for the
// class of a run.
const step = 16

// Confusable looks for a run that libpmemobj takes for one of shape s although
// its units have another size or alignment. A class of such a shape would give
// out parts of live objects: libpmemobj finds the class of a run by the flags,
// the number of chunks and the size of the units in steps of 16, and nothing
// else.
func (h *Heap) Confusable(s Shape) (other Shape, found bool) {
	h.eachBlock(func(p place, hdr chunkHeader, n uint64) bool {
		if hdr.kind() != chunkRun || n != s.Chunks || hdr.flags()&^flagFlex != s.flags()&^flagFlex {
			return true
		}
		unit, align := h.load(p.off()), h.alignment(p, hdr)
		if (unit+step-1)/step != (s.Unit+step-1)/step || unit == s.Unit && align == s.Align {
			return true
		}
		other, found = Shape{unit, align, s.Header, n}, true
		return false
	})
	return other, found
}

// flags are those of the headers of the shape's runs.
func (s Shape) flags() uint16 {
	f := s.Header.flags() | flagFlex
	if s.Align != 0 {
		f |= flagAligned
	}
	return f
}

// alignment is that of the units of the run at p, 0 if it has none.
func (h *Heap) alignment(p place, hdr chunkHeader) uint64 {
	if hdr.flags()&flagAligned == 0 {
		return 0
	}
	return h.load(p.off() + 8)
}
