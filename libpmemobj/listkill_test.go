package libpmemobj_test

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/interpose"
	"github.com/pmem/pmdk-go/internal/testchild"
	"github.com/pmem/pmdk-go/internal/testpool"
	. "github.com/pmem/pmdk-go/libpmemobj"
)

// listLedger is what one writer of the durability test changes. What its lists
// hold follows from the number of the last change.
type listLedger struct {
	Queue, Done ListHead[listNode]
}

// listLedgerModel is the values that a ledger's lists should hold.
type listLedgerModel struct{ queue, done []uint64 }

// change makes change n.
func (m *listLedgerModel) change(n uint64) {
	last := len(m.queue) - 1
	switch m.kind(n) {
	case 0:
		m.done = m.done[1:]
	case 1:
		m.done, m.queue = append(m.done, m.queue[0]), m.queue[1:]
	case 2:
		v := m.queue[last]
		m.queue = slices.Insert(m.queue[:last], 1, v)
	case 3:
		m.queue = slices.Insert(m.queue, last, n)
	case 4:
		m.queue = slices.Insert(m.queue, 0, n)
	case 5:
		m.queue = append(m.queue, n)
	}
}

// kind says what change n does.
func (m *listLedgerModel) kind(n uint64) int {
	switch {
	case len(m.done) > 30:
		return 0
	case len(m.queue) > 60:
		return 1
	case n%5 < 3 && len(m.queue) > 5:
		return 1 + int(n%5)
	case n%5 == 3:
		return 4
	}
	return 5
}

// changeLists makes change n in lists that hold what m does.
func (m *listLedgerModel) changeLists(n uint64, queue, done List[listNode]) (err error) {
	value := func(e *listNode) error {
		e.Value = n
		for i := range e.Pad {
			e.Pad[i] = n
		}
		return nil
	}
	switch m.kind(n) {
	case 0:
		return done.RemoveFree(done.First())
	case 1:
		return queue.MoveToTail(queue.First(), done)
	case 2:
		return queue.MoveAfter(queue.Last(), queue, queue.First())
	case 3:
		_, err = queue.InsertNewBefore(queue.Last(), value)
	case 4:
		_, err = queue.InsertNewHead(value)
	case 5:
		_, err = queue.InsertNewTail(value)
	}
	return err
}

// read gives the model of what the lists hold.
func (m *listLedgerModel) read(queue, done List[listNode]) error {
	for _, l := range []struct {
		list   List[listNode]
		values *[]uint64
	}{{queue, &m.queue}, {done, &m.done}} {
		if err := l.list.Check(); err != nil {
			return err
		}
		*l.values = nil
		for e := range l.list.All() {
			v := e.Get()
			for _, w := range v.Pad {
				if w != v.Value {
					return fmt.Errorf("element %d holds %d as well", v.Value, w)
				}
			}
			*l.values = append(*l.values, v.Value)
		}
		back := slices.Collect(l.list.Backward())
		slices.Reverse(back)
		if !slices.Equal(back, slices.Collect(l.list.All())) {
			return fmt.Errorf("backward, the list holds other elements: %v", back)
		}
	}
	return nil
}

func (m *listLedgerModel) equal(o *listLedgerModel) bool {
	return slices.Equal(m.queue, o.queue) && slices.Equal(m.done, o.done)
}

func listLedgerOf(p *Pool, g int) (queue, done List[listNode], err error) {
	root, err := Root[[4]listLedger](p)
	if err != nil {
		return queue, done, err
	}
	l := &root.Get()[g]
	if queue, err = ListOf(p, &l.Queue, listEntryA); err != nil {
		return queue, done, err
	}
	done, err = ListOf(p, &l.Done, listEntryA)
	return queue, done, err
}

func init() { testchild.Register("lists", runListWriters) }

// runListWriters is the child. Its arguments are the pool's path, the
// durability, and for each writer the number of its last change.
func runListWriters(args []string) error {
	durability, err := ParseDurability(args[1])
	if err != nil {
		return err
	}
	p, err := Open(args[0], "", WithDurability(durability))
	if err != nil {
		return err
	}
	failed := make(chan error)
	for g, arg := range args[2:] {
		n, err := strconv.ParseUint(arg, 10, 64)
		if err != nil {
			return err
		}
		queue, done, err := listLedgerOf(p, g)
		if err != nil {
			return err
		}
		go func() {
			var m listLedgerModel
			if err := m.read(queue, done); err != nil {
				failed <- err
				return
			}
			var line []byte
			for {
				n++
				if err := m.changeLists(n, queue, done); err != nil {
					failed <- fmt.Errorf("change %d: %w", n, err)
					return
				}
				m.change(n)
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

// Ensure that after a SIGKILL, lists are whole, forward and backward, hold what
// was acknowledged, and at most the change that was under way besides.
func TestListKill(t *testing.T) {
	t.Parallel()
	rounds := 60
	if testing.Short() {
		rounds = 8
	}
	rnd := newRand(t)
	made := testpool.New(t)
	_, err := Root[[4]listLedger](made)
	require.NoError(t, err)
	require.NoError(t, made.Close())
	path := made.Path()

	var models [4]listLedgerModel
	var acknowledged [4]uint64
	busy := 0
	for round := range rounds {
		durability := DurabilityProcessCrash
		if round%5 == 4 && interpose.Effective {
			durability = DurabilityMsync
		}
		args := []string{path, durability.String()}
		for g := range 1 + round%2*3 {
			args = append(args, strconv.FormatUint(acknowledged[g], 10))
		}
		before := acknowledged
		killAtRandom(t, rnd, testchild.Start(t, "lists", args...), &acknowledged)
		if acknowledged != before {
			busy++
		}
		p, err := Open(path, "", WithVerify(), WithDurability(DurabilityProcessCrash))
		require.NoError(t, err, "round %d", round)
		objects := 0
		for g := range models {
			m := &models[g]
			for n := before[g] + 1; n <= acknowledged[g]; n++ {
				m.change(n)
			}
			queue, done, err := listLedgerOf(p, g)
			require.NoError(t, err)
			var got listLedgerModel
			require.NoError(t, got.read(queue, done), "round %d, writer %d", round, g)
			if !got.equal(m) {
				m.change(acknowledged[g] + 1)
				acknowledged[g]++
				require.True(t, got.equal(m), "round %d, writer %d: %v is neither after change %d nor after the next", round, g, got, acknowledged[g]-1)
			}
			objects += len(m.queue) + len(m.done)
		}
		require.Len(t, objectsIn(p), objects, "round %d: objects leaked or lost", round)
		require.NoError(t, p.Close())
	}
	requireBusy(t, busy, rounds)
}
