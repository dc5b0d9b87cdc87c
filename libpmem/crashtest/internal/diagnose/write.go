package diagnose

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pmem/pmdk-go/libpmem/crashtest/internal/explore"
	"github.com/pmem/pmdk-go/libpmem/crashtest/internal/trace"
)

// What a report has room for; it stays below 40 lines.
const (
	maxLost   = 3 // units
	maxKept   = 2 // units
	maxStores = 2 // of one unit
	maxWords  = 6 // in all, with their values
	maxText   = 4 // lines of a message
)

func (r *report) head(b *strings.Builder, f explore.Failure) {
	b.WriteString("\n  acknowledged: " + acked(r.acked))
	b.WriteString("\n  crash: " + r.where())
	b.WriteString("\n  ")
	if f.Seen > 1 {
		fmt.Fprintf(b, "%d images fail like this; in the smallest, ", f.Seen)
	}
	units := plural(r.inFlight, r.unit, r.unit+"s")
	switch n := len(r.lost); {
	case r.inFlight == 0:
		b.WriteString("nothing is in flight: it fails even if every store reached the medium")
	case n == 0:
		fmt.Fprintf(b, "nothing is lost of %s in flight: it fails even if every store reached the medium", units)
	case r.inFlight == 1:
		fmt.Fprintf(b, "the only %s in flight is lost", r.unit)
	case n == r.inFlight:
		fmt.Fprintf(b, "all %s in flight are lost", units)
	case n == 1:
		fmt.Fprintf(b, "1 of %s in flight is lost", units)
	default:
		fmt.Fprintf(b, "%d of %s in flight are lost", n, units)
	}
}

// acked is what was acknowledged, in words.
func acked(a trace.Acked) string {
	workers := a.Workers()
	switch {
	case len(workers) == 0:
		return "nothing yet"
	case len(workers) == 1 && workers[0] == 0:
		return fmt.Sprint(a.Last())
	}
	const most = 8
	var each []string
	for i, w := range workers {
		if i == most {
			each = append(each, fmt.Sprintf("and %d more", len(workers)-most))
			break
		}
		each = append(each, fmt.Sprintf("%d by worker %d", a.Of(w), w))
	}
	return strings.Join(each, ", ") + fmt.Sprintf("; last %d", a.Last())
}

var next = map[trace.Kind]string{
	trace.Store: "a store", trace.Flush: "a flush", trace.Fence: "a fence", trace.Sync: "an msync", trace.Mark: "a mark",
	trace.Snapshot: "a snapshot", trace.Alloc: "an allocation", trace.TxBegin: "the beginning of a transaction",
	trace.TxEnd: "the end of a transaction",
}

// where says between which lines of the program the crash is.
func (r *report) where() string {
	events := r.trace.Events
	s := fmt.Sprintf("at the end of the recording, after all %s", plural(len(events), "event", "events"))
	if r.point < len(events) {
		s = fmt.Sprintf("before event %d of %d", r.point+1, len(events))
		if what := next[events[r.point].Kind]; what != "" {
			s += ", " + what
		}
	}
	thread, any := r.thread()
	before := r.neighbour(r.point-1, -1, thread, any, nil)
	after := r.neighbour(r.point, 1, thread, any, nil)
	if !before.Known() && !after.Known() {
		any = true
		before, after = r.neighbour(r.point-1, -1, thread, any, nil), r.neighbour(r.point, 1, thread, any, nil)
	}
	if before.Known() && after.Known() && before.Site() == after.Site() && before.Call == after.Call && before.Call != "" {
		s += ", inside " + before.String()
		inside := before
		before = r.neighbour(r.point-1, -1, thread, any, &inside)
		after = r.neighbour(r.point, 1, thread, any, &inside)
	}
	switch {
	case before.Known() && after.Known():
		s += fmt.Sprintf(", after %s and before %s", before, after)
	case before.Known():
		s += fmt.Sprintf(", after %s", before)
	case after.Known():
		s += fmt.Sprintf(", before %s", after)
	}
	return s
}

// thread returns whose lines are those around the crash: after a mark, the one
// that acknowledged, else the one whose fence is next.
func (r *report) thread() (thread int32, any bool) {
	events := r.trace.Events
	switch {
	case r.point > 0 && events[r.point-1].Kind == trace.Mark:
		return events[r.point-1].Thread, false
	case r.point < len(events):
		return events[r.point].Thread, false
	}
	return 0, true
}

// neighbour returns the nearest line of the program from event i on, other than
// one of a call.
func (r *report) neighbour(i, step int, thread int32, any bool, but *Place) Place {
	for ; i >= 0 && i < len(r.trace.Events); i += step {
		e := &r.trace.Events[i]
		if !any && e.Thread != thread {
			continue
		}
		p := r.places.of(e).Place
		if p.Known() && (but == nil || p != *but) {
			return p
		}
	}
	return Place{}
}

