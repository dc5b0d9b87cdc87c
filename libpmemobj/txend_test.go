package libpmemobj_test

import (
	"errors"
	"fmt"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/testpool"
	. "github.com/pmem/pmdk-go/libpmemobj"
)

type ender struct {
	name   string
	events *[]string
}

func (e ender) TxEnd(committed bool) {
	*e.events = append(*e.events, fmt.Sprintf("%s %v", e.name, committed))
}

// Ensure that the end of a transaction is told with its outcome, last given
// first, before OnCommit and OnAbort, once, however it ends.
func TestOnEnd(t *testing.T) {
	p := testpool.New(t)
	root, err := Root[int64](p)
	require.NoError(t, err)
	var events []string
	register := func(tx *Tx) {
		require.NoError(t, tx.OnCommit(func() { events = append(events, "on commit") }))
		require.NoError(t, tx.OnAbort(func(error) { events = append(events, "on abort") }))
		require.NoError(t, tx.OnEnd(ender{"a", &events}))
		require.NoError(t, tx.OnEnd(ender{"b", &events}))
		*root.Mut(tx)++
	}
	stages := func(tx *Tx) {
		require.NoError(t, tx.OnStage(func(s Stage) {
			if s == StageFinally {
				events = append(events, "finally")
			}
		}))
	}
	failed := errors.New("failed")
	tests := []struct {
		name string
		fn   func(tx *Tx) error
		want []string
	}{
		{"commit", func(tx *Tx) error { register(tx); return nil }, []string{"b true", "a true", "on commit"}},
		{"error", func(tx *Tx) error { register(tx); return failed }, []string{"b false", "a false", "on abort"}},
		{"panic", func(tx *Tx) error { register(tx); panic("panic") }, []string{"b false", "a false", "on abort"}},
		{"goexit", func(tx *Tx) error { register(tx); runtime.Goexit(); return nil }, []string{"b false", "a false", "on abort"}},
		{"commit in stages", func(tx *Tx) error { stages(tx); register(tx); return nil }, []string{"finally", "b true", "a true", "on commit"}},
		{"error in stages", func(tx *Tx) error { stages(tx); register(tx); return failed }, []string{"finally", "b false", "a false", "on abort"}},
		{"nested", func(tx *Tx) error {
			return p.Update(func(tx *Tx) error { register(tx); return nil })
		}, []string{"b true", "a true", "on commit"}},
		{"nested error", func(tx *Tx) error {
			_ = p.Update(func(tx *Tx) error { register(tx); return failed })
			return nil
		}, []string{"b false", "a false", "on abort"}},
		{"nobody after that", func(tx *Tx) error { return nil }, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			events = nil
			done := make(chan struct{})
			go func() {
				defer close(done)
				defer func() { recover() }()
				_ = p.Update(tt.fn)
			}()
			<-done
			require.Equal(t, tt.want, events)
		})
	}
}

// Ensure what is refused.
func TestOnEndMisuse(t *testing.T) {
	p := testpool.New(t)
	var kept *Tx
	require.NoError(t, p.Update(func(tx *Tx) error {
		kept = tx
		require.ErrorContains(t, tx.OnEnd(nil), "nobody to tell")
		return nil
	}))
	require.ErrorIs(t, kept.OnEnd(ender{}), ErrTxDone)
}

// Ensure that a goroutine knows whether it is inside Update.
func TestInUpdate(t *testing.T) {
	p := testpool.New(t)
	require.False(t, InUpdate())
	require.NoError(t, p.Update(func(tx *Tx) error {
		require.True(t, InUpdate())
		other := make(chan bool)
		go func() { other <- InUpdate() }()
		require.False(t, <-other)
		return nil
	}))
	require.False(t, InUpdate())
}

// Ensure that OnEnd needs no memory of Go's heap.
func TestOnEndGoHeap(t *testing.T) {
	p := testpool.New(t)
	e := &countingEnder{}
	run := func(tx *Tx) error { return tx.OnEnd(e) }
	require.Zero(t, testing.AllocsPerRun(100, func() { _ = p.Update(run) }))
	require.EqualValues(t, 101, e.n)
}

type countingEnder struct{ n int }

func (e *countingEnder) TxEnd(bool) { e.n++ }
