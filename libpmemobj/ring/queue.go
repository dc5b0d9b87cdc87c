package ring

import (
	"container/heap"
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/pmem/pmdk-go/libpmemobj"
)

var (
	// ErrEmpty is returned if no message is there to be delivered.
	ErrEmpty = errors.New("the queue is empty")

	// ErrSettled is the error of a message that was committed or rolled back
	// before.
	ErrSettled = errors.New("the message was committed or rolled back before")
)

// Queue hands byte records from producers to consumers, each to one: a message
// leaves the queue when its consumer commits it. What is not committed when the
// program ends is delivered again. Handles are made by [OpenQueue], which may be
// called any number of times for one queue; they end with the pool.
type Queue struct {
	name string
	s    *state
}

// queueState is what a queue has beside the ring, under the ring's mu.
type queueState struct {
	next     uint64  // what was never delivered begins here
	returned returns // rolled back messages
	live     atomic.Int64
	counted  uint64 // messages before are in live, or not any more

	notEmpty gate
	notFull  gate
}

// returns is a heap of sequence numbers.
type returns []uint64

func (r returns) Len() int           { return len(r) }
func (r returns) Less(i, j int) bool { return r[i] < r[j] }
func (r returns) Swap(i, j int)      { r[i], r[j] = r[j], r[i] }
func (r *returns) Push(x any)        { *r = append(*r, x.(uint64)) }
func (r *returns) Pop() any {
	last := len(*r) - 1
	x := (*r)[last]
	*r = (*r)[:last]
	return x
}

// gate lets all go who wait for it, when it is opened.
type gate struct{ c chan struct{} }

func (g *gate) wait() <-chan struct{} {
	if g.c == nil {
		g.c = make(chan struct{})
	}
	return g.c
}

func (g *gate) open() {
	if g.c != nil {
		close(g.c)
		g.c = nil
	}
}

// queueScanned follows scan.
func (s *state) queueScanned() {
	q := s.queue
	q.next, q.counted = s.entries.first, s.entries.first
	q.live.Store(0)
	for seq := s.entries.first; seq < s.entries.next(); seq++ {
		if s.entries.get(seq).state != done {
			q.live.Add(1)
		}
	}
	q.counted = s.entries.next()
	s.advance()
}

// queueAdded notices that more messages are durable.
func (s *state) queueAdded() {
	q := s.queue
	if d := s.durable.Load(); d > q.counted {
		q.live.Add(int64(d - q.counted))
		q.counted = d
		q.notEmpty.open()
	}
}

// queueGone wakes all who wait, to find the queue gone.
func (s *state) queueGone() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queue.notEmpty.open()
	s.queue.notFull.open()
}

// settled marks a message as committed, and frees the room of those at the
// front.
func (s *state) settled(seq uint64) {
	s.entries.get(seq).state = done
	s.queue.live.Add(-1)
	s.advance()
}

// advance frees the room of the messages at the front that are committed. The
// slot follows when the room is needed.
func (s *state) advance() {
	first := s.entries.first
	for s.entries.n > 0 && s.entries.get(s.entries.first).state == done {
		s.entries.cutFront(s.entries.first + 1)
	}
	if s.entries.first == first {
		return
	}
	s.pos = s.tail
	if s.entries.n > 0 {
		s.pos = s.entries.get(s.entries.first).pos
	}
	s.first.Store(s.entries.first)
	s.queue.next = max(s.queue.next, s.entries.first)
	s.queue.notFull.open()
}

// OpenQueue returns the queue that has the name in the pool's directory, and
// makes an empty one if nothing has it. If the name stands for something else,
// the error is a *directory.KindError. A new queue cannot be made inside
// [libpmemobj.Pool.Update].
//
// The first OpenQueue after the pool was opened reads all messages that are in
// the ring: about a millisecond for some megabytes.
func OpenQueue(p *libpmemobj.Pool, name string, opts ...Option) (*Queue, error) {
	s, err := openNamed(p, name, queueKind, queMagic, opts)
	if err != nil {
		return nil, err
	}
	return &Queue{name, s}, nil
}

// Name is the name that the queue was opened by.
func (q *Queue) Name() string { return q.name }

// Capacity is how many bytes the messages can take.
func (q *Queue) Capacity() int64 { return int64(q.s.capacity) }

// Len is the number of messages that are not committed, those that consumers
// have included.
func (q *Queue) Len() int { return q.s.len() }

func (q *Queue) fail(op string, err error) error { return failure("queue "+op, q.name, err) }

// TryEnqueue adds a message. It is durable when TryEnqueue returns. If there is
// no room, the error matches ErrFull; if there never will be, ErrTooLarge.
func (q *Queue) TryEnqueue(data []byte) error {
	return q.TryEnqueueBatch([][]byte{data})
}

