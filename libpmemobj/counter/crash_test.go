//go:build !pmdk_dynamic

package counter_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/pmem/pmdk-go/internal/crashmodel"
	"github.com/pmem/pmdk-go/internal/testpool"
	"github.com/pmem/pmdk-go/libpmem/crashtest"
	"github.com/pmem/pmdk-go/libpmemobj"
	"github.com/pmem/pmdk-go/libpmemobj/counter"
)

func openTwo(p *libpmemobj.Pool) (a, b *counter.Sharded, err error) {
	a, err1 := counter.Open(p, "a")
	b, err2 := counter.Open(p, "b")
	return a, b, errors.Join(err1, err2)
}

// Ensure that a crash at any moment leaves each operation done or not begun.
func TestCrash(t *testing.T) {
	rollBack := errors.New("roll back")
	move := func(result error) func(a, b *counter.Sharded, p *libpmemobj.Pool) error {
		return func(a, b *counter.Sharded, p *libpmemobj.Pool) error {
			err := p.Update(func(tx *libpmemobj.Tx) error {
				return errors.Join(a.In(tx).Add(-3), b.In(tx).Add(3), result)
			})
			if result != nil && errors.Is(err, result) {
				return nil
			}
			return err
		}
	}
	steps := []func(a, b *counter.Sharded, p *libpmemobj.Pool) error{
		func(a, _ *counter.Sharded, _ *libpmemobj.Pool) error { return a.Add(10) },
		func(a, _ *counter.Sharded, _ *libpmemobj.Pool) error { return a.Add(-4) },
		move(nil),
		func(a, _ *counter.Sharded, _ *libpmemobj.Pool) error { return a.Store(1000) },
		move(rollBack),
		func(_, b *counter.Sharded, _ *libpmemobj.Pool) error { return b.Add(1) },
		func(a, b *counter.Sharded, p *libpmemobj.Pool) error {
			return p.Update(func(tx *libpmemobj.Tx) error { return errors.Join(a.In(tx).Store(7), b.In(tx).Store(8)) })
		},
		func(a, _ *counter.Sharded, _ *libpmemobj.Pool) error { return a.Add(10) },
	}
	var bound []func(p *libpmemobj.Pool) error
	for _, step := range steps {
		bound = append(bound, func(p *libpmemobj.Pool) error {
			a, b, err := openTwo(p)
			if err != nil {
				return err
			}
			return step(a, b, p)
		})
	}
	crashmodel.Run(t, crashtest.Config{Images: 500, Warnings: crashtest.Ignore}, crashmodel.Workload[*libpmemobj.Pool]{
		Actors: []crashmodel.Actor[*libpmemobj.Pool]{crashmodel.Steps[*libpmemobj.Pool]{
			Setup: func(p *libpmemobj.Pool) error { _, _, err := openTwo(p); return err },
			Steps: bound,
			Contents: func(p *libpmemobj.Pool) (string, error) {
				a, b, err := openTwo(p)
				if err != nil {
					return "", err
				}
				x, err1 := a.Load()
				y, err2 := b.Load()
				return fmt.Sprintf("%d and %d", x, y), errors.Join(err1, err2)
			},
		}.Actor(t, stepsPool)},
	})
}

// Ensure that of many goroutines' additions a crash loses none that returned.
// Each adds in digits of its own, so that they can be told apart.
func TestCrashParallel(t *testing.T) {
	const each, base = 10, 100
	var actors []crashmodel.Actor[*libpmemobj.Pool]
	for g, unit := range []int64{1, base, base * base} {
		actors = append(actors, crashmodel.Script[*libpmemobj.Pool, int64, struct{}]{
			Name:  fmt.Sprint("goroutine ", g),
			Steps: each,
			Setup: func(p *libpmemobj.Pool) error { _, err := counter.Open(p, "c"); return err },
			Draw:  func(*rand.Rand, int64) struct{} { return struct{}{} },
			Apply: func(n int64, _ struct{}) int64 { return n + 1 },
			Do: func(p *libpmemobj.Pool, _ struct{}) error {
				c, err := counter.Open(p, "c")
				if err != nil {
					return err
				}
				if g == 0 {
					return p.Update(func(tx *libpmemobj.Tx) error { return c.In(tx).Add(unit) })
				}
				return c.Add(unit)
			},
			Read: func(p *libpmemobj.Pool) (int64, error) {
				c, err := counter.Open(p, "c")
				if err != nil {
					return 0, err
				}
				n, err := c.Load()
				return n / unit % base, err
			},
		}.Actor())
	}
	crashmodel.Run(t, crashtest.Config{Images: 300, Warnings: crashtest.Ignore}, crashmodel.Workload[*libpmemobj.Pool]{Actors: actors})
}

func stepsPool(t testing.TB) *libpmemobj.Pool { return testpool.New(t) }
