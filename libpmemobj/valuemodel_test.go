package libpmemobj_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/testchild"
	"github.com/pmem/pmdk-go/internal/testpool"
	. "github.com/pmem/pmdk-go/libpmemobj"
)

// valueModel is what the pool should hold.
type valueModel struct {
	name  string
	blob  string
	words []uint64
	small []uint32
	odds  []valueOdd
}

func (m *valueModel) clone() *valueModel {
	c := *m
	c.words, c.small, c.odds = slices.Clone(m.words), slices.Clone(m.small), slices.Clone(m.odds)
	return &c
}

func (m *valueModel) equal(t *testing.T, p *Pool) {
	t.Helper()
	r := valueRootOf(t, p)
	require.Equal(t, m.name, r.Name.Get(p))
	require.Equal(t, m.blob, string(r.Blob.Get(p)))
	require.True(t, slices.Equal(m.words, r.Words.View(p)), "%v, not %v", r.Words.View(p), m.words)
	require.True(t, slices.Equal(m.small, r.Small.View(p)), "%v, not %v", r.Small.View(p), m.small)
	require.True(t, slices.Equal(m.odds, r.Odds.View(p)))
	objects := 0
	for _, have := range []bool{m.name != "", m.blob != "", r.Words.Cap() > 0, r.Small.Cap() > 0, r.Odds.Cap() > 0} {
		if have {
			objects++
		}
	}
	require.Len(t, objectsIn(p), objects, "objects leaked or lost")
}

// change makes a random change in both.
func (m *valueModel) change(t *testing.T, rnd *rand.Rand, r *valueRoot, c Change) {
	t.Helper()
	text := func() string {
		b := make([]byte, []int{0, rnd.IntN(50), rnd.IntN(300), rnd.IntN(4000)}[rnd.IntN(4)])
		fill(b, rnd.Uint64())
		return string(b)
	}
	switch rnd.IntN(5) {
	case 0:
		m.name = text()
		require.NoError(t, r.Name.Set(c, m.name))
	case 1:
		m.blob = text()
		require.NoError(t, r.Blob.Set(c, []byte(m.blob)))
	case 2:
		m.words = changeSlice(t, rnd, m.words, &r.Words, c, rnd.Uint64)
	case 3:
		m.small = changeSlice(t, rnd, m.small, &r.Small, c, rnd.Uint32)
	case 4:
		m.odds = changeSlice(t, rnd, m.odds, &r.Odds, c, func() valueOdd {
			return valueOdd{rnd.Uint32(), [2]uint16{uint16(rnd.Uint32()), uint16(rnd.Uint32())}, rnd.Uint32()}
		})
	}
}

func changeSlice[T any](t *testing.T, rnd *rand.Rand, m []T, s *Slice[T], c Change, value func() T) []T {
	t.Helper()
	n := len(m)
	switch op := rnd.IntN(12); {
	case op == 0:
		require.NoError(t, s.Free(c))
		return nil
	case op == 1:
		require.NoError(t, s.Grow(c, rnd.IntN(100)))
	case op == 2 || n > 600:
		k := rnd.IntN(n + 1)
		require.NoError(t, s.Truncate(c, k))
		return m[:k]
	case op == 3 && n > 0:
		i := rnd.IntN(n)
		j := i + rnd.IntN(n-i+1)
		require.NoError(t, s.Delete(c, i, j))
		return slices.Delete(m, i, j)
	case op < 7 && n > 0:
		i := rnd.IntN(n)
		m[i] = value()
		require.NoError(t, s.Set(c, i, m[i]))
	default:
		add := make([]T, rnd.IntN(1+rnd.IntN(60)))
		for i := range add {
			add[i] = value()
		}
		require.NoError(t, s.Append(c, add...))
		return append(m, add...)
	}
	return m
}

// Ensure that values under random changes, some rolled back, hold what a model
// does, also after reopening.
func TestValueModel(t *testing.T) {
	for _, w := range valueWays {
		t.Run(w.name, func(t *testing.T) {
			rnd := newRand(t)
			p := testpool.New(t, WithSize(8*testpool.Size))
			m := &valueModel{}
			steps := fewer(1500)
			for step := range steps {
				next := m.clone()
				end := []error{nil, nil, nil, errStop}[rnd.IntN(4)]
				r := valueRootOf(t, p)
				require.Equal(t, end, w.do(p, func(c Change) error {
					for range 1 + rnd.IntN(8) {
						next.change(t, rnd, r, c)
					}
					return end
				}))
				if end == nil {
					m = next
				}
				m.equal(t, p)
				if step%200 == 199 {
					p = testpool.Reopen(t, p)
					m.equal(t, p)
				}
			}
		})
	}
}

// The child that is killed appends the numbers from 1 on, and names itself
// after the last.
const valuesKept = 300

func init() {
	for _, w := range valueWays {
		testchild.Register("value"+w.name, func(args []string) error {
			p, err := Open(args[0], "", WithDurability(DurabilityProcessCrash))
			if err != nil {
				return err
			}
			root, err := Root[valueRoot](p)
			if err != nil {
				return err
			}
			r := root.Get()
			for n := lastValue(r, p) + 1; ; n++ {
				if err := w.do(p, func(c Change) error { return nextValue(c, r, n) }); err != nil {
					return err
				}
				if _, err := fmt.Printf("0 %d\n", n); err != nil {
					return err
				}
			}
		})
	}
}

func lastValue(r *valueRoot, p *Pool) uint64 {
	if r.Words.Len() == 0 {
		return 0
	}
	return *r.Words.At(p, r.Words.Len()-1)
}

func nextValue(c Change, r *valueRoot, n uint64) error {
	var err error
	if r.Words.Len() >= valuesKept {
		err = r.Words.Delete(c, 0, valuesKept/2)
	}
	return errors.Join(err, r.Words.Append(c, n), r.Name.Set(c, valueName(n)))
}

func valueName(n uint64) string { return fmt.Sprintf("%d %0*d", n, n*17%700, n) }

// Ensure that a process that is killed loses nothing of what it has
// acknowledged, and leaves no half of a change, and no object.
func TestKillValue(t *testing.T) {
	for _, w := range valueWays {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			rnd := newRand(t)
			made := testpool.New(t)
			valueRootOf(t, made)
			require.NoError(t, made.Close())
			path := made.Path()
			var acknowledged [4]uint64
			rounds := fewer(40)
			for round := range rounds {
				killAtRandom(t, rnd, testchild.Start(t, "value"+w.name, path), &acknowledged)
				p, err := Open(path, "", WithVerify(), WithDurability(DurabilityProcessCrash))
				require.NoError(t, err)
				r := valueRootOf(t, p)
				last := lastValue(r, p)
				require.True(t, last == acknowledged[0] || last == acknowledged[0]+1, "round %d: %d is the last, %d was acknowledged", round, last, acknowledged[0])
				words := r.Words.View(p)
				for i, v := range words {
					require.Equal(t, last-uint64(len(words)-1-i), v)
				}
				objects := 0
				if last > 0 {
					objects = 2
					require.Equal(t, valueName(last), r.Name.Get(p))
				}
				require.Len(t, objectsIn(p), objects, "objects leaked or lost")
				acknowledged[0] = last
				require.NoError(t, p.Close())
			}
			require.NotZero(t, acknowledged[0])
			t.Log(strconv.Itoa(rounds), "kills,", acknowledged[0], "changes")
		})
	}
}
