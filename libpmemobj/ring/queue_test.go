package ring_test

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/testpool"
	"github.com/pmem/pmdk-go/libpmemobj"
	"github.com/pmem/pmdk-go/libpmemobj/counter"
	"github.com/pmem/pmdk-go/libpmemobj/directory"
	"github.com/pmem/pmdk-go/libpmemobj/ring"
)

func openQueue(t testing.TB, p *libpmemobj.Pool, name string, opts ...ring.Option) *ring.Queue {
	t.Helper()
	q, err := ring.OpenQueue(p, name, opts...)
	require.NoError(t, err)
	return q
}

func dequeue(t testing.TB, q *ring.Queue) ring.Message {
	t.Helper()
	m, err := q.TryDequeue()
	require.NoError(t, err)
	return m
}

// Ensure that messages come in order, each once, those that were rolled back
// first, and after a restart those again that were not committed.
func TestQueue(t *testing.T) {
	p := testpool.New(t)
	q := openQueue(t, p, "q", small)
	require.Equal(t, "q", q.Name())
	require.EqualValues(t, ring.MinCapacity, q.Capacity())
	_, err := q.TryDequeue()
	require.ErrorIs(t, err, ring.ErrEmpty)
	require.NoError(t, q.TryEnqueueBatch(nil))
	require.NoError(t, q.TryEnqueue(recordOf(1)))
	require.NoError(t, q.TryEnqueueBatch([][]byte{recordOf(2), recordOf(3), recordOf(4)}))
	require.NoError(t, q.TryEnqueue(nil))
	require.Equal(t, 5, q.Len())

	one, two, three := dequeue(t, q), dequeue(t, q), dequeue(t, q)
	require.EqualValues(t, 1, one.Seq())
	require.Equal(t, 1, one.Tries())
	require.Equal(t, recordOf(1), one.View())
	require.Equal(t, len(one.View()), cap(one.View()))
	data, err := two.AppendTo([]byte("x"))
	require.NoError(t, err)
	require.Equal(t, append([]byte("x"), recordOf(2)...), data)
	require.NoError(t, two.Commit())
	require.NoError(t, three.Rollback())
	require.NoError(t, one.Rollback())
	require.Equal(t, 4, q.Len())
	for _, err := range []error{one.Commit(), one.Rollback(), two.Commit(), two.Rollback(), three.Commit()} {
		require.ErrorIs(t, err, ring.ErrSettled)
	}
	_, err = one.AppendTo(nil)
	require.ErrorIs(t, err, ring.ErrSettled)
	again := dequeue(t, q)
	require.EqualValues(t, 1, again.Seq())
	require.Equal(t, 2, again.Tries())
	require.ErrorIs(t, one.Commit(), ring.ErrSettled, "it is another delivery")
	require.NoError(t, again.Commit())

	p = testpool.Reopen(t, p)
	q = openQueue(t, p, "q")
	require.Equal(t, 3, q.Len())
	m := dequeue(t, q)
	require.EqualValues(t, 3, m.Seq())
	require.NoError(t, m.Commit())
	require.EqualValues(t, 4, dequeue(t, q).Seq())
	m = dequeue(t, q)
	require.Empty(t, m.View())
	require.NoError(t, m.Commit())
	_, err = q.TryDequeue()
	require.ErrorIs(t, err, ring.ErrEmpty)
	require.Equal(t, 1, q.Len())
	q = openQueue(t, testpool.Reopen(t, p), "q")
	require.EqualValues(t, 4, dequeue(t, q).Seq(), "dropped without a word")
}

// Ensure that messages commit in any order, and their room is used again over
// many rounds.
func TestQueueRounds(t *testing.T) {
	p := testpool.New(t)
	q := openQueue(t, p, "q", small)
	rnd := rand.New(rand.NewPCG(1, 1))
	var held []ring.Message
	next, full := uint64(1), 0
	committed := map[uint64]bool{}
	for len(committed) < 1000 {
		if err := q.TryEnqueue(recordOf(next)); err == nil {
			next++
		} else {
			require.ErrorIs(t, err, ring.ErrFull)
			full++
			i := rnd.IntN(len(held) + 1)
			for range 1 + rnd.IntN(20) {
				if len(held) == 0 {
					break
				}
				i = min(i, len(held)-1)
				require.False(t, committed[held[i].Seq()])
				require.Equal(t, held[i].Seq(), numberOf(held[i].View()))
				require.NoError(t, held[i].Commit())
				committed[held[i].Seq()] = true
				held = slices.Delete(held, i, i+1)
			}
		}
		if m, err := q.TryDequeue(); err == nil {
			held = append(held, m)
		}
		if rnd.IntN(100) == 0 {
			p = testpool.Reopen(t, p)
			q, held = openQueue(t, p, "q"), nil
		}
	}
	require.Greater(t, full, 10)
}

