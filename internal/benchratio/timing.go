package main

import (
	"math/rand/v2"
	"runtime"
	"slices"
	"time"
)

// work does an operation n times.
type work func(n int)

// pair is one case: the same operation in Go and in C.
type pair struct {
	name   string
	target float64 // of Go's time over C's; 0 if there is none to reach
	inGo   work
	inC    work

	// batch is how many operations may be done before reset must undo them,
	// outside the timed part; 0 is any number.
	batch int
	reset func()

	// effect sums up what the operations have changed, or have read.
	effect func() uint64
}

// time returns the median times of one operation in nanoseconds.
func (p *pair) time(rounds int, slice time.Duration) (inGo, inC float64) {
	sides := [2]struct {
		work  work
		n     int
		times []float64
	}{{work: p.inGo}, {work: p.inC}}
	for i := range sides {
		sides[i].n = p.fit(sides[i].work, slice) // also warms it up
	}
	runtime.GC()
	for range rounds {
		// What the library does once in so many operations, like looking for
		// a run with free space, must not fall on the same side each time:
		// the order and the lengths of the turns are random.
		first := rand.IntN(2)
		for _, i := range [2]int{first, 1 - first} {
			s := &sides[i]
			n := s.n - rand.IntN(s.n/4+1)
			s.times = append(s.times, float64(p.elapsed(s.work, n))/float64(n))
		}
	}
	return median(sides[0].times), median(sides[1].times)
}

// fit finds how many operations fill a slice of time.
func (p *pair) fit(w work, slice time.Duration) int {
	const tries = 5 // of which the best was not interrupted
	for n := 1; ; n *= 2 {
		took := p.elapsed(w, n)
		for range tries - 1 {
			took = min(took, p.elapsed(w, n))
		}
		if took >= slice/2 {
			return max(1, int(float64(n)*float64(slice)/float64(took)))
		}
	}
}

// elapsed is the time of n operations, without the resets.
func (p *pair) elapsed(w work, n int) (sum time.Duration) {
	for n > 0 {
		k := n
		if p.batch > 0 {
			k = min(n, p.batch)
		}
		start := time.Now()
		w(k)
		sum += time.Since(start)
		if p.reset != nil {
			p.reset()
		}
		n -= k
	}
	return sum
}

func median(v []float64) float64 {
	slices.Sort(v)
	return (v[(len(v)-1)/2] + v[len(v)/2]) / 2
}
