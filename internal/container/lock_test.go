package container

import (
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/testpool"
	"github.com/pmem/pmdk-go/libpmemobj"
)

// state is a container's, as small as can be: a number that transactions
// change, kept in memory.
type state struct {
	Lock
	value, saved int // under the lock
}

func open(t *testing.T, p *libpmemobj.Pool, off uint64) *state {
	t.Helper()
	s, err := Of(p, off, func() (*state, error) {
		s := &state{}
		return s, s.Init(p, func(committed bool) {
			if committed {
				s.saved = s.value
			}
			s.value = s.saved
		})
	})
	require.NoError(t, err)
	return s
}

func shared(t *testing.T, s *state) Hold {
	t.Helper()
	h, err := s.Shared("op")
	require.NoError(t, err)
	return h
}

// Ensure that there is one state for each open pool and object.
func TestOf(t *testing.T) {
	p, other := testpool.New(t), testpool.New(t)
	a := open(t, p, 1)
	require.Same(t, a, open(t, p, 1))
	require.NotSame(t, a, open(t, p, 2))
	require.NotSame(t, a, open(t, other, 1))
	_, err := Of(p, 1, func() (*int, error) { return new(int), nil })
	require.ErrorContains(t, err, "in use as *container.state")
	broken := errors.New("broken")
	_, err = Of(p, 3, func() (*int, error) { return nil, broken })
	require.ErrorIs(t, err, broken)

	require.NoError(t, p.Close())
	_, err = Of(p, 1, func() (*state, error) { return nil, nil })
	require.ErrorIs(t, err, libpmemobj.ErrClosed)
	again := testpool.Open(t, p.Path())
	require.NotSame(t, a, open(t, again, 1))
}

// Ensure that a transaction has the containers that it touched to itself until
// its end, and that what is kept in memory follows the outcome.
func TestTransactionsExcludeOperations(t *testing.T) {
	p := testpool.New(t)
	a, b := open(t, p, 1), open(t, p, 2)
	rollBack := errors.New("roll back")
	var commits atomic.Int64
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := range 200 {
				err := p.Update(func(tx *libpmemobj.Tx) error {
					first, second := a, b
					if g%2 == 0 {
						first, second = b, a // the order must not matter
					}
					if err := errors.Join(first.InTx("op", tx), second.InTx("op", tx), first.InTx("op", tx)); err != nil {
						return err
					}
					a.value++
					runtime.Gosched()
					b.value--
					if i%3 == 0 {
						return rollBack
					}
					commits.Add(1)
					return nil
				})
				if err != nil && err != rollBack {
					t.Error(err)
				}
			}
		})
		wg.Go(func() {
			for range 1000 {
				h, err := a.Shared("op")
				if err != nil {
					t.Error(err)
					return
				}
				if a.value != a.saved {
					t.Error("saw a transaction half-way")
				}
				h.Release()
			}
		})
	}
	wg.Wait()
	require.EqualValues(t, commits.Load(), a.value)
	require.EqualValues(t, -commits.Load(), b.value)
}

// Ensure that a goroutine does not wait for its own transaction.
func TestOwnTransaction(t *testing.T) {
	p := testpool.New(t)
	a, b := open(t, p, 1), open(t, p, 2)
	require.NoError(t, p.Update(func(tx *libpmemobj.Tx) error {
		require.NoError(t, a.InTx("put", tx))
		_, err := a.Shared("put")
		require.ErrorIs(t, err, libpmemobj.ErrInTx)
		require.ErrorContains(t, err, "put")
		require.ErrorContains(t, err, "In(tx)")
		h, err := a.Read("get")
		require.NoError(t, err)
		h.Release()
		shared(t, b).Release()
		require.ErrorIs(t, a.Exclusive("clear"), libpmemobj.ErrInTx)
		require.NoError(t, b.Exclusive("clear"))
		b.ReleaseExclusive()

		// Ensure that OnCommit's functions find the locks free.
		return tx.OnCommit(func() { shared(t, a).Release() })
	}))
}

// Ensure that a transaction that only joins leaves others in, and is told of
// its end.
func TestJoinTx(t *testing.T) {
	p := testpool.New(t)
	a, b := open(t, p, 1), open(t, p, 2)
	join := func(exclusiveToo bool) {
		require.NoError(t, p.Update(func(tx *libpmemobj.Tx) error {
			require.NoError(t, b.InTx("op", tx))
			require.NoError(t, a.JoinTx("op", tx))
			require.NoError(t, a.JoinTx("op", tx))
			shared(t, a).Release()
			require.ErrorIs(t, a.Exclusive("op"), libpmemobj.ErrInTx)
			if exclusiveToo {
				require.NoError(t, a.InTx("op", tx))
				_, err := a.Shared("op")
				require.ErrorIs(t, err, libpmemobj.ErrInTx)
			}
			a.value++
			return nil
		}))
		require.Equal(t, a.value, a.saved)
		shared(t, a).Release()
		shared(t, b).Release()
	}
	join(false)
	join(true)
	require.Equal(t, 2, a.value)
	require.ErrorContains(t, a.JoinTx("op", nil), "no transaction")
}

// Ensure what transactions are refused.
func TestWrongTransactions(t *testing.T) {
	p, other := testpool.New(t), testpool.New(t)
	a := open(t, p, 1)
	require.ErrorContains(t, a.InTx("put", nil), "no transaction")
	var kept *libpmemobj.Tx
	require.NoError(t, other.Update(func(tx *libpmemobj.Tx) error {
		kept = tx
		require.ErrorIs(t, a.InTx("put", tx), libpmemobj.ErrForeignPool)
		return nil
	}))
	require.ErrorIs(t, a.InTx("put", kept), libpmemobj.ErrTxDone)
	require.NoError(t, p.Update(func(tx *libpmemobj.Tx) error {
		require.NoError(t, a.InTx("put", tx))
		refused := make(chan error)
		go func() { refused <- a.InTx("put", tx) }()
		require.ErrorIs(t, <-refused, libpmemobj.ErrWrongGoroutine)
		kept = tx
		return nil
	}))
	require.ErrorIs(t, a.InTx("put", kept), libpmemobj.ErrTxDone)
	shared(t, a).Release()
}