// Ensure that consumers wait for messages and producers for room, until their
// context or the pool ends it.
func TestQueueBlocking(t *testing.T) {
	p := testpool.New(t)
	q := openQueue(t, p, "q", small)
	ctx := context.Background()
	got := make(chan error)
	go func() {
		m, err := q.Dequeue(ctx)
		if err == nil && !bytes.Equal(m.View(), recordOf(1)) {
			err = errors.New("another message")
		}
		got <- errors.Join(err, m.Commit())
	}()
	require.NoError(t, q.Enqueue(ctx, recordOf(1)))
	require.NoError(t, <-got)

	ended, cancel := context.WithCancelCause(ctx)
	cause := errors.New("no more")
	go func() {
		_, err := q.Dequeue(ended)
		got <- err
	}()
	cancel(cause)
	require.ErrorIs(t, <-got, cause)

	large := make([]byte, ring.MinCapacity/2-32)
	require.NoError(t, q.Enqueue(ctx, large))
	require.ErrorIs(t, q.TryEnqueue(large), ring.ErrFull)
	require.ErrorIs(t, q.EnqueueBatch(ended, [][]byte{large}), cause)
	require.ErrorIs(t, q.Enqueue(ctx, append(large, 1)), ring.ErrTooLarge)
	go func() { got <- q.Enqueue(ctx, large) }()
	require.NoError(t, dequeue(t, q).Commit())
	require.NoError(t, <-got)
	require.NoError(t, dequeue(t, q).Commit())

	for range 3 {
		go func() {
			_, err := q.Dequeue(ctx)
			got <- err
		}()
	}
	time.Sleep(time.Millisecond) // not needed for what follows; it makes it likelier that they wait
	for p.Close() != nil {
	}
	for range 3 {
		require.ErrorIs(t, <-got, libpmemobj.ErrClosed)
	}
	require.ErrorIs(t, q.Enqueue(ctx, nil), libpmemobj.ErrClosed)
}

