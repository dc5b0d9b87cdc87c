package explore

import (
	"cmp"
	"math/bits"
	"math/rand/v2"
	"slices"

	"github.com/pmem/pmdk-go/libpmem/crashtest/internal/trace"
)

// A pick is what becomes of a unit; version 0 is that it is lost.
type pick struct {
	version int32
	words   uint8
}

var lost = pick{0, trace.Whole}

// simple is how many images every crash point has beside Config.PerPoint.
const simple = 4

// A generator makes the choices of one crash point, the most telling first,
// always the same in the same order, and no two that give equal images.
type generator struct {
	config Config
	state  *trace.State
	units  []*trace.Unit // by ascending offset, as picks
	age    []int32       // indexes of units, oldest first
	picks  []pick        // of the choice that is being made
	random *rand.Rand
	seen   map[uint64]struct{}
	limit  int
	count  int
	yield  func(level int, sum uint64)
}

func newGenerator(s *trace.State, c Config) *generator {
	return &generator{config: c, state: s, seen: make(map[uint64]struct{})}
}

// each calls yield with the first limit choices of the moment that the state is
// at: a number from 0, and the fingerprint of the image. In the call, g.choice
// returns the choice.
func (g *generator) each(limit int, yield func(level int, sum uint64)) {
	g.units = g.state.InFlight()
	n := len(g.units)
	g.picks = slices.Grow(g.picks[:0], n)[:n]
	g.random = rand.New(rand.NewPCG(g.config.Seed, uint64(g.state.At())))
	clear(g.seen)
	g.limit, g.count, g.yield = min(limit, g.most()), 0, yield

	g.fill(false)
	g.emit()
	g.fill(true)
	g.emit()
	if g.full() {
		return
	}
	g.halves()
	if n <= g.config.AllSubsets {
		g.subsets()
	}
	if g.full() {
		return
	}
	if g.product() <= g.most() {
		g.everything()
		return
	}
	g.adversarial()
}

// most returns how many images the crash point gets at most.
func (g *generator) most() int {
	most := simple + g.config.PerPoint
	if n := len(g.units); n <= g.config.AllSubsets {
		most = max(most, 1<<n)
	}
	return most
}

func (g *generator) full() bool { return g.count >= g.limit }

// emit passes on the picks unless their image was there before.
func (g *generator) emit() {
	if g.full() {
		return
	}
	sum := g.sum()
	if _, found := g.seen[sum]; found {
		return
	}
	g.seen[sum] = struct{}{}
	g.yield(g.count, sum)
	g.count++
}

func (g *generator) sum() uint64 { return sum(g.state, g.units, g.picks) }

func sum(s *trace.State, units []*trace.Unit, picks []pick) uint64 {
	sum := s.Base()
	for i, p := range picks {
		if p.version > 0 {
			sum ^= s.Change(units[i], int(p.version), p.words)
		}
	}
	return sum
}

func (g *generator) choice() trace.Choice { return choice(g.state, g.units, g.picks) }

func choice(s *trace.State, units []*trace.Unit, picks []pick) trace.Choice {
	c := trace.Choice{Point: s.At()}
	n := 0
	for _, p := range picks {
		if p.version > 0 {
			n++
		}
	}
	if n == 0 {
		return c
	}
	c.Lines = make([]trace.LineChoice, 0, n)
	for i, p := range picks {
		if p.version > 0 {
			c.Lines = append(c.Lines, trace.LineChoice{Off: units[i].Off, Version: int(p.version), Words: p.words})
		}
	}
	return c
}

// losses returns how many units the picks lose, in part or as a whole.
func losses(units []*trace.Unit, picks []pick) int {
	n := 0
	for i, p := range picks {
		if p != latest(units[i]) {
			n++
		}
	}
	return n
}

func latest(u *trace.Unit) pick { return pick{int32(len(u.Versions)), trace.Whole} }

// fill makes all units lost, or none.
func (g *generator) fill(reached bool) {
	for i, u := range g.units {
		g.picks[i] = lost
		if reached {
			g.picks[i] = latest(u)
		}
	}
}

// halves makes the older half of the units reach the medium, then the newer.
func (g *generator) halves() {
	g.age = slices.Grow(g.age[:0], len(g.units))[:len(g.units)]
	for i := range g.age {
		g.age[i] = int32(i)
	}
	slices.SortFunc(g.age, func(a, b int32) int {
		return cmp.Compare(g.units[a].Versions[0].Stores[0], g.units[b].Versions[0].Stores[0])
	})
	half := (len(g.age) + 1) / 2
	for _, old := range []bool{true, false} {
		for i, j := range g.age {
			g.picks[j] = lost
			if i < half == old {
				g.picks[j] = latest(g.units[j])
			}
		}
		g.emit()
	}
}

func (g *generator) subsets() {
	for set := range uint32(1) << len(g.units) {
		for i, u := range g.units {
			g.picks[i] = lost
			if set>>i&1 != 0 {
				g.picks[i] = latest(u)
			}
		}
		g.emit()
	}
}

// tears returns how many ways there are to tear a version.
func (g *generator) tears(v *trace.Version) int {
	if g.config.WholeLines {
		return 0
	}
	return 1<<bits.OnesCount8(v.Parts) - 2
}

// product returns how many choices there are at all, or something above most.
func (g *generator) product() int {
	most := g.most()
	product := 1
	for _, u := range g.units {
		options := 1
		for i := range u.Versions {
			options += 1 + g.tears(&u.Versions[i])
		}
		product *= options
		if product > most {
			return product
		}
	}
	return product
}

// everything makes each choice there is.
func (g *generator) everything() { g.odometer(0) }

