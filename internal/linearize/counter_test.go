package linearize_test

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/linearize"
	"github.com/pmem/pmdk-go/internal/testpool"
	"github.com/pmem/pmdk-go/libpmemobj"
	"github.com/pmem/pmdk-go/libpmemobj/counter"
)

// number is a counter by itself or in a transaction.
type number interface {
	Add(delta int64) error
	Load() (int64, error)
	Store(n int64) error
}

func takeSum(c number, s linearize.SumStep) (r int64, err error) {
	switch s.Kind {
	case linearize.Add:
		err = c.Add(s.Value)
	case linearize.Load:
		r, err = c.Load()
	case linearize.Store:
		err = c.Store(s.Value)
	}
	return r, err
}

// doSum records an operation, which is a transaction if tx says so.
func doSum(p *libpmemobj.Pool, n *counter.Sharded, c *linearize.Client, tx bool, op linearize.SumOp) error {
	return c.Do(op, func() (any, error) {
		results := make([]int64, len(op.Steps))
		if !tx {
			r, err := takeSum(n, op.Steps[0])
			return []int64{r}, err
		}
		return results, update(p, op.Undone, func(tx *libpmemobj.Tx) (err error) {
			for i := range op.Steps {
				if results[i], err = takeSum(n.In(tx), op.Steps[i]); err != nil {
					return err
				}
				pause()
			}
			return nil
		})
	})
}

// Ensure that a counter that goroutines add ones to, by themselves and in
// transactions, is a number that grows by one; and that what sets it, or reads
// it in a transaction, is alone.
func TestCounterOfOnes(t *testing.T) {
	add := linearize.SumStep{Kind: linearize.Add, Value: 1}
	load := linearize.SumStep{Kind: linearize.Load}
	p := testpool.New(t)
	for range rounds(6) {
		n, err := counter.Open(p, "n")
		require.NoError(t, err)
		h := record(t, 400, func(rnd *rand.Rand, g int, c *linearize.Client, i int) error {
			store := linearize.SumStep{Kind: linearize.Store, Value: int64(i*goroutines+g) * 1000}
			undo := rnd.IntN(4) == 0
			switch k := rnd.IntN(40); {
			case k < 18:
				return doSum(p, n, c, false, linearize.SumOp{Steps: []linearize.SumStep{add}})
			case k < 32:
				return doSum(p, n, c, false, linearize.SumOp{Steps: []linearize.SumStep{load}})
			case k < 33:
				return doSum(p, n, c, false, linearize.SumOp{Steps: []linearize.SumStep{store}})
			case k < 36:
				return doSum(p, n, c, true, linearize.SumOp{Undone: undo, Steps: []linearize.SumStep{add}})
			case k < 38:
				return doSum(p, n, c, true, linearize.SumOp{Undone: undo, Steps: []linearize.SumStep{add, add, load}})
			}
			return doSum(p, n, c, true, linearize.SumOp{Undone: undo, Steps: []linearize.SumStep{load, add, store, add, load}})
		})
		require.NoError(t, h.Verify(linearize.Sums))
		removeAll(t, p)
	}
}

// Ensure that with numbers of both signs, Load returns what its rule allows.
func TestCounterOfAll(t *testing.T) {
	p := testpool.New(t)
	for range rounds(6) {
		n, err := counter.Open(p, "n")
		require.NoError(t, err)
		h := record(t, 400, func(rnd *rand.Rand, _ int, c *linearize.Client, _ int) error {
			add := linearize.SumOp{Steps: []linearize.SumStep{{Kind: linearize.Add, Value: rnd.Int64N(21) - 10}}}
			switch k := rnd.IntN(20); {
			case k < 12:
				return doSum(p, n, c, false, add)
			case k < 18:
				return doSum(p, n, c, false, linearize.SumOp{Steps: []linearize.SumStep{{Kind: linearize.Load}}})
			default:
				add.Undone = k == 19
				return doSum(p, n, c, true, add)
			}
		})
		require.NoError(t, h.VerifySums())
		removeAll(t, p)
	}
}
