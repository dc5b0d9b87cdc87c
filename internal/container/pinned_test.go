package container_test

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/container"
	"github.com/pmem/pmdk-go/internal/testpool"
)

// Ensure that nobody is pinned while the pool is closed, and that whoever was
// before has left: the memory is gone then.
func TestPin(t *testing.T) {
	for range 20 {
		p := testpool.New(t)
		oid, err := p.Zalloc(nil, 64, 1)
		require.NoError(t, err)
		word, err := p.Bytes(oid, 0, 8)
		require.NoError(t, err)
		var l container.Lock
		require.NoError(t, l.Init(p, nil))
		var wg sync.WaitGroup
		started := make(chan struct{}, 2)
		for range 2 {
			wg.Go(func() {
				sum := 0
				for i := 0; ; i++ {
					ok := l.Pin()
					if ok {
						for range 20 {
							sum += int(word[i%8])
						}
					}
					l.Unpin()
					if !ok {
						break
					}
					if i == 0 {
						started <- struct{}{}
					}
				}
				require.Zero(t, sum)
			})
		}
		<-started
		<-started
		require.NoError(t, p.Close())
		wg.Wait()
		require.False(t, l.Pin())
		l.Unpin()
	}
}
