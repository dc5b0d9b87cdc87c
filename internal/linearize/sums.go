package linearize

import (
	"fmt"

	"github.com/anishathalye/porcupine"
)

// SumKind is what is done to a number.
type SumKind string

// The kinds of steps.
const (
	Add   SumKind = "add"
	Store SumKind = "store"
	Load  SumKind = "load"
)

// SumStep is one thing that is done to a number.
type SumStep struct {
	Kind  SumKind
	Value int64 // to Add or to Store
}

// String is short, for errors.
func (s SumStep) String() string { return fmt.Sprintf("%s %d", s.Kind, s.Value) }

// SumOp is an operation on a number: one step, or those of a transaction.
type SumOp struct {
	Steps  []SumStep
	Undone bool
}

// Sums is the model of a counter: operations are SumOp, their outcome is an
// int64 for each step, which means something for Load.
var Sums = porcupine.Model{
	Init: func() any { return int64(0) },
	Step: func(state, input, output any) (bool, any) {
		op, now := input.(SumOp), state.(int64)
		for i, r := range output.([]int64) {
			switch s := op.Steps[i]; s.Kind {
			case Add:
				now += s.Value
			case Store:
				now = s.Value
			case Load:
				if r != now {
					return false, state
				}
			}
		}
		if op.Undone {
			return true, state
		}
		return true, now
	},
}

// VerifySums returns nil if each Load, in a history of operations of one step,
// returned the sum of all additions that had returned when it began and of some
// of those that were under way: less than Verify asks for.
func (h *History) VerifySums() error {
	all := h.operations()
	for _, load := range all {
		if load.Input.(SumOp).Steps[0].Kind != Load {
			continue
		}
		sum, possible := int64(0), map[int64]bool{0: true}
		for _, o := range all {
			s := o.Input.(SumOp).Steps[0]
			if s.Kind != Add || o.Call > load.Return || o.Input.(SumOp).Undone {
				continue
			}
			if o.Return < load.Call {
				sum += s.Value
				continue
			}
			more := map[int64]bool{}
			for p := range possible {
				more[p], more[p+s.Value] = true, true
			}
			possible = more
		}
		if got := load.Output.([]int64)[0]; !possible[got-sum] {
			return fmt.Errorf("goroutine %d loaded %d at %d-%d; %d had been added before, and what was being added can make up %d sums, but not that",
				load.ClientId, got, load.Call, load.Return, sum, len(possible))
		}
	}
	return nil
}
