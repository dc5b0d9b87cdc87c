package libpmemobj_test

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/testpool"
	. "github.com/pmem/pmdk-go/libpmemobj"
)

type attachKey int

// Ensure that a value is made once for each pool, by the first of many who ask,
// again after a failure, and lasts until Detach or Close.
func TestAttach(t *testing.T) {
	p, other := testpool.New(t), testpool.New(t)
	broken := errors.New("broken")
	_, err := p.Attach(attachKey(1), func() (any, error) { return nil, broken })
	require.ErrorIs(t, err, broken)
	_, ok := p.Attached(attachKey(1))
	require.False(t, ok)

	var made atomic.Int64
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			v, err := p.Attach(attachKey(1), func() (any, error) {
				inner, err := p.Attach(attachKey(2), func() (any, error) { return "inner", nil })
				if inner != "inner" || err != nil {
					return nil, broken
				}
				return made.Add(1), nil
			})
			if v != int64(1) || err != nil {
				t.Errorf("got %v, %v", v, err)
			}
		})
	}
	wg.Wait()
	require.EqualValues(t, 1, made.Load())
	v, err := other.Attach(attachKey(1), func() (any, error) { return "another pool's", nil })
	require.NoError(t, err)
	require.Equal(t, "another pool's", v)

	p.Detach(attachKey(1))
	v, err = p.Attach(attachKey(1), func() (any, error) { return made.Add(1), nil })
	require.NoError(t, err)
	require.EqualValues(t, 2, v)

	require.NoError(t, p.Close())
	_, err = p.Attach(attachKey(1), nil)
	require.ErrorIs(t, err, ErrClosed)
	_, ok = p.Attached(attachKey(1))
	require.False(t, ok)
}

type poolUser struct {
	busy   bool
	events []string
}

func (u *poolUser) PoolClosing() bool {
	u.events = append(u.events, "closing")
	return !u.busy
}

func (u *poolUser) PoolClosed(closed bool) {
	if closed {
		u.events = append(u.events, "closed")
		return
	}
	u.events = append(u.events, "open")
}

// Ensure that Close asks who uses the pool, and tells them what came of it.
func TestAttachedUsersTakePartInClose(t *testing.T) {
	p := testpool.New(t)
	a, b := &poolUser{}, &poolUser{busy: true}
	for i, u := range []*poolUser{a, b} {
		_, err := p.Attach(attachKey(i), func() (any, error) { return u, nil })
		require.NoError(t, err)
	}
	err := p.Close()
	require.ErrorIs(t, err, ErrPoolBusy)
	require.ErrorContains(t, err, "attached")
	require.Equal(t, []string{"closing"}, b.events)
	b.busy, a.events, b.events = false, nil, nil

	// Ensure that they go on if Close fails for another reason.
	_, err = p.Attach(attachKey(3), func() (any, error) { return nil, p.Close() })
	require.ErrorIs(t, err, ErrPoolBusy)
	require.Equal(t, []string{"closing", "open"}, a.events)
	require.Equal(t, []string{"closing", "open"}, b.events)
	require.NoError(t, p.Close())
	require.NoError(t, p.Close())
	require.Equal(t, []string{"closing", "open", "closing", "closed"}, a.events)
	require.Equal(t, a.events, b.events)
}
