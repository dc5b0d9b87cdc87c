package diagnose

import (
	"fmt"

	"github.com/pmem/pmdk-go/libpmem/crashtest/internal/trace"
)

// hint returns one sentence on what is likely wrong, or "".
func (r *report) hint() string {
	if s := r.rollback(); s != "" {
		return s
	}
	if s := r.ackInside(); s != "" {
		return s
	}
	if len(r.lost) == 0 {
		return r.nothingLost()
	}
	s := r.culprit()
	if s == nil {
		return ""
	}
	switch {
	case len(r.lost) == 1 && r.torn(r.lost[0]):
		return fmt.Sprintf("what is stored %s is more than the %s that reach the medium as a whole; "+
			"a single store of 8 bytes has to make it valid, or a checksum.", r.by(*s), r.atom())
	case s.unsafe() && s.flush < 0, s.unsafe() && s.flush >= r.point:
		return fmt.Sprintf("%s modifies it in a transaction that has no snapshot of it, so that the commit does not flush it.", s.site.Site())
	case s.flush < 0:
		return fmt.Sprintf("nothing %s what %s stores; it has to be persisted.", r.flushes(), s.site.Site())
	case s.flush < r.point:
		return r.missingFence(s)
	}
	return r.lateFlush(s)
}

// atom is what is never torn.
func (r *report) atom() string {
	if r.trace.Pages {
		return fmt.Sprintf("%d bytes of a sector", trace.Sector)
	}
	return "8 bytes"
}

func (r *report) flushes() string {
	if r.trace.Pages {
		return "writes to the disk"
	}
	return "flushes"
}

// culprit returns a store of the program that the medium lacks, if any. That it
// lacks some of the library's own is nobody's mistake.
func (r *report) culprit() *stored {
	for i := range r.lost {
		for j := range r.lost[i].stores {
			if s := &r.lost[i].stores[j]; s.site.owner == program {
				return s
			}
		}
	}
	return nil
}

// rollback looks for what the transactions that are open at the crash have
// changed and recovery does not restore, unless it is lost anyway.
func (r *report) rollback() string {
	lost := make(map[int]bool)
	for _, f := range r.lost {
		for _, s := range f.stores {
			lost[s.event] = true
		}
	}
	for _, thread := range sorted(r.scan.txs) {
		open := r.scan.txs[thread]
		for _, l := range open.late {
			return fmt.Sprintf("%s stores before the snapshot at %s is taken, so that recovery brings back the new value.",
				r.site(l.event), l.snapshot.Site())
		}
		for _, c := range open.changes {
			c.bytes = r.scan.owned.of(c.off, c.bytes)
			if c.bytes == 0 || lost[c.event] {
				continue
			}
			return fmt.Sprintf("%s modifies %s in a transaction without a snapshot, so that recovery does not restore it.",
				r.site(c.event), wordsAt(c.off, c.bytes))
		}
	}
	return ""
}

// ackInside looks for an acknowledgement in a transaction that is open.
func (r *report) ackInside() string {
	for _, thread := range sorted(r.scan.txs) {
		for _, mark := range r.scan.txs[thread].marks {
			return fmt.Sprintf("%s acknowledges inside of a transaction, before it is committed; acknowledge after Update has returned.", r.site(mark))
		}
	}
	return ""
}

// at is " at" the line of an event, "" if that is not known.
func (r *report) at(event int) string {
	if p := r.places.of(&r.trace.Events[event]).Place; p.Known() {
		return " at " + p.Site()
	}
	return ""
}

// site is the line of an event.
func (r *report) site(event int) string { return r.places.of(&r.trace.Events[event]).Site() }

// nothingLost is about a failure that no lost store explains.
func (r *report) nothingLost() string {
	for _, off := range sorted(r.scan.suspects) {
		for _, c := range r.scan.suspects[off] {
			if c.bytes != 0 && c.aborted {
				return fmt.Sprintf("%s modifies %s in a transaction without a snapshot, so that its rollback did not restore it.",
					r.site(c.event), wordsAt(c.off, c.bytes))
			}
		}
	}
	switch {
	case r.point == len(r.trace.Events):
		return "no store is lost: the check refuses what the program leaves behind."
	case r.point > 0 && r.trace.Events[r.point-1].Kind == trace.Mark:
		return "no store is lost: the program acknowledges before it has stored, or the check is wrong."
	}
	return "no store is lost: at this moment the program itself has changed one thing and not yet the other; " +
		"change both in one transaction, or in an order in which the state in between is valid."
}

// missingFence is about a store that was flushed in time.
func (r *report) missingFence(s *stored) string {
	if mark := r.mark(s.flush); mark >= 0 {
		return fmt.Sprintf("a drain is missing between the flush at %s and the acknowledgement at %s.", r.site(s.flush), r.site(mark))
	}
	if y := r.early(s.event); y != nil && y.event > s.flush {
		return fmt.Sprintf("a drain is missing between %s, which flushes, and %s, which stores what reached the medium first.",
			r.site(s.flush), y.site.Site())
	}
	return r.order(s)
}

// lateFlush is about a store that is flushed, but after the crash.
func (r *report) lateFlush(s *stored) string {
	if mark := r.mark(s.event); mark >= 0 {
		return fmt.Sprintf("what %s stores is acknowledged at %s, before it is persisted%s.", s.site.Site(), r.site(mark), r.at(s.flush))
	}
	return r.order(s)
}

// order is about a store that is missed by something that reached the medium.
func (r *report) order(s *stored) string {
	if y := r.early(s.event); y != nil && y.site.Site() != s.site.Site() {
		return fmt.Sprintf("what %s stores can reach the medium before what %s stores; "+
			"persist the latter first, and only then store what relies on it.", y.site.Site(), s.site.Site())
	}
	if p := r.fenced(s.event, min(s.flush, r.point)); p.Known() {
		return fmt.Sprintf("%s makes other things durable before what %s stores is flushed%s; if they rely on it, flush it first.",
			p, s.site.Site(), r.at(s.flush))
	}
	switch y := r.early(-1); {
	case y == nil && len(r.lost[0].reached) > 0:
		return fmt.Sprintf("what %s stores reaches the medium before what %s stores, or without it.", r.site(r.lost[0].reached[0]), s.site.Site())
	case y == nil:
	case y.site.Site() == s.site.Site():
		return fmt.Sprintf("what %s stores is not all in one %s, and a crash can leave one part without the other.", s.site.Site(), r.unit)
	default:
		return fmt.Sprintf("what %s and %s store reaches the medium in any order, and a crash can leave one without the other.",
			y.site.Site(), s.site.Site())
	}
	return ""
}

// mark returns the first acknowledgement between an event and the crash, or -1.
func (r *report) mark(event int) int {
	for i := event + 1; i < r.point; i++ {
		if r.trace.Events[i].Kind == trace.Mark {
			return i
		}
	}
	return -1
}

// fenced returns the last fence of the program between two events.
func (r *report) fenced(from, to int) Place {
	for i := to - 1; i > from; i-- {
		e := &r.trace.Events[i]
		if e.Kind != trace.Fence && e.Kind != trace.Sync {
			continue
		}
		if p := r.places.of(e).Place; p.Known() {
			return p
		}
	}
	return Place{}
}

// early returns the latest store of the program after an event that reached
// the medium though it was in flight, or nil.
func (r *report) early(event int) *stored {
	var latest *stored
	for i := range r.kept {
		for j := range r.kept[i].stores {
			s := &r.kept[i].stores[j]
			if s.site.owner != program || s.event <= event || latest != nil && s.event < latest.event {
				continue
			}
			latest = s
		}
	}
	return latest
}
