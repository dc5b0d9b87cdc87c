package latency

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// Ensure that quantiles are those of the sorted durations, as near as a bucket
// is wide, whatever the durations look like.
func TestQuantiles(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for name, draw := range map[string]func() time.Duration{
		"short":     func() time.Duration { return time.Duration(rng.IntN(300)) },
		"even":      func() time.Duration { return time.Duration(rng.Int64N(int64(time.Second))) },
		"long tail": func() time.Duration { return time.Duration(math.Exp(rng.NormFloat64()*3 + 12)) },
		"any":       func() time.Duration { return time.Duration(rng.Uint64() >> (1 + rng.IntN(63))) },
	} {
		t.Run(name, func(t *testing.T) {
			var whole Histogram
			var halves [2]Histogram
			var model []time.Duration
			for i := range 20_000 {
				d := draw()
				model = append(model, d)
				whole.Add(d)
				halves[i%2].Add(d)
			}
			slices.Sort(model)
			halves[0].Merge(&halves[1])
			assert.Equal(t, whole, halves[0], "two histograms merged are one")
			assert.EqualValues(t, len(model), whole.Count())
			assert.Equal(t, model[len(model)-1], whole.Max())
			for _, q := range []float64{0, 0.001, 0.1, 0.5, 0.9, 0.99, 0.999, 0.99999, 1} {
				want := model[max(0, int(math.Ceil(q*float64(len(model))))-1)]
				assert.InDelta(t, float64(want), float64(whole.Quantile(q)), float64(want)/128, "quantile %v", q)
			}
		})
	}
}

// Ensure that buckets follow one another without gaps, and that the middle of
// each lies in it.
func TestBuckets(t *testing.T) {
	for i := range buckets {
		assert.Equal(t, i, bucket(uint64(middle(i))))
	}
	assert.Equal(t, buckets-1, bucket(math.MaxUint64))
	for v := range uint64(1 << 16) {
		assert.Contains(t, []int{0, 1}, bucket(v+1)-bucket(v), "after %d", v)
	}
}

func TestNothingCounted(t *testing.T) {
	var h Histogram
	assert.Zero(t, h.Quantile(0.5))
	assert.Zero(t, h.Max())
	assert.Zero(t, h.Count())
}

// Ensure that a clock that goes backwards does not end the program.
func TestNegative(t *testing.T) {
	var h Histogram
	h.Add(-time.Second)
	assert.EqualValues(t, 1, h.Count())
	assert.Zero(t, h.Quantile(1))
}
