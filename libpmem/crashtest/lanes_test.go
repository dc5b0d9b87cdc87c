package crashtest_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/pmem/pmdk-go/libpmem/crashtest"
	"github.com/pmem/pmdk-go/libpmemobj"
)

// Ensure that a workload of more threads than a worker's pool usually has lanes
// for is checked with all that it has used, and that a check may have as many.
func TestRunGoroutines(t *testing.T) {
	needRecorder(t)
	const threads = 20
	type counters struct {
		N [threads][8]int64 // a line each
	}
	all := func(p *libpmemobj.Pool, f func(i int32, root libpmemobj.Ptr[counters]) error) error {
		root, err := libpmemobj.Root[counters](p)
		if err != nil {
			return err
		}
		var wait, inside sync.WaitGroup
		inside.Add(threads)
		failed := make(chan error, threads)
		for i := range int32(threads) {
			wait.Go(func() {
				err := p.Update(func(tx *libpmemobj.Tx) error {
					libpmemobj.MutAt(tx, &root.Get().N[i])[0]++
					// Each in a transaction, and a lane, of its own.
					inside.Done()
					inside.Wait()
					return nil
				})
				if err == nil {
					err = f(i, root)
				}
				failed <- err
			})
		}
		wait.Wait()
		close(failed)
		for err := range failed {
			if err != nil {
				return err
			}
		}
		return nil
	}
	r := crashtest.Run(t, crashtest.Config{Images: 100, Dir: t.TempDir()}, func(p *libpmemobj.Pool) error {
		return all(p, func(i int32, _ libpmemobj.Ptr[counters]) error {
			crashtest.AckAs(i, 1)
			return nil
		})
	}, func(p *libpmemobj.Pool, acked crashtest.Acked) error {
		root, err := libpmemobj.Root[counters](p)
		if err != nil {
			return err
		}
		before := *root.Get()
		for i := range before.N {
			if n := before.N[i][0]; n < acked.Of(int32(i)) || n > 1 {
				return fmt.Errorf("goroutine %d counted to %d; acknowledged: %v", i, n, acked)
			}
		}
		return all(p, func(i int32, root libpmemobj.Ptr[counters]) error {
			if root.Get().N[i][0] != before.N[i][0]+1 {
				return fmt.Errorf("goroutine %d can't count", i)
			}
			return nil
		})
	})
	assert.Equal(t, 100, r.Images)
}