// Ensure that with many producers and consumers each message is committed once,
// and that those of one producer are delivered in its order.
func TestQueueParallel(t *testing.T) {
	p := testpool.New(t)
	q := openQueue(t, p, "q", ring.WithCapacity(16<<10))
	const producers, consumers, each = 3, 3, 600
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var wg sync.WaitGroup
	for g := range producers {
		wg.Go(func() {
			for i := 0; i < each; i += 2 {
				a, b := recordOf(uint64(g*each+i+1)), recordOf(uint64(g*each+i+2))
				var err error
				if i%20 == 0 {
					for full := true; full; {
						err = p.Update(func(tx *libpmemobj.Tx) error { return q.In(tx).Enqueue(a, b) })
						full = errors.Is(err, ring.ErrFull)
					}
				} else {
					err = q.EnqueueBatch(ctx, [][]byte{a, b})
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	var count atomic.Int64
	var committed sync.Map
	for g := range consumers {
		wg.Go(func() {
			last := [producers]uint64{}
			for n := 0; ; n++ {
				m, err := q.Dequeue(ctx)
				if errors.Is(err, context.Canceled) {
					return
				}
				if err != nil {
					t.Error(err)
					return
				}
				rec := numberOf(m.View())
				from := (rec - 1) / each
				if rec == 0 || m.Tries() == 1 && rec < last[from] {
					t.Errorf("message %d (try %d) after %d", rec, m.Tries(), last[from])
				}
				last[from] = max(last[from], rec)
				switch {
				case n%7 == 0 && m.Tries() == 1:
					err = m.Rollback()
				case g == 0:
					err = p.Update(func(tx *libpmemobj.Tx) error { return m.CommitIn(tx) })
				default:
					err = m.Commit()
				}
				if err != nil {
					t.Error(err)
				}
				if n%7 == 0 && m.Tries() == 1 {
					continue
				}
				if _, twice := committed.LoadOrStore(rec, true); twice {
					t.Errorf("%d was committed twice", rec)
				}
				if count.Add(1) == producers*each {
					cancel()
				}
			}
		})
	}
	wg.Wait()
	require.EqualValues(t, producers*each, count.Load())
	require.Zero(t, q.Len())
	require.Zero(t, openQueue(t, testpool.Reopen(t, p), "q").Len())
}

// Ensure that a consumer reads its message and gives it back while a transaction
// adds more, so many that the list of them grows.
func TestQueueRollbackBesideTx(t *testing.T) {
	p := testpool.New(t)
	q := openQueue(t, p, "q")
	require.NoError(t, q.TryEnqueue(recordOf(1)))
	var wg sync.WaitGroup
	wg.Go(func() {
		for range 50 {
			err := p.Update(func(tx *libpmemobj.Tx) error {
				for i := range uint64(10) {
					if err := q.In(tx).Enqueue(recordOf(2 + i)); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		}
	})
	for range 500 {
		m := dequeue(t, q)
		require.EqualValues(t, 1, m.Seq())
		data, err := m.AppendTo(nil)
		require.NoError(t, err)
		require.Equal(t, recordOf(1), data)
		require.NoError(t, m.Rollback())
	}
	wg.Wait()
	require.Equal(t, 501, q.Len())
}

// Ensure that a transaction commits a message with what it does for it, or
// nothing of both, and that what it adds is delivered once it is committed.
func TestQueueIn(t *testing.T) {
	p := testpool.New(t)
	q := openQueue(t, p, "q", small)
	sum, err := counter.Open(p, "sum")
	require.NoError(t, err)
	require.NoError(t, q.TryEnqueue(recordOf(3)))
	m := dequeue(t, q)
	rollBack := errors.New("roll back")
	work := func(result error) error {
		return p.Update(func(tx *libpmemobj.Tx) error {
			require.ErrorIs(t, m.Commit(), libpmemobj.ErrInTx)
			require.NoError(t, m.CommitIn(tx))
			require.ErrorIs(t, m.CommitIn(tx), ring.ErrSettled)
			require.NoError(t, sum.In(tx).Add(3))
			require.NoError(t, q.In(tx).Enqueue(recordOf(4), recordOf(5)))
			require.NoError(t, q.In(tx).Enqueue())
			require.ErrorIs(t, q.TryEnqueue(nil), libpmemobj.ErrInTx)
			_, err := q.TryDequeue()
			require.ErrorIs(t, err, libpmemobj.ErrInTx)
			return result
		})
	}
	require.ErrorIs(t, work(rollBack), rollBack)
	require.Equal(t, 1, q.Len())
	_, err = q.TryDequeue()
	require.ErrorIs(t, err, ring.ErrEmpty)
	require.NoError(t, work(nil))
	require.ErrorIs(t, m.Commit(), ring.ErrSettled)
	require.Equal(t, 2, q.Len())
	n, err := sum.Load()
	require.NoError(t, err)
	require.EqualValues(t, 3, n)

	p = testpool.Reopen(t, p)
	q = openQueue(t, p, "q")
	require.Equal(t, recordOf(4), dequeue(t, q).View())
	require.Equal(t, recordOf(5), dequeue(t, q).View())
	_, err = q.TryDequeue()
	require.ErrorIs(t, err, ring.ErrEmpty)

	// Ensure that a transaction that finds no room leaves none taken.
	large := make([]byte, 1300)
	require.NoError(t, q.TryEnqueue(large))
	require.ErrorIs(t, p.Update(func(tx *libpmemobj.Tx) error { return q.In(tx).Enqueue(large, large) }), ring.ErrFull)
	require.NoError(t, q.TryEnqueue(large))
	require.ErrorIs(t, p.Update(func(tx *libpmemobj.Tx) error { return q.In(tx).Enqueue(make([]byte, 3000)) }), ring.ErrTooLarge)
}

// Ensure what else is refused, and that a damaged message can be dropped.
func TestQueueMisuse(t *testing.T) {
	p := testpool.New(t)
	q := openQueue(t, p, "q", small)
	var none ring.Message
	for _, err := range []error{none.Commit(), none.Rollback(), none.CommitIn(nil), func() error { _, err := none.AppendTo(nil); return err }()} {
		require.ErrorContains(t, err, "zero Message")
	}
	require.NoError(t, q.TryEnqueue(recordOf(11)))
	require.NoError(t, q.TryEnqueue(recordOf(12)))
	damage(t, p, "q", recordOf(11))
	m, err := q.TryDequeue()
	require.ErrorIs(t, err, ring.ErrCorrupt)
	require.ErrorContains(t, m.CommitIn(nil), "no transaction")
	require.NoError(t, m.Commit())
	m = dequeue(t, q)
	require.Equal(t, recordOf(12), m.View())
	for e, err := range directory.List(p) {
		require.NoError(t, err)
		require.EqualValues(t, 1, e.Entries)
	}
	require.NoError(t, directory.Remove(p, "q"))
	require.ErrorContains(t, m.Commit(), "removed")
	require.ErrorContains(t, m.Rollback(), "removed")
	_, err = q.Dequeue(context.Background())
	require.ErrorContains(t, err, "removed")
	require.NoError(t, p.Close())
	_, err = m.AppendTo(nil)
	require.Error(t, err)
}

// Ensure that operations need no memory of Go's heap.
func TestQueueGoHeap(t *testing.T) {
	if testpool.AddressSanitizer {
		t.Skip("with the address sanitizer every call into C goes through cgo, whose arguments escape")
	}
	p := testpool.New(t)
	q := openQueue(t, p, "q")
	rec := recordOf(11)
	ctx := context.Background()
	require.Zero(t, testing.AllocsPerRun(200, func() {
		if err := q.Enqueue(ctx, rec); err != nil {
			panic(err)
		}
		m, err := q.Dequeue(ctx)
		if err != nil {
			panic(err)
		}
		if err := m.Commit(); err != nil {
			panic(err)
		}
	}))
}
