package libpmemobj_test

import (
	"errors"
	"os/exec"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/testpool"
	. "github.com/pmem/pmdk-go/libpmemobj"
)

// Ensure that every method of a closed pool gives ErrClosed and that closing
// again does nothing.
func TestUseAfterClose(t *testing.T) {
	p := testpool.New(t)
	root := rootOf(t, p)
	oid := oneObject(t, p, 100, 1)
	b := view(t, p, oid, 100)
	r, all := root.Range(), p.Objects()
	require.NoError(t, p.Close())
	require.NoError(t, p.Close())

	copied := oid
	first := func(_ any, err error) error { return err }
	for name, err := range map[string]error{
		"Root":       rootError[rootData](p),
		"RootSize":   first(p.RootSize()),
		"Update":     p.Update(func(*Tx) error { t.Error("called"); return nil }),
		"Publish":    p.Publish(func(*Actions) error { t.Error("called"); return nil }),
		"Alloc":      first(p.Alloc(nil, 10, 1)),
		"Zalloc":     first(p.Zalloc(nil, 10, 1)),
		"Realloc":    p.Realloc(&copied, 10, 1),
		"Realloc 0":  p.Realloc(&copied, 0, 1),
		"Zrealloc":   p.Zrealloc(&copied, 10, 1),
		"Free":       p.Free(&copied),
		"Strdup":     first(p.Strdup(nil, "s", 1)),
		"UsableSize": first(p.UsableSize(oid)),
		"TypeNum":    first(p.TypeNum(oid)),
		"Bytes":      first(p.Bytes(oid, 0, 1)),
		"Persist":    p.Persist(r),
		"Flush":      p.Flush(r),
		"Drain":      p.Drain(),
		"Memcpy":     p.Memcpy(b, make([]byte, 100), 0),
		"Memmove":    p.Memmove(b, make([]byte, 100), 0),
		"Memset":     p.Memset(b, 0, 0),
	} {
		require.ErrorIs(t, err, ErrClosed, name)
		require.ErrorContains(t, err, "handle is closed", name)
		require.ErrorContains(t, err, p.Path(), name)
	}
	require.Equal(t, oid, copied)
	for range all {
		t.Error("an object of a closed pool")
	}
	for range ObjectsOf[node](p) {
		t.Error("an object of a closed pool")
	}
	require.ErrorContains(t, errorPanicOf(t, func() { root.Get() }), "no pool with this UUID is open")
	require.Equal(t, testpool.Layout, p.Layout())
	require.EqualValues(t, testpool.Size, p.Size())
	require.Equal(t, oid.Pool, p.UUID())
	require.Equal(t, DurabilityProcessCrash, p.Durability())
}

// Ensure that Close is refused wherever somebody is inside, and the pool is
// whole afterwards.
func TestCloseBusy(t *testing.T) {
	busy := func(t *testing.T, p *Pool, text string) {
		t.Helper()
		err := p.Close()
		require.ErrorIs(t, err, ErrPoolBusy)
		require.ErrorContains(t, err, "pool is in use: "+text)
	}
	elsewhere := func(t *testing.T, p *Pool, text string) {
		t.Helper()
		errs := make(chan error)
		go func() { errs <- p.Close() }()
		err := <-errs
		require.ErrorIs(t, err, ErrPoolBusy)
		require.ErrorContains(t, err, "pool is in use: "+text)
	}
	t.Run("in its own transaction", func(t *testing.T) {
		p := testpool.New(t)
		root := rootOf(t, p)
		require.NoError(t, p.Update(func(tx *Tx) error {
			busy(t, p, "this goroutine has a transaction open in it")
			root.Mut(tx).Count = 1
			busy(t, p, "this goroutine has a transaction open in it")
			require.NoError(t, p.Update(func(*Tx) error {
				busy(t, p, "this goroutine has a transaction open in it")
				return nil
			}))
			return nil
		}))
		require.EqualValues(t, 1, root.Get().Count)
		require.NoError(t, p.Close())
	})
	t.Run("in another goroutine's transaction", func(t *testing.T) {
		p := testpool.New(t)
		root := rootOf(t, p)
		require.NoError(t, p.Update(func(tx *Tx) error {
			root.Mut(tx).Count = 1
			elsewhere(t, p, "transactions are open in other goroutines")
			root.Mut(tx).Other = 2
			return nil
		}))
		require.EqualValues(t, 2, root.Get().Other)
	})
	t.Run("in a publication", func(t *testing.T) {
		p := testpool.New(t)
		root := rootOf(t, p)
		require.NoError(t, p.Publish(func(a *Actions) error {
			busy(t, p, "")
			elsewhere(t, p, "other goroutines are inside")
			Store(a, &root.Get().Count, 1)
			return nil
		}))
		require.EqualValues(t, 1, root.Get().Count)
	})
	t.Run("closing another pool in a transaction", func(t *testing.T) {
		p, other := testpool.New(t), testpool.New(t)
		require.NoError(t, p.Update(func(*Tx) error { return other.Close() }))
	})
	t.Run("closing in a callback", func(t *testing.T) {
		p := testpool.New(t)
		require.NoError(t, p.Update(func(tx *Tx) error {
			return tx.OnCommit(func() { require.NoError(t, p.Close()) })
		}))
		require.ErrorIs(t, p.Drain(), ErrClosed)
	})
	t.Run("while iterating", func(t *testing.T) {
		p := testpool.New(t)
		oneObject(t, p, 64, 1)
		for range p.Objects() {
			require.NoError(t, p.Close())
		}
	})
}

