package libpmemobj_test

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/testpool"
	. "github.com/pmem/pmdk-go/libpmemobj"
)

// model is what a pool should hold: in each slot of the root an object of
// these bytes, or none, and the root's words.
type model struct {
	slots [64][]byte
	words [64]uint64
}

func (m *model) clone() *model {
	c := *m
	for i, b := range c.slots {
		c.slots[i] = bytes.Clone(b)
	}
	return &c
}

// size is a random size, mostly small, sometimes of a huge object. Between
// the two, PMDK keeps up to 4 MiB for each class of sizes.
func size(rnd *rand.Rand) int {
	switch rnd.IntN(50) {
	case 0:
		return 600_000 + rnd.IntN(1000)
	case 1, 2, 3, 4, 5:
		return 1 + rnd.IntN(5000)
	}
	return 1 + rnd.IntN(300)
}

// equal asserts that the pool holds what the model does, and nothing else.
func (m *model) equal(t *testing.T, p *Pool) {
	t.Helper()
	r := rootOf(t, p).Get()
	require.Equal(t, m.words, r.Words)
	n := 0
	for i, want := range m.slots {
		if want == nil {
			require.True(t, r.Slots[i].IsNull(), "slot %d", i)
			continue
		}
		n++
		require.False(t, r.Slots[i].IsNull(), "slot %d", i)
		if !bytes.Equal(want, view(t, p, r.Slots[i], len(want))) {
			t.Fatalf("slot %d differs", i)
		}
		num, err := p.TypeNum(r.Slots[i])
		require.NoError(t, err)
		require.EqualValues(t, i, num)
	}
	require.Len(t, objectsIn(p), n, "objects leaked or lost")
}

// runModel makes random changes to a pool, reopening it now and then. change
// makes some in the pool and in next as one atomic step, which it ends by
// returning what end returns, for the step to happen or not.
func runModel(t *testing.T, steps int, change func(rnd *rand.Rand, p *Pool, next *model, end func() error) error) {
	t.Helper()
	rnd := newRand(t)
	p := testpool.New(t, WithSize(8*testpool.Size))
	m := &model{}
	rootOf(t, p)
	for step := range steps {
		next := m.clone()
		switch rnd.IntN(8) {
		case 0:
			require.Equal(t, errStop, change(rnd, p, next, func() error { return errStop }))
		case 1:
			require.Equal(t, errStop, panicOf(func() {
				_ = change(rnd, p, next, func() error { panic(errStop) })
			}))
		default:
			require.NoError(t, change(rnd, p, next, func() error { return nil }))
			m = next
		}
		if step%10 == 0 {
			m.equal(t, p)
		}
		if step%100 == 99 {
			p = testpool.Reopen(t, p)
			m.equal(t, p)
		}
	}
	m.equal(t, p)
}

// fewer is n, or a fifth of it with -short.
func fewer(n int) int {
	if testing.Short() {
		return n / 5
	}
	return n
}

// Ensure that a pool under random transactions, some rolled back, holds what
// a model does.
func TestUpdateModel(t *testing.T) {
	runModel(t, fewer(400), func(rnd *rand.Rand, p *Pool, next *model, end func() error) error {
		return p.Update(func(tx *Tx) error {
			for range 1 + rnd.IntN(12) {
				changeInTx(t, rnd, next, tx)
			}
			return end()
		})
	})
}

// changeInTx makes one random change in the pool and the model.
func changeInTx(t *testing.T, rnd *rand.Rand, m *model, tx *Tx) {
	t.Helper()
	r := rootOf(t, tx.Pool()).Get()
	i := rnd.IntN(len(m.slots))
	slot, have := &r.Slots[i], m.slots[i]
	bytesOf := func(n int) []byte { return PtrOf[byte](*slot).Slice(n) }
	switch op := rnd.IntN(6); {
	case op == 0:
		j := rnd.IntN(len(m.words))
		n := 1 + rnd.IntN(len(m.words)-j)
		require.NoError(t, tx.Snapshot(RangeOfSlice(r.Words[j:j+n])))
		for k := j; k < j+n; k++ {
			m.words[k] = rnd.Uint64()
			r.Words[k] = m.words[k]
		}
	case have == nil:
		n := size(rnd)
		oid, b, err := NewBytes(tx, n, uint64(i))
		require.NoError(t, err)
		fill(b, rnd.Uint64())
		*MutAt(tx, slot) = oid
		m.slots[i] = bytes.Clone(b)
	case op == 1:
		require.NoError(t, tx.Free(*slot))
		*MutAt(tx, slot) = OID{}
		m.slots[i] = nil
	case op == 2, op == 3:
		n := size(rnd)
		realloc := tx.Realloc
		if op == 3 {
			realloc = tx.Zrealloc
		}
		oid, err := realloc(*slot, uint64(n), uint64(i))
		require.NoError(t, err)
		*MutAt(tx, slot) = oid
		kept := min(n, len(have))
		b := bytesOf(n)
		require.True(t, bytes.Equal(have[:kept], b[:kept]), "content lost")
		fill(b[kept:], uint64(n))
		m.slots[i] = bytes.Clone(b)
	default:
		b := bytesOf(len(have))
		j := rnd.IntN(len(b))
		k := j + 1 + rnd.IntN(len(b)-j)
		require.NoError(t, tx.Snapshot(RangeOfSlice(b[j:k])))
		fill(b[j:k], rnd.Uint64())
		copy(have, b)
	}
}

// Ensure that a pool under random publications, some cancelled, holds what a
// model does, and that Load sees what is pending.
func TestPublishModel(t *testing.T) {
	runModel(t, fewer(600), func(rnd *rand.Rand, p *Pool, next *model, end func() error) error {
		return p.Publish(func(a *Actions) error {
			touched := map[int]bool{}
			for range 1 + rnd.IntN(12) {
				changeInPublication(t, rnd, next, a, touched)
			}
			return end()
		})
	})
}

// changeInPublication makes one random change. A slot is touched once: what a
// publication has reserved it cannot free.
func changeInPublication(t *testing.T, rnd *rand.Rand, m *model, a *Actions, touched map[int]bool) {
	t.Helper()
	r := rootOf(t, a.Pool()).Get()
	if rnd.IntN(2) == 0 {
		j := rnd.IntN(len(m.words))
		n := 1 + rnd.IntN(len(m.words)-j)/(1+rnd.IntN(10)) // often few, sometimes a long run
		for k := j; k < min(j+n, len(m.words)); k++ {
			require.Equal(t, m.words[k], Load(a, &r.Words[k]))
			m.words[k] = rnd.Uint64()
			Store(a, &r.Words[k], m.words[k])
		}
		return
	}
	i := rnd.IntN(len(m.slots))
	if touched[i] {
		return
	}
	touched[i] = true
	old := LoadOID(a, &r.Slots[i])
	require.Equal(t, m.slots[i] == nil, old.IsNull())
	a.Free(old)
	if m.slots[i] != nil && rnd.IntN(3) == 0 {
		StoreOID(a, &r.Slots[i], OID{})
		m.slots[i] = nil
		return
	}
	oid, b, err := a.ReserveBytes(size(rnd), uint64(i))
	require.NoError(t, err)
	fill(b, rnd.Uint64())
	StoreOID(a, &r.Slots[i], oid)
	require.Equal(t, oid, LoadOID(a, &r.Slots[i]))
	m.slots[i] = bytes.Clone(b)
}
