//go:build !pmdk_dynamic

package ring_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/pmem/pmdk-go/internal/crashmodel"
	"github.com/pmem/pmdk-go/internal/testpool"
	"github.com/pmem/pmdk-go/libpmem/crashtest"
	"github.com/pmem/pmdk-go/libpmemobj"
	"github.com/pmem/pmdk-go/libpmemobj/counter"
	"github.com/pmem/pmdk-go/libpmemobj/ring"
)

var errRollBack = errors.New("roll back")

func numbered(n int) []byte { return bytes.Repeat([]byte{byte(n)}, n%9*40+1) }

// Ensure that a crash at any moment leaves each operation on a log done or not
// begun, batches as a whole, over the end of the ring, and that nothing that was
// removed comes back when the log is written on.
func TestCrashLog(t *testing.T) {
	type step = func(l *ring.Log, p *libpmemobj.Pool) error
	add := func(ns ...int) step {
		return func(l *ring.Log, _ *libpmemobj.Pool) error {
			var records [][]byte
			for _, n := range ns {
				records = append(records, numbered(n))
			}
			_, err := l.Append(records...)
			return err
		}
	}
	front := func(seq uint64) step {
		return func(l *ring.Log, _ *libpmemobj.Pool) error { return l.TruncateFront(seq) }
	}
	back := func(seq uint64) step {
		return func(l *ring.Log, _ *libpmemobj.Pool) error { return l.TruncateBack(seq) }
	}
	inTx := func(result error) step {
		return func(l *ring.Log, p *libpmemobj.Pool) error {
			err := p.Update(func(tx *libpmemobj.Tx) error {
				_, err1 := l.In(tx).Append(numbered(30), numbered(31))
				_, next, err2 := l.In(tx).Bounds()
				err3 := l.In(tx).TruncateBack(next - 4)
				_, err4 := l.In(tx).Append(numbered(32), numbered(33), numbered(34))
				err5 := l.In(tx).TruncateFront(next - 6)
				return errors.Join(err1, err2, err3, err4, err5, result)
			})
			if result != nil && errors.Is(err, result) {
				return nil
			}
			return err
		}
	}
	steps := []step{
		add(1), add(2, 3, 4), add(5, 6, 7, 8), add(9),
		back(6), add(16, 17), back(5), add(18), add(19, 20),
		front(4), add(21, 22, 23, 24), add(26), front(8),
		add(35, 36, 37, 38), add(39), front(12), // round the end
		inTx(nil), add(40), inTx(errRollBack), add(41, 42), back(17),
		func(l *ring.Log, _ *libpmemobj.Pool) error { return l.Reset(100) },
		add(43, 44), add(45),
	}
	contents := func(p *libpmemobj.Pool) (string, error) {
		l, err := ring.OpenLog(p, "l", small)
		if err != nil {
			return "", err
		}
		first, next := l.Bounds()
		s := fmt.Sprintf("records %d to %d:", first, next)
		for rec, err := range l.From(0) {
			if err != nil {
				return "", err
			}
			n := int(rec.Data[0])
			if !bytes.Equal(rec.Data, numbered(n)) {
				return "", fmt.Errorf("record %d is %v", rec.Seq, rec.Data)
			}
			s += fmt.Sprint(" ", n)
		}
		return s, nil
	}
	var bound []func(p *libpmemobj.Pool) error
	for _, s := range steps {
		bound = append(bound, func(p *libpmemobj.Pool) error {
			l, err := ring.OpenLog(p, "l")
			if err != nil {
				return err
			}
			return s(l, p)
		})
	}
	crashmodel.Run(t, crashtest.Config{Images: 1000, Warnings: crashtest.Ignore}, crashmodel.Workload[*libpmemobj.Pool]{
		Actors: []crashmodel.Actor[*libpmemobj.Pool]{crashmodel.Steps[*libpmemobj.Pool]{
			Setup:    func(p *libpmemobj.Pool) error { _, err := contents(p); return err },
			Steps:    bound,
			Contents: contents,
		}.Actor(t, stepsPool)},
		Finish: func(p *libpmemobj.Pool) error {
			// What is written next is all that there is next: seen anew, as
			// after another crash.
			l, err := ring.OpenLog(p, "l")
			if err != nil {
				return err
			}
			_, next := l.Bounds()
			if err := l.TruncateFront(next); err != nil {
				return err
			}
			for n := 50; n < 53; n++ {
				if _, err := l.Append(numbered(n)); err != nil {
					return err
				}
				if err := ring.ScanAgain(l); err != nil {
					return err
				}
			}
			want := fmt.Sprintf("records %d to %d: 50 51 52", next, next+3)
			if have, err := contents(p); have != want || err != nil {
				return fmt.Errorf("written on, there are %s; want %s; %v", have, want, err)
			}
			return nil
		},
	})
}