// TryEnqueueBatch adds messages, next to each other: all are durable when it
// returns, and after a crash all are there or none. If there is no room for all,
// none is added.
func (q *Queue) TryEnqueueBatch(batch [][]byte) error {
	_, err := q.enqueue("enqueue", batch)
	return err
}

// Enqueue is TryEnqueue that waits for room, until ctx is done.
func (q *Queue) Enqueue(ctx context.Context, data []byte) error {
	return q.EnqueueBatch(ctx, [][]byte{data})
}

// EnqueueBatch is TryEnqueueBatch that waits for room, until ctx is done.
func (q *Queue) EnqueueBatch(ctx context.Context, batch [][]byte) error {
	const op = "enqueue"
	for {
		full, err := q.enqueue(op, batch)
		if full == nil {
			return err
		}
		select {
		case <-full:
		case <-ctx.Done():
			return q.fail(op, context.Cause(ctx))
		}
	}
}

// enqueue adds messages. If there is no room, the channel is closed when there
// may be.
func (q *Queue) enqueue(op string, batch [][]byte) (full <-chan struct{}, err error) {
	full, err = q.enqueueNow(op, batch)
	if err != nil || len(batch) == 0 {
		return full, err
	}
	if err := q.s.pool.AwaitDurable(); err != nil {
		return nil, q.fail(op, err)
	}
	return nil, nil
}

func (q *Queue) enqueueNow(op string, batch [][]byte) (full <-chan struct{}, err error) {
	if libpmemobj.InUpdate() {
		return nil, q.fail(op, errInUpdate)
	}
	if err := q.s.pool.Failed(); err != nil {
		return nil, q.fail(op, err)
	}
	h, err := q.s.Shared(op)
	if err != nil {
		return nil, q.fail(op, err)
	}
	defer h.Release()
	if len(batch) == 0 {
		return nil, nil
	}
	if _, full, err = q.s.append(batch); err != nil {
		return full, q.fail(op, err)
	}
	return nil, nil
}

// Message is one that a consumer has, until it commits it or rolls it back. A
// message that is dropped is delivered again when the pool is opened the next
// time.
type Message struct {
	q     *Queue
	seq   uint64
	pos   uint64
	tries uint32
}

// TryDequeue delivers the oldest message that no consumer has. If there is none,
// the error matches ErrEmpty. If the message is damaged, the error matches
// ErrCorrupt and the message can be committed all the same.
//
// Delivering changes nothing in the pool: it may be done inside
// [libpmemobj.Pool.Update], to commit the message with the rest ([Message.CommitIn]).
func (q *Queue) TryDequeue() (Message, error) {
	m, _, err := q.take("dequeue")
	return m, err
}

// Dequeue is TryDequeue that waits for a message, until ctx is done. When the
// pool is closed meanwhile, the error matches ErrClosed.
func (q *Queue) Dequeue(ctx context.Context) (Message, error) {
	const op = "dequeue"
	for {
		m, empty, err := q.take(op)
		if empty == nil {
			return m, err
		}
		select {
		case <-empty:
		case <-ctx.Done():
			return Message{}, q.fail(op, context.Cause(ctx))
		}
	}
}

// take delivers a message. If there is none, the channel is closed when there
// may be.
func (q *Queue) take(op string) (m Message, empty <-chan struct{}, err error) {
	s := q.s
	h, err := s.Shared(op)
	if err != nil {
		return m, nil, q.fail(op, err)
	}
	defer h.Release()
	s.mu.Lock()
	seq, ok := s.nextMessage()
	if !ok {
		empty = s.queue.notEmpty.wait()
		s.mu.Unlock()
		return m, empty, q.fail(op, ErrEmpty)
	}
	e := s.entries.get(seq)
	e.state = taken
	e.tries++
	m = Message{q, seq, e.pos, e.tries}
	s.mu.Unlock()
	if s.at(m.pos).seq != seq || !s.sound(m.pos) {
		return m, nil, q.fail(op, fmt.Errorf("%w: message %d", ErrCorrupt, seq))
	}
	return m, nil, nil
}

// nextMessage is the oldest one that can be delivered.
func (s *state) nextMessage() (seq uint64, ok bool) {
	q := s.queue
	if len(q.returned) > 0 {
		return heap.Pop(&q.returned).(uint64), true
	}
	for ; q.next < s.durable.Load(); q.next++ {
		if s.entries.get(q.next).state == ready {
			q.next++
			return q.next - 1, true
		}
	}
	return 0, false
}

// Seq is the message's number: messages are numbered in the order in which they
// were added, from 1 on.
func (m Message) Seq() uint64 { return m.seq }

// Tries is how often the message was delivered since the pool was opened, this
// time included.
func (m Message) Tries() int { return int(m.tries) }

// View is the message's data, as a capped slice over the pool's memory, for
// reading. It is valid until the message is committed or rolled back, or the pool
// closed.
func (m Message) View() []byte { return m.q.s.data(m.pos) }

