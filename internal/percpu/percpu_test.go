package percpu

import (
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

// Ensure that an index names a processor, and that numbers of slots are powers
// of two that cover the processors.
func TestIndex(t *testing.T) {
	for range 1000 {
		i := Index()
		require.GreaterOrEqual(t, i, 0)
		require.Less(t, i, runtime.GOMAXPROCS(0))
		runtime.Gosched()
	}
	n := Slots(1 << 10)
	require.GreaterOrEqual(t, n, runtime.GOMAXPROCS(0))
	require.Zero(t, n&(n-1))
	require.Equal(t, 1, Slots(1))
}

func BenchmarkIndex(b *testing.B) {
	for b.Loop() {
		Index()
	}
}
