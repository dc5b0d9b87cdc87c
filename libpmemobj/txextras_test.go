package libpmemobj_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/internal/testpool"
	. "github.com/pmem/pmdk-go/libpmemobj"
)

// Ensure that user data is one value for a transaction and those nested in it,
// and is gone at the end.
func TestTxUserData(t *testing.T) {
	p := testpool.New(t)
	var old *Tx
	for range 2 {
		require.NoError(t, p.Update(func(tx *Tx) error {
			require.Nil(t, tx.UserData())
			require.NoError(t, tx.SetUserData("outer"))
			require.NoError(t, p.Update(func(tx *Tx) error {
				require.Equal(t, "outer", tx.UserData())
				return tx.SetUserData(2)
			}))
			require.Equal(t, 2, tx.UserData())
			var stages []any
			require.NoError(t, tx.OnStage(func(s Stage) {
				stages = append(stages, tx.UserData())
				if s == StageOnCommit {
					require.NoError(t, tx.SetUserData("committed"))
				}
			}))
			old = tx
			t.Cleanup(func() { require.Equal(t, []any{2, 2, "committed", nil}, stages) })
			return nil
		}))
	}
	require.Nil(t, old.UserData())
	require.ErrorIs(t, old.SetUserData(1), ErrTxDone)
}

// Ensure that what a failed operation means is as set, that nested Updates
// inherit it, and that theirs ends with them.
func TestTxFailureBehavior(t *testing.T) {
	p := testpool.New(t)
	root := rootOf(t, p)
	tooMuch := func(tx *Tx) error {
		_, _, err := NewBytes(tx, 1<<30, 1)
		require.ErrorIs(t, err, ErrOutOfSpace)
		return err
	}
	require.NoError(t, p.Update(func(tx *Tx) error {
		require.Equal(t, FailureReturn, tx.FailureBehavior())
		_ = tooMuch(tx)
		require.NoError(t, tx.Err())
		*MutAt(tx, &root.Get().Count) = 1
		return nil
	}))
	require.EqualValues(t, 1, root.Get().Count)

	err := p.Update(func(tx *Tx) error {
		require.NoError(t, tx.SetFailureBehavior(FailureAbort))
		require.Equal(t, FailureAbort, tx.FailureBehavior())
		*MutAt(tx, &root.Get().Count) = 2
		require.NoError(t, p.Update(func(tx *Tx) error {
			require.Equal(t, FailureAbort, tx.FailureBehavior())
			require.NoError(t, tx.SetFailureBehavior(FailureReturn))
			_ = tooMuch(tx)
			return nil
		}))
		require.NoError(t, tx.Err())
		require.Equal(t, FailureAbort, tx.FailureBehavior())
		first := tooMuch(tx)
		require.Equal(t, first, tx.Err())
		require.ErrorIs(t, tx.Free(OID{p.UUID(), 12345}), ErrNotLive)
		require.Equal(t, first, tx.Err())
		return nil
	})
	require.ErrorIs(t, err, ErrOutOfSpace)
	require.EqualValues(t, 1, root.Get().Count)

	// What a nested Update sets for the first time ends with it too.
	require.NoError(t, p.Update(func(tx *Tx) error {
		require.NoError(t, p.Update(func(tx *Tx) error { return tx.SetFailureBehavior(FailureAbort) }))
		require.Equal(t, FailureReturn, tx.FailureBehavior())
		return nil
	}))
}

// Ensure that with FailureAbort every operation that fails is the cause of a
// rollback.
func TestTxFailureAbort(t *testing.T) {
	p, other := testpool.New(t), testpool.New(t)
	root, foreign := rootOf(t, p), rootOf(t, other)
	live := oneObject(t, p, 100, 1)
	cases := []struct {
		name string
		do   func(tx *Tx) error
		text string
	}{
		{"New too large", func(tx *Tx) error { _, err := NewArray[node](tx, 1<<40); return err }, "an object has 1 to"},
		{"NewBytes of nothing", func(tx *Tx) error { _, _, err := NewBytes(tx, 0, 1); return err }, "0 bytes"},
		{"NewString", func(tx *Tx) error { _, err := NewString(tx, "a\x00", 1); return err }, "NUL byte at 1"},
		{"NewStringWith", func(tx *Tx) error { _, err := NewStringWith(tx, "a", 1, 1<<20); return err }, "unknown allocation flags"},
		{"NewWideString", func(tx *Tx) error { _, err := NewWideString(tx, "a\xff", 1); return err }, "not UTF-8 at byte 1"},
		{"Free", func(tx *Tx) error { return tx.Free(foreign.OID()) }, "belongs to another pool"},
		{"Free of the root", func(tx *Tx) error { return tx.Free(root.OID()) }, "root object"},
		{"Realloc", func(tx *Tx) error { _, err := tx.Realloc(live, MaxAlloc+1, 1); return err }, "an object has at most"},
		{"Realloc in a full pool", func(tx *Tx) error { _, err := tx.Realloc(live, 1<<30, 1); return err }, "out of space"},
		{"Snapshot", func(tx *Tx) error { return tx.Snapshot(RangeOf(foreign.Get())) }, "belongs to another pool"},
		{"FreeLog", func(tx *Tx) error { return tx.FreeLog(PtrOf[TxLog](live)) }, "is no log"},
		{"UseLog", func(tx *Tx) error { return tx.UseLog(Ptr[TxLog]{}) }, "null pointer"},
		{"NewTxLog", func(tx *Tx) error { _, err := NewTxLog(tx, TxNeeds{Intents: -1}); return err }, "negative"},
		{"SetLogAutoAlloc", func(tx *Tx) error { return tx.SetLogAutoAlloc(7, true) }, "unknown log 7"},
		{"OnStage", func(tx *Tx) error { return tx.OnStage(nil) }, "the function is nil"},
		{"SetFailureBehavior", func(tx *Tx) error { return tx.SetFailureBehavior(9) }, "unknown behavior 9"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			before := root.Get().Count
			err := p.Update(func(tx *Tx) error {
				require.NoError(t, tx.SetFailureBehavior(FailureAbort))
				err := c.do(tx)
				require.ErrorContains(t, err, c.text)
				require.Equal(t, err, tx.Err())
				*MutAt(tx, &root.Get().Count)++
				return nil
			})
			require.ErrorContains(t, err, c.text)
			require.Equal(t, before, root.Get().Count)
		})
	}
	require.Equal(t, []OID{live}, objectsIn(p))
}

