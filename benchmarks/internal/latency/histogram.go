// Package latency counts how long operations take, in memory of a fixed size.
package latency

import (
	"math"
	"math/bits"
	"time"
)

// Durations below 2*parts nanoseconds have a bucket each; above, each power of
// two is divided into parts, so that a bucket is 1/64 of its durations wide.
const (
	partBits = 6
	parts    = 1 << partBits
	buckets  = (64-partBits-1)*parts + 2*parts
)

// Histogram is ready for use as it is. It belongs to one goroutine at a time.
type Histogram struct {
	counts [buckets]uint64
	n      uint64
	max    time.Duration
}

// Add counts an operation that took d.
func (h *Histogram) Add(d time.Duration) {
	d = max(d, 0)
	h.counts[bucket(uint64(d))]++
	h.n++
	h.max = max(h.max, d)
}

// Merge adds what another histogram has counted.
func (h *Histogram) Merge(other *Histogram) {
	for i, n := range other.counts {
		h.counts[i] += n
	}
	h.n += other.n
	h.max = max(h.max, other.max)
}

// Count is how many operations were counted.
func (h *Histogram) Count() uint64 { return h.n }

// Max is the longest duration, exactly.
func (h *Histogram) Max() time.Duration { return h.max }

// Quantile is the duration that the share q of all operations, 0 to 1, did not
// exceed, give or take 1/128 of it. It is 0 if there were no operations.
func (h *Histogram) Quantile(q float64) time.Duration {
	if h.n == 0 {
		return 0
	}
	rank := uint64(math.Ceil(q * float64(h.n)))
	rank = min(max(rank, 1), h.n)
	seen := uint64(0)
	for i, n := range h.counts {
		if seen += n; seen >= rank {
			return min(middle(i), h.max)
		}
	}
	return h.max
}

func bucket(v uint64) int {
	if v < 2*parts {
		return int(v)
	}
	shift := bits.Len64(v) - partBits - 1
	return shift*parts + int(v>>shift)
}

// middle is the duration in the middle of a bucket.
func middle(i int) time.Duration {
	if i < 2*parts {
		return time.Duration(i)
	}
	shift := i/parts - 1
	low := uint64(i-shift*parts) << shift
	return time.Duration(low + uint64(1)<<shift/2)
}
