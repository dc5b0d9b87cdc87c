package poolsource

import (
	"fmt"

	"github.com/pmem/pmdk-go/internal/poolheader"
)

func (p *Part) corrupt(structure string, off int64, format string, args ...any) error {
	return &Corrupt{Path: p.Path, Structure: structure, Offset: off, Reason: fmt.Sprintf(format, args...)}
}

// checkHeaders reads the headers of all parts, which name one another in a
// ring.
func (s *Source) checkHeaders() error {
	with := s.Parts
	if s.single {
		with = with[:1]
	}
	headers := make([]poolheader.Header, len(with))
	for i := range with {
		h, err := s.header(i)
		if err != nil {
			return err
		}
		headers[i] = h
		switch {
		case h.PoolSet != headers[0].PoolSet:
			return with[i].corrupt("pool header", 24, "a part of another %s than %s", s.kind.Noun, with[0].Path)
		case len(s.Parts) > 1 && (h.Incompat&poolheader.FeatureSingleHeader != 0) != s.single:
			return with[i].corrupt("pool header", 16, "OPTION SINGLEHDR: %t in the pool set file, %t in the part", s.single, !s.single)
		case len(with) == 1 && h.Part():
			return with[i].corrupt("pool header", 56, "one part of a pool set, which only makes sense with the others; open the pool set file")
		}
	}
	for i, h := range headers {
		n := len(headers)
		prev, next := headers[(i+n-1)%n].UUID, headers[(i+1)%n].UUID
		if h.PrevPart != prev || h.NextPart != next || h.PrevReplica != headers[0].UUID || h.NextReplica != headers[0].UUID {
			return with[i].corrupt("pool header", 56, "its neighbours are not those in the pool set file: parts are missing, exchanged, or in the wrong order")
		}
	}
	return nil
}

// header reads the header of a part, and what it says by itself.
func (s *Source) header(part int) (h poolheader.Header, err error) {
	p := &s.Parts[part]
	if p.Size == 0 {
		return h, p.corrupt("file", 0, "it is empty")
	}
	h, err = poolheader.ReadFrom(p)
	smallest := s.kind.MinPool
	if len(s.Parts) > 1 {
		smallest = minPart
	}
	if err == poolheader.ErrShort && h.Kind == poolheader.Unknown {
		return h, p.corrupt("pool header", 0, "not a pmem%v pool: %s", s.kind.Header, poolheader.WhatIs(h.Signature[:min(p.Size, 8)]))
	}
	if err == poolheader.ErrShort || err == nil && h.Kind == s.kind.Header && p.Size < smallest && !h.Part() {
		return h, p.corrupt("file", p.Size, "truncated: a %s's file has at least %d bytes", s.kind.Noun, smallest)
	}
	if err != nil {
		return h, err
	}
	if err := h.Check(s.kind.Header); err != nil {
		fault := err.(*poolheader.Fault)
		return h, p.corrupt("pool header", fault.Offset, "%s", fault.Reason)
	}
	return h, nil
}
