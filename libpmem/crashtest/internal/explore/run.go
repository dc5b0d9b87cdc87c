package explore

import (
	"sync"
	"time"

	"github.com/pmem/pmdk-go/libpmem/crashtest/internal/trace"
)

// enough is how many failing images end the exploration, a check that did not
// end in time counting for timeoutWeight of them: more of the same would tell
// nothing.
const (
	enough        = 128
	timeoutWeight = 32
)

// A runner has the images of a plan checked.
type runner struct {
	plan   *plan
	config Config
	check  func(worker int, c trace.Choice) (Verdict, error)
	began  time.Time

	mu       sync.Mutex
	done     map[int]outcome // those after the first that is not done
	next     int             // seq of that
	stopped  bool
	err      error
	images   int
	failing  int
	weight   int
	touched  map[int]struct{}   // points with an image that was checked
	verdicts map[uint64]Verdict // by key
	groups   groups
}

type outcome struct {
	image   image
	verdict Verdict
}

func (r *runner) run() error {
	r.done = make(map[int]outcome)
	r.touched = make(map[int]struct{})
	jobs := make(chan image, 4*r.config.Workers)
	var workers sync.WaitGroup
	for w := range r.config.Workers {
		workers.Go(func() {
			for i := range jobs {
				if r.over() {
					continue
				}
				v, err := r.check(w, i.choice)
				r.finish(outcome{i, v}, err)
			}
		})
	}
	seq := 0
	r.plan.each(func(point int, key uint64, losses int, c trace.Choice) bool {
		if r.over() {
			return false
		}
		jobs <- image{seq, point, key, losses, c}
		seq++
		return true
	})
	close(jobs)
	workers.Wait()
	return r.err
}

// over reports whether no more image is to be checked.
func (r *runner) over() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.config.Time > 0 && !r.stopped {
		limit := r.config.Time
		if r.failing > 0 {
			limit -= limit / 4
		}
		r.stopped = time.Since(r.began) > limit
	}
	return r.stopped
}

// late reports whether the budget of time is used up.
func (r *runner) late() bool { return r.config.Time > 0 && time.Since(r.began) > r.config.Time }

// finish takes in what has come out of a check. Outcomes count in the order of
// the plan, and those behind the end of the exploration not at all: this is what
// makes the result independent of which worker is faster.
func (r *runner) finish(o outcome, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil {
		if r.err == nil {
			r.err = err
		}
		r.stopped = true
		return
	}
	r.done[o.image.seq] = o
	for r.weight < enough {
		o, found := r.done[r.next]
		if !found {
			return
		}
		delete(r.done, r.next)
		r.next++
		r.count(o)
	}
	r.stopped = true
}

func (r *runner) count(o outcome) {
	r.images++
	r.touched[o.image.point] = struct{}{}
	r.verdicts[o.image.key] = o.verdict
	if !o.verdict.Failed {
		return
	}
	r.failing++
	r.weight++
	if o.verdict.Phase == "timeout" {
		r.weight += timeoutWeight - 1
	}
	r.groups.add(o.image, o.verdict)
}

// tried returns how many points had an image checked, or equal to one that was.
func (r *runner) tried() int {
	if r.images < r.plan.selected {
		return len(r.touched) // equal to which, is not known
	}
	n := 0
	for _, c := range r.plan.covered {
		if c {
			n++
		}
	}
	return n
}
