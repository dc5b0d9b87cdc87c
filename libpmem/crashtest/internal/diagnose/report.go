package diagnose

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/bits"
	"slices"

	"github.com/pmem/pmdk-go/libpmem/crashtest/internal/explore"
	"github.com/pmem/pmdk-go/libpmem/crashtest/internal/trace"
)

// report is what is known about one image.
type report struct {
	trace    *trace.Trace
	places   *places
	point    int
	acked    trace.Acked
	unit     string // line or page
	part     string // word or sector
	inFlight int
	lost     []fate
	kept     []fate // those that tell most first
	scan     *scan  // at the crash point
	words    int    // how many more have room
}

// fate is what became of a unit in flight.
type fate struct {
	off    uint64
	stores []stored
	// Of a unit that is lost in part:
	got     uint8 // the parts that are new on the medium, and up to date
	missed  uint8 // the parts that are not up to date
	reached []int // the stores that made the former
}

// stored is a store to a unit: of one that is lost, a store that the medium
// lacks, of one that was kept, one that it has.
type stored struct {
	event  int
	site   site
	note   *note
	values []value
	// flush is the event that first handed over what was stored, or something
	// newer; -1 if there is none.
	flush int
}

// value is a word, of which the program stored one value while the medium has
// another; for a store that was kept, the other is what was there before.
type value struct {
	off         uint64
	stored, has uint64
}

func newReport(t *trace.Trace, f explore.Failure, o Options) (*report, error) {
	if f.Minimal.Point < 0 || f.Minimal.Point > len(t.Events) {
		return nil, fmt.Errorf("trace has only %d events", len(t.Events))
	}
	r := &report{trace: t, point: f.Minimal.Point, unit: "line", part: "word", words: maxWords}
	if t.Pages {
		r.unit, r.part = "page", "sector"
	}
	s := trace.NewState(t)
	s.Advance(r.point)
	r.acked = s.Acked()
	r.inFlight = len(s.InFlight())
	losses, err := s.Lost(f.Minimal)
	if err != nil {
		return nil, err
	}
	// Applying the choice changes what is durable in the state.
	before := make(map[uint64][]byte, r.inFlight)
	for _, u := range s.InFlight() {
		before[u.Off] = bytes.Clone(u.Durable())
	}
	if err := s.Apply(f.Minimal); err != nil {
		return nil, err
	}
	medium := s.Durable()

	r.scan = newScan(t, o)
	r.places = r.scan.places
	r.scan.notes = make(map[int]*note)
	lost := make(map[uint64]bool, len(losses))
	for _, l := range losses {
		lost[l.Unit.Off] = true
		r.lost = append(r.lost, r.lose(l, before[l.Unit.Off], medium))
	}
	for _, u := range s.InFlight() {
		if !lost[u.Off] {
			r.kept = append(r.kept, r.keep(u, before[u.Off]))
		}
	}
	for i := range r.point {
		r.scan.step(i, &t.Events[i])
	}
	slices.SortStableFunc(r.lost, func(a, b fate) int { return r.weight(b) - r.weight(a) })
	slices.SortStableFunc(r.kept, func(a, b fate) int { return r.weight(b) - r.weight(a) })
	return r, nil
}

// lose describes a unit of which something is lost.
func (r *report) lose(l trace.Loss, before, medium []byte) fate {
	u := l.Unit
	f := fate{off: u.Off}
	version := l.Kept.Version // the first that is lost, and before it those that are not
	if l.Torn() {
		f.reached = append(f.reached, u.Versions[version-1].Stores...)
		version--
	}
	for _, v := range u.Versions[:version] {
		f.reached = append(f.reached, v.Stores...)
	}
	latest := u.Latest()
	on := medium[u.Off : u.Off+uint64(len(latest))]
	f.missed = r.differ(on, latest)
	f.got = r.differ(before, on) &^ f.missed
	for v := version; v < len(u.Versions); v++ {
		for _, event := range u.Versions[v].Stores {
			s := r.stored(event, u, v)
			e := &r.trace.Events[event]
			for w := e.Words; w != 0; w &= w - 1 {
				i := uint64(bits.TrailingZeros8(w)) * 8
				at := e.Off - u.Off + i
				if at+8 > uint64(len(on)) {
					continue
				}
				stored, has := binary.LittleEndian.Uint64(e.Data[i:]), binary.LittleEndian.Uint64(on[at:])
				// What was overwritten since does not count.
				if stored != has && bytes.Equal(e.Data[i:i+8], latest[at:at+8]) {
					s.values = append(s.values, value{e.Off + i, stored, has})
				}
			}
			if len(s.values) > 0 {
				f.stores = append(f.stores, s)
			}
		}
	}
	return f
}

