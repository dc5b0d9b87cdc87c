package linearize_test

import (
	"testing"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/linearize"
)

// did is an operation with its outcome.
type did struct{ input, output any }

// history makes one of operations that come one after the other.
func history(t *testing.T, ops ...did) *linearize.History {
	t.Helper()
	var h linearize.History
	c := h.Client()
	for _, o := range ops {
		require.NoError(t, c.Do(o.input, func() (any, error) { return o.output, nil }))
	}
	return &h
}

func onMap(undone bool, r linearize.MapResult, steps ...linearize.MapStep) did {
	return did{linearize.MapOp{Steps: steps, Undone: undone}, append(make([]linearize.MapResult, len(steps)-1), r)}
}

func onSequence(kind linearize.SequenceKind, index int, r linearize.SequenceResult, values ...int) did {
	step := linearize.SequenceStep{Kind: kind, Index: index, Values: values}
	return did{linearize.SequenceOp{Steps: []linearize.SequenceStep{step}}, []linearize.SequenceResult{r}}
}

func onQueue(kind linearize.QueueKind, commit int, r linearize.QueueResult, values ...int) did {
	return did{linearize.QueueOp{Kind: kind, Commit: commit, Values: values}, r}
}

func onSum(kind linearize.SumKind, value, r int64) did {
	return did{linearize.SumOp{Steps: []linearize.SumStep{{Kind: kind, Value: value}}}, []int64{r}}
}

// Ensure that each model takes what can happen, and that one more operation,
// which cannot, is found out.
func TestModels(t *testing.T) {
	put := func(k, v int) did {
		return onMap(false, linearize.MapResult{}, linearize.MapStep{Kind: linearize.Put, Key: k, Value: v})
	}
	get := func(k, v int) did {
		return onMap(false, linearize.MapResult{Found: v != 0, Value: v}, linearize.MapStep{Kind: linearize.Get, Key: k})
	}
	undone := onMap(true, linearize.MapResult{Found: true, Value: 7},
		linearize.MapStep{Kind: linearize.Put, Key: 1, Value: 7}, linearize.MapStep{Kind: linearize.Get, Key: 1})
	remove := func(k int, found bool) did {
		return onMap(false, linearize.MapResult{Found: found}, linearize.MapStep{Kind: linearize.Delete, Key: k})
	}
	putNew := func(k, v int, found bool) did {
		return onMap(false, linearize.MapResult{Found: found}, linearize.MapStep{Kind: linearize.PutIfAbsent, Key: k, Value: v})
	}
	change := func(k, old, v int) did {
		return onMap(false, linearize.MapResult{Found: old != 0, Value: old}, linearize.MapStep{Kind: linearize.Update, Key: k, Value: v})
	}
	maps := []did{get(1, 0), put(1, 5), get(1, 5), undone, get(1, 5), putNew(1, 6, true), remove(1, true), remove(1, false), putNew(1, 8, false), change(1, 8, 9), put(2, 3)}

	vectors := []did{
		onSequence(linearize.Pop, 0, linearize.NoElement), onSequence(linearize.Append, 0, 0, 5, 6), onSequence(linearize.Append, 0, 2, 7),
		onSequence(linearize.Set, 1, 0, 8), onSequence(linearize.At, 1, 8), onSequence(linearize.Pop, 0, 7), onSequence(linearize.Length, 0, 2),
		onSequence(linearize.At, 2, linearize.NoElement), onSequence(linearize.Set, 2, linearize.NoElement, 9),
	}
	queues := []did{
		onQueue(linearize.Dequeue, 0, linearize.NoMessage), onQueue(linearize.Enqueue, 0, 0, 1, 2), onQueue(linearize.Enqueue, 0, 0, 3),
		onQueue(linearize.Dequeue, 0, 1), onQueue(linearize.Dequeue, 0, 2), onQueue(linearize.Commit, 2, 0), onQueue(linearize.Held, 0, 2),
		onQueue(linearize.Enqueue, 0, linearize.NoRoom, 9), onQueue(linearize.Undo, 1, 0, 8), onQueue(linearize.Rollback, 1, 0),
		onQueue(linearize.Dequeue, 0, 1), onQueue(linearize.Exchange, 1, 0, 4), onQueue(linearize.Dequeue, 0, 3),
	}
	sums := []did{onSum(linearize.Add, 3, 0), onSum(linearize.Load, 0, 3), onSum(linearize.Store, 9, 0), onSum(linearize.Add, -1, 0), onSum(linearize.Load, 0, 8)}

	for _, tt := range []struct {
		name  string
		model porcupine.Model
		good  []did
		bad   []did // each alone
	}{
		{"maps", linearize.Maps, maps, []did{get(1, 0), get(1, 5), get(2, 0), remove(1, false), remove(3, true), putNew(1, 10, false), putNew(3, 10, true), change(1, 8, 10), change(3, 8, 10)}},
		{"maps by key", linearize.MapsByKey, maps, []did{get(1, 0), get(1, 5), get(2, 0), remove(1, false), change(1, 0, 10)}},
		{"sequences", linearize.Sequences, vectors, []did{
			onSequence(linearize.Append, 0, 1, 3), onSequence(linearize.Append, 0, 3, 3), onSequence(linearize.Length, 0, 3), onSequence(linearize.At, 1, 6),
			onSequence(linearize.At, 1, linearize.NoElement), onSequence(linearize.Pop, 0, 5), onSequence(linearize.Pop, 0, linearize.NoElement),
			onSequence(linearize.Set, 2, 0, 9), onSequence(linearize.Set, 0, linearize.NoElement, 9), onSequence("unknown", 0, 0),
		}},
		{"queues", linearize.Queues(3, func(message int) int { return message }), queues, []did{
			onQueue(linearize.Dequeue, 0, 3), onQueue(linearize.Dequeue, 0, linearize.NoMessage), onQueue(linearize.Dequeue, 0, 1), onQueue(linearize.Dequeue, 0, 5),
			onQueue(linearize.Commit, 1, 0), onQueue(linearize.Commit, 4, 0), onQueue(linearize.Rollback, 4, 0), onQueue(linearize.Enqueue, 0, linearize.NoRoom, 9),
			onQueue(linearize.Held, 0, 1), onQueue(linearize.Exchange, 4, 0, 9), onQueue(linearize.Undo, 4, 0, 9), onQueue(linearize.Dequeue, 0, linearize.NoRoom), onQueue(linearize.Enqueue, 0, 0, 6), onQueue("unknown", 0, 0),
		}},
		{"sums", linearize.Sums, sums, []did{onSum(linearize.Load, 0, 9), onSum(linearize.Load, 0, 3)}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			require.NoError(t, history(t, tt.good...).Verify(tt.model))
			for _, bad := range tt.bad {
				all := append(append([]did{}, tt.good...), bad)
				require.ErrorContains(t, history(t, all...).Verify(tt.model), "could not have happened one after the other", "%+v", bad)
			}
		})
	}
}

