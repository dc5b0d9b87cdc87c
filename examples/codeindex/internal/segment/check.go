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
		func() error { return checkEnds("name", s.terms, nameEnd, s.names) },
		func() error { return checkEnds("postings", s.terms, postsEnd, s.posts) },
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
func checkEnds(what string, terms []byte, offset int, blob []byte) error {
	previous := uint32(0)
	for at := offset; at < len(terms); at += termSize {
		end := u32(terms[at:])
		if end < previous {
			return fmt.Errorf("%s %d ends at %d, before its start at %d", what, at/termSize, end, previous)
		}
		previous = end
	}
	if int(previous) != len(blob) {
		return fmt.Errorf("the last %s ends at %d of %d bytes", what, previous, len(blob))
	}
	return nil
}

func (s Segment) checkTerms() error {
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
		n, err := s.checkPosts(s.Posts(i))
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

func (s Segment) checkPosts(posts []byte) (uint64, error) {
	var (
		count, read uint64
		previous    Posting
	)
	for r := range runs(posts) {
		read += uint64(len(r.whole))
		if r.count == 0 {
			return 0, fmt.Errorf("file %d has no lines", r.file)
		}
		if r.file < s.header.First || r.file >= s.header.End {
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
