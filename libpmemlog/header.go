package libpmemlog

import (
	"encoding/binary"
	"fmt"
	"os"

	"github.com/pmem/pmdk-go/internal/poolheader"
)

// Where PMDK keeps its own fields in a log's first file, in bytes. The content
// follows at dataOff.
const (
	descriptorOff = 4096
	dataOff       = 8192
)

// repair is what to do about a damaged log.
const repair = "repair it with libpmempool.Check or pmempool check -r, on a copy"

func (p *part) corrupt(structure string, off int64, format string, args ...any) error {
	return &CorruptError{Path: p.path, Structure: structure, Offset: off, Reason: fmt.Sprintf(format, args...)}
}

// check says what would make libpmemlog fault, or lose its way, in the log: a
// *CorruptError.
func (s *source) check() error {
	if err := s.checkHeaders(); err != nil {
		return err
	}
	p := &s.parts[0]
	b := make([]byte, 24)
	if _, err := p.ReadAt(b, descriptorOff); err != nil {
		return err
	}
	le := binary.LittleEndian
	start, end, write := le.Uint64(b), le.Uint64(b[8:]), le.Uint64(b[16:])
	size := s.size()
	switch {
	case start != dataOff:
		return p.corrupt("log header", descriptorOff, "the content starts at %#x, should start at %#x; %s", start, dataOff, repair)
	case end != uint64(size):
		return p.corrupt("log header", descriptorOff+8, "the content ends at %#x, but the file at %#x; %s", end, size, repair)
	case write < start || write > end:
		return p.corrupt("log header", descriptorOff+16, "the next byte goes to %#x, outside of [%#x, %#x]; %s", write, start, end, repair)
	}
	return nil
}

// size is how much PMDK maps: whole pages, and of the headers the first.
func (s *source) size() int64 {
	page := int64(os.Getpagesize())
	sum := int64(0)
	for i, p := range s.parts {
		sum += p.size - p.size%page
		if i > 0 && !s.single {
			sum -= descriptorOff
		}
	}
	return sum
}

// checkHeaders reads the headers of all parts, which name one another in a
// ring.
func (s *source) checkHeaders() error {
	with := s.parts
	if s.single {
		with = with[:1]
	}
	headers := make([]poolheader.Header, len(with))
	for i := range with {
		h, err := with[i].header()
		if err != nil {
			return err
		}
		headers[i] = h
		switch {
		case h.PoolSet != headers[0].PoolSet:
			return with[i].corrupt("pool header", 24, "a part of another log than %s", with[0].path)
		case len(s.parts) > 1 && (h.Incompat&poolheader.FeatureSingleHeader != 0) != s.single:
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
func (p *part) header() (h poolheader.Header, err error) {
	if p.size == 0 {
		return h, p.corrupt("file", 0, "it is empty")
	}
	h, err = poolheader.ReadFrom(p)
	if err == poolheader.ErrShort && h.Kind == poolheader.Unknown {
		return h, p.corrupt("pool header", 0, "not a pmemlog pool: %s", poolheader.WhatIs(h.Signature[:min(p.size, 8)]))
	}
	if err == poolheader.ErrShort || err == nil && h.Kind == poolheader.Log && p.size < MinPool {
		return h, p.corrupt("file", p.size, "truncated: a log's file has at least %d bytes", int64(MinPool))
	}
	if err != nil {
		return h, err
	}
	if err := h.Check(poolheader.Log); err != nil {
		fault := err.(*poolheader.Fault)
		return h, p.corrupt("pool header", fault.Offset, "%s", fault.Reason)
	}
	return h, nil
}