// Ensure that a crash at any moment leaves those messages of a queue that were
// not committed, and what a transaction did for one together with its end.
func TestCrashQueue(t *testing.T) {
	type step = func(q *ring.Queue, sum *counter.Sharded, p *libpmemobj.Pool) error
	add := func(ns ...int) step {
		return func(q *ring.Queue, _ *counter.Sharded, _ *libpmemobj.Pool) error {
			var batch [][]byte
			for _, n := range ns {
				batch = append(batch, numbered(n))
			}
			return q.TryEnqueueBatch(batch)
		}
	}
	// take commits the message at a place, and gives those before it back.
	take := func(q *ring.Queue, i int, commit func(m ring.Message) error) error {
		var before []ring.Message
		for range i {
			m, err := q.TryDequeue()
			if err != nil {
				return err
			}
			before = append(before, m)
		}
		m, err := q.TryDequeue()
		if err != nil {
			return err
		}
		err = commit(m)
		for _, m := range before {
			err = errors.Join(err, m.Rollback())
		}
		return err
	}
	commit := func(i int) step {
		return func(q *ring.Queue, _ *counter.Sharded, _ *libpmemobj.Pool) error {
			return take(q, i, ring.Message.Commit)
		}
	}
	inTx := func(result error) step {
		return func(q *ring.Queue, sum *counter.Sharded, p *libpmemobj.Pool) error {
			return take(q, 1, func(m ring.Message) error {
				err := p.Update(func(tx *libpmemobj.Tx) error {
					return errors.Join(m.CommitIn(tx), sum.In(tx).Add(int64(m.View()[0])), q.In(tx).Enqueue(numbered(60), numbered(61)), result)
				})
				if result != nil && errors.Is(err, result) {
					return m.Rollback()
				}
				return err
			})
		}
	}
	steps := []step{
		add(1), add(2, 3, 4), add(5, 6, 7, 8), commit(0), commit(2), commit(1), commit(0), add(9, 10, 17),
		inTx(nil), inTx(errRollBack), add(26), commit(0), commit(0), commit(0), commit(0), add(35, 44), commit(1),
		add(53, 62), commit(0), commit(0), commit(0), add(71, 72, 80), // into the room of committed messages
	}
	open := func(p *libpmemobj.Pool) (q *ring.Queue, sum *counter.Sharded, err error) {
		q, err1 := ring.OpenQueue(p, "q", small)
		sum, err2 := counter.Open(p, "sum")
		return q, sum, errors.Join(err1, err2)
	}
	contents := func(p *libpmemobj.Pool) (string, error) {
		q, sum, err := open(p)
		if err != nil {
			return "", err
		}
		total, err := sum.Load()
		s := fmt.Sprintf("sum %d, %d messages:", total, q.Len())
		var all []ring.Message
		for err == nil {
			var m ring.Message
			if m, err = q.TryDequeue(); err == nil {
				all = append(all, m)
				n := int(m.View()[0])
				if !bytes.Equal(m.View(), numbered(n)) {
					return "", fmt.Errorf("message %d is %v", m.Seq(), m.View())
				}
				s += fmt.Sprint(" ", n)
			}
		}
		if !errors.Is(err, ring.ErrEmpty) || len(all) != q.Len() {
			return "", fmt.Errorf("%d messages of %d, %w", len(all), q.Len(), err)
		}
		for _, m := range all {
			if err := m.Rollback(); err != nil {
				return "", err
			}
		}
		return s, nil
	}
	var bound []func(p *libpmemobj.Pool) error
	for _, s := range steps {
		bound = append(bound, func(p *libpmemobj.Pool) error {
			q, sum, err := open(p)
			if err != nil {
				return err
			}
			return s(q, sum, p)
		})
	}
	crashmodel.Run(t, crashtest.Config{Images: 700, Warnings: crashtest.Ignore}, crashmodel.Workload[*libpmemobj.Pool]{
		Actors: []crashmodel.Actor[*libpmemobj.Pool]{crashmodel.Steps[*libpmemobj.Pool]{
			Setup:    func(p *libpmemobj.Pool) error { _, _, err := open(p); return err },
			Steps:    bound,
			Contents: contents,
		}.Actor(t, stepsPool)},
		Finish: func(p *libpmemobj.Pool) error {
			q, _, err := open(p)
			if err != nil {
				return err
			}
			for q.Len() > 0 {
				if err := take(q, 0, ring.Message.Commit); err != nil {
					return err
				}
			}
			return q.TryEnqueue(make([]byte, ring.MinCapacity/2-32))
		},
	})
}

// Ensure that of records that goroutines add at the same time a crash loses none
// that was acknowledged.
func TestCrashLogParallel(t *testing.T) {
	open := func(p *libpmemobj.Pool) (*ring.Log, error) { return ring.OpenLog(p, "l", small) }
	var actors []crashmodel.Actor[*libpmemobj.Pool]
	for g := range byte(3) {
		actors = append(actors, crashmodel.Script[*libpmemobj.Pool, []byte, byte]{
			Name:  fmt.Sprint("goroutine ", g),
			Steps: 8,
			Setup: func(p *libpmemobj.Pool) error { _, err := open(p); return err },
			Draw:  func(_ *rand.Rand, m []byte) byte { return byte(len(m)) },
			Apply: func(m []byte, i byte) []byte { return append(slices.Clone(m), i) },
			Do: func(p *libpmemobj.Pool, i byte) error {
				l, err := open(p)
				if err != nil {
					return err
				}
				_, err = l.Append([]byte{g, i})
				return err
			},
			Read: func(p *libpmemobj.Pool) (m []byte, err error) {
				l, err := open(p)
				if err != nil {
					return nil, err
				}
				for rec, err := range l.From(0) {
					switch {
					case err != nil:
						return nil, err
					case len(rec.Data) != 2 || rec.Data[0] >= 3:
						return nil, fmt.Errorf("record %d is %v", rec.Seq, rec.Data)
					case rec.Data[0] == g:
						m = append(m, rec.Data[1])
					}
				}
				return m, nil
			},
		}.Actor())
	}
	crashmodel.Run(t, crashtest.Config{Images: 300, Warnings: crashtest.Ignore}, crashmodel.Workload[*libpmemobj.Pool]{Actors: actors})
}

func stepsPool(t testing.TB) *libpmemobj.Pool { return testpool.New(t) }
