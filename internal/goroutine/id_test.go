package goroutine

import (
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

// Ensure that an ID stays the same over the life of a goroutine and that no
// two live goroutines share one.
func TestID(t *testing.T) {
	const n = 100
	ids := make(chan uintptr)
	hold := make(chan struct{})
	for range n {
		go func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			id := ID()
			growStack(1000)
			runtime.Gosched()
			if ID() != id {
				id = 0
			}
			ids <- id
			<-hold
		}()
	}
	seen := map[uintptr]bool{}
	for range n {
		seen[<-ids] = true
	}
	close(hold)
	require.Len(t, seen, n, "two goroutines had the same ID")
	require.NotContains(t, seen, uintptr(0), "an ID changed under its goroutine")
}

func growStack(n int) int {
	var a [128]byte
	if n == 0 {
		return int(a[0])
	}
	return growStack(n-1) + int(a[n%128])
}

func BenchmarkID(b *testing.B) {
	for b.Loop() {
		ID()
	}
}
