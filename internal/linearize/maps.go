package linearize

import (
	"fmt"

	"github.com/anishathalye/porcupine"
)

// Keys is how many keys a history of maps has: from 0 on.
const Keys = 8

// MapKind is what is done to a key.
type MapKind string

// The kinds of steps. All values that are put are different, and not 0.
const (
	Get         MapKind = "get"
	Put         MapKind = "put"
	PutIfAbsent MapKind = "put if absent"
	Update      MapKind = "update" // by a function that is given the value and returns another
	Delete      MapKind = "delete"
)

// MapStep is what is done to one key.
type MapStep struct {
	Kind       MapKind
	Key, Value int
}

// String is short, for errors.
func (s MapStep) String() string { return fmt.Sprintf("%s %d %d", s.Kind, s.Key, s.Value) }

// MapOp is an operation on a map: one step, or those of a transaction.
type MapOp struct {
	Steps  []MapStep
	Undone bool // the transaction was rolled back
}

// MapResult is what a step returned: whether the key was there, and which value
// was seen; 0 is none.
type MapResult struct {
	Found bool
	Value int
}

// content is the value of each key, or 0.
type content [Keys]int

// step says what is in the map after a step, if it can return the result.
func (c content) step(s MapStep, r MapResult) (content, bool) {
	was := c[s.Key]
	if r.Found != (was != 0) && s.Kind != Put {
		return c, false
	}
	switch s.Kind {
	case Get:
		return c, r.Value == was
	case Update:
		c[s.Key] = s.Value
		return c, r.Value == was
	case PutIfAbsent:
		if was == 0 {
			c[s.Key] = s.Value
		}
	case Put:
		c[s.Key] = s.Value
	case Delete:
		c[s.Key] = 0
	}
	return c, true
}

// Maps is the model of a map: operations are MapOp, their outcome is a result
// for each step.
var Maps = porcupine.Model{
	Init: func() any { return content{} },
	Step: func(state, input, output any) (bool, any) {
		before, op := state.(content), input.(MapOp)
		after := before
		for i, r := range output.([]MapResult) {
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
}

// MapsByKey is Maps without a look at how keys go together: quicker, for longer
// histories.
var MapsByKey = porcupine.Model{Partition: byKey, Init: Maps.Init, Step: Maps.Step}

// byKey makes a history for each key.
func byKey(history []porcupine.Operation) [][]porcupine.Operation {
	parts := make([][]porcupine.Operation, Keys)
	for _, o := range history {
		op, results := o.Input.(MapOp), o.Output.([]MapResult)
		for k := range parts {
			mine := MapOp{Undone: op.Undone}
			var got []MapResult
			for i, s := range op.Steps {
				if s.Key == k {
					mine.Steps, got = append(mine.Steps, s), append(got, results[i])
				}
			}
			if len(got) > 0 {
				part := o
				part.Input, part.Output = mine, got
				parts[k] = append(parts[k], part)
			}
		}
	}
	return parts
}
