//go:build !pmdk_dynamic

package counter_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/pmem/pmdk-go/internal/crashsteps"
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
	test := crashsteps.Test{
		Config: crashtest.Config{Images: 500, Warnings: crashtest.Ignore},
		Setup:  func(p *libpmemobj.Pool) error { _, _, err := openTwo(p); return err },
		Contents: func(p *libpmemobj.Pool) (string, error) {
			a, b, err := openTwo(p)
			if err != nil {
				return "", err
			}
			x, err1 := a.Load()
			y, err2 := b.Load()
			return fmt.Sprintf("%d and %d", x, y), errors.Join(err1, err2)
		},
	}
	for _, s := range steps {
		test.Steps = append(test.Steps, func(p *libpmemobj.Pool) error {
			a, b, err := openTwo(p)
			if err != nil {
				return err
			}
			return s(a, b, p)
		})
	}
	crashsteps.Run(t, test)
}

// Ensure that of many goroutines' additions a crash loses none that returned.
func TestCrashParallel(t *testing.T) {
	const goroutines, each = 3, 10
	crashtest.Run(t, crashtest.Config{Images: 300, Warnings: crashtest.Ignore}, func(p *libpmemobj.Pool) error {
		var c *counter.Sharded
		if err := crashtest.Unchecked(func() (err error) { c, err = counter.Open(p, "c"); return err }); err != nil {
			return err
		}
		var wg sync.WaitGroup
		errs := make([]error, goroutines)
		for g := range goroutines {
			wg.Go(func() {
				for i := range each {
					if g == 0 {
						errs[g] = p.Update(func(tx *libpmemobj.Tx) error { return c.In(tx).Add(1) })
					} else {
						errs[g] = c.Add(1)
					}
					if errs[g] != nil {
						return
					}
					crashtest.AckAs(int32(g), int64(i+1))
				}
			})
		}
		wg.Wait()
		return errors.Join(errs...)
	}, func(p *libpmemobj.Pool, acked crashtest.Acked) error {
		c, err := counter.Open(p, "c")
		if err != nil {
			return err
		}
		n, err := c.Load()
		if err != nil {
			return err
		}
		least := int64(0)
		for g := range goroutines {
			least += acked.Of(int32(g))
		}
		if n < least || n > least+goroutines {
			return fmt.Errorf("the counter is at %d, acknowledged were %d", n, least)
		}
		return nil
	})
}
