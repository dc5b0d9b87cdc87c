package trace

import (
	"cmp"
	"slices"
)

// Acked is what a program had acknowledged at some moment: the number of the
// latest mark of each worker. The zero Acked is before any mark.
type Acked struct {
	last  int64
	marks []acked // by worker; shared, so never changed in place
}

type acked struct {
	worker int32
	n      int64
}

// Any reports whether there was any mark.
func (a Acked) Any() bool { return len(a.marks) > 0 }

// Last returns the number of the latest mark of any worker, 0 before the first.
func (a Acked) Last() int64 { return a.last }

// Of returns the number of the worker's latest mark, 0 before its first.
func (a Acked) Of(worker int32) int64 {
	i, found := a.find(worker)
	if !found {
		return 0
	}
	return a.marks[i].n
}

// Workers returns the workers that have a mark, in ascending order.
func (a Acked) Workers() []int32 {
	workers := make([]int32, len(a.marks))
	for i, m := range a.marks {
		workers[i] = m.worker
	}
	return workers
}

// Equal reports whether a and b tell a check the same.
func (a Acked) Equal(b Acked) bool { return a.last == b.last && slices.Equal(a.marks, b.marks) }

// Fingerprint is equal for equal acknowledgements, and else hardly ever.
func (a Acked) Fingerprint() uint64 {
	if !a.Any() {
		return 0
	}
	h := mix(seed + uint64(a.last))
	for _, m := range a.marks {
		h = mix(h + seed + uint64(uint32(m.worker)))
		h = mix(h + seed + uint64(m.n))
	}
	return h
}

func (a Acked) find(worker int32) (int, bool) {
	return slices.BinarySearchFunc(a.marks, worker, func(m acked, w int32) int { return cmp.Compare(m.worker, w) })
}

// with returns a with one more mark.
func (a Acked) with(worker int32, n int64) Acked {
	i, found := a.find(worker)
	marks := slices.Clone(a.marks)
	if found {
		marks[i].n = n
	} else {
		marks = slices.Insert(marks, i, acked{worker, n})
	}
	return Acked{last: n, marks: marks}
}
