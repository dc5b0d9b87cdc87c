package diagnose

import (
	"fmt"
	"slices"

	"github.com/pmem/pmdk-go/libpmem/crashtest/internal/trace"
)

// scan goes through a trace once.
type scan struct {
	trace  *trace.Trace
	places *places
	image  []byte // as the program sees it
	owned  *owned
	lines  map[uint64]*line
	txs    map[int32]*tx
	// suspects are changes without a snapshot in transactions that have ended,
	// by line: another thread may yet turn out to have made them.
	suspects map[uint64][]*change
	told     map[int]bool    // stores that NotSnapshotted is about
	locks    map[uint64]mask // bytes of lines that are locks of PMDK
	found    *findings
	notes    map[int]*note // by the event of the store: what is asked about
}

// line is what is remembered of a line that was ever stored to.
type line struct {
	ever  mask           // stored in the recording
	clean map[int32]mask // flushed by the thread, by name, since it was last stored
	flush map[int32]int  // the latest flush by the thread
	dirty []change       // stores of the program not flushed yet
}

// change is bytes of a line that the program stored at an event.
type change struct {
	event  int
	thread int32
	off    uint64
	bytes  mask
	shares bool // the line, not the bytes, was flushed

	aborted bool // the transaction that made it
}

func newScan(t *trace.Trace, o Options) *scan {
	image := slices.Clone(t.Base)
	s := &scan{
		trace: t, places: newPlaces(t), image: image, owned: newOwned(image, o),
		lines: make(map[uint64]*line), txs: make(map[int32]*tx), suspects: make(map[uint64][]*change),
		told: make(map[int]bool), found: newFindings(),
	}
	s.locks = s.findLocks()
	return s
}

// findLocks returns the words that functions for locks have stored to. They mean
// nothing after a crash. Whoever waits for a lock stores to it at any moment,
// while the page may be open for somebody else's store.
func (s *scan) findLocks() map[uint64]mask {
	words := make(map[uint64]mask)
	for i := range s.trace.Events {
		e := &s.trace.Events[i]
		if e.Kind != trace.Store {
			continue
		}
		if at := s.places.of(e); at.owner != library || !locking(at.Call) {
			continue
		}
		for w := range 8 {
			if e.Words>>w&1 != 0 {
				words[e.Off] |= 0xff << (8 * w)
			}
		}
	}
	return words
}

func (s *scan) step(i int, e *trace.Event) {
	if open := s.txs[e.Thread]; open != nil && open.tentative && e.Kind != trace.TxBegin {
		if at := s.places.of(e); at.owner != unknown && !at.update {
			s.finish(e.Thread, true)
		}
	}
	switch e.Kind {
	case trace.Store:
		s.store(i, e)
	case trace.Flush:
		s.flush(i, e)
	case trace.Sync:
		s.sync(e)
	case trace.TxBegin:
		s.begin(e.Thread)
	case trace.TxEnd:
		s.txEnd(e)
	case trace.Mark:
		if open := s.txs[e.Thread]; open != nil {
			open.marks = append(open.marks, i)
		}
	case trace.Snapshot:
		s.snapshot(e)
	case trace.Alloc:
		if open := s.txs[e.Thread]; open != nil {
			open.safe.add(e.Off, e.Off+e.Len)
			open.fresh.add(e.Off, e.Off+e.Len)
		}
	}
}

func (s *scan) store(i int, e *trace.Event) {
	if e.Data == nil || e.Off >= uint64(len(s.image)) {
		return
	}
	old := s.image[e.Off:min(e.Off+trace.Line, uint64(len(s.image)))]
	changed := differ(old, e.Data[:])
	copy(old, e.Data[:])
	if changed == 0 {
		return
	}
	l := s.lines[e.Off]
	if l == nil {
		l = &line{clean: make(map[int32]mask), flush: make(map[int32]int)}
		s.lines[e.Off] = l
	}
	l.ever |= changed
	for t := range l.clean {
		l.clean[t] &^= changed
	}
	l.dirty = without(l.dirty, changed)
	s.confirm(e.Off, changed)

	at := s.places.of(e)
	c := change{event: i, thread: e.Thread, off: e.Off, bytes: changed &^ s.locks[e.Off]}
	if c.bytes == 0 {
		return
	}
	if at.owner == program {
		l.dirty = append(l.dirty, c)
	}
	open := s.txs[e.Thread]
	if open == nil && at.update && at.owner == program {
		open = &tx{tentative: true}
		s.txs[e.Thread] = open
	}
	s.note(c, open)
	if open == nil || at.owner != program {
		return
	}
	// The stack, and with it the thread, may be those of a store nearby: the
	// snapshots of all threads count.
	for _, other := range s.txs {
		c.bytes &^= other.safe.line(e.Off)
	}
	if c.bytes != 0 {
		open.changes = append(open.changes, c)
	}
}

