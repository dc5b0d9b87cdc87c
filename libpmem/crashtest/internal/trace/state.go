package trace

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
)

// Parts is how many parts a unit is torn into: the 8-byte words of a line, or
// the sectors of a page. A mask of parts is a byte: bit i is part i.
const Parts = 8

// Whole is the mask of all parts.
const Whole uint8 = 0xff

// A Version is what a unit held at some moment, newer than what is durable.
type Version struct {
	// Data is as long as the unit. It is not to be changed.
	Data []byte
	// Parts are the parts that differ from the version before, or from the
	// durable content if this is the first. It is never 0.
	Parts uint8
	// Stores are the events that made this version out of the one before:
	// exactly one, unless Trace.Pages is set.
	Stores []int
	// Flushes are the Flush events that handed over exactly this version, in
	// the order of the trace. A flush of an older version is not among them.
	Flushes []int

	print uint64
}

// A Unit is what is lost or kept as a whole at a crash, but for tears: a line,
// or a page if Trace.Pages is set. It has at least one Version: what is not in
// flight has no Unit.
type Unit struct {
	Off uint64
	// Versions are the versions in flight, oldest first. Version 1 of a
	// LineChoice is Versions[0]: version 0 is what is durable.
	Versions []Version

	durable []byte // part of State.image
	kept    []byte // what is durable, while a choice is applied to the unit
	print   uint64 // of durable
	done    int    // versions that were there before Versions[0]
	batch   int    // State.batch of the newest version
}

// Durable returns the durable content of the unit. It is valid until the state
// moves, or a choice is applied or taken back.
func (u *Unit) Durable() []byte {
	if u.kept != nil {
		return u.kept
	}
	return u.durable
}

// Latest returns what the unit holds now.
func (u *Unit) Latest() []byte { return u.Versions[len(u.Versions)-1].Data }

// Content returns version v of the unit, where 0 is the durable content.
func (u *Unit) Content(v int) []byte {
	if v == 0 {
		return u.Durable()
	}
	return u.Versions[v-1].Data
}

// A State is the medium at one moment of a trace: what is durable, and what is
// in flight in which versions. It is for one goroutine at a time.
type State struct {
	trace   *Trace
	size    uint64 // of a unit
	image   []byte // the durable content of the file
	at      int
	batch   int // counts the runs of Store events
	units   map[uint64]*Unit
	pending map[int32]map[uint64]pending
	acked   Acked
	paused  int
	print   uint64              // of image
	moved   map[uint64]struct{} // units of image that may differ from Base
	sorted  []*Unit             // of units, but for added
	added   []*Unit             // to units since sorted was made
	stale   bool                // some of sorted or added are settled
	applied []*Unit             // what Apply has overwritten
	undo    []byte              // of them
	lastEv  Kind
	changed bool // since the last crash point
}

// pending is what a thread has flushed and not fenced: the versions of a unit
// up to number upTo, counted from the unit's first version in the trace.
type pending struct {
	unit *Unit
	upTo int
}

// NewState returns the state before the first event of t, which must not change
// any more. The state has a copy of t.Base, which is the only time it touches
// all of the file.
func NewState(t *Trace) *State {
	return NewStateOn(t, make([]byte, len(t.Base)))
}

// NewStateOn is NewState with the memory of the durable content given: image
// has the length of t.Base, which is copied into it. Where image is a file that
// is mapped shared, that file follows the state: see [State.Apply].
func NewStateOn(t *Trace, image []byte) *State {
	if len(image) != len(t.Base) {
		panic(fmt.Sprintf("trace: an image of %d bytes for a file of %d", len(image), len(t.Base)))
	}
	copy(image, t.Base)
	s := &State{trace: t, size: Line, image: image}
	if t.Pages {
		s.size = Page
	}
	s.clear()
	return s
}

func (s *State) clear() {
	s.at, s.batch, s.paused, s.print, s.lastEv = 0, 0, 0, 0, 0
	s.changed = true
	s.units = make(map[uint64]*Unit)
	s.pending = make(map[int32]map[uint64]pending)
	s.moved = make(map[uint64]struct{})
	s.acked = Acked{}
	s.sorted, s.added, s.stale = nil, nil, false
}

// Reset goes back to before the first event. It costs as much as there are
// units whose durable content has changed.
func (s *State) Reset() {
	s.Revert()
	for off := range s.moved {
		end := s.end(off)
		copy(s.image[off:end], s.trace.Base[off:end])
	}
	s.clear()
}

