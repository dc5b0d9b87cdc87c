package diagnose

import (
	"fmt"

	"github.com/pmem/pmdk-go/libpmem/crashtest/internal/trace"
)

// Warnings returns what looks wrong in a recording though nothing has crashed,
// each line of the program once for each kind, the worst first.
//
// A warning is meant to be right: where the trace does not tell, there is none.
// In particular,
//
//   - a flush covers the bytes that it names, whoever makes it: bytes that are
//     changed in a transaction without a snapshot but flushed by name are
//     taken for what they look like, memory that nothing refers to yet;
//   - bytes that merely share a line with flushed ones are not covered in a
//     transaction, for a rollback would not restore them; but they are flushed;
//   - what a flush or a snapshot does in vain is reported only if it is in vain
//     each time that the program comes there; storing the value that is there
//     already leaves no trace, so that a flush is not judged if its bytes are
//     zeros, or have never changed in the recording, or were changed since this
//     thread flushed them, even if another thread has flushed them meanwhile;
//   - snapshots that methods of libpmemobj take on their own account (those of
//     Slice and Bytes) count, but are not judged.
func Warnings(t *trace.Trace, o Options) []Warning {
	s := newScan(t, o)
	for i := range t.Events {
		s.step(i, &t.Events[i])
	}
	s.end()
	return s.found.list()
}

// unfenced looks for flushes that were never completed.
func (s *scan) unfenced() {
	if s.trace.Pages {
		return
	}
	state := trace.NewState(s.trace)
	state.Advance(len(s.trace.Events))
	for _, u := range state.InFlight() {
		last := -1
		for _, v := range u.Versions {
			for _, f := range v.Flushes {
				last = max(last, f)
			}
		}
		if last < 0 {
			continue
		}
		e := &s.trace.Events[last]
		at := s.places.of(e)
		if !at.Known() || !flushers[at.Call] && !copies[at.Call] || s.drainedElsewhere(last, at) {
			continue
		}
		s.found.add(Unfenced, at.Place, func() string {
			return fmt.Sprintf("flushed, but never followed by a drain: the line at %#x", u.Off)
		})
	}
}

// drainedElsewhere reports whether the function that flushed has drained after
// the event, too, though on another thread: a goroutine can move.
func (s *scan) drainedElsewhere(event int, flush site) bool {
	for i := event + 1; i < len(s.trace.Events); i++ {
		e := &s.trace.Events[i]
		if e.Kind == trace.Fence && e.Thread != s.trace.Events[event].Thread && s.places.of(e).Func == flush.Func {
			return true
		}
	}
	return false
}

// end judges what is left at the end of the recording.
func (s *scan) end() {
	for _, thread := range sorted(s.txs) {
		// What a recording cut off is nobody's fault.
		if s.txs[thread].tentative {
			s.finish(thread, true)
		} else {
			s.dropDirty(s.txs[thread])
		}
	}
	for _, off := range sorted(s.suspects) {
		for _, c := range s.suspects[off] {
			if c.bytes != 0 {
				s.notSnapshotted(c)
			}
		}
	}
	for _, off := range sorted(s.lines) {
		for _, c := range s.lines[off].dirty {
			c.bytes = s.owned.of(c.off, c.bytes)
			if c.bytes == 0 || s.told[c.event] {
				continue
			}
			s.found.add(NeverFlushed, s.places.of(&s.trace.Events[c.event]).Place, func() string {
				verb := "flushed"
				if s.trace.Pages {
					verb = "written to the disk"
				}
				return fmt.Sprintf("stored, but never %s by the end of the recording: %s%s", verb, wordsAt(c.off, c.bytes), s.hedge(c.event))
			})
		}
	}
	s.unfenced()
}

// dropDirty forgets stores of a transaction that did not get to its commit.
func (s *scan) dropDirty(open *tx) {
	for _, r := range open.safe {
		s.each(r.start, r.end-r.start, func(_ uint64, l *line, named mask) { l.dirty = without(l.dirty, named) })
	}
}
