package linearize_test

import (
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/linearize"
	"github.com/pmem/pmdk-go/internal/testpool"
	"github.com/pmem/pmdk-go/libpmemobj"
	"github.com/pmem/pmdk-go/libpmemobj/directory"
)

// errNoUpdate is returned by maps that have no Update.
var errNoUpdate = errors.New("no update")

// filler is the first key that is put to make the map grow; every one is
// another.
const filler = 1000

var mapKinds = []linearize.MapKind{
	linearize.Get, linearize.Get, linearize.Get, linearize.Put, linearize.Put,
	linearize.PutIfAbsent, linearize.PutIfAbsent, linearize.Update, linearize.Delete, linearize.Delete,
}

// drawSteps chooses up to n steps, with values that no other call has.
func drawSteps(rnd *rand.Rand, n, id int) []linearize.MapStep {
	steps := make([]linearize.MapStep, n)
	for i := range steps {
		steps[i] = linearize.MapStep{Kind: mapKinds[rnd.IntN(len(mapKinds))], Key: rnd.IntN(linearize.Keys)}
		switch steps[i].Kind {
		case linearize.Put, linearize.PutIfAbsent, linearize.Update:
			steps[i].Value = id*maxSteps + i + 1
		}
	}
	return steps
}

const maxSteps = 4

// takeStep does a step, which may become a Put if the map has no Update.
func takeStep(m mapping, s *linearize.MapStep) (r linearize.MapResult, err error) {
	switch s.Kind {
	case linearize.Get:
		r.Value, r.Found, err = m.get(s.Key)
	case linearize.Put:
		err = m.put(s.Key, s.Value)
	case linearize.PutIfAbsent:
		var inserted bool
		inserted, err = m.putIfAbsent(s.Key, s.Value)
		r.Found = !inserted
	case linearize.Update:
		if r.Value, r.Found, err = m.update(s.Key, s.Value); err == errNoUpdate {
			s.Kind = linearize.Put
			err = m.put(s.Key, s.Value)
		}
	case linearize.Delete:
		r.Found, err = m.delete(s.Key)
	}
	return r, err
}

func takeSteps(m mapping, steps []linearize.MapStep) (results []linearize.MapResult, err error) {
	for i := range steps {
		r, err := takeStep(m, &steps[i])
		if err != nil {
			return nil, err
		}
		results = append(results, r)
		if len(steps) > 1 {
			pause()
		}
	}
	return results, nil
}

// recordMap has goroutines use a few keys of a map that grows. One operation in
// some is a transaction.
func recordMap(t *testing.T, p *libpmemobj.Pool, m subject, each int) *linearize.History {
	return record(t, each, func(rnd *rand.Rand, g int, c *linearize.Client, n int) error {
		id := n*goroutines + g
		if n%2 == 0 {
			if err := m.put(filler+id, 1); err != nil {
				return err
			}
		}
		if m.churn != nil && n%4 == 1 {
			if err := m.churn(n/4*goroutines + g); err != nil {
				return err
			}
		}
		if rnd.IntN(8) > 0 {
			op := linearize.MapOp{Steps: drawSteps(rnd, 1, id)}
			return c.Do(op, func() (any, error) { return takeSteps(m, op.Steps) })
		}
		op := linearize.MapOp{Steps: drawSteps(rnd, 1+rnd.IntN(maxSteps), id), Undone: rnd.IntN(4) == 0}
		return c.Do(op, func() (results any, err error) {
			err = update(p, op.Undone, func(tx *libpmemobj.Tx) (err error) {
				in := m.in(tx)
				if n%3 == 0 { // a split may be undone
					if err := in.put(filler+100_000+id, 1); err != nil {
						return err
					}
				}
				results, err = takeSteps(in, op.Steps)
				return err
			})
			return results, err
		})
	})
}

// Ensure that what goroutines do to the same keys, by themselves and in
// transactions on one map or two, could have happened one after the other while
// the map grows under them.
func TestMaps(t *testing.T) {
	for _, kind := range subjects {
		for _, model := range []struct {
			name         string
			model        porcupine.Model
			rounds, each int
		}{
			{"keys by themselves", linearize.MapsByKey, 2, 500},
			{"all keys", linearize.Maps, 6, 120},
		} {
			t.Run(kind.name+", "+model.name, func(t *testing.T) {
				p := testpool.New(t, libpmemobj.WithSize(64<<20))
				for range rounds(model.rounds) {
					m, err := kind.open(p)
					require.NoError(t, err)
					before := objects(p)
					h := recordMap(t, p, m, model.each)
					require.Greater(t, objects(p), before+20, "the map has hardly grown")
					require.NoError(t, h.Verify(model.model))
					removeAll(t, p)
				}
			})
		}
	}
}

func removeAll(t *testing.T, p *libpmemobj.Pool) {
	t.Helper()
	for e, err := range directory.List(p) {
		require.NoError(t, err)
		require.NoError(t, directory.Remove(p, e.Name))
	}
}