// Trace returns the trace that the state is of.
func (s *State) Trace() *Trace { return s.trace }

// At returns how many events have happened.
func (s *State) At() int { return s.at }

// UnitSize returns the size of a unit in bytes: Line or Page. The last unit of
// a file can be shorter.
func (s *State) UnitSize() int { return int(s.size) }

// Durable returns the durable content of the file, or the image that was
// applied. It is the state's own memory: the next move of the state changes it.
func (s *State) Durable() []byte { return s.image }

// Acked returns what the program has acknowledged so far.
func (s *State) Acked() Acked { return s.acked }

// InFlight returns the units in flight by ascending offset. The slice is not to
// be changed, and the units are valid until the state advances. Reset leaves
// them as they are, but for their durable content.
func (s *State) InFlight() []*Unit {
	if !s.stale && len(s.added) == 0 {
		return s.sorted
	}
	// Of many units few come and go at a time: sorting them all again would be
	// most of what a state costs.
	slices.SortFunc(s.added, func(a, b *Unit) int { return cmp.Compare(a.Off, b.Off) })
	old, added := s.sorted, s.added
	s.sorted = make([]*Unit, 0, len(s.units))
	for len(old)+len(added) > 0 {
		from := &old
		if len(old) == 0 || len(added) > 0 && added[0].Off < old[0].Off {
			from = &added
		}
		if u := (*from)[0]; len(u.Versions) > 0 {
			s.sorted = append(s.sorted, u)
		}
		*from = (*from)[1:]
	}
	s.added, s.stale = s.added[:0], false
	return s.sorted
}

// Unit returns the unit in flight that holds the byte at off, or nil.
func (s *State) Unit(off uint64) *Unit { return s.units[s.base(off)] }

// Current returns what the unit that holds the byte at off contains for the
// running program: its newest version, in flight or durable. It is nil beyond
// the end of the file.
func (s *State) Current(off uint64) []byte {
	if off >= uint64(len(s.image)) {
		return nil
	}
	off = s.base(off)
	if u := s.units[off]; u != nil {
		return u.Latest()
	}
	return s.image[off:s.end(off)]
}

// Pending reports whether a Fence of the thread would make anything durable.
func (s *State) Pending(thread int32) bool {
	for _, p := range s.pending[thread] {
		if p.upTo > p.unit.done {
			return true
		}
	}
	return false
}

func (s *State) base(off uint64) uint64 { return off - off%s.size }

// end returns where the unit at off ends: sooner at the end of the file.
func (s *State) end(off uint64) uint64 { return min(off+s.size, uint64(len(s.image))) }

// Seek goes to where the first to events have happened, forward or back.
func (s *State) Seek(to int) {
	if to < s.at {
		s.Reset()
	}
	s.Advance(to)
}

// Advance lets events happen until the first to have. It takes back an applied
// choice. It panics if that many have happened already, or there are fewer: the
// way back is Reset or Seek.
func (s *State) Advance(to int) {
	if to < s.at || to > len(s.trace.Events) {
		panic(fmt.Sprintf("trace: advance from event %d to %d of %d", s.at, to, len(s.trace.Events)))
	}
	s.Revert()
	for ; s.at < to; s.at++ {
		s.step(&s.trace.Events[s.at])
	}
}

func (s *State) step(e *Event) {
	if e.Kind == Store && s.lastEv != Store {
		s.batch++
	}
	s.lastEv = e.Kind
	switch e.Kind {
	case Store:
		s.store(e)
	case Flush:
		s.flush(e)
	case Fence:
		s.fence(e.Thread)
	case Sync:
		s.sync(e)
	case Mark:
		s.acked = s.acked.with(e.Worker, e.N)
		s.changed = true
	case Pause:
		s.paused++
	case Resume:
		s.paused = max(0, s.paused-1)
	}
}

