package libpmemobj_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/testpool"
	. "github.com/pmem/pmdk-go/libpmemobj"
)

// Ensure that nested updates join the outer transaction: all or nothing.
func TestNestedUpdate(t *testing.T) {
	cases := []struct {
		name         string
		inner, outer error
		dropInner    bool // the outer closure ignores the inner error
		is           error
	}{
		{"both succeed", nil, nil, false, nil},
		{"outer fails", nil, errStop, false, errStop},
		{"inner fails", errStop, nil, false, errStop},
		{"inner fails, outer ignores it", errStop, nil, true, errStop},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			p := testpool.New(t)
			root := rootOf(t, p)
			err := p.Update(func(outer *Tx) error {
				MutAt(outer, &root.Get().Count)
				root.Get().Count = 1
				err := p.Update(func(inner *Tx) error {
					require.Same(t, outer, inner)
					MutAt(inner, &root.Get().Other)
					root.Get().Other = 2
					return p.Update(func(innermost *Tx) error {
						MutAt(innermost, &root.Get().Words[0])
						root.Get().Words[0] = 3
						return c.inner
					})
				})
				require.Equal(t, c.inner, err)
				require.EqualValues(t, 2, root.Get().Other, "nothing is rolled back before the outer end")
				if err != nil && !c.dropInner {
					return err
				}
				return c.outer
			})
			r := root.Get()
			if c.is == nil {
				require.NoError(t, err)
				require.Equal(t, []uint64{1, 2, 3}, []uint64{r.Count, r.Other, r.Words[0]})
				return
			}
			require.ErrorIs(t, err, c.is)
			require.Equal(t, []uint64{0, 0, 0}, []uint64{r.Count, r.Other, r.Words[0]})
		})
	}
}

// Ensure that callbacks of nested updates wait for the outer one.
func TestNestedUpdateCallbacks(t *testing.T) {
	p := testpool.New(t)
	var calls []string
	require.NoError(t, p.Update(func(tx *Tx) error {
		require.NoError(t, tx.OnCommit(func() { calls = append(calls, "outer") }))
		require.NoError(t, p.Update(func(tx *Tx) error {
			return tx.OnCommit(func() { calls = append(calls, "inner") })
		}))
		require.Empty(t, calls)
		return nil
	}))
	require.Equal(t, []string{"outer", "inner"}, calls)
}

// Ensure that a transaction cannot reach into a second pool, and survives the
// attempt.
func TestNestedUpdateOnAnotherPool(t *testing.T) {
	p, other := testpool.New(t), testpool.New(t)
	root, otherRoot := rootOf(t, p), rootOf(t, other)
	require.NoError(t, p.Update(func(tx *Tx) error {
		MutAt(tx, &root.Get().Count)
		root.Get().Count = 1
		err := other.Update(func(*Tx) error { t.Error("called"); return nil })
		require.ErrorIs(t, err, ErrForeignPool)
		require.ErrorContains(t, err, "one cannot span pools")
		require.ErrorContains(t, err, p.Path())
		return nil
	}))
	require.EqualValues(t, 1, root.Get().Count)
	require.Zero(t, otherRoot.Get().Count)
	require.NoError(t, other.Update(func(tx *Tx) error {
		MutAt(tx, &otherRoot.Get().Count)
		otherRoot.Get().Count = 1
		return nil
	}))
}

// Ensure that a panic out of a nested update dooms the transaction, even if
// the outer closure recovers it: the inner one is half done.
func TestNestedUpdatePanicRecovered(t *testing.T) {
	p := testpool.New(t)
	root := rootOf(t, p)
	err := p.Update(func(tx *Tx) error {
		recovered := panicOf(func() {
			_ = p.Update(func(tx *Tx) error {
				MutAt(tx, &root.Get().Count)
				root.Get().Count = 1
				panic("oops")
			})
		})
		require.Equal(t, "oops", recovered)
		return nil
	})
	require.ErrorContains(t, err, "nested update")
	require.Zero(t, root.Get().Count)
}

// Ensure that a failed Mut inside a nested update ends all of it.
func TestNestedUpdateMutFails(t *testing.T) {
	p := testpool.New(t)
	root := rootOf(t, p)
	err := p.Update(func(tx *Tx) error {
		MutAt(tx, &root.Get().Count)
		root.Get().Count = 1
		err := p.Update(func(tx *Tx) error {
			Ptr[node]{}.Mut(tx)
			t.Error("Mut of null returned")
			return nil
		})
		t.Error("the nested update returned", err)
		return nil
	})
	require.ErrorIs(t, err, ErrNull)
	require.Zero(t, root.Get().Count)
}

// Ensure that updates in a callback are transactions of their own.
func TestUpdateInCallback(t *testing.T) {
	p := testpool.New(t)
	root := rootOf(t, p)
	add := func() {
		require.NoError(t, p.Update(func(tx *Tx) error {
			*MutAt(tx, &root.Get().Count) += 1
			return nil
		}))
	}
	require.NoError(t, p.Update(func(tx *Tx) error { return tx.OnCommit(add) }))
	require.Error(t, p.Update(func(tx *Tx) error {
		require.NoError(t, tx.OnAbort(func(error) { add() }))
		return errStop
	}))
	require.EqualValues(t, 2, root.Get().Count)
}
