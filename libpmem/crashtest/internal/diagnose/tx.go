package diagnose

import (
	"fmt"

	"github.com/pmem/pmdk-go/libpmem/crashtest/internal/trace"
)

// tx is an open transaction.
type tx struct {
	depth int
	// tentative is set as long as only the program's stack tells that there is
	// one: libpmemobj begins a transaction with its first operation.
	tentative bool
	safe      ranges // snapshotted, or new
	fresh     ranges // new objects
	changes   []change
	late      []lateSnapshot
	marks     []int
	notes     []*note
}

// lateSnapshot is a store and the snapshot that came after it.
type lateSnapshot struct {
	event    int
	snapshot Place
}

// note is what Explain wants to know about a store.
type note struct {
	change
	tx       *tx  // in which it was made, if any
	safe     mask // of bytes: snapshotted before, or new
	fresh    mask // of bytes: new
	late     mask // of bytes: snapshotted afterwards
	snapshot Place
	ended    bool // the transaction
	commit   bool // with success
}

func (s *scan) begin(thread int32) {
	open := s.txs[thread]
	if open == nil {
		open = &tx{}
		s.txs[thread] = open
	}
	open.tentative = false
	open.depth++
}

func (s *scan) txEnd(e *trace.Event) {
	open := s.txs[e.Thread]
	if open == nil {
		return
	}
	if open.depth--; open.depth <= 0 {
		s.finish(e.Thread, e.N == 1)
	}
}

// finish ends the transaction of a thread.
func (s *scan) finish(thread int32, committed bool) {
	open := s.txs[thread]
	delete(s.txs, thread)
	for _, n := range open.notes {
		n.ended, n.commit = true, committed
	}
	if !committed {
		// Objects that never were need no flush.
		for _, r := range open.fresh {
			s.each(r.start, r.end-r.start, func(_ uint64, l *line, named mask) { l.dirty = without(l.dirty, named) })
		}
	}
	for i := range open.changes {
		c := &open.changes[i]
		c.aborted = !committed
		if c.bytes = s.owned.of(c.off, c.bytes); c.bytes != 0 {
			s.suspects[c.off] = append(s.suspects[c.off], c)
		}
	}
}

func (s *scan) snapshot(e *trace.Event) {
	open := s.txs[e.Thread]
	if open == nil || e.Len == 0 {
		return
	}
	start, end := e.Off, e.Off+e.Len
	at := s.places.of(e)
	if snapshots[at.Call] {
		covered := open.safe.covers(start, end)
		s.found.visit(RedundantSnapshot, at.Place, !covered, func() string {
			what := "of which the transaction has a snapshot already"
			if open.fresh.covers(start, end) {
				what = "which is in an object that the transaction has allocated"
			}
			return fmt.Sprintf("snapshots %s, %s", span(start, e.Len), what)
		})
	}
	// Track is for content that means nothing before: it may be stored first.
	// Of what other methods add, Publish for one, they know more than we do.
	judged := snapshots[at.Call] && at.Call != "(*Tx).Track" && at.Call != "(*Tx).SnapshotWith"
	for i := range open.changes {
		c := &open.changes[i]
		late := c.bytes & part(c.off, start, end)
		if late == 0 {
			continue
		}
		c.bytes &^= late
		if !judged {
			continue
		}
		open.late = append(open.late, lateSnapshot{c.event, at.Place})
		s.found.add(LateSnapshot, s.places.of(&s.trace.Events[c.event]).Place, func() string {
			return fmt.Sprintf("stored before its snapshot: %s; the snapshot at %s keeps the new value%s",
				wordsAt(c.off, late), at.Site(), s.hedge(c.event))
		})
	}
	open.safe.add(start, end)
	for _, n := range open.notes {
		if late := n.bytes &^ n.safe & part(n.off, start, end); late != 0 && n.late == 0 && judged {
			n.late, n.snapshot = late, at.Place
		}
	}
}
