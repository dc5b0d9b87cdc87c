package trace

// A Point is a moment of a trace at which the machine may crash.
type Point struct {
	// At is how many events have happened: State.Advance(At) is the moment,
	// and Choice.Point names it. No two points have the same.
	At int
	// Reason is Fence or Sync if that is the event that was to come next, Mark
	// if it is the event before, 0 at the end of the trace.
	Reason Kind
	// Acked is what the program had acknowledged.
	Acked Acked
	// InFlight is how many units can be lost.
	InFlight int
}

// Points returns the crash points of a trace in its order: before each Fence
// and Sync while anything is in flight, after each Mark, and at the end, but
// none between a Pause and its Resume. A Fence or Sync before which nothing has
// changed since the last point gives none, as it could not give another image.
func (t *Trace) Points() []Point {
	var points []Point
	s := NewState(t)
	add := func(reason Kind) {
		if s.paused > 0 || len(points) > 0 && points[len(points)-1].At == s.at {
			return
		}
		points = append(points, Point{At: s.at, Reason: reason, Acked: s.acked, InFlight: len(s.units)})
		s.changed = false
	}
	for i := range t.Events {
		k := t.Events[i].Kind
		if (k == Fence || k == Sync) && len(s.units) > 0 && s.changed {
			add(k)
		}
		s.Advance(i + 1)
		if k == Mark {
			add(Mark)
		}
	}
	add(0)
	return points
}