// differ returns the parts in which two contents of a unit differ.
func (r *report) differ(a, b []byte) uint8 {
	size := trace.Line / trace.Parts
	if r.trace.Pages {
		size = trace.Page / trace.Parts
	}
	var parts uint8
	for i := 0; i*size < len(a); i++ {
		if !bytes.Equal(a[i*size:min((i+1)*size, len(a))], b[i*size:min((i+1)*size, len(b))]) {
			parts |= 1 << i
		}
	}
	return parts
}

// torn reports whether one line of the program has stored both what reached the
// medium and what did not.
func (r *report) torn(f fate) bool {
	if f.got == 0 {
		return false
	}
	for _, s := range f.stores {
		for _, event := range f.reached {
			if s.site.Known() && r.site(event) == s.site.Site() {
				return true
			}
		}
	}
	return false
}

// keep describes a unit of which nothing is lost.
func (r *report) keep(u *trace.Unit, before []byte) fate {
	f := fate{off: u.Off}
	latest := u.Latest()
	for v := range u.Versions {
		for _, event := range u.Versions[v].Stores {
			s := r.stored(event, u, v)
			e := &r.trace.Events[event]
			for w := e.Words; w != 0; w &= w - 1 {
				i := uint64(bits.TrailingZeros8(w)) * 8
				at := e.Off - u.Off + i
				if at+8 > uint64(len(latest)) || !bytes.Equal(e.Data[i:i+8], latest[at:at+8]) {
					continue
				}
				stored, old := binary.LittleEndian.Uint64(e.Data[i:]), binary.LittleEndian.Uint64(before[at:])
				if stored != old {
					s.values = append(s.values, value{e.Off + i, stored, old})
				}
			}
			if len(s.values) > 0 {
				f.stores = append(f.stores, s)
			}
		}
	}
	return f
}

func (r *report) stored(event int, u *trace.Unit, version int) stored {
	n := &note{}
	r.scan.notes[event] = n
	s := stored{event: event, site: r.places.of(&r.trace.Events[event]), note: n, flush: -1}
	if !r.trace.Pages {
		for _, v := range u.Versions[version:] {
			for _, flush := range v.Flushes {
				if s.flush < 0 || flush < s.flush {
					s.flush = flush
				}
			}
		}
	}
	if s.flush < 0 {
		s.flush = r.later(event)
	}
	return s
}

// later returns the first event at or after the crash that hands over the unit
// in which a Store was, or -1.
func (r *report) later(event int) int {
	size, kind := uint64(trace.Line), trace.Flush
	if r.trace.Pages {
		size, kind = trace.Page, trace.Sync
	}
	start := r.trace.Events[event].Off
	start -= start % size
	for i := r.point; i < len(r.trace.Events); i++ {
		e := &r.trace.Events[i]
		if (e.Kind == kind || e.Kind == trace.Sync) && e.Len > 0 && e.Off < start+size && e.Off+e.Len > start {
			return i
		}
	}
	return -1
}

// weight orders fates: those that tell more weigh more.
func (r *report) weight(f fate) int {
	w := 0
	for _, s := range f.stores {
		n := 0
		if s.site.owner == program {
			n = 8
			if s.unsafe() {
				n += 4
			}
			if s.flush < 0 || s.flush >= r.point {
				n += 2
			}
		} else if s.site.Known() {
			n = 1
		}
		w = max(w, n)
	}
	return w
}

// unsafe reports whether a transaction changed bytes that it would not restore.
func (s *stored) unsafe() bool {
	return s.site.owner == program && s.note.tx != nil && s.note.bytes&^s.note.safe != 0
}
