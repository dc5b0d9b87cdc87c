package libpmemobj

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// Ensure that merged ranges stay in order and apart, and that overlapsAny knows
// every byte of them.
func TestMerge(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		var s []span
		var want [80]bool
		for range rnd.IntN(12) {
			start := rnd.Uint64N(70)
			e := span{start, start + 1 + rnd.Uint64N(9)}
			s = merge(s, e)
			for i := e.start; i < e.end; i++ {
				want[i] = true
			}
		}
		for i := 1; i < len(s); i++ {
			require.Less(t, s[i-1].end, s[i].start)
		}
		for off := range uint64(70) {
			for n := range uint64(10) {
				any := false
				for i := off; i < off+n; i++ {
					any = any || want[i]
				}
				require.Equal(t, any, n > 0 && overlapsAny(s, off, n), "%v %d+%d", s, off, n)
			}
		}
	}
}
