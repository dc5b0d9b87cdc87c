package linearize

import (
	"slices"

	"github.com/anishathalye/porcupine"
)

// QueueKind is what is done to a queue.
type QueueKind string

// The kinds of operations.
const (
	Enqueue  QueueKind = "enqueue" // Values, together
	Dequeue  QueueKind = "dequeue"
	Commit   QueueKind = "commit"        // Commit
	Rollback QueueKind = "roll back"     // Commit
	Exchange QueueKind = "exchange"      // Commit is committed and Values are enqueued, together
	Undo     QueueKind = "undone"        // an Exchange that was rolled back
	Held     QueueKind = "messages held" // how many were not committed
)

// QueueOp is an operation on a queue, whose messages are different numbers.
type QueueOp struct {
	Kind   QueueKind
	Values []int
	Commit int
}

// QueueResult is what it returned: a message or a number of them; NoMessage if
// there was none, NoRoom if there was no room.
type QueueResult int

// What a queue says otherwise.
const (
	NoMessage QueueResult = -1
	NoRoom    QueueResult = -2
)

// message is one that is in the queue.
type message struct {
	value int
	taken bool // a consumer has it
	done  bool // it is committed, and one before it is not
}

// queue is what is in a queue, in order. It is never changed in place.
type queue []message

func (q queue) enqueue(values []int) queue {
	q = slices.Clone(q)
	for _, v := range values {
		q = append(q, message{value: v})
	}
	return q
}

// dequeue takes the first message that nobody has.
func (q queue) dequeue(r QueueResult) (queue, bool) {
	i := slices.IndexFunc(q, func(m message) bool { return !m.taken && !m.done })
	if i < 0 || r == NoMessage {
		return q, i < 0 && r == NoMessage
	}
	if q[i].value != int(r) {
		return q, false
	}
	q = slices.Clone(q)
	q[i].taken = true
	return q, true
}

// end commits a message or gives it back; a consumer must have it.
func (q queue) end(value int, done bool) (queue, bool) {
	i := slices.Index(q, message{value: value, taken: true})
	if i < 0 {
		return q, false
	}
	q = slices.Clone(q)
	q[i].taken, q[i].done = false, done
	for len(q) > 0 && q[0].done {
		q = q[1:]
	}
	return q, true
}

func (q queue) held() (n int) {
	for _, m := range q {
		if !m.done {
			n++
		}
	}
	return n
}

// step says what is in the queue after an operation, if it can return the
// result. full is how many messages there are at least where one finds no room.
func (q queue) step(o QueueOp, r QueueResult, full int) (queue, bool) {
	if r == NoRoom {
		return q, len(q) >= full && len(o.Values) > 0
	}
	switch o.Kind {
	case Enqueue:
		return q.enqueue(o.Values), true
	case Dequeue:
		return q.dequeue(r)
	case Commit:
		return q.end(o.Commit, true)
	case Rollback:
		return q.end(o.Commit, false)
	case Exchange:
		next, ok := q.end(o.Commit, true)
		return next.enqueue(o.Values), ok
	case Undo:
		return q, slices.Contains(q, message{value: o.Commit, taken: true})
	case Held:
		return q, q.held() == int(r)
	}
	return q, false
}

// numbered is a queue and how many messages were ever added to it.
type numbered struct {
	queue
	added int
}

// Queues is the model of a queue whose consumers commit messages: operations
// are QueueOp, their outcome is a QueueResult. full is how many messages there
// are at least where one finds no room, counting those that are committed
// behind one that is not.
//
// numberOf gives the number that the queue has given to a message, counted from
// 1 on in the order in which they were added. Without that, the search would
// have to try all orders of messages that were added at the same time.
func Queues(full int, numberOf func(message int) int) porcupine.Model {
	return porcupine.Model{
		Init: func() any { return numbered{} },
		Step: func(state, input, output any) (bool, any) {
			q, op, r := state.(numbered), input.(QueueOp), output.(QueueResult)
			if r != NoRoom && op.Kind != Undo {
				for _, v := range op.Values {
					if q.added++; numberOf(v) != q.added {
						return false, state
					}
				}
			}
			var ok bool
			q.queue, ok = q.step(op, r, full)
			return ok, q
		},
		Equal: func(a, b any) bool {
			x, y := a.(numbered), b.(numbered)
			return x.added == y.added && slices.Equal(x.queue, y.queue)
		},
	}
}
