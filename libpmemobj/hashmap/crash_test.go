package hashmap_test

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"

	"github.com/pmem/pmdk-go/libpmem/crashtest"
	"github.com/pmem/pmdk-go/libpmemobj"
	"github.com/pmem/pmdk-go/libpmemobj/hashmap"
)

// A crash workload's operations are always the same for one number, so that
// the check can repeat them on a model.

// crashStep does operation i of a workload, and returns what is left undone of
// it: nil, or an error that the workload is to end with.
func crashStep(i int, s store, p *libpmemobj.Pool, keys int) error {
	rnd := rand.New(rand.NewPCG(uint64(i), 7))
	k := fmt.Sprint(rnd.IntN(keys))
	v := fmt.Sprintf("%0*d", rnd.IntN(70), i)
	switch op := rnd.IntN(20); {
	case op < 9:
		return s.put(k, v)
	case op < 11:
		return s.update(k, func(old string, _ bool) (string, error) { return old[:min(len(old), 20)] + v, nil })
	case op < 16:
		_, err := s.delete(k)
		return err
	case op < 19:
		err := p.Update(func(tx *libpmemobj.Tx) error {
			s := s.in(tx)
			for j := range 1 + rnd.IntN(4) {
				if err := s.put(fmt.Sprint(rnd.IntN(keys)), fmt.Sprint(v, j)); err != nil {
					return err
				}
				if _, err := s.delete(fmt.Sprint(rnd.IntN(keys))); err != nil {
					return err
				}
			}
			if rnd.IntN(4) == 0 {
				return errStop
			}
			return nil
		})
		if errors.Is(err, errStop) {
			return nil
		}
		return err
	case i%7 == 0:
		return s.clear()
	}
	return nil
}

// modelStore is a store without a pool.
func modelStore(model *map[string]string) store {
	s := store{
		put:    func(k, v string) error { (*model)[k] = v; return nil },
		delete: func(k string) (bool, error) { delete(*model, k); return true, nil },
		clear:  func() error { clear(*model); return nil },
		update: func(k string, f func(string, bool) (string, error)) error {
			v, ok := (*model)[k]
			v, err := f(v, ok)
			(*model)[k] = v
			return err
		},
	}
	return s
}

// crashModel is what a map holds after n operations.
func crashModel(n, keys int) map[string]string {
	model := map[string]string{}
	for i := range n {
		crashModelStep(i, &model, keys)
	}
	return model
}

// crashModelStep repeats crashStep; of a transaction that it leaves, nothing is
// left.
func crashModelStep(i int, model *map[string]string, keys int) {
	rnd := rand.New(rand.NewPCG(uint64(i), 7))
	k := fmt.Sprint(rnd.IntN(keys))
	v := fmt.Sprintf("%0*d", rnd.IntN(70), i)
	if op := rnd.IntN(20); op < 16 || op >= 19 {
		_ = crashStep(i, modelStore(model), nil, keys) // the model has no errors
		return
	}
	_ = k
	next := maps.Clone(*model)
	for j := range 1 + rnd.IntN(4) {
		next[fmt.Sprint(rnd.IntN(keys))] = fmt.Sprint(v, j)
		delete(next, fmt.Sprint(rnd.IntN(keys)))
	}
	if rnd.IntN(4) != 0 {
		*model = next
	}
}

// crashCheck compares a map with the models of the last operation that was
// acknowledged and the one after it.
func crashCheck(s store, acked, keys int) error {
	got := s.all()
	n, err := s.len()
	if err != nil || n != len(got) {
		return fmt.Errorf("%d keys, but the length is %d, %w", len(got), n, err)
	}
	for k, want := range got {
		if v, ok, err := s.get(k); err != nil || !ok || v != want {
			return fmt.Errorf("get %q: %q, %v, %w; a loop had %q", k, v, ok, err, want)
		}
	}
	before := crashModel(acked, keys)
	after := maps.Clone(before)
	crashModelStep(acked, &after, keys)
	if !maps.Equal(got, before) && !maps.Equal(got, after) {
		return fmt.Errorf("after %d operations it holds\n%q, not\n%q or\n%q", acked, got, before, after)
	}
	// It goes on working.
	if err := s.put("one more", "x"); err != nil {
		return err
	}
	if v, ok, err := s.get("one more"); err != nil || !ok || v != "x" {
		return fmt.Errorf("after recovery, get gives %q, %v, %w", v, ok, err)
	}
	return s.clear()
}

func testCrash(t *testing.T, d crashtest.Durability, images int, open func(t testing.TB, p *libpmemobj.Pool) store, operations, keys int) {
	c := crashtest.Config{Durability: d, Images: images, PerPoint: 6}
	if testing.Short() {
		c.Images = 100
	}
	crashtest.Run(t, c, func(p *libpmemobj.Pool) error {
		var s store
		err := crashtest.Unchecked(func() error {
			s = open(t, p)
			return nil
		})
		for i := 0; i < operations && err == nil; i++ {
			if err = crashStep(i, s, p, keys); err == nil {
				crashtest.Ack(int64(i + 1))
			}
		}
		return err
	}, func(p *libpmemobj.Pool, acked crashtest.Acked) error {
		s := open(t, p)
		if err := crashCheck(s, int(acked.Last()), keys); err != nil {
			return err
		}
		// Nothing is allocated that the map does not know: it is empty now.
		if n := objects(p); n != emptyObjects {
			return fmt.Errorf("%d objects are left of an empty map, not %d", n, emptyObjects)
		}
		return nil
	})
}

// emptyObjects are the objects of a pool with an empty map: its header, its
// directory and a page, and the chunk of names.
const emptyObjects = 4

// Ensure that whatever moment the power fails at, each operation has happened
// as a whole or not at all, and those that were acknowledged have happened:
// changes in place, in new slots and in objects, splits, new directories,
// transactions, rollbacks and clearing.
func TestCrash(t *testing.T) {
	for _, kind := range stores[:3] {
		t.Run(kind.name, func(t *testing.T) {
			testCrash(t, crashtest.DurabilityProcessCrash, 400, kind.open, 120, 40)
		})
	}
	t.Run("on a disk", func(t *testing.T) {
		testCrash(t, crashtest.DurabilityMsync, 200, stores[2].open, 60, 20)
	})
}

// Ensure the same while nothing but growth happens, with values of a word, which
// change in place.
func TestCrashGrowth(t *testing.T) {
	const operations = 260
	crashtest.Run(t, crashtest.Config{Images: 300, PerPoint: 4}, func(p *libpmemobj.Pool) error {
		var m *hashmap.Map[uint64, uint64]
		err := crashtest.Unchecked(func() (err error) {
			m, err = hashmap.Open[uint64, uint64](p, "m")
			return err
		})
		for i := 0; i < operations && err == nil; i++ {
			if err = m.Put(uint64(i)*5%250, uint64(i)); err == nil {
				crashtest.Ack(int64(i + 1))
			}
		}
		return err
	}, func(p *libpmemobj.Pool, acked crashtest.Acked) error {
		m, err := hashmap.Open[uint64, uint64](p, "m")
		if err != nil {
			return err
		}
		model := map[uint64]uint64{}
		for i := range int(acked.Last()) {
			model[uint64(i)*5%250] = uint64(i)
		}
		next := maps.Clone(model)
		next[uint64(acked.Last())*5%250] = uint64(acked.Last())
		if got := maps.Collect(m.All()); !maps.Equal(got, model) && !maps.Equal(got, next) {
			return fmt.Errorf("after %d operations it holds %v", acked.Last(), got)
		}
		return nil
	})
}
