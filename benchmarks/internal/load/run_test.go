package load

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/benchmarks/internal/engine"
)

// memory is an engine whose puts take so long.
type memory struct {
	mu     sync.Mutex
	values map[uint64]engine.Value
	takes  time.Duration
	puts   atomic.Int64
	failAt int64
	lose   bool
}

var errFull = errors.New("full")

func (m *memory) Put(key uint64, value *engine.Value) error {
	if n := m.puts.Add(1); m.failAt > 0 && n >= m.failAt {
		return errFull
	}
	time.Sleep(m.takes)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.values == nil {
		m.values = make(map[uint64]engine.Value)
	}
	if !m.lose {
		m.values[key] = *value
	}
	return nil
}

func (m *memory) Get(key uint64) (engine.Value, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	v, found := m.values[key]
	return v, found, nil
}

func (m *memory) Close() error { return nil }

// Ensure that puts of the warm-up are done but not counted, that every
// goroutine has its own keys, and that no put is faster than the engine.
func TestRun(t *testing.T) {
	m := &memory{takes: time.Millisecond}
	r, err := Run(m, Spec{Goroutines: 3, Keys: Keys{Seed: 7}, Warmup: 30 * time.Millisecond, Measure: 50 * time.Millisecond})
	require.NoError(t, err)
	puts := uint64(m.puts.Load())
	assert.Len(t, m.values, int(puts), "each put has a key of its own")
	assert.Positive(t, r.Puts)
	assert.Less(t, r.Puts, puts)
	assert.LessOrEqual(t, r.Puts, uint64(3*50))
	assert.GreaterOrEqual(t, r.Latency.Quantile(0), time.Millisecond*127/128)
	assert.Equal(t, r.Puts, uint64(r.Rate()*0.05+0.5))
	require.Len(t, r.Seconds, 1)
	assert.Equal(t, r.Puts, r.Seconds[0].Puts)
	assert.Equal(t, r.Latency.Max(), r.Seconds[0].Max)
}

// Ensure which puts are counted, and in which second.
func TestCount(t *testing.T) {
	const ms = time.Millisecond
	w := &worker{Spec: Spec{Measure: 2500 * ms}}
	w.Seconds = make([]Second, 3)
	w.count(-500*ms, -100*ms) // warm-up
	assert.Zero(t, w.Puts+w.Latency.Count())
	w.count(-100*ms, 300*ms) // began in it
	w.count(300*ms, 1200*ms)
	w.count(1200*ms, 1300*ms)
	w.count(1300*ms, 9000*ms) // ended after all
	assert.EqualValues(t, 3, w.Puts)
	assert.EqualValues(t, 3, w.Latency.Count())
	assert.Equal(t, []Second{{1, 0}, {2, 900 * ms}, {0, 7700 * ms}}, w.Seconds)
	assert.Equal(t, 7700*ms, w.Latency.Max())
}

// Ensure that the first error ends all goroutines and says whose put it was.
func TestRunFails(t *testing.T) {
	m := &memory{failAt: 20, takes: time.Millisecond}
	_, err := Run(m, Spec{Goroutines: 4, Measure: time.Hour})
	require.ErrorIs(t, err, errFull)
	assert.ErrorContains(t, err, "of goroutine")
}

// Ensure that an engine that keeps nothing is found out.
func TestRunLoses(t *testing.T) {
	_, err := Run(&memory{lose: true, takes: time.Millisecond}, Spec{Goroutines: 1, Measure: 5 * time.Millisecond})
	assert.ErrorContains(t, err, "is gone")
}

func TestNothingToMeasure(t *testing.T) {
	for _, s := range []Spec{{}, {Goroutines: 1}, {Measure: 1}, {Goroutines: 1, Measure: 1, Warmup: -1}} {
		_, err := Run(&memory{}, s)
		assert.ErrorContains(t, err, "nothing to measure")
	}
}

func TestKeys(t *testing.T) {
	seen := make(map[uint64]bool)
	for n := range uint64(10_000) {
		seen[Keys{Seed: 5}.At(n)] = true
	}
	assert.Len(t, seen, 10_000, "all keys are different")

	few := Keys{Seed: 5, Among: 100}
	all := make(map[uint64]engine.Value)
	content := few.Content()
	for _, key := range content.Keys {
		var v engine.Value
		content.ValueOf(key, &v)
		all[key] = v
	}
	assert.Len(t, all, 100)
	hit := make(map[uint64]bool)
	for n := range uint64(2000) {
		key := few.At(n)
		hit[key] = true
		var v engine.Value
		ValueOf(key, &v)
		require.Equal(t, all[key], v)
	}
	assert.Len(t, hit, 100, "all keys come in time")
}
