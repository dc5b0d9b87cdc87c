package libpmemobj_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/interpose"
	"github.com/pmem/pmdk-go/internal/testchild"
	"github.com/pmem/pmdk-go/internal/testpool"
	. "github.com/pmem/pmdk-go/libpmemobj"
)

// The durability tests: a child commits numbered changes and prints each
// number once it is committed; it is killed at a random moment; whatever it
// printed must be in the pool, whole, and nothing else but the change that was
// under way. One pool goes through all rounds, so that damage adds up.

// ledgers is the root of a pool to be killed; each writer has a ledger.
type ledgers [4]ledger

// ledger is what one writer changes. Everything in it follows from Done, the
// number of the last change.
type ledger struct {
	Done  uint64
	Cells [8]int64 // of which each change moves an amount from one to another: the sum is 0
	_     [6]uint64

	Head, Tail Ptr[entry] // a queue of the latest entries
	Length     uint64
	Pushed     uint64 // entries ever

	Blob     OID // an object that is resized now and then
	BlobSize uint64
	BlobSum  uint64

	Row [48]uint64 // all equal
}

// entry is an element of the queue.
type entry struct {
	Next   Ptr[entry]
	Number uint64 // of the change
	Data   OID
	Size   uint64
	Sum    uint64
}

const (
	entryType = 21 // of the data
	blobType  = 22
	keepMost  = 40 // entries in the queue
)

// requireBusy makes sure that the kills mean something: some hit children that
// had done work. On a busy machine many are killed before.
func requireBusy(t *testing.T, busy, rounds int) {
	t.Helper()
	require.Greater(t, busy, rounds/8, "most children were killed before they had done anything")
}

// verify says what is wrong with a ledger, knowing the last change that was
// acknowledged and how changes are made.
func (l *ledger) verify(p *Pool, acknowledged uint64, rules ledgerRules) error {
	if l.Done < acknowledged || l.Done > acknowledged+1 {
		return fmt.Errorf("change %d is the last, %d was acknowledged", l.Done, acknowledged)
	}
	var total int64
	for _, c := range l.Cells {
		total += c
	}
	if total != 0 {
		return fmt.Errorf("the cells sum up to %d", total)
	}
	for i, w := range l.Row {
		if want := rules.row(l.Done); w != want {
			return fmt.Errorf("word %d of the row is %d, not %d", i, w, want)
		}
	}
	if err := l.verifyQueue(p, rules); err != nil {
		return err
	}
	if l.Blob.IsNull() {
		return nil
	}
	b, err := p.Bytes(l.Blob, 0, l.BlobSize)
	if err != nil {
		return fmt.Errorf("blob: %w", err)
	}
	if sum(l.BlobSize, b) != l.BlobSum {
		return errors.New("the blob's checksum is wrong")
	}
	return nil
}

func (l *ledger) verifyQueue(p *Pool, rules ledgerRules) error {
	pushed := rules.pushed(l.Done)
	if l.Pushed != pushed || l.Length != min(pushed, keepMost) {
		return fmt.Errorf("%d entries were pushed and %d are there after change %d", l.Pushed, l.Length, l.Done)
	}
	last := Ptr[entry]{}
	number := l.Pushed - l.Length // how many were pushed before
	for e := l.Head; !e.IsNull(); e = e.Get().Next {
		number++
		v := e.Get()
		if want := rules.number(number); v.Number != want {
			return fmt.Errorf("entry %d is of change %d, not %d", number, v.Number, want)
		}
		b, err := p.Bytes(v.Data, 0, v.Size)
		if err != nil {
			return fmt.Errorf("entry %d: %w", number, err)
		}
		if sum(v.Number, b) != v.Sum {
			return fmt.Errorf("entry %d: the checksum is wrong", number)
		}
		last = e
	}
	if number != l.Pushed || last != l.Tail {
		return fmt.Errorf("the queue ends with entry %d %v, not with %d %v", number, last.OID(), l.Pushed, l.Tail.OID())
	}
	return nil
}

// objects is how many objects belong to the ledger.
func (l *ledger) objects() int {
	n := 2 * int(l.Length)
	if !l.Blob.IsNull() {
		n++
	}
	return n
}

// ledgerRules say which change did what.
type ledgerRules struct {
	row    func(done uint64) uint64  // what the row holds
	pushed func(done uint64) uint64  // how many entries were pushed up to a change
	number func(entry uint64) uint64 // the change that pushed the entry
}

