package explore

import (
	"github.com/pmem/pmdk-go/libpmem/crashtest/internal/trace"
)

// mostTries is how many images it may cost to make one image small, a check that
// did not end in time counting for timeoutTries of them. window is how many crash
// points are tried at a time for an earlier one.
const (
	mostTries    = 400
	timeoutTries = 100
	window       = 64
)

// A shrinker makes failures small.
type shrinker struct {
	runner  *runner
	state   *trace.State
	checked int

	// Of the failure at hand:
	name    string
	point   int
	units   []*trace.Unit
	picks   []pick // the smallest that fails so far
	verdict Verdict
	tries   int
	err     error
}

// shrink makes the two most promising images of a group small, and returns the
// smaller of what they come to.
func (s *shrinker) shrink(g *group) (Failure, error) {
	one := s.minimal(g, g.least, g.verdicts[1])
	if s.err == nil && g.earliest.seq != g.least.seq && one.losses > 0 {
		if other := s.minimal(g, g.earliest, g.verdicts[0]); other.losses < one.losses ||
			other.losses == one.losses && other.Minimal.Point < one.Minimal.Point {
			one = other
		}
	}
	return one.Failure, s.err
}

type shrunk struct {
	Failure
	losses int
}

func (s *shrinker) minimal(g *group, from image, v Verdict) shrunk {
	s.name, s.verdict, s.tries = g.name, v, 0
	s.enter(from.point)
	s.picks = s.picksOf(from.choice)
	if s.fewest() {
		s.earlier()
	}
	return shrunk{
		Failure{Found: from.choice, Minimal: choice(s.state, s.units, s.picks), Verdict: s.verdict, Seen: g.seen},
		losses(s.units, s.picks),
	}
}

// enter goes to a crash point.
func (s *shrinker) enter(point int) {
	s.point = point
	s.state.Seek(s.runner.plan.points[point].At)
	s.units = s.state.InFlight()
}

func (s *shrinker) picksOf(c trace.Choice) []pick {
	picks := make([]pick, len(s.units))
	rest := c.Lines
	for i, u := range s.units {
		picks[i] = lost
		if len(rest) > 0 && rest[0].Off == u.Off {
			picks[i] = pick{int32(rest[0].Version), rest[0].Words}
			rest = rest[1:]
		}
	}
	return picks
}

// try reports whether the picks fail the same way, and keeps them if so.
func (s *shrinker) try(picks []pick) bool {
	key := sum(s.state, s.units, picks) ^ s.runner.plan.points[s.point].Acked.Fingerprint()
	v, known := s.runner.verdicts[key]
	if !known {
		if s.spent() {
			return false
		}
		s.tries++
		s.checked++
		v, s.err = s.runner.check(0, choice(s.state, s.units, picks))
		if s.err != nil {
			return false
		}
		s.runner.verdicts[key] = v
		if v.Phase == "timeout" {
			s.tries += timeoutTries - 1
		}
	}
	if !v.Failed || groupName(v) != s.name {
		return false
	}
	s.picks, s.verdict = picks, v
	return true
}

func (s *shrinker) spent() bool { return s.err != nil || s.tries >= mostTries || s.runner.late() }

// keep returns the picks with only those of the units that are listed lost, the
// others reaching the medium.
func (s *shrinker) keep(which []int) []pick {
	picks := make([]pick, len(s.units))
	for i, u := range s.units {
		picks[i] = latest(u)
	}
	for _, i := range which {
		picks[i] = s.picks[i]
	}
	return picks
}

// losses returns the units that are lost.
func (s *shrinker) losses() []int {
	var which []int
	for i, u := range s.units {
		if s.picks[i] != latest(u) {
			which = append(which, i)
		}
	}
	return which
}

// fewest makes the set of lost units minimal: without any of them the image
// would pass, unless the tries were used up, which it reports with false.
func (s *shrinker) fewest() bool {
	if s.try(s.keep(nil)) {
		return true
	}
	s.bisect()
	if s.whole() {
		s.bisect()
	}
	return !s.spent()
}

// bisect is Zeller's ddmin over the lost units.
func (s *shrinker) bisect() {
	which := s.losses()
	for n := 2; len(which) >= 2 && !s.spent(); {
		n = min(n, len(which))
		parts := split(which, n)
		reduced := false
		for i, part := range parts {
			if s.try(s.keep(part)) {
				which, n, reduced = part, 2, true
				break
			}
			if n == 2 {
				continue // the other half is its complement
			}
			rest := make([]int, 0, len(which))
			for j, other := range parts {
				if j != i {
					rest = append(rest, other...)
				}
			}
			if s.try(s.keep(rest)) {
				which, n, reduced = rest, max(n-1, 2), true
				break
			}
		}
		if reduced {
			continue
		}
		if n == len(which) {
			return
		}
		n *= 2
	}
}

// split cuts which into n parts of nearly equal length.
func split(which []int, n int) [][]int {
	parts := make([][]int, n)
	for i := range parts {
		parts[i] = which[i*len(which)/n : (i+1)*len(which)/n]
	}
	return parts
}

// whole replaces tears and older versions by simpler losses where the image
// still fails: lost altogether, else untorn. It reports whether it did.
func (s *shrinker) whole() bool {
	changed := false
	for _, i := range s.losses() {
		p := s.picks[i]
		if p.version == 0 {
			continue
		}
		simpler := []pick{lost}
		if p.words != trace.Whole {
			simpler = append(simpler, pick{p.version, trace.Whole})
			if p.version > 1 {
				simpler = append(simpler, pick{p.version - 1, trace.Whole})
			}
		}
		for _, q := range simpler {
			picks := s.keep(s.losses())
			picks[i] = q
			if s.try(picks) {
				changed = true
				break
			}
		}
	}
	return changed
}

// earlier looks for the same losses, and nothing else, at an earlier crash
// point.
func (s *shrinker) earlier() {
	for s.point > 0 && !s.spent() {
		point, units, picks := s.point, s.units, s.picks
		which := s.losses()
		found := false
		for q := max(0, point-window); q < point && !found && !s.spent(); q++ {
			s.enter(q)
			if other, ok := s.move(units, picks, which); ok {
				found = s.try(other)
			}
		}
		if !found {
			s.enter(point)
			s.picks = picks
			return
		}
	}
}

// move returns the picks of the units of another moment for this one, if all
// of what they lose can be lost now, too.
func (s *shrinker) move(units []*trace.Unit, picks []pick, which []int) ([]pick, bool) {
	here := make([]pick, len(s.units))
	for i, u := range s.units {
		here[i] = latest(u)
	}
	j := 0
	for _, i := range which {
		for j < len(s.units) && s.units[j].Off < units[i].Off {
			j++
		}
		if j == len(s.units) || s.units[j].Off != units[i].Off {
			return nil, false
		}
		u, p := s.units[j], picks[i]
		// Numbers of versions mean the same only from the same durable content.
		if p.version > 0 && (u.Versions[0].Stores[0] != units[i].Versions[0].Stores[0] || int(p.version) > len(u.Versions)) {
			return nil, false
		}
		if p == latest(u) {
			return nil, false
		}
		here[j] = p
	}
	return here, true
}