// Ensure that what a transaction is told in a wrong place is refused and
// changes nothing.
func TestTxExtrasMisuse(t *testing.T) {
	p := testpool.New(t)
	root := rootOf(t, p)
	word := RangeOf(&root.Get().Count)
	calls := map[string]func(tx *Tx) error{
		"SetFailureBehavior": func(tx *Tx) error { return tx.SetFailureBehavior(FailureAbort) },
		"SetUserData":        func(tx *Tx) error { return tx.SetUserData(1) },
		"OnStage":            func(tx *Tx) error { return tx.OnStage(func(Stage) {}) },
		"SnapshotWith":       func(tx *Tx) error { return tx.SnapshotWith(SnapshotNoFlush, word) },
		"SnapshotWith 0":     func(tx *Tx) error { return tx.SnapshotWith(0, word) },
		"Track":              func(tx *Tx) error { return tx.Track(word) },
		"FreeLog":            func(tx *Tx) error { return tx.FreeLog(Ptr[TxLog]{}) },
		"SetLogAutoAlloc":    func(tx *Tx) error { return tx.SetLogAutoAlloc(IntentLog, false) },
		"UseLog":             func(tx *Tx) error { return tx.UseLog(Ptr[TxLog]{}) },
		"NewTxLog":           func(tx *Tx) error { _, err := NewTxLog(tx, TxNeeds{}); return err },
		"NewStringWith":      func(tx *Tx) error { _, err := NewStringWith(tx, "a", 1); return err },
		"NewWideString":      func(tx *Tx) error { _, err := NewWideString(tx, "a", 1); return err },
	}
	elsewhere := func(f func()) {
		done := make(chan struct{})
		go func() { defer close(done); f() }()
		<-done
	}
	var old *Tx
	require.NoError(t, p.Update(func(tx *Tx) error {
		old = tx
		require.NoError(t, tx.SetFailureBehavior(FailureAbort))
		require.NoError(t, tx.SetUserData(1))
		elsewhere(func() {
			for name, call := range calls {
				if err := call(tx); !errors.Is(err, ErrWrongGoroutine) {
					t.Errorf("%s in another goroutine: %v", name, err)
				}
			}
			require.Nil(t, tx.UserData())
			require.NoError(t, tx.Err())
			require.Equal(t, StageNone, tx.Stage())
			require.Equal(t, FailureReturn, tx.FailureBehavior())
		})
		require.NoError(t, tx.Err())
		require.Equal(t, StageWork, tx.Stage())
		return nil
	}))
	for name, call := range calls {
		require.ErrorIs(t, call(old), ErrTxDone, name)
	}
	require.Equal(t, StageNone, old.Stage())
	require.NoError(t, old.Err())
	require.Empty(t, objectsIn(p))
}

// Ensure that a failed snapshot dooms the transaction whatever is set: PMDK
// takes a second try of it for done.
func TestTxErrOfSnapshot(t *testing.T) {
	p := testpool.New(t)
	root := rootOf(t, p)
	errFull := p.Update(func(tx *Tx) error {
		require.NoError(t, tx.SetLogAutoAlloc(SnapshotLog, false))
		err := tx.Snapshot(RangeOf(&root.Get().Words), RangeOf(&root.Get().Slots))
		require.NoError(t, err)
		big := oneBig(t, tx)
		err = tx.Snapshot(big)
		require.NoError(t, err, "an object of this transaction needs none")
		return nil
	})
	require.NoError(t, errFull)
	big := oneObject(t, p, 10_000, 1)
	err := p.Update(func(tx *Tx) error {
		require.NoError(t, tx.SetLogAutoAlloc(SnapshotLog, false))
		err := tx.Snapshot(RangeOfSlice(view(t, p, big, 10_000)))
		require.ErrorIs(t, err, ErrLogFull)
		require.ErrorIs(t, err, ErrOutOfSpace)
		require.ErrorIs(t, err, unix.ENOMEM)
		require.ErrorContains(t, err, "snapshot log")
		require.Equal(t, err, tx.Err())
		return nil
	})
	require.ErrorIs(t, err, ErrLogFull)
}

func oneBig(t *testing.T, tx *Tx) Range {
	t.Helper()
	_, b, err := NewBytes(tx, 10_000, 1)
	require.NoError(t, err)
	return RangeOfSlice(b)
}
