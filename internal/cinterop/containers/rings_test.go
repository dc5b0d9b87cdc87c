package containers_test

import (
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/libpmemobj"
	"github.com/pmem/pmdk-go/libpmemobj/ring"
)

// records is a batch of data of all lengths.
func records(rnd *rand.Rand, n, longest int) (all [][]byte) {
	for range n {
		b := make([]byte, rnd.IntN(longest+1))
		for i := range b {
			b[i] = byte(rnd.Uint32())
		}
		all = append(all, b)
	}
	return all
}

// fillLogs makes logs that have gone around, and were cut at both ends.
func fillLogs(t *testing.T, p *libpmemobj.Pool, rnd *rand.Rand) func(*libpmemobj.Pool, *lines) {
	names := []string{"log", "a log that is cut", "a new log", "a log of few"}
	for i, n := range []int{500, 500, 0, 1} {
		name := names[i]
		l, err := ring.OpenLog(p, name, ring.WithCapacity(ring.MinCapacity+8*rnd.Int64N(100)))
		require.NoError(t, err)
		for range n {
			batch := records(rnd, 1+rnd.IntN(4), 100)
			first, next := l.Bounds()
			switch rnd.IntN(12) {
			case 0:
				err = l.TruncateFront(first + rnd.Uint64N(next-first+1))
			case 1:
				err = l.TruncateBack(next - min(rnd.Uint64N(6), next-first))
			case 2:
				err = p.Update(func(tx *libpmemobj.Tx) error { _, err := l.In(tx).Append(batch...); return err })
			case 3:
				err = p.Update(func(tx *libpmemobj.Tx) error {
					if _, err := l.In(tx).Append(batch...); err != nil {
						return err
					}
					return errUndo
				})
			default:
				_, err = l.Append(batch...)
			}
			if errors.Is(err, ring.ErrFull) {
				err = l.TruncateFront(first + (next-first)/2)
			}
			if !errors.Is(err, errUndo) {
				require.NoError(t, err)
			}
		}
		if name == "a log that is cut" {
			_, err = l.Append(records(rnd, 3, 10)...)
			require.NoError(t, err)
			_, next := l.Bounds()
			require.NoError(t, l.TruncateBack(next-1), "in the midst of a batch")
		}
	}
	return func(p *libpmemobj.Pool, out *lines) {
		for _, name := range names {
			l, err := ring.OpenLog(p, name)
			if err != nil {
				panic(err) // it was there before
			}
			for rec, err := range l.From(0) {
				if err != nil {
					panic(err)
				}
				out.add("%s\trecord\t%d\t%x", name, rec.Seq, rec.Data)
			}
			_, next := l.Bounds()
			out.add("%s\tnext\t%d", name, next)
		}
	}
}

// fillQueues makes queues with messages that are committed and others. It
// leaves them with none that a consumer has: delivering is not in the pool.
func fillQueues(t *testing.T, p *libpmemobj.Pool, rnd *rand.Rand) func(*libpmemobj.Pool, *lines) {
	names := []string{"queue", "a new queue", "a queue of few"}
	next := map[string]uint64{}
	for i, n := range []int{600, 0, 3} {
		name := names[i]
		next[name] = 1
		q, err := ring.OpenQueue(p, name, ring.WithCapacity(ring.MinCapacity+8*rnd.Int64N(100)))
		require.NoError(t, err)
		var held []ring.Message
		for range n {
			batch := records(rnd, 1+rnd.IntN(3), 80)
			switch rnd.IntN(4) {
			case 0:
				err = q.TryEnqueueBatch(batch)
			case 1:
				err = p.Update(func(tx *libpmemobj.Tx) error { return q.In(tx).Enqueue(batch...) })
			case 2:
				var m ring.Message
				if m, err = q.TryDequeue(); err == nil {
					held = append(held, m)
				}
				batch = nil
			default:
				batch = nil
				if len(held) == 0 {
					continue
				}
				i := rnd.IntN(len(held))
				m := held[i]
				held = append(held[:i], held[i+1:]...)
				if i%2 == 0 {
					err = m.Commit()
				} else {
					err = p.Update(func(tx *libpmemobj.Tx) error { return m.CommitIn(tx) })
				}
			}
			if errors.Is(err, ring.ErrFull) || errors.Is(err, ring.ErrEmpty) {
				continue
			}
			require.NoError(t, err)
			next[name] += uint64(len(batch))
		}
		for _, m := range held {
			require.NoError(t, m.Rollback())
		}
	}
	return func(p *libpmemobj.Pool, out *lines) {
		for _, name := range names {
			printQueue(p, name, next[name], out)
		}
	}
}

// printQueue looks at all messages, and gives them back.
func printQueue(p *libpmemobj.Pool, name string, next uint64, out *lines) {
	q, err := ring.OpenQueue(p, name)
	if err != nil {
		panic(err) // it was there before
	}
	var all []ring.Message
	for {
		m, err := q.TryDequeue()
		if errors.Is(err, ring.ErrEmpty) {
			break
		}
		if err != nil {
			panic(err)
		}
		out.add("%s\tmessage\t%d\t%x", name, m.Seq(), m.View())
		all = append(all, m)
	}
	for _, m := range all {
		if err := m.Rollback(); err != nil {
			panic(err)
		}
	}
	out.add("%s\tnext\t%d", name, next)
}