// note answers what Explain asks about a store.
func (s *scan) note(c change, open *tx) {
	n := s.notes[c.event]
	if n == nil {
		return
	}
	n.change = c
	for _, other := range s.txs {
		n.safe |= other.safe.line(c.off) & c.bytes
		n.fresh |= other.fresh.line(c.off) & c.bytes
	}
	if open != nil {
		n.tx = open
		open.notes = append(open.notes, n)
	}
}

// without takes bytes out of changes.
func without(changes []change, bytes mask) []change {
	for i := range changes {
		changes[i].bytes &^= bytes
	}
	return slices.DeleteFunc(changes, func(c change) bool { return c.bytes == 0 })
}

// each calls f for the lines that were ever stored to and overlap
// [off, off+n), with the bytes that do.
func (s *scan) each(off, n uint64, f func(off uint64, l *line, named mask)) {
	if n == 0 || off >= uint64(len(s.image)) {
		return
	}
	end := off + min(n, uint64(len(s.image))-off)
	first := off - off%trace.Line
	if (end-first)/trace.Line > uint64(len(s.lines)) {
		for o, l := range s.lines {
			if named := part(o, off, end); named != 0 {
				f(o, l, named)
			}
		}
		return
	}
	for o := first; o < end; o += trace.Line {
		if l := s.lines[o]; l != nil {
			f(o, l, part(o, off, end))
		}
	}
}

func (s *scan) flush(i int, e *trace.Event) {
	useful, before := false, -1
	s.each(e.Off, e.Len, func(off uint64, l *line, named mask) {
		if !s.trace.Pages {
			l.dirty = l.dirty[:0]
		}
		useful = useful || l.ever&named&^l.clean[e.Thread] != 0
		if last, ok := l.flush[e.Thread]; ok && l.ever&named != 0 {
			before = max(before, last)
		}
		l.clean[e.Thread] |= named
		l.flush[e.Thread] = i
		s.flushed(e, off, named)
	})
	s.judgeFlush(e, useful, before)
}

// judgeFlush counts a flush that the program has asked for; before is the one
// before it of the same bytes, if they have changed in the recording at all.
func (s *scan) judgeFlush(e *trace.Event, useful bool, before int) {
	at := s.places.of(e)
	if !at.Known() || !flushers[at.Call] || e.Len == 0 || e.Off >= uint64(len(s.image)) {
		return
	}
	end := e.Off + min(e.Len, uint64(len(s.image))-e.Off)
	useful = useful || before < 0 || zeros(s.image[e.Off:end])
	s.found.visit(CleanFlush, at.Place, useful, func() string {
		last := ""
		if p := s.places.of(&s.trace.Events[before]); p.Known() {
			last = " at " + p.Site()
		}
		return fmt.Sprintf("flushes %s, which have not changed since the flush%s", span(e.Off, end-e.Off), last)
	})
}

func zeros(b []byte) bool {
	for _, x := range b {
		if x != 0 {
			return false
		}
	}
	return true
}

func (s *scan) sync(e *trace.Event) {
	if e.Len == 0 {
		return
	}
	s.each(e.Off, e.Len, func(off uint64, l *line, named mask) { s.flushed(e, off, named) })
	start := e.Off - e.Off%trace.Page
	s.each(start, e.Len+(e.Off-start)+trace.Page-1, func(off uint64, l *line, _ mask) {
		if off-off%trace.Page < e.Off+e.Len {
			l.dirty = l.dirty[:0]
		}
	})
}

// flushed takes bytes that were flushed by name out of what is suspicious.
func (s *scan) flushed(e *trace.Event, off uint64, named mask) {
	for _, open := range s.txs {
		for i := range open.changes {
			if c := &open.changes[i]; c.off == off {
				c.bytes &^= named
				c.shares = true
			}
		}
	}
	for _, c := range s.suspects[off] {
		// Not the commit of a later transaction, which has a snapshot.
		if c.thread != e.Thread || flushers[s.places.of(e).Call] {
			c.bytes &^= named
		}
	}
}

// confirm reports the suspicious changes to bytes that are stored again.
func (s *scan) confirm(off uint64, bytes mask) {
	rest := s.suspects[off][:0]
	for _, c := range s.suspects[off] {
		if c.bytes&bytes == 0 {
			rest = append(rest, c)
			continue
		}
		s.notSnapshotted(c)
	}
	if len(rest) == 0 {
		delete(s.suspects, off)
		return
	}
	s.suspects[off] = rest
}

func (s *scan) notSnapshotted(c *change) {
	s.told[c.event] = true
	s.found.add(NotSnapshotted, s.places.of(&s.trace.Events[c.event]).Place, func() string {
		why := "no flush"
		if c.shares {
			why = "flushed only because the line is shared"
		}
		return fmt.Sprintf("modified in a transaction without a snapshot: %s, %s; a rollback will not restore it%s",
			wordsAt(c.off, c.bytes), why, s.hedge(c.event))
	})
}