// Ensure that Exclusive keeps everybody out, transactions included.
func TestExclusive(t *testing.T) {
	p := testpool.New(t)
	a := open(t, p, 1)
	var wg sync.WaitGroup
	inside := 0 // the race detector sees it
	for range 4 {
		wg.Go(func() {
			for range 200 {
				if err := a.Exclusive("op"); err != nil {
					t.Error(err)
					return
				}
				inside++
				a.ReleaseExclusive()
			}
		})
		wg.Go(func() {
			for i := range 200 {
				err := p.Update(func(tx *libpmemobj.Tx) error {
					err := a.JoinTx("op", tx)
					if i%2 == 0 {
						err = a.InTx("op", tx)
					}
					inside++
					return err
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	require.Equal(t, 1600, inside)
}

// Ensure that Close fails while somebody is inside, and that afterwards nobody
// enters.
func TestClose(t *testing.T) {
	p := testpool.New(t)
	a := open(t, p, 1)
	h := shared(t, a)
	require.ErrorIs(t, p.Close(), libpmemobj.ErrPoolBusy)
	h.Release()
	h, err := a.Read("get")
	require.NoError(t, err)
	require.ErrorIs(t, p.Close(), libpmemobj.ErrPoolBusy)
	shared(t, a).Release()
	h.Release()
	require.NoError(t, a.Exclusive("clear"))
	require.ErrorIs(t, p.Close(), libpmemobj.ErrPoolBusy)
	a.ReleaseExclusive()
	require.NoError(t, p.Close())
	_, err = a.Shared("get")
	require.ErrorIs(t, err, libpmemobj.ErrClosed)
	_, err = a.Read("get")
	require.ErrorIs(t, err, libpmemobj.ErrClosed)
	require.ErrorIs(t, a.Exclusive("get"), libpmemobj.ErrClosed)
}

// Ensure that attempts to close a pool in use let everybody go on.
func TestCloseUnderLoad(t *testing.T) {
	p := testpool.New(t)
	a, b := open(t, p, 1), open(t, p, 2)
	var stop atomic.Bool
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := 0; !stop.Load(); i++ {
				s := []*state{a, b}[i%2]
				var h Hold
				var err error
				switch g {
				case 0:
					h, err = s.Read("op")
				default:
					h, err = s.Shared("op")
				}
				if errors.Is(err, libpmemobj.ErrClosed) {
					return
				}
				if err != nil {
					t.Error(err)
					return
				}
				if _, err := p.RootSize(); err != nil {
					t.Error("inside a closed pool:", err)
				}
				h.Release()
			}
		})
	}
	for range 2000 {
		err := p.Close()
		if err == nil {
			break
		}
		require.ErrorIs(t, err, libpmemobj.ErrPoolBusy)
		runtime.Gosched()
	}
	stop.Store(true)
	wg.Wait()
	require.NoError(t, p.Close())
	_, err := a.Shared("op")
	require.ErrorIs(t, err, libpmemobj.ErrClosed)
}

// Ensure that a removed container is refused, once the removal is committed,
// and that its offset can be another's.
func TestRemove(t *testing.T) {
	p := testpool.New(t)
	a := open(t, p, 1)
	rollBack := errors.New("roll back")
	remove := func(result error) error {
		return p.Update(func(tx *libpmemobj.Tx) error {
			require.NoError(t, Remove(tx, 1, &a.Lock))
			_, err := a.Read("get")
			require.ErrorIs(t, err, libpmemobj.ErrInTx)
			return result
		})
	}
	require.ErrorIs(t, remove(rollBack), rollBack)
	shared(t, a).Release()
	h, err := a.Read("get")
	require.NoError(t, err)
	h.Release()

	require.NoError(t, remove(nil))
	_, err = a.Shared("put")
	require.ErrorIs(t, err, ErrRemoved)
	_, err = a.Read("get")
	require.ErrorIs(t, err, ErrRemoved)
	require.ErrorIs(t, a.Exclusive("put"), ErrRemoved)
	require.ErrorIs(t, p.Update(func(tx *libpmemobj.Tx) error { return a.InTx("put", tx) }), ErrRemoved)
	require.NotSame(t, a, open(t, p, 1))
	require.NoError(t, p.Close())
	_, err = a.Shared("put")
	require.Error(t, err)
}

// Ensure that neither operations nor transactions need memory of Go's heap.
func TestGoHeap(t *testing.T) {
	p := testpool.New(t)
	a, b := open(t, p, 1), open(t, p, 2)
	require.Zero(t, testing.AllocsPerRun(100, func() {
		h, _ := a.Shared("op")
		h.Release()
		h, _ = a.Read("op")
		h.Release()
		_ = a.Exclusive("op")
		a.ReleaseExclusive()
	}))
	run := func(tx *libpmemobj.Tx) error {
		_ = a.InTx("op", tx)
		return b.InTx("op", tx)
	}
	require.Zero(t, testing.AllocsPerRun(100, func() { _ = p.Update(run) }))
}

func BenchmarkShared(b *testing.B) {
	p := testpool.New(b)
	s := &state{}
	require.NoError(b, s.Init(p, nil))
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			h, _ := s.Shared("op")
			h.Release()
		}
	})
}
