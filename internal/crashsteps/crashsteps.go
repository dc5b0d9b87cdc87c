// Package crashsteps tests what crashes leave of a container: of a sequence of
// steps, the crash lets all that were acknowledged happen, the one under way as a
// whole or not at all, and no other.
package crashsteps

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/testpool"
	"github.com/pmem/pmdk-go/libpmem/crashtest"
	"github.com/pmem/pmdk-go/libpmemobj"
)

// Test is what is to be tested.
type Test struct {
	Config crashtest.Config

	// Setup comes before the steps, and is not looked into. It may be nil.
	Setup func(p *libpmemobj.Pool) error

	// Steps are the operations. Each is atomic; all of them do the same
	// whenever they run.
	Steps []func(p *libpmemobj.Pool) error

	// Contents describes what is in the pool, so that no two states that the
	// steps lead to are alike unless they are the same. It changes nothing.
	Contents func(p *libpmemobj.Pool) (string, error)

	// Finish is called after a crash, when the contents are right: to see that
	// the pool can be used, and that nothing was lost in it. It may be nil.
	Finish func(p *libpmemobj.Pool) error
}

// Run runs the test: once to learn what the states are, then with crashes.
func Run(t *testing.T, test Test) *crashtest.Report {
	t.Helper()
	// In a worker of crashtest, which does not return from Run, the pool must be
	// gone before that.
	var states []string
	t.Run("states", func(t *testing.T) { states = test.states(t) })
	require.False(t, t.Failed())
	return crashtest.Run(t, test.Config, func(p *libpmemobj.Pool) error {
		err := crashtest.Unchecked(func() error {
			if test.Setup == nil {
				return nil
			}
			return test.Setup(p)
		})
		if err != nil {
			return err
		}
		for i, step := range test.Steps {
			crashtest.Ack(int64(i))
			if err := step(p); err != nil {
				return fmt.Errorf("step %d: %w", i, err)
			}
		}
		crashtest.Ack(int64(len(test.Steps)))
		return nil
	}, func(p *libpmemobj.Pool, acked crashtest.Acked) error {
		have, err := test.Contents(p)
		if err != nil {
			return err
		}
		before := acked.Last()
		after := min(int(before)+1, len(states)-1)
		if have != states[before] && have != states[after] {
			return fmt.Errorf("after %d steps: %s; want %s, or %s", before, have, states[before], states[after])
		}
		if test.Finish == nil {
			return nil
		}
		return test.Finish(p)
	})
}

// states are those before the first step and after each.
func (test Test) states(t *testing.T) []string {
	t.Helper()
	p := testpool.New(t)
	if test.Setup != nil {
		require.NoError(t, test.Setup(p))
	}
	var states []string
	for i := range len(test.Steps) + 1 {
		if i > 0 {
			require.NoError(t, test.Steps[i-1](p), "step %d", i-1)
		}
		s, err := test.Contents(p)
		require.NoError(t, err)
		states = append(states, s)
	}
	return states
}

// Objects is how many objects there are in a pool.
func Objects(p *libpmemobj.Pool) int {
	n := 0
	for range p.Objects() {
		n++
	}
	return n
}
