package libpmemobj

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// Ensure that spans cover what was added and not removed, byte by byte.
func TestSpans(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		var s spans
		var in [300]int // the span that a byte belongs to, by its start + 1
		for range 40 {
			start := uint64(rnd.IntN(290))
			end := start + 1 + uint64(rnd.IntN(10))
			if i, ok := s.search(start); ok && rnd.IntN(2) == 0 {
				start = s[i].start
				end = s[i].end
				s.remove(start)
				for b := start; b < end; b++ {
					in[b] = 0
				}
				continue
			}
			s.remove(start) // does nothing unless a span starts there
			for b := range in {
				if in[b] == int(start)+1 {
					in[b] = 0
				}
			}
			free := true
			for b := start; b < end; b++ {
				free = free && in[b] == 0
			}
			if !free {
				continue
			}
			s.add(span{start, end})
			for b := start; b < end; b++ {
				in[b] = int(start) + 1
			}
		}
		for off := range uint64(290) {
			for n := range uint64(10) {
				want := in[off] != 0
				for b := off; b < off+n; b++ {
					want = want && in[b] == in[off]
				}
				require.Equal(t, want, s.covers(off, n), "[%d, %d) of %v", off, off+n, s)
			}
		}
	}
}

func TestSpansNoOverflow(t *testing.T) {
	s := spans{{10, 20}}
	require.False(t, s.covers(15, ^uint64(0)))
	require.False(t, s.covers(^uint64(0), 2))
	require.False(t, spans(nil).covers(0, 0))
}
