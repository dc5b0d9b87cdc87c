package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestMedian(t *testing.T) {
	for _, test := range []struct {
		in   []float64
		want float64
	}{
		{[]float64{3}, 3},
		{[]float64{1, 4}, 2.5},
		{[]float64{9, 1, 2}, 2},
		{[]float64{4, 1, 100, 2}, 3},
	} {
		assert.Equal(t, test.want, median(test.in))
	}
}

// Ensure that each round times both sides, never beyond what one reset undoes,
// and that every batch is undone.
func TestTimeTakesTurns(t *testing.T) {
	var turns []string
	pending, resets := 0, 0
	do := func(side string) work {
		return func(n int) {
			assert.Zero(t, pending, "a batch was not undone")
			assert.LessOrEqual(t, n, 8)
			pending = n
			turns = append(turns, side)
			time.Sleep(100 * time.Microsecond)
		}
	}
	p := &pair{inGo: do("Go"), inC: do("C"), batch: 8, reset: func() { pending = 0; resets++ }}
	// With slices this short, every one is a single batch.
	const rounds = 20
	p.time(rounds, 50*time.Microsecond)
	assert.Equal(t, len(turns), resets)
	timed := turns[len(turns)-2*rounds:]
	for i := 0; i < len(timed); i += 2 {
		assert.ElementsMatch(t, []string{"Go", "C"}, timed[i:i+2])
	}
}

func TestCompareRefuses(t *testing.T) {
	assert.ErrorContains(t, compare(1, time.Millisecond, "("), "missing closing )")
	assert.ErrorContains(t, compare(0, time.Millisecond, "."), "nothing to time")
	assert.ErrorContains(t, compare(1, 0, "."), "nothing to time")
}
