// Package explore decides which images of a trace are checked, has them
// checked, and makes what failed small.
//
// Everything but the end of a budget of time depends only on the trace, the
// configuration and the verdicts: neither on the number of workers nor on which
// of them is faster.
package explore

import (
	"time"

	"github.com/pmem/pmdk-go/libpmem/crashtest/internal/trace"
)

// Verdict is what the check of an image came to.
type Verdict struct {
	Failed bool
	// Phase is what failed: "open", "check" (PMDK's own), "user", "crash" (the
	// worker died) or "timeout".
	Phase   string
	Message string
}

// Config is how much is tried. The zero Config has the documented defaults.
type Config struct {
	Seed uint64
	// Images is how many images are checked at most, but for those that are
	// checked to make a failure small; 2000 if it is 0.
	Images int
	// Time is a budget of time, 0 for none. Once something has failed, a
	// quarter of it is kept for making that small.
	Time time.Duration
	// PerPoint is how many images a crash point gets at most, beside the four
	// simple ones (nothing, everything, the older half, the newer half of what
	// is in flight reaches the medium); 32 if it is 0, none if it is negative.
	PerPoint int
	// AllSubsets is up to how many units in flight every subset is tried, even
	// if that is more than PerPoint; 4 if it is 0, none if it is negative. More
	// than 16 is 16.
	AllSubsets int
	// WholeLines leaves out images in which a unit is torn.
	WholeLines bool
	// Workers is how many checks run at a time; 1 if it is 0.
	Workers int
	// MaxFailures is how many failures are made small and reported; 3 if it is 0.
	MaxFailures int
}

const maxSubsets = 16

func (c Config) withDefaults() Config {
	def := func(p *int, n int) {
		if *p == 0 {
			*p = n
		}
		*p = max(0, *p)
	}
	def(&c.Images, 2000)
	def(&c.PerPoint, 32)
	def(&c.AllSubsets, 4)
	def(&c.Workers, 1)
	def(&c.MaxFailures, 3)
	c.AllSubsets = min(c.AllSubsets, maxSubsets)
	c.Workers = max(1, c.Workers)
	return c
}

// Failure is a group of images that fail the same way: in the same phase, with
// the same message but for numbers and quoted text.
type Failure struct {
	// Found is the image that Minimal was made from.
	Found trace.Choice
	// Minimal loses as few units as possible, none if the image with everything
	// fails as well, at the earliest crash point where that is enough.
	Minimal trace.Choice
	// Verdict is that of Minimal.
	Verdict Verdict
	// Seen is how many of the checked images failed this way.
	Seen int
}

// Result is what came out.
type Result struct {
	Points      int // crash points of the trace
	PointsTried int // those at which an image was checked, or equal to one that was
	Images      int // checked, but for those that made failures small
	Same        int // not checked, because an equal image with equal acknowledgements was
	Failing     int // of Images
	Shrinking   int // images checked to make failures small
	Failures    []Failure
	Elapsed     time.Duration
}

// Run tries the crash points of a trace. It calls check on Workers goroutines,
// each with its own number from 0, and by growing Choice.Point most of the time.
// An error of check ends everything. The exploration ends early when a great
// many images have failed.
func Run(tr *trace.Trace, c Config, check func(worker int, c trace.Choice) (Verdict, error)) (*Result, error) {
	c = c.withDefaults()
	began := time.Now()
	points := tr.Points()
	p := newPlan(tr, points, c)
	r := &runner{plan: p, config: c, check: check, began: began, verdicts: make(map[uint64]Verdict)}
	if err := r.run(); err != nil {
		return nil, err
	}
	result := &Result{Points: len(points), PointsTried: r.tried(), Images: r.images, Same: p.same, Failing: r.failing}
	s := &shrinker{runner: r, state: p.state}
	for _, g := range r.groups.worst(c.MaxFailures) {
		f, err := s.shrink(g)
		if err != nil {
			return nil, err
		}
		result.Failures = append(result.Failures, f)
	}
	result.Failures = merge(result.Failures)
	result.Shrinking = s.checked
	result.Elapsed = time.Since(began)
	return result, nil
}

// merge joins failures that turned out to be the same image.
func merge(all []Failure) []Failure {
	var merged []Failure
next:
	for _, f := range all {
		for i := range merged {
			if merged[i].Minimal.Equal(f.Minimal) {
				merged[i].Seen += f.Seen
				continue next
			}
		}
		merged = append(merged, f)
	}
	return merged
}