// entrySize is how much data the entry of change n has.
func entrySize(n uint64) int { return 1 + int(n*37%400) }

// writer makes one change after the other.
type writer func(p *Pool, l *ledger, n uint64) error

// runWriters is the child: it continues some ledgers and prints "G N" for each
// change N of writer G. Its arguments are the pool's path, the number of
// writers and the durability.
func runWriters(args []string, change writer) error {
	goroutines, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	durability, err := ParseDurability(args[2])
	if err != nil {
		return err
	}
	p, err := Open(args[0], "", WithDurability(durability))
	if err != nil {
		return err
	}
	root, err := Root[ledgers](p)
	if err != nil {
		return err
	}
	failed := make(chan error)
	for g := range goroutines {
		go func() {
			l := &root.Get()[g]
			var line []byte
			for {
				n := l.Done + 1
				if err := change(p, l, n); err != nil {
					failed <- fmt.Errorf("change %d: %w", n, err)
					return
				}
				line = fmt.Appendf(line[:0], "%d %d\n", g, n)
				if _, err := os.Stdout.Write(line); err != nil {
					failed <- err
					return
				}
			}
		}()
	}
	return <-failed
}

// testKills runs a child for some rounds.
func testKills(t *testing.T, name string, rules ledgerRules) {
	rounds := 200
	if testing.Short() {
		rounds = 12
	}
	rnd := newRand(t)
	made := testpool.New(t)
	root, err := Root[ledgers](made)
	require.NoError(t, err)
	require.NoError(t, made.Close())
	path := made.Path()

	var acknowledged [len(ledgers{})]uint64
	var total, unacknowledged, busy int
	for round := range rounds {
		goroutines := 1 + round%2*3
		durability := DurabilityProcessCrash
		if round%5 == 4 && interpose.Effective {
			durability = DurabilityMsync
		}
		before := acknowledged
		killAtRandom(t, rnd, testchild.Start(t, name, path, strconv.Itoa(goroutines), durability.String()), &acknowledged)

		require.NoError(t, testpool.PmempoolCheck(t, path), "round %d", round)
		p, err := Open(path, "", WithVerify(), WithDurability(DurabilityProcessCrash))
		require.NoError(t, err, "round %d", round)
		objects := 0
		for g := range root.Get() {
			l := &root.Get()[g]
			require.NoError(t, l.verify(p, acknowledged[g], rules), "round %d, writer %d", round, g)
			objects += l.objects()
			total += int(acknowledged[g] - before[g])
			unacknowledged += int(l.Done - acknowledged[g])
			acknowledged[g] = l.Done
		}
		require.Len(t, objectsIn(p), objects, "round %d: objects leaked or lost", round)
		if acknowledged != before {
			busy++
		}
		require.NoError(t, p.Close())
	}
	t.Logf("%d kills, %d of them with work done; %d changes acknowledged, %d more committed", rounds, busy, total, unacknowledged)
	requireBusy(t, busy, rounds)
}

// killAtRandom kills a child some time after its start, or after the first
// change, and notes what it acknowledged.
func killAtRandom(t *testing.T, rnd *rand.Rand, c *testchild.Child, acknowledged *[4]uint64) {
	t.Helper()
	note := func(line string) {
		var g int
		var n uint64
		_, err := fmt.Sscan(line, &g, &n)
		require.NoError(t, err, line)
		require.Equal(t, acknowledged[g]+1, n, "numbers were left out")
		acknowledged[g] = n
	}
	c.KillAtRandom(t, rnd, 12*time.Millisecond, note)
}

// Ensure that transactions are durable and whole when the process is killed.
func TestKillUpdate(t *testing.T) {
	t.Parallel()
	testKills(t, "update", ledgerRules{
		row:    func(done uint64) uint64 { return done / 5 * 5 },
		pushed: func(done uint64) uint64 { return done },
		number: func(entry uint64) uint64 { return entry },
	})
}

func init() {
	testchild.Register("update", func(args []string) error { return runWriters(args, updateLedger) })
}

// updateLedger makes change n in a transaction, sometimes after one that it
// rolls back.
func updateLedger(p *Pool, l *ledger, n uint64) error {
	if n%4 == 0 {
		err := p.Update(func(tx *Tx) error {
			if err := changeLedger(tx, l, n); err != nil {
				return err
			}
			return errStop
		})
		if err != errStop {
			return fmt.Errorf("rolling back: %w", err)
		}
	}
	return p.Update(func(tx *Tx) error { return changeLedger(tx, l, n) })
}

