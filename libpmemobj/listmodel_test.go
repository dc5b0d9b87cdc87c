package libpmemobj_test

import (
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/testpool"
	. "github.com/pmem/pmdk-go/libpmemobj"
)

// listModel is what the lists of a pool should hold: three by entry A, one by
// entry B.
type listModel struct {
	*testing.T
	rnd   *rand.Rand
	pool  *Pool
	lists [4]List[listNode]
	want  [4][]Ptr[listNode]
	all   []Ptr[listNode] // every object there is
	value uint64
}

func (m *listModel) use(p *Pool) {
	byA, byB := listsOf(m, p)
	copy(m.lists[:], byA[:])
	m.pool = p
	m.lists[3] = byB
}

// by is which lists have the same entry as list i.
func (m *listModel) by(i int) []int {
	if i == 3 {
		return []int{3}
	}
	return []int{0, 1, 2}
}

// in says which list e is in by list i's entry, -1 for none.
func (m *listModel) in(e Ptr[listNode], i int) int {
	for _, j := range m.by(i) {
		if slices.Contains(m.want[j], e) {
			return j
		}
	}
	return -1
}

// insert puts e into the model.
func (m *listModel) insert(i, at int, e Ptr[listNode]) { m.want[i] = slices.Insert(m.want[i], at, e) }

func (m *listModel) remove(i int, e Ptr[listNode]) {
	at := slices.Index(m.want[i], e)
	m.want[i] = slices.Delete(m.want[i], at, at+1)
}

// step makes one random change, or has one refused.
func (m *listModel) step() {
	i := m.rnd.IntN(4)
	l := m.lists[i]
	var mark, e Ptr[listNode]
	at := 0
	if n := len(m.want[i]); n > 0 {
		at = m.rnd.IntN(n)
		mark = m.want[i][at]
	}
	if len(m.all) > 0 {
		e = m.all[m.rnd.IntN(len(m.all))]
	}
	switch op := m.rnd.IntN(8); {
	case op == 0 || len(m.all) == 0:
		m.insertNew(i, at, mark)
	case op == 1 && len(m.all) < 60:
		m.value++
		m.all = append(m.all, newListNode(m, m.pool, m.value))
	case op <= 3:
		m.insertOld(i, at, e, mark)
	case op == 4:
		err := l.Remove(e)
		if m.in(e, i) != i {
			require.ErrorIs(m, err, ErrNotInList)
			return
		}
		require.NoError(m, err)
		m.remove(i, e)
	case op == 5:
		m.free(i, e)
	default:
		m.move(i, m.rnd.IntN(4), e)
	}
}

func (m *listModel) insertNew(i, at int, mark Ptr[listNode]) {
	m.value++
	v, l := m.value, m.lists[i]
	init := func(n *listNode) error { n.Value = v; return nil }
	var e Ptr[listNode]
	var err error
	switch op := m.rnd.IntN(4); {
	case op == 0 || mark.IsNull():
		at = 0
		e, err = l.InsertNewHead(init)
	case op == 1:
		at = len(m.want[i])
		e, err = l.InsertNewTail(init)
	case op == 2:
		e, err = l.InsertNewBefore(mark, init)
	default:
		at++
		e, err = l.InsertNewAfter(mark, init)
	}
	require.NoError(m, err)
	require.Equal(m, v, e.Get().Value)
	m.all = append(m.all, e)
	m.insert(i, at, e)
}

func (m *listModel) insertOld(i, at int, e, mark Ptr[listNode]) {
	l := m.lists[i]
	var err error
	switch op := m.rnd.IntN(4); {
	case op == 0 || mark.IsNull():
		at = 0
		err = l.InsertHead(e)
	case op == 1:
		at = len(m.want[i])
		err = l.InsertTail(e)
	case op == 2:
		err = l.InsertBefore(e, mark)
	default:
		at++
		err = l.InsertAfter(e, mark)
	}
	if m.in(e, i) >= 0 {
		require.ErrorIs(m, err, ErrInList)
		return
	}
	require.NoError(m, err)
	m.insert(i, at, e)
}

func (m *listModel) free(i int, e Ptr[listNode]) {
	err := m.lists[i].RemoveFree(e)
	switch {
	case m.in(e, i) != i:
		require.ErrorIs(m, err, ErrNotInList)
	case i == 3 && m.in(e, 0) >= 0 || i < 3 && m.in(e, 3) >= 0:
		require.ErrorIs(m, err, ErrInList)
	default:
		require.NoError(m, err)
		m.remove(i, e)
		j := slices.Index(m.all, e)
		m.all = slices.Delete(m.all, j, j+1)
	}
}

