package main

import (
	"fmt"
	"testing"

	"github.com/pmem/pmdk-go/internal/crashmodel"
	"github.com/pmem/pmdk-go/libpmem/crashtest"
	"github.com/pmem/pmdk-go/libpmemobj"
)

// Ensure that after a power failure, the counter says how long the list is, no
// run that was recorded is missing, and nothing leaks.
func TestCrash(t *testing.T) {
	when := func(n uint64) int64 { return 1_000_000 + 7*int64(n) }
	crashtest.Run(t, crashtest.Config{Images: crashmodel.Images}, func(pool *libpmemobj.Pool) error {
		root, err := libpmemobj.Root[Root](pool)
		if err != nil {
			return err
		}
		for n := range uint64(20) {
			if err := record(pool, root, when(n)); err != nil {
				return err
			}
			crashtest.Ack(int64(n + 1))
		}
		return nil
	}, func(pool *libpmemobj.Pool, acked crashtest.Acked) error {
		root, err := libpmemobj.Root[Root](pool)
		if err != nil {
			return err
		}
		left := root.Get().Count
		if n := int64(left); n < acked.Last() || n > acked.Last()+1 {
			return fmt.Errorf("%d runs, %d were acknowledged", n, acked.Last())
		}
		for at := root.Get().Last; !at.IsNull(); at = at.Get().Older {
			if left == 0 {
				return fmt.Errorf("the list is longer than %d", root.Get().Count)
			}
			if left--; at.Get().When != when(left) {
				return fmt.Errorf("run %d was at %d, it says %d", left, when(left), at.Get().When)
			}
		}
		if left != 0 {
			return fmt.Errorf("the list ends %d runs too early", left)
		}
		leaks, err := pool.Leaks(root)
		if err != nil {
			return err
		}
		if leaks.Count() != 0 || leaks.DoubtCount != 0 {
			return fmt.Errorf("leaks: %v", leaks)
		}
		return nil
	})
}