// Ensure that one Close wins against users that come and go, that nobody ever
// works in a closed pool, and that everybody else hears ErrPoolBusy.
func TestCloseConcurrently(t *testing.T) {
	rounds := 20
	if testing.Short() {
		rounds = 3
	}
	for range rounds {
		p := testpool.New(t, WithSize(MinPool))
		root := rootOf(t, p)
		var users, closers sync.WaitGroup
		for g := range 4 {
			users.Go(func() {
				for i := 0; ; i++ {
					var err error
					switch i % 3 {
					case 0:
						err = p.Update(func(tx *Tx) error {
							*MutAt(tx, &root.Get().Words[g*8]) = uint64(i)
							return nil
						})
					case 1:
						err = p.Publish(func(a *Actions) error {
							Store(a, &root.Get().Words[g*8], uint64(i))
							return nil
						})
					case 2:
						_, err = p.RootSize()
					}
					if errors.Is(err, ErrClosed) {
						return
					}
					if err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		for range 2 {
			closers.Go(func() {
				for {
					err := p.Close()
					if err == nil {
						return
					}
					if !errors.Is(err, ErrPoolBusy) {
						t.Error(err)
						return
					}
				}
			})
		}
		closers.Wait()
		users.Wait()
		require.NoError(t, p.Close())
	}
}

// Ensure that a Close that is refused leaves no trace: nobody hears ErrClosed
// from a pool that stays open.
func TestCloseRefusedLeavesNoTrace(t *testing.T) {
	p := testpool.New(t)
	root := rootOf(t, p)
	require.NoError(t, p.Publish(func(*Actions) error {
		var wg sync.WaitGroup
		for g := range 2 {
			wg.Go(func() {
				for range 2000 {
					if err := p.Close(); !errors.Is(err, ErrPoolBusy) {
						t.Error("Close inside a publication:", err)
						return
					}
				}
			})
			wg.Go(func() {
				for i := range 2000 {
					err := p.Update(func(tx *Tx) error {
						*MutAt(tx, &root.Get().Words[g*8]) = uint64(i)
						return nil
					})
					if err != nil {
						t.Error("Update in an open pool:", err)
						return
					}
				}
			})
		}
		wg.Wait()
		return nil
	}))
}

// Ensure that a pool can be opened as soon as it is closed, also while the
// program starts others: between fork and exec those hold its descriptors,
// and with them its lock.
func TestCloseWhileForking(t *testing.T) {
	path := closedPool(t)
	done := make(chan struct{})
	var forks sync.WaitGroup
	for range 2 {
		forks.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				if err := exec.Command("/bin/true").Run(); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for range 40 {
		p, err := Open(path, "", WithDurability(DurabilityProcessCrash))
		if err != nil {
			t.Error(err)
			break
		}
		if err := p.Close(); err != nil {
			t.Error(err)
			break
		}
		if err := Check(path, ""); err != nil {
			t.Error(err)
			break
		}
	}
	close(done)
	forks.Wait()
}