func (m *listModel) move(i, j int, e Ptr[listNode]) {
	l, to := m.lists[i], m.lists[j]
	var mark Ptr[listNode]
	if n := len(m.want[j]); n > 0 {
		mark = m.want[j][m.rnd.IntN(n)]
	}
	op := m.rnd.IntN(4)
	if mark.IsNull() {
		op %= 2
	}
	var err error
	switch op {
	case 0:
		err = l.MoveToHead(e, to)
	case 1:
		err = l.MoveToTail(e, to)
	case 2:
		err = l.MoveBefore(e, to, mark)
	case 3:
		err = l.MoveAfter(e, to, mark)
	}
	if m.in(e, i) != i {
		require.ErrorIs(m, err, ErrNotInList)
		return
	}
	if (i == 3) != (j == 3) && m.in(e, j) >= 0 {
		require.ErrorIs(m, err, ErrInList)
		return
	}
	require.NoError(m, err)
	if op >= 2 && e == mark {
		return
	}
	m.remove(i, e)
	at := slices.Index(m.want[j], mark)
	switch op {
	case 0:
		at = 0
	case 1:
		at = len(m.want[j])
	case 3:
		at++
	}
	m.insert(j, at, e)
}

func (m *listModel) equal() {
	for i, l := range m.lists {
		require.Equal(m, len(m.want[i]) == 0, l.Empty())
		got := slices.Collect(l.All())
		require.True(m, slices.Equal(m.want[i], got), "list %d: %v, not %v", i, got, m.want[i])
		back := slices.Collect(l.Backward())
		slices.Reverse(back)
		require.True(m, slices.Equal(got, back), "list %d backward", i)
		require.NoError(m, l.Check())
	}
	require.Len(m, objectsIn(m.pool), len(m.all), "objects leaked or lost")
}

// Ensure that lists under random operations hold what slices do, in this run
// and the next ones.
func TestListModel(t *testing.T) {
	p := testpool.New(t)
	m := &listModel{T: t, rnd: newRand(t)}
	m.use(p)
	for i := range fewer(10_000) {
		m.step()
		if i%50 == 0 {
			m.equal()
		}
		if i%1000 == 999 {
			p = testpool.Reopen(t, p)
			m.use(p)
			m.equal()
		}
	}
	m.equal()
}

// Ensure that goroutines that use the same lists and elements at once, in
// loops too, leave sound lists behind, with every element in one of them or in
// none.
func TestListParallel(t *testing.T) {
	const goroutines = 8
	p := testpool.New(t)
	lists, other := listsOf(t, p)
	var loose []Ptr[listNode]
	for i := range uint64(20) {
		loose = append(loose, newListNode(t, p, i))
	}
	seed := newRand(t).Uint64()
	var wg sync.WaitGroup
	for g := range uint64(goroutines) {
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(seed, g))
			for range fewer(4000) {
				l, to := lists[rnd.IntN(3)], lists[rnd.IntN(3)]
				e, mark := loose[rnd.IntN(len(loose))], loose[rnd.IntN(len(loose))]
				var err error
				switch rnd.IntN(10) {
				case 0:
					err = l.InsertHead(e)
				case 1:
					err = l.InsertAfter(e, mark)
				case 2:
					err = l.Remove(e)
				case 3:
					err = l.MoveToTail(e, to)
				case 4:
					err = l.MoveBefore(e, to, mark)
				case 5:
					err = other.InsertTail(e)
				case 6:
					err = other.Remove(e)
				case 7:
					err = l.MoveToHead(e, other)
				case 8:
					if e, err = l.InsertNewTail(nil); err == nil {
						for err = ErrNotInList; errors.Is(err, ErrNotInList); {
							err = lists[rnd.IntN(3)].RemoveFree(e)
						}
					}
				case 9:
					n := 0
					for e := range l.All() {
						if n++; rnd.IntN(10) == 0 {
							err = l.MoveToTail(e, to)
						}
						if n > 50 {
							break
						}
					}
				}
				// In a loop, others may have freed the element.
				if err != nil && !errors.Is(err, ErrInList) && !errors.Is(err, ErrNotInList) && !errors.Is(err, ErrNotLive) {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	where := map[Ptr[listNode]]int{}
	for _, l := range lists {
		require.NoError(t, l.Check())
		for e := range l.All() {
			where[e]++
		}
	}
	for _, e := range loose {
		require.LessOrEqual(t, where[e], 1)
		delete(where, e)
	}
	require.Empty(t, where, "elements that should have been freed")
	require.NoError(t, other.Check())
	require.Len(t, objectsIn(p), len(loose))
}

// Ensure that a pool can be closed while its lists are in use, and that what
// comes afterwards finds it closed.
func TestListCloseMeanwhile(t *testing.T) {
	for range 5 {
		p := testpool.New(t)
		lists, _ := listsOf(t, p)
		fillList(t, lists[0], 0, 3)
		var wg sync.WaitGroup
		started := make(chan struct{}, 2)
		use := func(f func() error) {
			wg.Go(func() {
				for i := 0; ; i++ {
					if i == 1 {
						started <- struct{}{}
					}
					if err := f(); err != nil {
						if !errors.Is(err, ErrClosed) {
							t.Error(err)
						}
						return
					}
				}
			})
		}
		use(func() error {
			_, err := lists[1].InsertNewTail(nil)
			if errors.Is(err, ErrOutOfSpace) {
				err = nil
			}
			return err
		})
		use(func() error {
			for range lists[0].All() { // ends where the pool is closed
			}
			return lists[0].Check()
		})
		<-started
		<-started
		require.NoError(t, p.Close())
		wg.Wait()
	}
}
