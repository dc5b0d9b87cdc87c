package linearize_test

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/linearize"
	"github.com/pmem/pmdk-go/internal/testpool"
	"github.com/pmem/pmdk-go/libpmemobj"
	"github.com/pmem/pmdk-go/libpmemobj/ring"
)

// What messages take in the ring, with their header.
const (
	messageSize = 40
	recordSize  = messageSize + 32
	batch       = 3
)

// full is how many messages there are at least where one finds no room: as many
// as the ring holds, less the batch that it is for, those that other goroutines
// are enqueuing, and one for the end of the ring.
const full = ring.MinCapacity/recordSize - batch*goroutines - 1

func payload(v int) []byte { return fmt.Appendf(nil, "%0*d", messageSize, v) }

func payloads(values []int) (all [][]byte) {
	for _, v := range values {
		all = append(all, payload(v))
	}
	return all
}

func messageOf(m ring.Message) (int, error) {
	v, err := strconv.Atoi(strings.TrimLeft(string(m.View()), "0"))
	if err != nil || string(m.View()) != string(payload(v)) {
		return 0, fmt.Errorf("%q is no message that was sent", m.View())
	}
	return v, nil
}

// consumer is what a goroutine has of a queue.
type consumer struct {
	q       *ring.Queue
	pool    *libpmemobj.Pool
	held    []held
	numbers map[int]int // of the messages that it was given
}

type held struct {
	m     ring.Message
	value int
}

// take has a message, if the goroutine holds one.
func (c *consumer) take(rnd *rand.Rand) (h held, ok bool) {
	if len(c.held) == 0 {
		return h, false
	}
	i, last := rnd.IntN(len(c.held)), len(c.held)-1
	h = c.held[i]
	c.held[i] = c.held[last]
	c.held = c.held[:last]
	return h, true
}

// do does what it is told with a message that it holds.
func (c *consumer) do(o linearize.QueueOp, h held) (linearize.QueueResult, error) {
	var err error
	switch o.Kind {
	case linearize.Enqueue:
		err = c.q.TryEnqueueBatch(payloads(o.Values))
	case linearize.Dequeue:
		if h.m, err = c.q.TryDequeue(); errors.Is(err, ring.ErrEmpty) {
			return linearize.NoMessage, nil
		}
		if err == nil {
			h.value, err = messageOf(h.m)
			c.numbers[h.value] = int(h.m.Seq())
		}
		c.held = append(c.held, h)
		return linearize.QueueResult(h.value), err
	case linearize.Commit:
		err = h.m.Commit()
	case linearize.Rollback:
		err = h.m.Rollback()
	case linearize.Held:
		return linearize.QueueResult(c.q.Len()), nil
	case linearize.Exchange, linearize.Undo:
		err = update(c.pool, o.Kind == linearize.Undo, func(tx *libpmemobj.Tx) error {
			if err := h.m.CommitIn(tx); err != nil {
				return err
			}
			pause()
			return c.q.In(tx).Enqueue(payloads(o.Values)...)
		})
		if err != nil || o.Kind == linearize.Undo {
			c.held = append(c.held, h)
		}
	}
	if errors.Is(err, ring.ErrFull) {
		return linearize.NoRoom, nil
	}
	return 0, err
}

// draw chooses an operation.
func (c *consumer) draw(rnd *rand.Rand, v int) (o linearize.QueueOp, h held) {
	n := rnd.IntN(20)
	switch {
	case n < 4:
		return linearize.QueueOp{Kind: linearize.Enqueue, Values: []int{v}}, h
	case n < 7:
		return linearize.QueueOp{Kind: linearize.Enqueue, Values: []int{v, v + 1, v + 2}}, h
	case n < 8:
		return linearize.QueueOp{Kind: linearize.Held}, h
	case n < 13:
		return linearize.QueueOp{Kind: linearize.Dequeue}, h
	}
	h, ok := c.take(rnd)
	if !ok {
		return linearize.QueueOp{Kind: linearize.Dequeue}, h
	}
	o.Commit = h.value
	switch {
	case n < 17:
		o.Kind = linearize.Commit
	case n < 18:
		o.Kind = linearize.Rollback
	case n < 19:
		o.Kind, o.Values = linearize.Exchange, []int{v, v + 1}
	default:
		o.Kind, o.Values = linearize.Undo, []int{v}
	}
	return o, h
}

// drain has all messages delivered that are there.
func (c *consumer) drain(client *linearize.Client) error {
	for {
		last := linearize.QueueResult(0)
		o := linearize.QueueOp{Kind: linearize.Dequeue}
		err := client.Do(o, func() (_ any, err error) {
			last, err = c.do(o, held{})
			return last, err
		})
		if err != nil || last == linearize.NoMessage {
			return err
		}
	}
}

// Ensure that producers and consumers of a queue that often is full see it as
// one queue: messages come in the order in which they were added, those that
// were given back first, each to one consumer, over many rounds of the ring.
func TestQueue(t *testing.T) {
	const each = 400
	p := testpool.New(t)
	noRoom, empty := 0, 0
	for range rounds(8) {
		q, err := ring.OpenQueue(p, "q", ring.WithCapacity(ring.MinCapacity))
		require.NoError(t, err)
		var consumers [goroutines + 1]consumer
		for g := range consumers {
			consumers[g] = consumer{q: q, pool: p, numbers: map[int]int{}}
		}
		results := make([]map[linearize.QueueResult]int, goroutines)
		h := record(t, each, func(rnd *rand.Rand, g int, c *linearize.Client, n int) error {
			o, h := consumers[g].draw(rnd, (n*goroutines+g)*batch+1)
			return c.Do(o, func() (any, error) {
				r, err := consumers[g].do(o, h)
				if results[g] == nil {
					results[g] = map[linearize.QueueResult]int{}
				}
				results[g][r]++
				return r, err
			})
		})
		require.NoError(t, consumers[goroutines].drain(h.Client()))
		numbers := map[int]int{}
		for _, c := range consumers {
			maps.Copy(numbers, c.numbers)
		}
		require.NoError(t, h.Verify(linearize.Queues(full, func(message int) int { return numbers[message] })))
		for _, r := range results {
			noRoom += r[linearize.NoRoom]
			empty += r[linearize.NoMessage]
		}
		removeAll(t, p)
	}
	t.Logf("%d times no room, %d times no message", noRoom, empty)
	require.NotZero(t, noRoom)
	require.NotZero(t, empty)
}
