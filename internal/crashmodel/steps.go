package crashmodel

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// Steps is a Script of operations that are written down, instead of drawn, and
// whose model is a description of what is in the store.
type Steps[S any] struct {
	Setup func(s S) error // as that of a Script
	Steps []func(s S) error

	// Contents describes what is in the store, so that no two states that the
	// steps lead to are alike unless they are the same. It changes nothing.
	Contents func(s S) (string, error)
}

// step is the index of one of the Steps.
type step int

// String names the step.
func (i step) String() string { return fmt.Sprintf("step %d", int(i)) }

// Actor does the steps in a store of its own, to learn what the states are. A
// worker of crashtest does not return from the test: so what own leaves to the
// end of the test is done before.
func (x Steps[S]) Actor(t *testing.T, own func(t testing.TB) S) (a Actor[S]) {
	t.Helper()
	t.Run("states", func(t *testing.T) { a = x.actor(t, own(t)) })
	require.False(t, t.Failed())
	return a
}

func (x Steps[S]) actor(t *testing.T, own S) Actor[S] {
	t.Helper()
	if x.Setup != nil {
		require.NoError(t, x.Setup(own))
	}
	start, err := x.Contents(own)
	require.NoError(t, err)
	next := step(0)
	return Script[S, string, step]{
		Name:  "steps",
		Steps: len(x.Steps),
		Start: start,
		Setup: x.Setup,
		Draw:  func(*rand.Rand, string) step { next++; return next - 1 },
		Apply: func(_ string, i step) string {
			require.NoError(t, x.Steps[i](own), "%v", i)
			state, err := x.Contents(own)
			require.NoError(t, err)
			return state
		},
		Do:   func(s S, i step) error { return x.Steps[i](s) },
		Read: x.Contents,
		Differ: func(want, got string) string {
			if want == got {
				return ""
			}
			return fmt.Sprintf("there is %s, should be %s", got, want)
		},
		GoOn: -1, // there are no more steps behind the last one
	}.Actor()
}
