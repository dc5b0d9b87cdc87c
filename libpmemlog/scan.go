package libpmemlog

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/pmem/pmdk-go/internal/plainpool"
)

// Scanner reads records one after the other. It belongs to one goroutine at a
// time. New records are seen as they come: after Next has returned false with
// a nil Err, it may be called again.
type Scanner struct {
	records *Records
	snap    *Snapshot
	salt    uint64
	next    int64 // position of the next record
	pos     int64
	data    []byte
	err     error
	over    bool // err is that of a context
	sums    recordSums

	buf    []byte // of the log, from start on
	start  int64
	filled int
}

// Scan reads from the record at pos on, which is one that Append or a Scanner
// has given, or 0 for the first. At another position there is no record,
// which is an error of the Scanner.
func (r *Records) Scan(pos int64) *Scanner {
	s := &Scanner{records: r, next: max(pos, recordsHeader)}
	if pos != 0 && pos < recordsHeader {
		s.err = plainpool.BadArgument("scan", r.log.path, "position %d: the first record is at %d", pos, recordsHeader)
	}
	return s
}

// From ranges over the records from pos on, as [Records.Scan] reads them, by
// position and data. The data may be used until the next. The loop ends after
// the last record, and where there is an error: use a Scanner to know.
func (r *Records) From(pos int64) iter.Seq2[int64, []byte] {
	return func(yield func(int64, []byte) bool) {
		s := r.Scan(pos)
		for s.Next() {
			if !yield(s.Pos(), s.Data()) {
				return
			}
		}
	}
}

// All ranges over all records; see [Records.From].
func (r *Records) All() iter.Seq2[int64, []byte] { return r.From(0) }

// Pos is the position of the record that Next has found.
func (s *Scanner) Pos() int64 { return s.pos }

// Data is the record that Next has found; it may be used until the next call
// of Next.
func (s *Scanner) Data() []byte { return s.data }

// End is where the next record will be looked for.
func (s *Scanner) End() int64 { return s.next }

// Err is what ended the scan: nil at the end of the log, a *TailError where
// something other than a record follows, or an error that matches ErrRewound
// or ErrClosed.
func (s *Scanner) Err() error { return s.err }

// Next finds the next record.
func (s *Scanner) Next() bool {
	if s.err != nil && !s.over {
		return false
	}
	s.over = false
	found, err := s.find()
	s.err = err
	return found
}

// Wait is Next, but waits for a record to be appended. It returns false also
// if ctx is over, with Err matching ctx's error; another Wait or Next may
// follow that.
func (s *Scanner) Wait(ctx context.Context) bool {
	for {
		if s.Next() || s.err != nil {
			return s.err == nil
		}
		changed := s.records.log.followers.changed()
		if s.Next() || s.err != nil { // appended before anybody knew of us
			return s.err == nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			s.err, s.over = ctx.Err(), true
			return false
		}
	}
}

func (s *Scanner) find() (found bool, err error) {
	if err := s.see(s.next + 1); err != nil {
		return false, err
	}
	switch size := s.snap.size; {
	case size == 0 || size == s.next:
		return false, nil
	case size < s.next:
		return false, s.tailError("the log ends before")
	}
	head, err := s.bytes(recordHeader)
	if err != nil {
		return false, err
	}
	if head == nil {
		return false, s.tailError(fmt.Sprintf("%d bytes are less than a record's header", s.snap.size-s.next))
	}
	size, sum := int64(binary.LittleEndian.Uint32(head)), binary.LittleEndian.Uint32(head[4:])
	record, err := s.bytes(recordHeader + size)
	if err != nil {
		return false, err
	}
	if record == nil {
		return false, s.tailError(fmt.Sprintf("a record of %d bytes would end beyond", size))
	}
	data := record[recordHeader:]
	if s.sums.sum(s.salt, s.next, data) != sum {
		return false, s.tailError("checksum mismatch")
	}
	s.pos, s.data = s.next, data
	s.next += recordHeader + size
	return true, nil
}

// see takes a new snapshot if the present one ends before want.
func (s *Scanner) see(want int64) error {
	if s.snap != nil && s.snap.size >= want {
		return nil
	}
	fresh, err := s.records.log.Snapshot()
	if err != nil {
		return err
	}
	if s.snap != nil && s.snap.size > 0 && fresh.rewinds != s.snap.rewinds {
		return s.records.log.wrap("scan", ErrRewound)
	}
	empty := s.snap == nil || s.snap.size == 0
	s.snap = fresh
	if !empty || fresh.size == 0 {
		return nil
	}
	var head [recordsHeader]byte
	if _, err := fresh.ReadAt(head[:], 0); err != nil && err != io.EOF {
		return err
	}
	salt, ok := parseRecordsHeader(head[:])
	if !ok {
		s.next = 0
		return s.tailError("the log does not begin with the header of records")
	}
	s.salt = salt
	return nil
}

// bytes returns n bytes of the snapshot from s.next on, or nil if it ends
// before.
func (s *Scanner) bytes(n int64) ([]byte, error) {
	if n > s.snap.size-s.next {
		return nil, nil
	}
	if from := s.next - s.start; from >= 0 && from+n <= int64(s.filled) {
		return s.buf[from : from+n : from+n], nil
	}
	if int64(len(s.buf)) < n {
		s.buf = make([]byte, max(n, batch))
	}
	got, err := s.snap.ReadAt(s.buf, s.next)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	s.start, s.filled = s.next, got
	return s.buf[:n:n], nil
}

func (s *Scanner) tailError(reason string) error {
	return &TailError{Path: s.records.log.path, Pos: s.next, Len: s.snap.size, Reason: reason}
}