func changeLedger(tx *Tx, l *ledger, n uint64) error {
	from, to := &l.Cells[n%8], &l.Cells[n*5%8]
	if err := tx.Snapshot(RangeOf(&l.Done), RangeOf(from), RangeOf(to), RangeOf(&l.Head), RangeOf(&l.Length), RangeOf(&l.Pushed)); err != nil {
		return err
	}
	l.Done = n
	*from -= int64(n)
	*to += int64(n)
	if n%5 == 0 {
		row := MutAt(tx, &l.Row)
		for i := range row {
			row[i] = n
		}
	}
	if err := pushEntry(tx, l, n); err != nil {
		return err
	}
	for l.Length > keepMost {
		first := l.Head
		l.Head = first.Get().Next
		l.Length--
		if err := tx.Free(first.Get().Data); err != nil {
			return err
		}
		if err := tx.Free(first.OID()); err != nil {
			return err
		}
	}
	if n%3 == 0 {
		return resizeBlob(tx, l, n)
	}
	return nil
}

func pushEntry(tx *Tx, l *ledger, n uint64) error {
	e, err := New[entry](tx)
	if err != nil {
		return err
	}
	data, b, err := NewBytes(tx, entrySize(n), entryType)
	if err != nil {
		return err
	}
	fill(b, n)
	*e.Get() = entry{Number: n, Data: data, Size: uint64(len(b)), Sum: sum(n, b)}
	if l.Tail.IsNull() {
		l.Head = e
	} else {
		*MutAt(tx, &l.Tail.Get().Next) = e
	}
	*MutAt(tx, &l.Tail) = e
	l.Length++
	l.Pushed++
	return nil
}

func resizeBlob(tx *Tx, l *ledger, n uint64) error {
	size := 1 + n*61%3000
	oid, err := tx.Realloc(l.Blob, size, blobType)
	if err != nil {
		return err
	}
	b := PtrOf[byte](oid).Slice(int(size))
	fill(b, n)
	*MutAt(tx, &l.Blob) = oid
	*MutAt(tx, &l.BlobSize) = size
	*MutAt(tx, &l.BlobSum) = sum(size, b)
	return nil
}

// Ensure that publications are durable and whole when the process is killed:
// change 1 of 4 stores a single word, 2 a row of adjacent words, which becomes
// a transaction, 3 and 4 push entries and free old ones.
func TestKillPublish(t *testing.T) {
	t.Parallel()
	testKills(t, "publish", ledgerRules{
		row: func(done uint64) uint64 {
			if done < 2 {
				return 0
			}
			return (done-2)/4*4 + 2
		},
		pushed: func(done uint64) uint64 { return done/4*2 + (done%4)/3 },
		number: func(entry uint64) uint64 { return (entry-1)/2*4 + 3 + (entry-1)%2 },
	})
}

func init() {
	testchild.Register("publish", func(args []string) error { return runWriters(args, publishLedger) })
}

func publishLedger(p *Pool, l *ledger, n uint64) error {
	if n%4 == 0 {
		err := p.Publish(func(a *Actions) error {
			if err := publishEntry(a, l, n); err != nil {
				return err
			}
			return errStop
		})
		if err != errStop {
			return fmt.Errorf("cancelling: %w", err)
		}
	}
	return p.Publish(func(a *Actions) error {
		Store(a, &l.Done, n)
		switch n % 4 {
		case 1:
			return nil
		case 2:
			for i := range l.Row {
				Store(a, &l.Row[i], n)
			}
			return nil
		}
		return publishEntry(a, l, n)
	})
}

func publishEntry(a *Actions, l *ledger, n uint64) error {
	from, to := &l.Cells[n%8], &l.Cells[n*5%8]
	Store(a, from, Load(a, from)-int64(n))
	Store(a, to, Load(a, to)+int64(n))

	e, v, err := Reserve[entry](a)
	if err != nil {
		return err
	}
	data, b, err := a.ReserveBytes(entrySize(n), entryType)
	if err != nil {
		return err
	}
	fill(b, n)
	*v = entry{Number: n, Data: data, Size: uint64(len(b)), Sum: sum(n, b)}
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
