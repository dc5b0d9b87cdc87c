//go:build !pmdk_dynamic

package vector_test

import (
	"errors"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/pmem/pmdk-go/internal/crashmodel"
	"github.com/pmem/pmdk-go/internal/testpool"
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
	var bound []func(p *libpmemobj.Pool) error
	for _, s := range steps {
		bound = append(bound, func(p *libpmemobj.Pool) error {
			v, w, err := open(p)
			if err != nil {
				return err
			}
			return s(v, w, p)
		})
	}
	crashmodel.Run(t, crashtest.Config{Images: 800, Warnings: crashtest.Ignore}, crashmodel.Workload[*libpmemobj.Pool]{
		Actors: []crashmodel.Actor[*libpmemobj.Pool]{crashmodel.Steps[*libpmemobj.Pool]{
			Setup: func(p *libpmemobj.Pool) error { _, _, err := open(p); return err },
			Steps: bound,
			Contents: func(p *libpmemobj.Pool) (string, error) {
				v, w, err := open(p)
				if err != nil {
					return "", err
				}
				return describe(v) + " and " + describe(w), nil
			},
		}.Actor(t, stepsPool)},
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
	})
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
	const before, each = 50, 8 // a segment must be added among the rest
	open := func(p *libpmemobj.Pool) (*vector.Vector[wide], error) { return vector.Open[wide](p, "v") }
	var actors []crashmodel.Actor[*libpmemobj.Pool]
	for g := range 3 {
		actors = append(actors, crashmodel.Script[*libpmemobj.Pool, []int, int]{
			Name:  fmt.Sprint("goroutine ", g),
			Steps: each,
			Setup: func(p *libpmemobj.Pool) error {
				v, err := open(p)
				if err != nil || v.Len() > 0 {
					return err
				}
				return second(v.AppendN(before, makeWide(0)))
			},
			Draw:  func(_ *rand.Rand, m []int) int { return 1 + 100*g + len(m) },
			Apply: func(m []int, i int) []int { return append(slices.Clone(m), i) },
			Do: func(p *libpmemobj.Pool, i int) error {
				v, err := open(p)
				if err != nil {
					return err
				}
				return second(v.Append(makeWide(i)))
			},
			Read: func(p *libpmemobj.Pool) (m []int, err error) {
				v, err := open(p)
				if err != nil {
					return nil, err
				}
				for at, x := range v.All() {
					i := int(x.A)
					if x != makeWide(i) || at >= before && i == 0 {
						return nil, fmt.Errorf("element %d is %v", at, x)
					}
					if i > 0 && (i-1)/100 == g {
						m = append(m, i)
					}
				}
				return m, nil
			},
		}.Actor())
	}
	crashmodel.Run(t, crashtest.Config{Images: 300, Warnings: crashtest.Ignore}, crashmodel.Workload[*libpmemobj.Pool]{Actors: actors})
}

func stepsPool(t testing.TB) *libpmemobj.Pool { return testpool.New(t) }