// Ensure that operations which overlap may have happened in either order, as
// far as others agree.
func TestOverlap(t *testing.T) {
	value := func(v int) []linearize.MapResult { return []linearize.MapResult{{Found: v != 0, Value: v}} }
	get := linearize.MapOp{Steps: []linearize.MapStep{{Kind: linearize.Get}}}
	put := linearize.MapOp{Steps: []linearize.MapStep{{Kind: linearize.Put, Value: 1}}}
	for _, tt := range []struct {
		first, second int
		possible      bool
	}{{0, 0, true}, {0, 1, true}, {1, 1, true}, {1, 0, false}, {0, 2, false}} {
		var h linearize.History
		writer, reader := h.Client(), h.Client()
		require.NoError(t, writer.Do(put, func() (any, error) {
			for _, v := range []int{tt.first, tt.second} {
				require.NoError(t, reader.Do(get, func() (any, error) { return value(v), nil }))
			}
			return []linearize.MapResult{{}}, nil
		}))
		require.Equal(t, tt.possible, h.Verify(linearize.Maps) == nil, "%+v", tt)
	}
}

// Ensure that the weaker rule for sums allows what it says and no more.
func TestVerifySums(t *testing.T) {
	add := func(n int64) linearize.SumOp {
		return linearize.SumOp{Steps: []linearize.SumStep{{Kind: linearize.Add, Value: n}}}
	}
	for loaded, possible := range map[int64]bool{10: true, 13: true, 8: true, 11: true, 0: false, 3: false, 12: false, 5: false, 111: false} {
		var h linearize.History
		a, b, reader := h.Client(), h.Client(), h.Client()
		none := func() (any, error) { return []int64{0}, nil }
		require.NoError(t, a.Do(add(10), none))
		require.NoError(t, b.Do(add(3), func() (any, error) {
			return []int64{0}, reader.Do(linearize.SumOp{Steps: []linearize.SumStep{{Kind: linearize.Load}}}, func() (any, error) {
				return []int64{loaded}, a.Do(add(-2), none)
			})
		}))
		require.NoError(t, a.Do(add(100), none))
		err := h.VerifySums()
		require.Equal(t, possible, err == nil, "%d: %v", loaded, err)
		if !possible {
			require.ErrorContains(t, err, "10 had been added before")
		}
	}
}
