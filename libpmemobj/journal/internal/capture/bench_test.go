package capture_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/libpmemobj/journal/internal/capture"
	"github.com/pmem/pmdk-go/libpmemobj/journal/internal/flushlog"
)

// What a flush of a cache line costs: a real one, and a captured one, of lines
// that are in the batch already, or are not.
func BenchmarkPersist(b *testing.B) {
	const size = 4 << 20
	c := newCapture(b, capture.DefaultLines)
	m, _ := mapped(b, c, size, size)
	real, err := flushlog.Map(file(b, size), size, size)
	require.NoError(b, err)
	defer flushlog.Unmap(real)
	clear(m)
	clear(real)
	b.Run("real", func(b *testing.B) { flushlog.Times(real[header:], 64, b.N) })
	b.Run("captured", func(b *testing.B) { flushlog.Times(m[header:], 64, b.N) })
	b.Run("captured-new", func(b *testing.B) {
		lines := 8 << 10
		for n := b.N; n > 0; n -= lines {
			flushlog.Times(m[header:], lines, min(n, lines))
			if got, ok := c.Take(); ok {
				c.Give(got)
			}
		}
	})
}

// What it costs to take a batch of one line, and to encode a full one.
func BenchmarkTake(b *testing.B) {
	const size = 4 << 20
	c := newCapture(b, capture.DefaultLines)
	m, _ := mapped(b, c, size, size)
	b.Run("one", func(b *testing.B) {
		for b.Loop() {
			flushlog.Persist(m[header : header+64])
			got, _ := c.Take()
			c.Give(got)
		}
	})
	flushlog.Persist(m[header : header+64*capture.DefaultLines])
	got, ok := c.Take()
	require.True(b, ok)
	defer c.Give(got)
	b.Run("encode", func(b *testing.B) {
		var dst []byte
		for b.Loop() {
			dst = got.AppendTo(dst[:0])
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(got.Len()), "ns/line")
	})
}