func (r *report) writeLost(b *strings.Builder) {
	if len(r.lost) == 0 {
		return
	}
	b.WriteString("\nlost:")
	for i, f := range r.lost {
		if i == maxLost {
			fmt.Fprintf(b, "\n  and %s", plural(len(r.lost)-maxLost, "other "+r.unit, "other "+r.unit+"s"))
			break
		}
		if f.got != 0 {
			how := "is there in part"
			if r.torn(f) {
				how = "is torn"
			}
			fmt.Fprintf(b, "\n  %s %#x %s: %s reached the medium, %s did not", r.unit, f.off, how, r.parts(f.got), r.parts(f.missed))
		}
		r.writeStores(b, f, min(maxStores, 2*maxLost-1-2*i), func(v value) string {
			return fmt.Sprintf("%s was stored, the medium has %s", number(v.stored), number(v.has))
		})
	}
}

func (r *report) writeKept(b *strings.Builder) {
	if len(r.kept) == 0 {
		return
	}
	// Metadata of the libraries that was in flight tells nothing.
	telling := slices.DeleteFunc(slices.Clone(r.kept), func(f fate) bool { return r.weight(f) < 8 })
	fmt.Fprintf(b, "\nreached the medium, with no need to: %s", plural(len(r.kept), r.unit, r.unit+"s"))
	if len(telling) == 0 {
		b.WriteString(" of the libraries' own")
		return
	}
	if len(telling) < len(r.kept) || len(telling) > maxKept {
		b.WriteString(", such as")
	}
	for _, f := range telling[:min(maxKept, len(telling))] {
		r.writeStores(b, f, 1, func(v value) string {
			return fmt.Sprintf("%s was stored over %s", number(v.stored), number(v.has))
		})
	}
}

// writeStores describes the first stores to a unit, and the values as long as
// there is room.
func (r *report) writeStores(b *strings.Builder, f fate, most int, change func(value) string) {
	for i, s := range f.stores {
		if i == most {
			fmt.Fprintf(b, "\n    and %s to %s %#x", plural(len(f.stores)-most, "other store", "other stores"), r.unit, f.off)
			return
		}
		e := &r.trace.Events[s.event]
		var words uint8
		for _, v := range s.values {
			words |= 1 << ((v.off - e.Off) / 8)
		}
		line := fmt.Sprintf("line %#x", e.Off)
		if r.trace.Pages {
			line += fmt.Sprintf(" in page %#x", f.off)
		}
		fmt.Fprintf(b, "\n  %s, %s, stored %s%s", line, list("word", words), r.by(s), s.protection())
		fmt.Fprintf(b, "\n    %s", r.flushed(s))
		for _, v := range s.values {
			if r.words == 0 {
				break
			}
			r.words--
			fmt.Fprintf(b, "\n    %#x: %s", v.off, change(v))
		}
	}
}

// by is which line of the program stored.
func (r *report) by(s stored) string {
	switch {
	case !s.site.Known() && s.site.owner == library:
		return "by the library"
	case !s.site.Known():
		return "at an unknown line"
	case s.site.owner == program && s.site.Call == "" && !alone(r.trace, s.event):
		return fmt.Sprintf("from %s on", s.site.Place)
	}
	return "at " + s.site.String()
}

// protection says how the transaction of the store would restore it.
func (s *stored) protection() string {
	n := s.note
	switch {
	case n.tx == nil || s.site.owner != program:
		return ""
	case n.late != 0:
		return fmt.Sprintf(" in a transaction, snapshotted afterwards at %s", n.snapshot)
	case n.bytes&^n.safe != 0 && n.bytes&n.safe != 0:
		return " in a transaction, in part without a snapshot"
	case n.bytes&^n.safe != 0:
		return " in a transaction, without a snapshot"
	case n.bytes&^n.fresh == 0:
		return " in a transaction, in an object that it allocated"
	}
	return " in a transaction, with a snapshot"
}

// flushed says whether a store was handed over to the medium.
func (r *report) flushed(s stored) string {
	verb := "flushed"
	if r.trace.Pages {
		verb = "written to the disk"
	}
	if s.flush < 0 {
		return "never " + verb + ", up to the end of the recording"
	}
	at := r.places.of(&r.trace.Events[s.flush])
	where := " by the library"
	if at.Known() {
		where = " at " + at.String()
	}
	if s.flush >= r.point {
		return verb + " only after the crash," + where
	}
	return verb + where + ", but not fenced before the crash"
}

// parts lists words or sectors.
func (r *report) parts(m uint8) string { return list(r.part, m) }
