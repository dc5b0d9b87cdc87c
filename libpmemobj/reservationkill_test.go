package libpmemobj_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/testchild"
	"github.com/pmem/pmdk-go/internal/testpool"
	. "github.com/pmem/pmdk-go/libpmemobj"
)

// reservedEntries is the root of the pool that is killed: change n puts entry
// n into a slot, in place of an older one.
type reservedEntries struct {
	Done  uint64
	Slots [32]Ptr[entry]
}

func (e *reservedEntries) slot(n uint64) *Ptr[entry] { return &e.Slots[n%uint64(len(e.Slots))] }

func (e *reservedEntries) verify(p *Pool, acknowledged uint64) error {
	if e.Done < acknowledged || e.Done > acknowledged+1 {
		return fmt.Errorf("change %d is the last, %d was acknowledged", e.Done, acknowledged)
	}
	for back := range min(e.Done, uint64(len(e.Slots))) {
		n := e.Done - back
		v := e.slot(n).Get()
		if v.Number != n {
			return fmt.Errorf("the entry of change %d is of change %d", n, v.Number)
		}
		b, err := p.Bytes(v.Data, 0, v.Size)
		if err != nil {
			return fmt.Errorf("entry %d: %w", n, err)
		}
		if sum(n, b) != v.Sum {
			return fmt.Errorf("entry %d: the checksum is wrong", n)
		}
	}
	return nil
}

// Ensure that published reservations are durable and whole when the process is
// killed, and that those it held leave nothing behind.
func TestKillReservation(t *testing.T) {
	t.Parallel()
	rounds := 40
	if testing.Short() {
		rounds = 12
	}
	rnd := newRand(t)
	made := testpool.New(t)
	_, err := Root[reservedEntries](made)
	require.NoError(t, err)
	require.NoError(t, made.Close())
	path := made.Path()

	var acknowledged [4]uint64 // of which the first is used
	busy := 0
	for round := range rounds {
		before := acknowledged
		killAtRandom(t, rnd, testchild.Start(t, "reservation", path), &acknowledged)
		require.NoError(t, testpool.PmempoolCheck(t, path), "round %d", round)
		p, err := Open(path, "", WithVerify(), WithDurability(DurabilityProcessCrash))
		require.NoError(t, err, "round %d", round)
		root, err := Root[reservedEntries](p)
		require.NoError(t, err)
		e := root.Get()
		require.NoError(t, e.verify(p, acknowledged[0]), "round %d", round)
		require.Len(t, objectsIn(p), 2*int(min(e.Done, uint64(len(e.Slots)))), "round %d: objects leaked or lost", round)
		acknowledged[0] = e.Done
		if acknowledged != before {
			busy++
		}
		require.NoError(t, p.Close())
	}
	require.Greater(t, busy, rounds/4, "most children were killed before they had done anything")
}

func init() { testchild.Register("reservation", runReservations) }

// preparedEntry is what one goroutine makes and another publishes.
type preparedEntry struct {
	entry *Reservation[entry]
	data  *Reservation[byte]
	spare *Reservation[byte] // never published
}

// runReservations is the child: it makes one change after the other to the
// pool that it is given.
func runReservations(args []string) error {
	p, err := Open(args[0], "", WithDurability(DurabilityProcessCrash))
	if err != nil {
		return err
	}
	root, err := Root[reservedEntries](p)
	if err != nil {
		return err
	}
	e := root.Get()
	prepared := make(chan preparedEntry, 3)
	failed := make(chan error, 1)
	go func() {
		for n := e.Done + 1; ; n++ {
			r, err := prepareEntry(p, n)
			if err != nil {
				failed <- err
				return
			}
			prepared <- r
		}
	}()
	for n := e.Done + 1; ; n++ {
		select {
		case err := <-failed:
			return err
		case r := <-prepared:
			if err := publishReserved(p, e, n, r); err != nil {
				return fmt.Errorf("change %d: %w", n, err)
			}
		}
		fmt.Fprintln(os.Stdout, 0, n)
	}
}

func prepareEntry(p *Pool, n uint64) (r preparedEntry, err error) {
	if r.entry, err = NewReservation[entry](p); err != nil {
		return r, err
	}
	if r.data, err = NewReservationBytes(p, entrySize(n), entryType); err != nil {
		return r, err
	}
	if r.spare, err = NewReservationBytes(p, entrySize(n+1), entryType); err != nil {
		return r, err
	}
	b := r.data.Slice()
	fill(b, n)
	*r.entry.Value() = entry{Number: n, Data: r.data.Ptr().OID(), Size: uint64(len(b)), Sum: sum(n, b)}
	return r, nil
}

// publishReserved makes change n in one of the ways that there are.
func publishReserved(p *Pool, e *reservedEntries, n uint64, r preparedEntry) error {
	slot := e.slot(n)
	var old, oldData OID
	if !slot.IsNull() {
		old, oldData = slot.OID(), slot.Get().Data
	}
	if n%2 == 0 {
		if err := r.spare.Cancel(); err != nil {
			return err
		}
	} // else it is dropped
	switch n % 3 {
	case 0:
		return p.PublishActions(SetPtr(slot, r.entry.Ptr()), r.entry, r.data, SetValue(&e.Done, n), DeferFree(old), DeferFree(oldData))
	case 1:
		return p.Publish(func(a *Actions) error {
			Store(a, &e.Done, n)
			StorePtr(a, slot, r.entry.Ptr())
			a.Free(old)
			a.Free(oldData)
			return a.Add(r.entry, r.data)
		})
	}
	return p.Update(func(tx *Tx) error {
		if err := tx.Publish(r.entry, r.data); err != nil {
			return err
		}
		*MutAt(tx, &e.Done) = n
		*MutAt(tx, slot) = r.entry.Ptr()
		if err := tx.Free(old); err != nil {
			return err
		}
		return tx.Free(oldData)
	})
}
