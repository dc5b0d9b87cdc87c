package libpmemobj_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/testchild"
	"github.com/pmem/pmdk-go/internal/testpool"
	. "github.com/pmem/pmdk-go/libpmemobj"
)

func init() {
	testchild.Register("class", func(args []string) error { return runWriters(args, classLedger) })
}

// classLedger makes change n, in turns in a transaction and in a publication,
// with entries from a class without headers, which it makes if this process
// did not have it. Sometimes it is rolled back before.
func classLedger(p *Pool, l *ledger, n uint64) error {
	c, err := ClassFor[entry](p, HeaderNone)
	if err != nil {
		return err
	}
	change := func(outcome error) error {
		if n%2 == 0 {
			return p.Update(func(tx *Tx) error {
				e, err := c.New(tx)
				if err != nil {
					return err
				}
				return anyOf(classPush(tx, l, n, e), outcome)
			})
		}
		return p.Publish(func(a *Actions) error {
			e, v, err := c.Reserve(a)
			if err != nil {
				return err
			}
			return anyOf(classPublish(a, l, n, e, v), outcome)
		})
	}
	if n%3 == 0 {
		if err := change(errStop); err != errStop {
			return fmt.Errorf("rolling back: %w", err)
		}
	}
	return change(nil)
}

func anyOf(first, second error) error {
	if first != nil {
		return first
	}
	return second
}

func classPush(tx *Tx, l *ledger, n uint64, e Ptr[entry]) error {
	data, b, err := NewBytes(tx, entrySize(n), entryType)
	if err != nil {
		return err
	}
	fill(b, n)
	*e.Get() = entry{Number: n, Data: data, Size: uint64(len(b)), Sum: sum(n, b)}
	if err := tx.Snapshot(RangeOf(&l.Done), RangeOf(&l.Head), RangeOf(&l.Tail), RangeOf(&l.Length), RangeOf(&l.Pushed)); err != nil {
		return err
	}
	l.Done = n
	if l.Tail.IsNull() {
		l.Head = e
	} else {
		*MutAt(tx, &l.Tail.Get().Next) = e
	}
	l.Tail = e
	l.Pushed++
	if l.Length < keepMost {
		l.Length++
		return nil
	}
	first := l.Head
	l.Head = first.Get().Next
	if err := tx.Free(first.Get().Data); err != nil {
		return err
	}
	return tx.Free(first.OID())
}

func classPublish(a *Actions, l *ledger, n uint64, e Ptr[entry], v *entry) error {
	data, b, err := a.ReserveBytes(entrySize(n), entryType)
	if err != nil {
		return err
	}
	fill(b, n)
	*v = entry{Number: n, Data: data, Size: uint64(len(b)), Sum: sum(n, b)}
	Store(a, &l.Done, n)
	if l.Tail.IsNull() {
		StorePtr(a, &l.Head, e)
	} else {
		StorePtr(a, &l.Tail.Get().Next, e)
	}
	StorePtr(a, &l.Tail, e)
	Store(a, &l.Pushed, l.Pushed+1)
	if l.Length < keepMost {
		Store(a, &l.Length, l.Length+1)
		return nil
	}
	first := l.Head
	StorePtr(a, &l.Head, first.Get().Next)
	a.Free(first.Get().Data)
	a.Free(first.OID())
	return nil
}

// Ensure that objects of a class are durable and whole when the process is
// killed, and that a new process, which makes the class anew, goes on with them.
func TestKillClass(t *testing.T) {
	t.Parallel()
	rounds := 40
	if testing.Short() {
		rounds = 8
	}
	rules := ledgerRules{
		row:    func(uint64) uint64 { return 0 },
		pushed: func(done uint64) uint64 { return done },
		number: func(entry uint64) uint64 { return entry },
	}
	rnd := newRand(t)
	made := testpool.New(t)
	root, err := Root[ledgers](made)
	require.NoError(t, err)
	require.NoError(t, made.Close())
	var acknowledged [4]uint64
	busy := 0
	for round := range rounds {
		before := acknowledged
		c := testchild.Start(t, "class", made.Path(), "3", DurabilityProcessCrash.String())
		killAtRandom(t, rnd, c, &acknowledged)
		p, err := Open(made.Path(), "", WithVerify(), WithDurability(DurabilityProcessCrash))
		require.NoError(t, err, "round %d", round)
		objects := 0
		for g := range root.Get() {
			l := &root.Get()[g]
			require.NoError(t, l.verify(p, acknowledged[g], rules), "round %d, writer %d", round, g)
			objects += l.objects()
			acknowledged[g] = l.Done
		}
		require.Equal(t, objects, len(objectsIn(p)), "round %d: objects leaked or lost", round)
		if acknowledged != before {
			busy++
		}
		require.NoError(t, p.Close())
		require.NoError(t, testpool.PmempoolCheck(t, made.Path()))
	}
	requireBusy(t, busy, rounds)
}
