package trace

import (
	"cmp"
	"fmt"
	"math/bits"
	"slices"
)

// A Patch is new content for the file at Off.
type Patch struct {
	Off  uint64
	Data []byte
}

// Nothing returns the choice in which all that is in flight is lost.
func (s *State) Nothing() Choice { return Choice{Point: s.at} }

// All returns the choice in which all that is in flight reaches the medium.
func (s *State) All() Choice {
	c := Choice{Point: s.at}
	for _, u := range s.InFlight() {
		c.Lines = append(c.Lines, LineChoice{u.Off, len(u.Versions), Whole})
	}
	return c
}

// A Loss is a unit of which the newest version did not reach the medium, or not
// as a whole.
type Loss struct {
	Unit *Unit
	// Kept is what the medium holds. Its Version is 0 if that is the durable
	// content.
	Kept LineChoice
}

// Torn reports whether the medium holds parts of two versions.
func (l Loss) Torn() bool { return l.Kept.Version > 0 && l.Kept.Words != Whole }

// Lost returns what is lost in a choice that is of this moment, by ascending
// offset.
func (s *State) Lost(c Choice) ([]Loss, error) {
	if _, err := s.check(nil, c); err != nil {
		return nil, err
	}
	var lost []Loss
	rest := c.Lines
	for _, u := range s.InFlight() {
		kept := LineChoice{Off: u.Off, Words: Whole}
		if len(rest) > 0 && rest[0].Off == u.Off {
			kept, rest = rest[0], rest[1:]
		}
		if kept.Version != len(u.Versions) || kept.Words != Whole {
			lost = append(lost, Loss{Unit: u, Kept: kept})
		}
	}
	return lost, nil
}

// check appends the units that the lines of a choice are of.
func (s *State) check(units []*Unit, c Choice) ([]*Unit, error) {
	if c.Point != s.at {
		return nil, fmt.Errorf("trace: a choice for event %d at event %d", c.Point, s.at)
	}
	if err := c.valid(); err != nil {
		return nil, fmt.Errorf("trace: an impossible choice: %w", err)
	}
	rest := s.InFlight()
	for _, l := range c.Lines {
		// Most choices have nearly all of the units, or few.
		for i := 0; i < 8 && len(rest) > 0 && rest[0].Off < l.Off; i++ {
			rest = rest[1:]
		}
		if len(rest) > 0 && rest[0].Off < l.Off {
			n, _ := slices.BinarySearchFunc(rest, l.Off, func(u *Unit, off uint64) int { return cmp.Compare(u.Off, off) })
			rest = rest[n:]
		}
		if len(rest) == 0 || rest[0].Off != l.Off {
			return nil, fmt.Errorf("trace: nothing is in flight at %#x after %d events", l.Off, s.at)
		}
		u := rest[0]
		if l.Version > len(u.Versions) {
			return nil, fmt.Errorf("trace: version %d of %d in flight at %#x after %d events", l.Version, len(u.Versions), l.Off, s.at)
		}
		units = append(units, u)
	}
	return units, nil
}

// Patches returns what of the durable content a choice replaces, by ascending
// offset. The data is not to be changed, and the image is legal only for the
// moment that the state is at: a choice for another is an error.
func (s *State) Patches(c Choice) ([]Patch, error) {
	units, err := s.check(nil, c)
	if err != nil {
		return nil, err
	}
	patches := make([]Patch, len(units))
	for i, u := range units {
		patches[i] = Patch{u.Off, s.content(u, c.Lines[i])}
	}
	return patches, nil
}

// Apply makes Durable return the image of a choice. Revert, or any move of the
// state, takes that back. Both cost as much as the lines of the choice, and
// write to nothing else.
func (s *State) Apply(c Choice) error {
	s.Revert()
	units, err := s.check(s.applied, c)
	if err != nil {
		return err
	}
	s.applied = units
	for i, u := range units {
		n := len(s.undo)
		s.undo = append(s.undo, u.durable...)
		u.kept = s.undo[n:]
		s.write(u.durable, u, c.Lines[i])
	}
	return nil
}

// Revert takes back what Apply did, if anything.
func (s *State) Revert() {
	for _, u := range s.applied {
		copy(u.durable, u.kept)
		u.kept = nil
	}
	s.applied, s.undo = s.applied[:0], s.undo[:0]
}

// content returns what the unit holds after a crash.
func (s *State) content(u *Unit, l LineChoice) []byte {
	v := &u.Versions[l.Version-1]
	if l.Words&v.Parts == v.Parts {
		return v.Data
	}
	data := make([]byte, len(v.Data))
	s.write(data, u, l)
	return data
}

// write puts what the unit holds after a crash in data.
func (s *State) write(data []byte, u *Unit, l LineChoice) {
	v := &u.Versions[l.Version-1]
	if l.Words&v.Parts == v.Parts {
		copy(data, v.Data)
		return
	}
	copy(data, u.Content(l.Version-1))
	n := int(s.size) / Parts
	for w := l.Words & v.Parts; w != 0; w &= w - 1 {
		i := bits.TrailingZeros8(w) * n
		copy(data[i:min(i+n, len(data))], v.Data[i:])
	}
}
