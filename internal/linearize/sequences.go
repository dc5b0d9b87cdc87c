package linearize

import (
	"fmt"
	"slices"

	"github.com/anishathalye/porcupine"
)

// SequenceKind is what is done to a sequence.
type SequenceKind string

// The kinds of steps. Values are not 0.
const (
	Append SequenceKind = "append" // Values, and returns the index of the first
	At     SequenceKind = "at"
	Set    SequenceKind = "set"
	Pop    SequenceKind = "pop"
	Length SequenceKind = "length"
)

// SequenceStep is one thing that is done to a sequence.
type SequenceStep struct {
	Kind   SequenceKind
	Index  int
	Values []int
}

// String is short, for errors.
func (s SequenceStep) String() string { return fmt.Sprintf("%s %d %v", s.Kind, s.Index, s.Values) }

// SequenceOp is an operation on a sequence: one step, or those of a transaction.
type SequenceOp struct {
	Steps  []SequenceStep
	Undone bool
}

// SequenceResult is what a step returned: an index, a value or a length; -1 if
// there was no such element.
type SequenceResult int

// NoElement is the result of a step that found no element.
const NoElement SequenceResult = -1

// sequence is what there is. It is never changed in place.
type sequence []int

// step says what the sequence is after a step, if it can return the result.
func (q sequence) step(s SequenceStep, r SequenceResult) (sequence, bool) {
	there := s.Index < len(q)
	switch s.Kind {
	case Append:
		return append(slices.Clone(q), s.Values...), int(r) == len(q)
	case Length:
		return q, int(r) == len(q)
	case Pop:
		if len(q) == 0 {
			return q, r == NoElement
		}
		return q[:len(q)-1], int(r) == q[len(q)-1]
	case At:
		if !there {
			return q, r == NoElement
		}
		return q, int(r) == q[s.Index]
	case Set:
		if !there || r == NoElement {
			return q, !there && r == NoElement
		}
		q = slices.Clone(q)
		q[s.Index] = s.Values[0]
		return q, true
	}
	return q, false
}

// Sequences is the model of a vector: operations are SequenceOp, their outcome
// is a result for each step.
var Sequences = porcupine.Model{
	Init: func() any { return sequence(nil) },
	Step: func(state, input, output any) (bool, any) {
		before, op := state.(sequence), input.(SequenceOp)
		after := before
		for i, r := range output.([]SequenceResult) {
			var ok bool
			if after, ok = after.step(op.Steps[i], r); !ok {
				return false, state
			}
		}
		if op.Undone {
			return true, before
		}
		return true, after
	},
	Equal: func(a, b any) bool { return slices.Equal(a.(sequence), b.(sequence)) },
}
