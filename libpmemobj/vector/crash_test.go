//go:build !pmdk_dynamic

package vector_test

import (
	"errors"
	"fmt"
	"hash/crc32"
	"sync"
	"testing"

	"github.com/pmem/pmdk-go/internal/crashsteps"
	"github.com/pmem/pmdk-go/libpmem/crashtest"
	"github.com/pmem/pmdk-go/libpmemobj"
	"github.com/pmem/pmdk-go/libpmemobj/vector"
)

// Ensure that a crash at any moment leaves each operation done or not begun.
func TestCrash(t *testing.T) {
	type step = func(v, w *vector.Vector[wide], p *libpmemobj.Pool) error
	some := func(from, n int) (xs []wide) {
		for i := range n {
			xs = append(xs, makeWide(from+i))
		}
		return xs
	}
	steps := []step{
		func(v, _ *vector.Vector[wide], _ *libpmemobj.Pool) error { return second(v.Append(makeWide(1))) }, // the first segment
		func(v, _ *vector.Vector[wide], _ *libpmemobj.Pool) error { return second(v.Append(makeWide(2))) },
		func(v, _ *vector.Vector[wide], _ *libpmemobj.Pool) error { return v.Set(0, makeWide(9)) },
		func(v, _ *vector.Vector[wide], _ *libpmemobj.Pool) error { return second(v.AppendAll(some(100, 61))) },
		func(v, _ *vector.Vector[wide], _ *libpmemobj.Pool) error { return second(v.AppendAll(some(200, 10))) }, // into the second segment
		func(v, _ *vector.Vector[wide], _ *libpmemobj.Pool) error { return second(v.Pop()) },
		func(v, w *vector.Vector[wide], p *libpmemobj.Pool) error {
			return p.Update(func(tx *libpmemobj.Tx) error {
				x, err := v.In(tx).Pop()
				if err != nil {
					return err
				}
				return errors.Join(second(w.In(tx).Append(x)), v.In(tx).Set(3, makeWide(5)), second(v.In(tx).Append(makeWide(7))))
			})
		},
		func(v, _ *vector.Vector[wide], p *libpmemobj.Pool) error {
			err := p.Update(func(tx *libpmemobj.Tx) error {
				return errors.Join(second(v.In(tx).AppendAll(some(0, 80))), v.In(tx).Set(0, makeWide(55)), errRollBack)
			})
			if !errors.Is(err, errRollBack) {
				return err
			}
			return nil
		},
		func(v, _ *vector.Vector[wide], _ *libpmemobj.Pool) error { return second(v.Append(makeWide(3))) },
		func(v, _ *vector.Vector[wide], _ *libpmemobj.Pool) error { return v.Truncate(3) },
		func(v, _ *vector.Vector[wide], _ *libpmemobj.Pool) error { return second(v.AppendN(70, makeWide(4))) },
		func(v, _ *vector.Vector[wide], _ *libpmemobj.Pool) error { return v.Clear() },
		func(_, w *vector.Vector[wide], _ *libpmemobj.Pool) error { return second(w.Append(makeWide(6))) },
	}
	open := func(p *libpmemobj.Pool) (v, w *vector.Vector[wide], err error) {
		v, err1 := vector.Open[wide](p, "v")
		w, err2 := vector.Open[wide](p, "w")
		return v, w, errors.Join(err1, err2)
	}
	test := crashsteps.Test{
		Config: crashtest.Config{Images: 800, Warnings: crashtest.Ignore},
		Setup:  func(p *libpmemobj.Pool) error { _, _, err := open(p); return err },
		Contents: func(p *libpmemobj.Pool) (string, error) {
			v, w, err := open(p)
			if err != nil {
				return "", err
			}
			return describe(v) + " and " + describe(w), nil
		},
		Finish: func(p *libpmemobj.Pool) error {
			v, w, err := open(p)
			if err != nil {
				return err
			}
			if err := errors.Join(second(v.Append(makeWide(77))), second(v.Pop()), v.Clear(), w.Clear()); err != nil {
				return err
			}
			if n := objects(p); n != 3 { // two vectors, one chunk of the directory
				return fmt.Errorf("%d objects are left", n)
			}
			return nil
		},
	}
	for _, s := range steps {
		test.Steps = append(test.Steps, func(p *libpmemobj.Pool) error {
			v, w, err := open(p)
			if err != nil {
				return err
			}
			return s(v, w, p)
		})
	}
	crashsteps.Run(t, test)
}

var errRollBack = errors.New("roll back")

// describe sums up what is in a vector.
func describe(v *vector.Vector[wide]) string {
	h := crc32.NewIEEE()
	for _, x := range v.All() {
		fmt.Fprint(h, x)
	}
	return fmt.Sprintf("%d elements (%08x)", v.Len(), h.Sum32())
}

// Ensure that of many goroutines' appends a crash loses none that returned, and
// leaves no element that was not written.
func TestCrashParallel(t *testing.T) {
	const goroutines, each = 3, 8
	crashtest.Run(t, crashtest.Config{Images: 300, Warnings: crashtest.Ignore}, func(p *libpmemobj.Pool) error {
		var v *vector.Vector[wide]
		err := crashtest.Unchecked(func() (err error) {
			v, err = vector.Open[wide](p, "v")
			if err != nil {
				return err
			}
			return second(v.AppendN(50, makeWide(0))) // a segment must be added among the rest
		})
		if err != nil {
			return err
		}
		var wg sync.WaitGroup
		errs := make([]error, goroutines)
		for g := range goroutines {
			wg.Go(func() {
				for i := range each {
					if _, err := v.Append(makeWide(1 + g*each + i)); err != nil {
						errs[g] = err
						return
					}
					crashtest.AckAs(int32(g), int64(i+1))
				}
			})
		}
		wg.Wait()
		return errors.Join(errs...)
	}, func(p *libpmemobj.Pool, acked crashtest.Acked) error {
		v, err := vector.Open[wide](p, "v")
		if err != nil {
			return err
		}
		next := [goroutines]int{}
		for i, x := range v.All() {
			if i < 50 {
				continue
			}
			n := int(x.A) - 1
			g := n / each
			if n < 0 || g >= goroutines || x != makeWide(n+1) || n != g*each+next[g] {
				return fmt.Errorf("element %d is %v", i, x)
			}
			next[g]++
		}
		for g, n := range next {
			if int64(n) < acked.Of(int32(g)) {
				return fmt.Errorf("%d elements of goroutine %d, acknowledged were %d", n, g, acked.Of(int32(g)))
			}
		}
		return nil
	})
}