func (g *generator) odometer(i int) {
	if g.full() {
		return
	}
	if i == len(g.units) {
		g.emit()
		return
	}
	u := g.units[i]
	g.picks[i] = lost
	g.odometer(i + 1)
	for j := range u.Versions {
		v := &u.Versions[j]
		g.picks[i] = pick{int32(j + 1), trace.Whole}
		g.odometer(i + 1)
		if g.tears(v) == 0 {
			continue
		}
		for mask := (v.Parts - 1) & v.Parts; mask != 0; mask = (mask - 1) & v.Parts {
			g.picks[i] = pick{int32(j + 1), mask}
			g.odometer(i + 1)
		}
	}
}

// adversarial takes turns with the ways in which programs go wrong, until the
// limit is reached: each way until it has no more choices, random ones always.
func (g *generator) adversarial() {
	order := g.random.Perm(len(g.units))
	ways := []func(i int) bool{
		g.torn(order),
		g.allButOne(order),
		g.onlyOne(order),
		g.asOf(),
		g.older(),
		g.any,
	}
	// Random choices that are no news must not go on for ever. How long they do
	// must not depend on the limit: it is lower when the plan is carried out.
	for i := 0; !g.full() && i < 4*g.most(); i++ {
		for j, way := range ways {
			if way == nil || g.full() {
				continue
			}
			if !way(i) {
				ways[j] = nil
				continue
			}
			g.emit()
		}
	}
}

func (g *generator) allButOne(order []int) func(int) bool {
	return func(i int) bool {
		if i >= len(order) {
			return false
		}
		g.fill(true)
		g.picks[order[i]] = lost
		return true
	}
}

func (g *generator) onlyOne(order []int) func(int) bool {
	return func(i int) bool {
		if i >= len(order) {
			return false
		}
		g.fill(false)
		g.picks[order[i]] = latest(g.units[order[i]])
		return true
	}
}

// torn tears the newest version of one unit, most often behind or before the
// first of its words that change, or in the middle of them, while everything
// else reached the medium, or nothing did.
func (g *generator) torn(order []int) func(int) bool {
	var tearable []int
	for _, i := range order {
		if g.tears(&g.units[i].Versions[len(g.units[i].Versions)-1]) > 0 {
			tearable = append(tearable, i)
		}
	}
	const shapes = 12
	return func(i int) bool {
		if i >= shapes*len(tearable) {
			return false
		}
		j, shape := tearable[i%len(tearable)], i/len(tearable)
		u := g.units[j]
		parts := u.Versions[len(u.Versions)-1].Parts
		g.fill((i%len(tearable)+shape)%2 == 0)
		g.picks[j] = pick{int32(len(u.Versions)), g.mask(parts, shape/2)}
		return true
	}
}

// mask returns some of the parts, neither none nor all.
func (g *generator) mask(parts uint8, shape int) uint8 {
	n := bits.OnesCount8(parts)
	switch shape {
	case 0:
		return first(parts, (n+1)/2)
	case 1:
		return parts &^ first(parts, (n+1)/2)
	case 2:
		return first(parts, 1)
	case 3:
		return parts &^ first(parts, 1)
	case 4:
		return first(parts, n-1)
	}
	for {
		if m := uint8(g.random.Uint32()) & parts; m != 0 && m != parts {
			return m
		}
	}
}

// first returns the n lowest bits that are set.
func first(parts uint8, n int) uint8 {
	var m uint8
	for range n {
		m |= (parts &^ m) & -(parts &^ m)
	}
	return m
}

// asOf makes everything as it was at an earlier store, as if nothing of what
// came later had reached the medium: a crash of a machine that keeps order.
func (g *generator) asOf() func(int) bool {
	var times []int
	for _, u := range g.units {
		for i := range u.Versions {
			times = append(times, u.Versions[i].Stores[0])
		}
	}
	g.random.Shuffle(len(times), func(i, j int) { times[i], times[j] = times[j], times[i] })
	return func(i int) bool {
		if i >= len(times) {
			return false
		}
		for j, u := range g.units {
			n, _ := slices.BinarySearchFunc(u.Versions, times[i]+1, func(v trace.Version, at int) int {
				return cmp.Compare(v.Stores[0], at)
			})
			g.picks[j] = pick{int32(n), trace.Whole}
		}
		return true
	}
}

// older gives one unit a version between what is durable and the newest.
func (g *generator) older() func(int) bool {
	type old struct{ unit, version int32 }
	var olds []old
	for i, u := range g.units {
		for v := range len(u.Versions) - 1 {
			olds = append(olds, old{int32(i), int32(v + 1)})
		}
	}
	g.random.Shuffle(len(olds), func(i, j int) { olds[i], olds[j] = olds[j], olds[i] })
	return func(i int) bool {
		if i >= 2*len(olds) {
			return false
		}
		o := olds[i/2]
		g.fill(i%2 == 0)
		g.picks[o.unit] = pick{o.version, trace.Whole}
		return true
	}
}

// any makes a choice by chance: from a few units to nearly all reach the medium,
// some of them in an older version, or torn.
func (g *generator) any(int) bool {
	share := []float64{0.5, 0.5, 0.1, 0.9}[g.random.IntN(4)]
	for i, u := range g.units {
		g.picks[i] = lost
		if g.random.Float64() >= share {
			continue
		}
		p := latest(u)
		if p.version > 1 && g.random.IntN(4) == 0 {
			p.version = 1 + g.random.Int32N(p.version)
		}
		if v := &u.Versions[p.version-1]; g.random.IntN(8) == 0 && g.tears(v) > 0 {
			p.words = g.mask(v.Parts, g.random.IntN(6))
		}
		g.picks[i] = p
	}
	return true
}
