package explore

import (
	"math/rand/v2"
	"slices"

	"github.com/pmem/pmdk-go/libpmem/crashtest/internal/trace"
)

// A plan is which of the choices that a generator makes are checked.
type plan struct {
	state    *trace.State
	gen      *generator
	points   []trace.Point
	levels   [][]int // of each point, ascending: which choices
	selected int
	same     int
	covered  []bool // by point: an image of it is checked, or equal to one that is
}

// newPlan spreads the budget over the points. Level by level every point gets
// its next choice, so long as the budget is enough for all of them. The first
// two levels, nothing and everything, belong together.
func newPlan(tr *trace.Trace, points []trace.Point, c Config) *plan {
	s := trace.NewState(tr)
	p := &plan{state: s, gen: newGenerator(s, c), points: points}
	if len(points) == 0 {
		return p
	}
	// How many levels the budget is enough for shows only when equal images
	// are known, so the guess may have to be raised.
	for limit := max(simple, 2*c.Images/len(points)); ; limit *= 4 {
		sums, more := p.sums(limit)
		p.choose(sums, c)
		if p.selected == c.Images || !more {
			return p
		}
	}
}

// sums returns the fingerprints of the first choices of each point, and whether
// any point has more.
func (p *plan) sums(limit int) (sums [][]uint64, more bool) {
	p.state.Reset()
	sums = make([][]uint64, len(p.points))
	for i, point := range p.points {
		p.state.Advance(point.At)
		acked := point.Acked.Fingerprint()
		p.gen.each(limit, func(_ int, sum uint64) { sums[i] = append(sums[i], sum^acked) })
		more = more || len(sums[i]) == limit && limit < p.gen.most()
	}
	return sums, more
}

func (p *plan) choose(sums [][]uint64, c Config) {
	p.levels = make([][]int, len(p.points))
	p.covered = make([]bool, len(p.points))
	p.selected, p.same = 0, 0
	seen := make(map[uint64]struct{})
	deepest := 0
	for _, s := range sums {
		deepest = max(deepest, len(s))
	}
	var order []int
	for from, to := 0, 2; from < deepest && p.selected < c.Images; from, to = to, to+1 {
		fresh := make([][]int, len(sums))
		n := 0
		for i, s := range sums {
			for level := from; level < min(to, len(s)); level++ {
				if _, found := seen[s[level]]; found {
					p.same++
					p.covered[i] = true
					continue
				}
				seen[s[level]] = struct{}{}
				fresh[i] = append(fresh[i], level)
				n++
			}
		}
		if p.selected+n > c.Images && order == nil {
			order = p.preference(c.Seed)
		}
		for i := range fresh {
			if order != nil {
				i = order[i]
			}
			take := fresh[i][:min(len(fresh[i]), c.Images-p.selected)]
			p.selected += len(take)
			p.levels[i] = append(p.levels[i], take...)
			p.covered[i] = p.covered[i] || len(take) > 0
		}
	}
}

// preference returns the points in the order in which they get what is left of
// a budget: the last, those at marks, the others, by chance.
func (p *plan) preference(seed uint64) []int {
	random := rand.New(rand.NewPCG(seed, uint64(len(p.points))))
	order := random.Perm(len(p.points))
	rank := func(i int) int {
		switch {
		case i == len(p.points)-1:
			return 0
		case p.points[i].Reason == trace.Mark:
			return 1
		}
		return 2
	}
	slices.SortStableFunc(order, func(a, b int) int { return rank(a) - rank(b) })
	return order
}

// each makes the choices of the plan until f returns false. It goes through the
// points several times, from the first levels to the deepest, so that a budget
// of time is spread over the points as well. key is equal for equal images with
// equal acknowledgements.
func (p *plan) each(f func(point int, key uint64, losses int, c trace.Choice) bool) {
	deepest := 0
	for _, l := range p.levels {
		if len(l) > 0 {
			deepest = max(deepest, l[len(l)-1]+1)
		}
	}
	for from, to := 0, 2; from < deepest; from, to = to, to*2 {
		p.state.Reset()
		for i, point := range p.points {
			levels := within(p.levels[i], from, to)
			if len(levels) == 0 {
				continue
			}
			p.state.Advance(point.At)
			acked := point.Acked.Fingerprint()
			goOn := true
			p.gen.each(levels[len(levels)-1]+1, func(level int, sum uint64) {
				if !goOn || len(levels) == 0 || level != levels[0] {
					return
				}
				levels = levels[1:]
				goOn = f(i, sum^acked, losses(p.gen.units, p.gen.picks), p.gen.choice())
			})
			if !goOn {
				return
			}
		}
	}
}

// within returns those of the ascending levels that are in [from, to).
func within(levels []int, from, to int) []int {
	i, _ := slices.BinarySearch(levels, from)
	j, _ := slices.BinarySearch(levels, to)
	return levels[i:j]
}
