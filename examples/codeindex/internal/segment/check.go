package segment

import (
	"bytes"
	"fmt"
)

// Check reads the whole segment and proves that it is what Build wrote: the
// checksum, and, since a checksum would bless a wrong builder too, the order of
// every table and every posting.
func (s Segment) Check() error {
	if err := s.header.check(s.body); err != nil {
		return err
	}
	checks := []func() error{
		func() error { return checkEnds("file", s.files, fileSize, 4, s.paths) },
		func() error { return checkEnds("name", s.terms, termSize, 0, s.names) },
		func() error { return checkEnds("postings", s.terms, termSize, 4, s.posts) },
		func() error { return checkAscending("file id", s.files, fileSize) },
		func() error { return checkAscending("dead id", s.dead, deadSize) },
		s.checkTerms,
	}
	for _, check := range checks {
		if err := check(); err != nil {
			return fmt.Errorf("%w: %w", ErrDamaged, err)
		}
	}
	return nil
}

// checkEnds proves that the pieces of blob follow one another and fill it.
func checkEnds(what string, table []byte, stride, offset int, blob []byte) error {
	previous := uint32(0)
	for at := offset; at < len(table); at += stride {
		end := u32(table[at:])
		if end < previous {
			return fmt.Errorf("%s %d ends at %d, before its start at %d", what, at/stride, end, previous)
		}
		previous = end
	}
	if int(previous) != len(blob) {
		return fmt.Errorf("the last %s ends at %d of %d bytes", what, previous, len(blob))
	}
	return nil
}

func checkAscending(what string, table []byte, stride int) error {
	for at := stride; at < len(table); at += stride {
		if previous, id := u32(table[at-stride:]), u32(table[at:]); id <= previous {
			return fmt.Errorf("%s %d follows %d", what, id, previous)
		}
	}
	return nil
}

func (s Segment) checkTerms() error {
	known := make(IDs, s.Files())
	for i := range s.Files() {
		known[s.File(i).ID] = struct{}{}
	}
	var (
		previous []byte
		postings uint64
	)
	for i := range s.Terms() {
		name := s.Name(i)
		if bytes.Compare(name, previous) <= 0 {
			return fmt.Errorf("term %q follows %q", name, previous)
		}
		previous = name
		n, err := checkPosts(s.Posts(i), known)
		if err != nil {
			return fmt.Errorf("term %q: %w", name, err)
		}
		postings += n
	}
	if postings != s.header.Postings {
		return fmt.Errorf("there are %d postings, the header says %d", postings, s.header.Postings)
	}
	return nil
}

func checkPosts(posts []byte, known IDs) (uint64, error) {
	var (
		count, read uint64
		previous    Posting
	)
	for r := range runs(posts) {
		read += uint64(len(r.whole))
		if r.count == 0 {
			return 0, fmt.Errorf("file %d has no lines", r.file)
		}
		if !known.Has(r.file) {
			return 0, fmt.Errorf("file %d is not in this segment", r.file)
		}
		if count > 0 && r.file <= previous.File {
			return 0, fmt.Errorf("file %d follows %d", r.file, previous.File)
		}
		previous = Posting{File: r.file}
		for p := range Postings(r.whole) {
			if p.Line <= previous.Line {
				return 0, fmt.Errorf("file %d: line %d follows %d", p.File, p.Line, previous.Line)
			}
			previous = p
			count++
		}
	}
	if read == 0 || read != uint64(len(posts)) {
		return 0, fmt.Errorf("%d of %d bytes are postings", read, len(posts))
	}
	return count, nil
}
