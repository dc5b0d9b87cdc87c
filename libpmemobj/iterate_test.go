package libpmemobj_test

import (
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/testpool"
	. "github.com/pmem/pmdk-go/libpmemobj"
)

type fruit struct{ Number uint64 }

type vegetable struct{ Number uint64 }

// populate allocates n fruits and n vegetables by turns, numbered from 1.
func populate(t testing.TB, p *Pool, n int) {
	t.Helper()
	require.NoError(t, p.Update(func(tx *Tx) error {
		for i := range n {
			f, err := New[fruit](tx)
			if err != nil {
				return err
			}
			f.Get().Number = uint64(i + 1)
			v, err := New[vegetable](tx)
			if err != nil {
				return err
			}
			v.Get().Number = uint64(i + 1)
		}
		return nil
	}))
}

// Ensure that each object appears once, in order, whatever the number, and
// that the root does not.
func TestObjects(t *testing.T) {
	for _, n := range []int{0, 1, 255, 256, 257, 511, 512, 513, 1024, 1500} {
		p := testpool.New(t)
		rootOf(t, p)
		populate(t, p, n)
		all := objectsIn(p)
		require.Len(t, all, 2*n)
		require.True(t, slices.IsSortedFunc(all, func(a, b OID) int { return int(a.Off) - int(b.Off) }))
		require.Len(t, slices.Compact(all), 2*n)

		seen := map[uint64]int{}
		for f := range ObjectsOf[fruit](p) {
			seen[f.Get().Number]++
		}
		require.Len(t, seen, n)
		for i, times := range seen {
			require.Equal(t, 1, times, "%d", i)
		}
		for range ObjectsOf[node](p) {
			t.Error("an object of a type that has none")
		}
		require.NoError(t, p.Close())
	}
}

// Ensure that an array is one object.
func TestObjectsOfArray(t *testing.T) {
	p := testpool.New(t)
	require.NoError(t, p.Update(func(tx *Tx) error {
		a, err := NewArray[fruit](tx, 100)
		a.Slice(100)[0].Number = 9
		return err
	}))
	n := 0
	for f := range ObjectsOf[fruit](p) {
		require.EqualValues(t, 9, f.Get().Number)
		n++
	}
	require.Equal(t, 1, n)
}

// Ensure that the loop may free what it was given, at once or later, by any
// means, and misses nothing.
func TestObjectsFreedInTheLoop(t *testing.T) {
	const n = 1300
	cases := []struct {
		name string
		free func(t *testing.T, p *Pool, number int, oid OID)
	}{
		{"each", func(t *testing.T, p *Pool, _ int, oid OID) { require.NoError(t, p.Free(&oid)) }},
		{"every third", func(t *testing.T, p *Pool, i int, oid OID) {
			if i%3 == 0 {
				require.NoError(t, p.Free(&oid))
			}
		}},
		{"in transactions", func(t *testing.T, p *Pool, _ int, oid OID) {
			require.NoError(t, p.Update(func(tx *Tx) error { return tx.Free(oid) }))
		}},
		{"in publications", func(t *testing.T, p *Pool, _ int, oid OID) {
			require.NoError(t, p.Publish(func(a *Actions) error { a.Free(oid); return nil }))
		}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			p := testpool.New(t)
			populate(t, p, n)
			seen := 0
			for f := range ObjectsOf[fruit](p) {
				c.free(t, p, seen, f.OID())
				seen++
			}
			require.Equal(t, n, seen)
			seen = 0
			left := len(objectsIn(p))
			for oid := range p.Objects() {
				c.free(t, p, seen, oid)
				seen++
			}
			require.Equal(t, left, seen)
		})
	}
	t.Run("all those before", func(t *testing.T) {
		p := testpool.New(t)
		populate(t, p, n)
		var before []OID
		seen := 0
		for oid := range p.Objects() {
			seen++
			before = append(before, oid)
			if len(before) == 700 {
				for i := range before {
					require.NoError(t, p.Free(&before[i]))
				}
				before = before[:0]
			}
		}
		require.Equal(t, 2*n, seen)
		require.Len(t, objectsIn(p), 2*n%700)
	})
}

// Ensure that a loop can be left early and started again.
func TestObjectsBreak(t *testing.T) {
	p := testpool.New(t)
	populate(t, p, 1000)
	all := p.Objects()
	for _, stop := range []int{1, 511, 512, 513, 1100} {
		n := 0
		for range all {
			if n++; n == stop {
				break
			}
		}
		require.Equal(t, stop, n)
	}
	// A loop that was left holds nothing: Close is not refused.
	for range all {
		break
	}
	require.NoError(t, p.Close())
}

// Ensure that objects of an open transaction are not seen by others.
func TestObjectsOfOpenTransaction(t *testing.T) {
	p := testpool.New(t)
	require.Equal(t, errStop, p.Update(func(tx *Tx) error {
		_, err := New[fruit](tx)
		require.NoError(t, err)
		require.Empty(t, objectsIn(p))
		return errStop
	}))
}

// Ensure that ranging goes on, and sees every object that stays, while other
// goroutines allocate and free others.
func TestObjectsConcurrently(t *testing.T) {
	p := testpool.New(t)
	const stay = 1500
	populate(t, p, stay)
	rounds := 20
	if testing.Short() {
		rounds = 4
	}
	done := make(chan struct{})
	var churn sync.WaitGroup
	for g := range 2 {
		churn.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				var mine []OID
				for i := range 600 {
					oid, err := p.Alloc(nil, uint64(1+i%200), uint64(1000+g))
					if err != nil {
						t.Error(err)
						return
					}
					mine = append(mine, oid)
				}
				for i := range mine {
					if err := p.Free(&mine[i]); err != nil {
						t.Error(err)
						return
					}
				}
			}
		})
	}
	for range rounds {
		n := 0
		for range ObjectsOf[fruit](p) {
			n++
		}
		if n != stay {
			t.Errorf("%d objects seen of %d", n, stay)
			break
		}
	}
	close(done)
	churn.Wait()
}
