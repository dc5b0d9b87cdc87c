//go:build !pmdk_dynamic

package directory_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/pmem/pmdk-go/internal/crashmodel"
	"github.com/pmem/pmdk-go/internal/testpool"
	"github.com/pmem/pmdk-go/libpmem/crashtest"
	"github.com/pmem/pmdk-go/libpmemobj"
	"github.com/pmem/pmdk-go/libpmemobj/directory"
)

// Ensure that a crash at any moment leaves names and objects made, or removed,
// together or not at all, the root and further chunks included.
func TestCrash(t *testing.T) {
	open := func(name string) func(p *libpmemobj.Pool) error {
		return func(p *libpmemobj.Pool) error { _, err := directory.Open(p, name, box, newBox); return err }
	}
	remove := func(name string) func(p *libpmemobj.Pool) error {
		return func(p *libpmemobj.Pool) error { return directory.Remove(p, name) }
	}
	list := func(p *libpmemobj.Pool) ([]string, error) {
		var all []string
		for e, err := range directory.List(p) {
			if err != nil {
				return nil, err
			}
			all = append(all, e.Name)
		}
		slices.Sort(all)
		return all, nil
	}
	steps := []func(p *libpmemobj.Pool) error{open("first"), open("second"), remove("first"), open("third")}
	for i := range 20 { // into the next chunk
		steps = append(steps, open(fmt.Sprint(i)))
	}
	steps = append(steps, remove("third"), remove("19"))
	crashmodel.Run(t, crashtest.Config{Images: 1000, Warnings: crashtest.Ignore}, crashmodel.Workload[*libpmemobj.Pool]{
		Actors: []crashmodel.Actor[*libpmemobj.Pool]{crashmodel.Steps[*libpmemobj.Pool]{
			Steps: steps,
			Contents: func(p *libpmemobj.Pool) (string, error) {
				all, err := list(p)
				return strings.Join(all, " "), err
			},
		}.Actor(t, stepsPool)},
		Finish: func(p *libpmemobj.Pool) error {
			if err := open("one more")(p); err != nil {
				return err
			}
			all, err := list(p)
			if err != nil {
				return err
			}
			for _, name := range all {
				if err := directory.Remove(p, name); err != nil {
					return err
				}
			}
			if n := objects(p); n > 2 {
				return fmt.Errorf("%d objects are left; the table has two at most", n)
			}
			return nil
		},
	})
}

func stepsPool(t testing.TB) *libpmemobj.Pool { return testpool.New(t) }
