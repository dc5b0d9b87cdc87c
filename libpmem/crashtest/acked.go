package crashtest

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/pmem/pmdk-go/libpmem/crashtest/internal/record"
	"github.com/pmem/pmdk-go/libpmem/crashtest/internal/trace"
)

// Ack says that the workload has acknowledged n: "the first n orders are
// taken", say. A crash at any moment from now on must keep that promise, and
// the next crash point is right here. The check learns the latest n from
// [Acked.Last].
//
// While no workload is recorded it does nothing, in a few nanoseconds, so that
// it may stay in a program.
func Ack(n int64) { record.Mark(0, n) }

// AckAs is Ack for workloads with several goroutines: each is a worker with
// numbers of its own. [Acked.Of] gives them to the check.
func AckAs(worker int32, n int64) { record.Mark(worker, n) }

// Unchecked calls f, for things that a workload has to set up. What f does is
// recorded, but there is no crash while it does: a large number of images is
// saved for what matters. It returns what f returns.
func Unchecked(f func() error) error {
	record.Pause()
	defer record.Resume()
	return f()
}

// Acked is what the workload had acknowledged when it crashed. The zero Acked
// is nothing.
type Acked struct {
	last  int64
	marks []mark
}

// mark is the latest number of one worker.
type mark struct {
	Worker int32
	N      int64
}

// ackedText is Acked as JSON.
type ackedText struct {
	Last  int64
	Marks []mark
}

// MarshalJSON is for reports, which may be kept.
func (a Acked) MarshalJSON() ([]byte, error) { return json.Marshal(ackedText{a.last, a.marks}) }

// UnmarshalJSON reads what MarshalJSON gives.
func (a *Acked) UnmarshalJSON(text []byte) error {
	var t ackedText
	err := json.Unmarshal(text, &t)
	a.last, a.marks = t.Last, t.Marks
	return err
}

// ackedOf is a, for the check.
func ackedOf(a trace.Acked) Acked {
	acked := Acked{last: a.Last()}
	for _, w := range a.Workers() {
		acked.marks = append(acked.marks, mark{w, a.Of(w)})
	}
	return acked
}

// Last is the number of the latest Ack or AckAs of any worker, 0 if there was
// none.
func (a Acked) Last() int64 { return a.last }

// Of is the number of the latest AckAs of this worker, 0 if there was none.
// Ack is that of worker 0.
func (a Acked) Of(worker int32) int64 {
	for _, m := range a.marks {
		if m.Worker == worker {
			return m.N
		}
	}
	return 0
}

// Any says whether anything was acknowledged.
func (a Acked) Any() bool { return len(a.marks) > 0 }

// String gives the numbers as a message does: "nothing", "7", or, with several
// workers, "worker 0: 7, worker 1: 4".
func (a Acked) String() string {
	switch {
	case len(a.marks) == 0:
		return "nothing"
	case len(a.marks) == 1 && a.marks[0].Worker == 0:
		return fmt.Sprint(a.last)
	}
	var all []string
	for _, m := range a.marks {
		all = append(all, fmt.Sprintf("worker %d: %d", m.Worker, m.N))
	}
	return strings.Join(all, ", ")
}
