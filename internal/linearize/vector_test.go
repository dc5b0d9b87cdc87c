package linearize_test

import (
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/linearize"
	"github.com/pmem/pmdk-go/internal/testpool"
	"github.com/pmem/pmdk-go/libpmemobj"
	"github.com/pmem/pmdk-go/libpmemobj/vector"
)

// elements is a vector by itself or in a transaction.
type elements[T any] interface {
	Append(x T) (int, error)
	AppendAll(xs []T) (int, error)
	At(i int) (T, error)
	Set(i int, x T) error
	Pop() (T, error)
}

// vectorUser does steps on vectors of T, which have some elements from the
// beginning on so that a segment is full early.
type vectorUser[T any] struct {
	filled int
	of     func(v int) T
	number func(x T) (int, error)
}

func (u vectorUser[T]) step(v elements[T], length func() (int, error), s linearize.SequenceStep) (linearize.SequenceResult, error) {
	n, err := 0, error(nil)
	var x T
	switch s.Kind {
	case linearize.Append:
		if len(s.Values) == 1 {
			n, err = v.Append(u.of(s.Values[0]))
			break
		}
		var all []T
		for _, value := range s.Values {
			all = append(all, u.of(value))
		}
		n, err = v.AppendAll(all)
	case linearize.Length:
		n, err = length()
	case linearize.Set:
		err = v.Set(s.Index, u.of(s.Values[0]))
	case linearize.At:
		if x, err = v.At(s.Index); err == nil {
			n, err = u.number(x)
		}
	case linearize.Pop:
		if x, err = v.Pop(); err == nil {
			n, err = u.number(x)
		}
	}
	if errors.Is(err, vector.ErrRange) {
		return linearize.NoElement, nil
	}
	return linearize.SequenceResult(n), err
}

// draw chooses a step, whose values begin with v.
func (u vectorUser[T]) draw(rnd *rand.Rand, v int) linearize.SequenceStep {
	s := linearize.SequenceStep{Index: u.filled + rnd.IntN(40)}
	switch n := rnd.IntN(20); {
	case n < 5:
		s.Kind, s.Values = linearize.Append, []int{v}
	case n < 7:
		s.Kind, s.Values = linearize.Append, []int{v, v + 1, v + 2}
	case n < 11:
		s.Kind = linearize.Pop
	case n < 15:
		s.Kind = linearize.At
	case n < 19:
		s.Kind, s.Values = linearize.Set, []int{v}
	default:
		s.Kind = linearize.Length
	}
	return s
}

func (u vectorUser[T]) test(t *testing.T) {
	const each, perStep, perOp = 150, 3, 12
	p := testpool.New(t, libpmemobj.WithSize(64<<20))
	for range rounds(10) {
		v, err := vector.Open[T](p, "v")
		require.NoError(t, err)
		before := objects(p)
		numbers := make([]int, u.filled)
		fill := func(c *linearize.Client) error {
			if u.filled == 0 {
				return nil
			}
			s := linearize.SequenceStep{Kind: linearize.Append, Values: numbers}
			return c.Do(linearize.SequenceOp{Steps: []linearize.SequenceStep{s}}, func() (any, error) {
				r, err := u.step(v, nil, s)
				return []linearize.SequenceResult{r}, err
			})
		}
		h := recordAfter(t, fill, each, func(rnd *rand.Rand, g int, c *linearize.Client, n int) error {
			first := (n*goroutines+g)*perOp + 1
			if rnd.IntN(8) > 0 {
				s := u.draw(rnd, first)
				return c.Do(linearize.SequenceOp{Steps: []linearize.SequenceStep{s}}, func() (any, error) {
					r, err := u.step(v, func() (int, error) { return v.Len(), nil }, s)
					return []linearize.SequenceResult{r}, err
				})
			}
			op := linearize.SequenceOp{Undone: rnd.IntN(4) == 0}
			for i := range 1 + rnd.IntN(perOp/perStep) {
				op.Steps = append(op.Steps, u.draw(rnd, first+i*perStep))
			}
			return c.Do(op, func() (any, error) {
				var results []linearize.SequenceResult
				err := update(p, op.Undone, func(tx *libpmemobj.Tx) error {
					in := v.In(tx)
					for _, s := range op.Steps {
						r, err := u.step(in, in.Len, s)
						if err != nil {
							return err
						}
						results = append(results, r)
						pause()
					}
					return nil
				})
				return results, err
			})
		})
		require.NoError(t, h.Verify(linearize.Sequences))
		require.GreaterOrEqual(t, objects(p), before+2, "the vector has hardly grown")
		removeAll(t, p)
	}
}

// Ensure that what goroutines do to a vector could have happened one after the
// other while it grows: with elements that change by one store, and with larger
// ones.
func TestVector(t *testing.T) {
	t.Run("rows", vectorUser[row]{0, rowOf, row.number}.test)
	t.Run("words", vectorUser[[2]int32]{120,
		func(v int) [2]int32 { return [2]int32{int32(v), ^int32(v)} },
		func(x [2]int32) (int, error) {
			if x[0] != ^x[1] {
				return 0, errors.New("a torn word")
			}
			return int(x[0]), nil
		},
	}.test)
}
