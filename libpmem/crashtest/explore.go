package crashtest

import (
	"fmt"
	"time"

	"github.com/pmem/pmdk-go/libpmem/crashtest/internal/diagnose"
	"github.com/pmem/pmdk-go/libpmem/crashtest/internal/explore"
	"github.com/pmem/pmdk-go/libpmem/crashtest/internal/trace"
	"github.com/pmem/pmdk-go/libpmem/crashtest/internal/worker"
)

// newChecker makes what checks the images: processes if there can be any.
func (s *subject) newChecker(run int, dir *scratch, t *trace.Trace) (checker, error) {
	if s.t != nil && worker.Possible(s.t.Name()) {
		return newRemote(s, run, dir, t, nil)
	}
	s.config.Workers = 1
	return newLocal(s, dir, t)
}

// explore checks the images of a recording.
func (s *subject) explore(r *Report, run int, dir *scratch, t *trace.Trace) error {
	ch, err := s.newChecker(run, dir, t)
	if err != nil {
		return err
	}
	defer ch.close()
	began := time.Now() // with a process that is there
	c := &s.config
	result, err := explore.Run(t, explore.Config{
		Seed:       c.Seed,
		Images:     c.Images,
		Time:       c.Time,
		PerPoint:   c.PerPoint,
		AllSubsets: c.AllSubsets,
		WholeLines: c.WholeLines,
		Workers:    c.Workers,
	}, func(i int, choice trace.Choice) (explore.Verdict, error) {
		f, err := ch.examine(i, choice)
		return explore.Verdict{Failed: f.Phase != "", Phase: f.Phase, Message: f.Message}, err
	})
	if err != nil {
		return err
	}
	r.Checking = time.Since(began)
	r.Points, r.Images, r.Same = result.Points, result.Images, result.Same
	r.Failing, r.Shrinking = result.Failing, result.Shrinking
	for _, f := range result.Failures {
		failure, err := s.failure(run, t, f)
		if err != nil {
			return err
		}
		r.Failures = append(r.Failures, failure)
	}
	if c.Warnings != Ignore {
		for _, w := range diagnose.Warnings(t, diagnose.Options{}) {
			r.Warnings = append(r.Warnings, Warning{
				Kind: w.Kind.String(), Message: w.Message, Place: w.Place.String(), Count: w.Count,
			})
		}
	}
	return nil
}

// failure describes a failure, and keeps its image if that is wanted.
func (s *subject) failure(run int, t *trace.Trace, f explore.Failure) (Failure, error) {
	state := trace.NewState(t)
	state.Seek(f.Minimal.Point)
	failure := Failure{
		Phase:   f.Verdict.Phase,
		Message: f.Verdict.Message,
		Point:   f.Minimal.Point,
		Acked:   ackedOf(state.Acked()),
		Seen:    f.Seen,
		Choice:  f.Minimal.String(),
	}
	failure.Text = diagnose.Explain(t, f, diagnose.Options{})
	if s.t == nil {
		return failure, nil
	}
	fingerprint, err := state.Fingerprint(f.Minimal)
	if err != nil {
		return failure, err
	}
	failure.name = keptName(s.t.Name(), run, f.Minimal, fingerprint)
	if *flagKeep == "" {
		return failure, nil
	}
	k := keptImage{
		Test:    s.t.Name(),
		Run:     run,
		Store:   s.name,
		Point:   failure.Point,
		Choice:  failure.Choice,
		Acked:   failure.Acked,
		Phase:   failure.Phase,
		Message: failure.Message,
	}
	if err := state.Apply(f.Minimal); err != nil {
		return failure, err
	}
	if failure.Kept, err = k.write(*flagKeep, failure.name, state.Durable()); err != nil {
		return failure, fmt.Errorf("an image that failed can't be kept: %w", err)
	}
	return failure, nil
}