func (s *State) store(e *Event) {
	if e.Data == nil || e.Off%Line != 0 || e.Off >= uint64(len(s.image)) {
		return
	}
	off := s.base(e.Off)
	line := e.Data[:min(Line, uint64(len(s.image))-e.Off)]
	u := s.units[off]
	old := s.image[off:s.end(off)]
	if u != nil {
		old = u.Latest()
	}
	at := e.Off - off
	if bytes.Equal(old[at:at+uint64(len(line))], line) {
		return
	}
	if u == nil {
		u = &Unit{Off: off, durable: s.image[off:s.end(off)], batch: -1}
		u.print = fingerprint(off, u.durable)
		s.units[off] = u
		s.added = append(s.added, u)
	}
	s.changed = true
	if !s.trace.Pages {
		u.Versions = append(u.Versions, Version{
			Data: line, Parts: s.differ(old, line), Stores: []int{s.at}, print: fingerprint(off, line),
		})
		return
	}
	// What was noticed together has happened in an unknown order, and a page
	// is one unit: all of it is one version.
	if u.batch == s.batch && len(u.Versions) > 0 {
		v := &u.Versions[len(u.Versions)-1]
		v.print ^= fingerprint(e.Off, v.Data[at:at+uint64(len(line))]) ^ fingerprint(e.Off, line)
		copy(v.Data[at:], line)
		v.Parts = s.differ(u.Content(len(u.Versions)-1), v.Data)
		v.Stores = append(v.Stores, s.at)
		s.changed = true
		if v.Parts == 0 {
			s.forget(u)
		}
		return
	}
	prints := u.print
	if len(u.Versions) > 0 {
		prints = u.Versions[len(u.Versions)-1].print
	}
	data := bytes.Clone(old)
	copy(data[at:], line)
	prints ^= fingerprint(e.Off, old[at:at+uint64(len(line))]) ^ fingerprint(e.Off, line)
	u.batch = s.batch
	u.Versions = append(u.Versions, Version{
		Data: data, Parts: s.differ(old, data), Stores: []int{s.at}, print: prints,
	})
}

// forget drops the newest version of the unit, which turned out to be none.
func (s *State) forget(u *Unit) {
	u.Versions = u.Versions[:len(u.Versions)-1]
	u.batch = -1
	if len(u.Versions) == 0 {
		delete(s.units, u.Off)
		s.stale = true
	}
}

// differ returns the parts in which two contents of a unit differ.
func (s *State) differ(a, b []byte) uint8 {
	n := int(s.size) / Parts
	var parts uint8
	for i := 0; i*n < len(a); i++ {
		end := min((i+1)*n, len(a))
		if !bytes.Equal(a[i*n:end], b[i*n:end]) {
			parts |= 1 << i
		}
	}
	return parts
}

// each calls f for the units in flight that overlap [off, off+n).
func (s *State) each(off, n uint64, f func(*Unit)) {
	if n == 0 || off >= uint64(len(s.image)) {
		return
	}
	end := off + min(n, uint64(len(s.image))-off)
	if (end-off)/s.size > uint64(len(s.units)) {
		for _, u := range s.units {
			if u.Off < end && u.Off+s.size > off {
				f(u)
			}
		}
		return
	}
	for o := s.base(off); o < end; o += s.size {
		if u := s.units[o]; u != nil {
			f(u)
		}
	}
}

func (s *State) flush(e *Event) {
	s.each(e.Off, e.Len, func(u *Unit) {
		v := &u.Versions[len(u.Versions)-1]
		v.Flushes = append(v.Flushes, s.at)
		if s.trace.Pages {
			return // a processor's flush does not reach a disk
		}
		set := s.pending[e.Thread]
		if set == nil {
			set = make(map[uint64]pending)
			s.pending[e.Thread] = set
		}
		set[u.Off] = pending{u, u.done + len(u.Versions)}
	})
}

func (s *State) fence(thread int32) {
	for _, p := range s.pending[thread] {
		s.settle(p.unit, p.upTo-p.unit.done)
	}
	delete(s.pending, thread)
}

func (s *State) sync(e *Event) {
	if e.Len == 0 || e.Off >= uint64(len(s.image)) {
		return
	}
	// An msync writes whole pages, so their lines too.
	off := e.Off - e.Off%Page
	end := e.Off + min(e.Len, uint64(len(s.image))-e.Off)
	end += (Page - end%Page) % Page
	s.each(off, end-off, func(u *Unit) { s.settle(u, len(u.Versions)) })
}

// settle makes the n oldest versions of the unit durable.
func (s *State) settle(u *Unit, n int) {
	if n <= 0 {
		return // another thread was faster, or it was settled by a Sync
	}
	s.changed = true
	v := &u.Versions[n-1]
	copy(u.durable, v.Data)
	s.print ^= u.print ^ v.print
	u.print = v.print
	s.moved[u.Off] = struct{}{}
	u.done += n
	u.Versions = u.Versions[n:]
	if len(u.Versions) == 0 {
		delete(s.units, u.Off)
		s.stale = true
		return
	}
}
