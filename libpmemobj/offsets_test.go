package libpmemobj

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// Ensure that a set of offsets holds what was added, aligned or not.
func TestOffsets(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	var s offsets
	model := map[uint64]bool{}
	for range 20_000 {
		off := rnd.Uint64N(4 * offsetsPage)
		if rnd.IntN(4) > 0 {
			off &^= 7
		}
		require.Equal(t, model[off], s.has(off))
		if rnd.IntN(2) == 0 {
			require.Equal(t, !model[off], s.add(off))
			model[off] = true
		}
	}
	require.False(t, s.has(1<<40))
	require.False(t, s.has(1<<40+1))
}
