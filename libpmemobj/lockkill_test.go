package libpmemobj_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/testchild"
	"github.com/pmem/pmdk-go/internal/testpool"
	. "github.com/pmem/pmdk-go/libpmemobj"
)

// Ensure that the locks of a closed pool are free after it is opened again.
func TestLockReopen(t *testing.T) {
	p := testpool.New(t)
	r := lockRootOf(t, p)
	abandonLock(t, r.Mutex.Lock)
	require.ErrorIs(t, r.Mutex.LockContext(t.Context()), ErrLockAbandoned)
	require.NoError(t, r.RW.RLock())
	require.NoError(t, r.RW.RUnlock())
	p = testpool.Reopen(t, p)
	r = lockRootOf(t, p)
	for _, f := range lockForms(r) {
		require.NoError(t, f.lock(t.Context()))
		require.NoError(t, f.unlock())
	}
}

func init() {
	testchild.Register("locks", func(args []string) error {
		p, err := Open(args[0], "", WithDurability(DurabilityProcessCrash))
		if err != nil {
			return err
		}
		root, err := Root[lockRoot](p)
		if err != nil {
			return err
		}
		r := root.Get()
		for _, lock := range []func() error{r.Mutex.Lock, r.RW.RLock} {
			if err := lock(); err != nil {
				return err
			}
		}
		return p.Update(func(tx *Tx) error {
			if err := tx.Lock(&r.Other); err != nil {
				return err
			}
			*MutAt(tx, &r.Count) = 1 << 40
			if _, err := os.Stdout.WriteString("locked\n"); err != nil {
				return err
			}
			testchild.Wait()
			return nil
		})
	})
}

// Ensure that locks held by a process that is killed are free after reopening,
// and that what its transaction had changed is rolled back.
func TestLockKill(t *testing.T) {
	rounds := 5
	if testing.Short() {
		rounds = 1
	}
	p := testpool.New(t)
	lockRootOf(t, p).Count = 7
	p.Persist(RangeOf(lockRootOf(t, p)))
	path := p.Path()
	require.NoError(t, p.Close())
	for range rounds {
		c := testchild.Start(t, "locks", path)
		require.Equal(t, "locked", c.Line(t))
		c.Kill(t)

		p, err := Open(path, "", WithVerify(), WithDurability(DurabilityProcessCrash))
		require.NoError(t, err)
		r := lockRootOf(t, p)
		require.EqualValues(t, 7, r.Count)
		for _, f := range lockForms(r) {
			taken, err := f.try()
			require.NoError(t, err)
			require.True(t, taken, f.name)
			require.NoError(t, f.unlock())
		}
		require.NoError(t, p.Update(func(tx *Tx) error { return tx.Lock(&r.Other, &r.RW) }))
		require.NoError(t, p.Close())
	}
}
