package libpmemobj_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/testpool"
	. "github.com/pmem/pmdk-go/libpmemobj"
)

// reservationModel is what a pool must hold, and the reservations made in it.
type reservationModel struct {
	t    *testing.T
	rnd  *rand.Rand
	p    *Pool
	root Ptr[rootData]

	objects map[OID]content
	words   [64]uint64
	held    []*heldReservation
}

// content is n bytes that follow from seed.
type content struct {
	seed uint64
	n    int
}

func (c content) bytes() []byte {
	b := make([]byte, c.n)
	fill(b, c.seed)
	return b
}

type heldReservation struct {
	*Reservation[byte]
	seed uint64
}

func (m *reservationModel) reserve() {
	if len(m.held) > 20 {
		return
	}
	n, seed := 1+m.rnd.IntN(700), m.rnd.Uint64()
	r, err := NewReservationBytes(m.p, n, 5)
	require.NoError(m.t, err)
	fill(r.Slice(), seed)
	m.held = append(m.held, &heldReservation{r, seed})
}

// some takes up to n of the reservations that are held.
func (m *reservationModel) some(n int) (taken []*heldReservation) {
	m.rnd.Shuffle(len(m.held), func(i, j int) { m.held[i], m.held[j] = m.held[j], m.held[i] })
	n = min(n, len(m.held))
	taken = slices.Clone(m.held[:n])
	m.held = m.held[n:]
	return taken
}

func (m *reservationModel) published(taken []*heldReservation) {
	for _, r := range taken {
		m.objects[r.Ptr().OID()] = content{r.seed, len(r.Slice())}
	}
}

func (m *reservationModel) anyObject() (oid OID, ok bool) {
	for oid := range m.objects {
		return oid, true
	}
	return OID{}, false
}

// step does one thing to the pool and to the model.
func (m *reservationModel) step() {
	t, p := m.t, m.p
	switch what := m.rnd.IntN(10); what {
	case 0, 1, 2, 3:
		m.reserve()
	case 4: // cancel
		for _, r := range m.some(2) {
			require.NoError(t, r.Cancel())
		}
	case 5, 6: // publish, with stores and a free
		taken := m.some(1 + m.rnd.IntN(4))
		var actions []Action
		for _, r := range taken {
			actions = append(actions, r)
		}
		for range m.rnd.IntN(12) {
			i, v := m.rnd.IntN(64), m.rnd.Uint64()
			actions = append(actions, SetValue(&m.root.Get().Words[i], v))
			m.words[i] = v
		}
		if oid, ok := m.anyObject(); ok && what == 6 {
			actions = append(actions, DeferFree(oid))
			delete(m.objects, oid)
		}
		require.NoError(t, p.PublishActions(actions...))
		m.published(taken)
	case 7: // a publication that fails, or not, with a reservation of its own
		taken := m.some(2)
		end := []error{nil, errStop}[m.rnd.IntN(2)]
		var own OID
		require.Equal(t, end, p.Publish(func(a *Actions) error {
			for _, r := range taken {
				require.NoError(t, a.Add(r))
			}
			oid, b, err := a.ReserveBytes(50, 5)
			require.NoError(t, err)
			fill(b, 7)
			own = oid
			return end
		}))
		if end != nil {
			m.held = append(m.held, taken...)
			return
		}
		m.published(taken)
		m.objects[own] = content{7, 50}
	case 8: // a transaction, committed or not
		taken := m.some(3)
		end := []error{nil, errStop}[m.rnd.IntN(2)]
		require.Equal(t, end, p.Update(func(tx *Tx) error {
			for _, r := range taken {
				require.NoError(t, tx.Publish(r))
				r.seed++
				fill(r.Slice(), r.seed)
			}
			return end
		}))
		if end == nil {
			m.published(taken)
		}
	case 9: // drop, to be found by the garbage collector some time
		m.some(1)
	}
}

func (m *reservationModel) check() {
	require.Equal(m.t, m.words, m.root.Get().Words)
	all := objectsIn(m.p)
	require.Len(m.t, all, len(m.objects))
	for _, oid := range all {
		want, ok := m.objects[oid]
		require.True(m.t, ok, "%v should not be there", oid)
		require.Equal(m.t, want.bytes(), view(m.t, m.p, oid, want.n))
	}
	for _, r := range m.held {
		require.Equal(m.t, content{r.seed, len(r.Slice())}.bytes(), r.Slice(), "the memory of a reservation was given away")
	}
}

// Ensure that random reservations, publications, transactions, cancellations
// and drops leave exactly what they should.
func TestReservationModel(t *testing.T) {
	steps := 4000
	if testing.Short() {
		steps = 800
	}
	p := testpool.New(t)
	m := &reservationModel{t: t, rnd: newRand(t), p: p, root: rootOf(t, p), objects: map[OID]content{}}
	for i := range steps {
		m.step()
		if i%50 == 0 {
			m.check()
		}
		if i%1000 == 999 {
			m.p = testpool.Reopen(t, m.p)
			m.root = rootOf(t, m.p)
			m.held = nil // they ended with the pool
			m.check()
		}
	}
	m.check()
}