// AppendTo appends the message's data to dst and returns that. It fails if the
// message was committed or rolled back, or the pool closed.
func (m Message) AppendTo(dst []byte) ([]byte, error) {
	const op = "message"
	if m.q == nil {
		return dst, errNoMessage
	}
	s := m.q.s
	h, err := s.Read(op)
	if err != nil {
		return dst, m.q.fail(op, err)
	}
	defer h.Release()
	// It cannot be committed, and its room used again, under mu.
	s.mu.RLock()
	defer s.mu.RUnlock()
	if !s.has(m) {
		return dst, m.q.fail(op, ErrSettled)
	}
	if dst, err = s.load(dst, m.pos, m.seq); err != nil {
		return dst, m.q.fail(op, err)
	}
	return dst, nil
}

var errNoMessage = errors.New("no message: the zero Message")

// has says whether a consumer has m.
func (s *state) has(m Message) bool {
	if !s.entries.has(m.seq) {
		return false
	}
	e := s.entries.get(m.seq)
	return e.state == taken && e.tries == m.tries
}

// Commit removes the message from the queue, for good when it returns.
func (m Message) Commit() error {
	const op = "commit"
	if m.q == nil {
		return errNoMessage
	}
	if libpmemobj.InUpdate() {
		return m.q.fail(op, fmt.Errorf("%w: use CommitIn", libpmemobj.ErrInTx))
	}
	if err := m.commit(op); err != nil {
		return err
	}
	if err := m.q.s.pool.AwaitDurable(); err != nil {
		return m.q.fail(op, err)
	}
	return nil
}

func (m Message) commit(op string) error {
	s := m.q.s
	if err := s.pool.Failed(); err != nil {
		return m.q.fail(op, err)
	}
	h, err := s.Shared(op)
	if err != nil {
		return m.q.fail(op, err)
	}
	defer h.Release()
	if err := s.settle(m); err != nil {
		return m.q.fail(op, err)
	}
	word := &s.at(m.pos).state
	atomic.StoreUint32(word, stateDone)
	s.pool.PersistInside(libpmemobj.RangeOf(word))
	s.mu.Lock()
	s.settled(m.seq)
	s.mu.Unlock()
	return nil
}

// settle claims a message for its end.
func (s *state) settle(m Message) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.has(m) {
		return ErrSettled
	}
	s.entries.get(m.seq).state = settling
	return nil
}

// CommitIn removes the message from the queue when tx is committed, together
// with all else that tx does. If tx is rolled back, the consumer still has the
// message. Producers and consumers go on meanwhile.
func (m Message) CommitIn(tx *libpmemobj.Tx) error {
	const op = "commit"
	if m.q == nil {
		return errNoMessage
	}
	s := m.q.s
	if err := s.JoinTx(op, tx); err != nil {
		return m.q.fail(op, err)
	}
	if err := s.settle(m); err != nil {
		return m.q.fail(op, err)
	}
	s.txn.committed = append(s.txn.committed, m.seq)
	word := &s.at(m.pos).state
	if err := tx.Snapshot(libpmemobj.RangeOf(word)); err != nil {
		return m.q.fail(op, err)
	}
	*word = stateDone
	return nil
}

// queueTxEnd is the end of a transaction with messages.
func (s *state) queueTxEnd(committed bool) {
	for _, seq := range s.txn.committed {
		if committed {
			s.settled(seq)
		} else {
			s.entries.get(seq).state = taken
		}
	}
	s.txn.committed = s.txn.committed[:0]
}

// Rollback gives the message back: it is delivered again, before those that
// were added after it.
func (m Message) Rollback() error {
	const op = "roll back"
	if m.q == nil {
		return errNoMessage
	}
	s := m.q.s
	h, err := s.Read(op)
	if err != nil {
		return m.q.fail(op, err)
	}
	defer h.Release()
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.has(m) {
		return m.q.fail(op, ErrSettled)
	}
	s.entries.get(m.seq).state = ready
	heap.Push(&s.queue.returned, m.seq)
	s.queue.notEmpty.open()
	return nil
}

// QueueTx is a queue inside a transaction.
type QueueTx struct {
	q  *Queue
	tx *libpmemobj.Tx
}

// In returns the queue as a part of tx, for use where tx can be used.
func (q *Queue) In(tx *libpmemobj.Tx) QueueTx { return QueueTx{q, tx} }

// Enqueue adds messages, which are delivered once the transaction is committed.
// If there is no room for all, the error matches ErrFull and none is added. Until
// the end of the transaction, other goroutines wait for the queue, and other
// transactions for the containers of the pool.
func (t QueueTx) Enqueue(batch ...[]byte) error {
	const op = "enqueue"
	s := t.q.s
	if err := s.InTx(op, t.tx); err != nil {
		return t.q.fail(op, err)
	}
	if len(batch) == 0 {
		return nil
	}
	if _, err := s.appendIn(t.tx, batch); err != nil {
		return t.q.fail(op, err)
	}
	return nil
}
