package libpmemobj_test

import (
	"errors"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/testpool"
	. "github.com/pmem/pmdk-go/libpmemobj"
)

// Ensure that the stages follow each other as in C, with the data as the stage
// says, whether anything was changed or not, and however the closure ends.
func TestTxStages(t *testing.T) {
	errMine := errors.New("mine")
	cases := []struct {
		name  string
		end   func(tx *Tx) error
		err   error
		stage []Stage
		value uint64 // while the stages run
	}{
		{"commit", func(*Tx) error { return nil }, nil, []Stage{StageWork, StageOnCommit, StageFinally, StageNone}, 7},
		{"error", func(*Tx) error { return errMine }, errMine, []Stage{StageOnAbort, StageFinally, StageNone}, 0},
		{"doomed", func(tx *Tx) error { _ = tx.Snapshot(RangeOf(new(int))); return nil }, ErrForeignPool, []Stage{StageOnAbort, StageFinally, StageNone}, 0},
		{"Mut fails", func(tx *Tx) error { Ptr[node]{}.Mut(tx); return nil }, ErrNull, []Stage{StageOnAbort, StageFinally, StageNone}, 0},
		{"panic", func(*Tx) error { panic(errMine) }, errMine, []Stage{StageOnAbort, StageFinally, StageNone}, 0},
	}
	for _, c := range cases {
		for _, change := range []bool{true, false} {
			name := c.name
			if !change {
				name += ", nothing done"
			}
			t.Run(name, func(t *testing.T) {
				p := testpool.New(t)
				root := rootOf(t, p)
				var got []Stage
				var order []string
				update := func() (err error) {
					defer func() {
						if r := recover(); r != nil {
							err = r.(error)
						}
					}()
					return p.Update(func(tx *Tx) error {
						require.Equal(t, StageWork, tx.Stage())
						require.NoError(t, tx.OnCommit(func() { order = append(order, "commit") }))
						require.NoError(t, tx.OnAbort(func(cause error) {
							require.Error(t, cause)
							order = append(order, "abort")
						}))
						require.NoError(t, tx.OnStage(func(s Stage) {
							got = append(got, s)
							require.Equal(t, s, tx.Stage())
							if s == StageOnAbort {
								require.Error(t, tx.Err())
							} else if s == StageOnCommit {
								require.NoError(t, tx.Err())
							}
							if change {
								require.Equal(t, c.value, root.Get().Count)
							}
							if s == StageNone {
								require.NoError(t, p.Update(func(*Tx) error { return nil }))
								order = append(order, "none")
							}
						}))
						if change {
							*MutAt(tx, &root.Get().Count) = 7
						}
						return c.end(tx)
					})
				}
				require.ErrorIs(t, update(), c.err)
				require.Equal(t, c.stage, got)
				last := "abort"
				if c.err == nil {
					last = "commit"
				}
				require.Equal(t, []string{"none", last}, order)
				require.NoError(t, p.Update(func(tx *Tx) error { // the thread is as before
					*MutAt(tx, &root.Get().Other) = 1
					return nil
				}))
			})
		}
	}
}

// Ensure that Goexit goes through the stages.
func TestTxStagesGoexit(t *testing.T) {
	p := testpool.New(t)
	root := rootOf(t, p)
	var got []Stage
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = p.Update(func(tx *Tx) error {
			require.NoError(t, tx.OnStage(func(s Stage) { got = append(got, s) }))
			*MutAt(tx, &root.Get().Count) = 7
			runtime.Goexit()
			return nil
		})
	}()
	<-done
	require.Equal(t, []Stage{StageOnAbort, StageFinally, StageNone}, got)
	require.Zero(t, root.Get().Count)
}

// Ensure that a function may write before the commit, and that its failure
// rolls back.
func TestTxStageWork(t *testing.T) {
	p := testpool.New(t)
	root := rootOf(t, p)
	run := func(f func(tx *Tx)) error {
		return p.Update(func(tx *Tx) error {
			*MutAt(tx, &root.Get().Count)++
			return tx.OnStage(func(s Stage) {
				if s == StageWork {
					f(tx)
				}
			})
		})
	}
	require.NoError(t, run(func(tx *Tx) {
		*MutAt(tx, &root.Get().Other) = root.Get().Count * 10
		require.NoError(t, p.Update(func(tx *Tx) error {
			*MutAt(tx, &root.Get().Words[0]) = 5
			return nil
		}))
	}))
	require.EqualValues(t, 1, root.Get().Count)
	require.EqualValues(t, 10, root.Get().Other)
	require.EqualValues(t, 5, root.Get().Words[0])

	require.ErrorIs(t, run(func(tx *Tx) { Ptr[node]{}.Mut(tx) }), ErrNull)
	require.ErrorIs(t, run(func(tx *Tx) { _ = tx.Snapshot(RangeOf(new(int))) }), ErrForeignPool)
	require.Equal(t, "mine", panicOf(func() { _ = run(func(*Tx) { panic("mine") }) }))
	require.EqualValues(t, 1, root.Get().Count)
	require.NoError(t, run(func(*Tx) {}))
	require.EqualValues(t, 2, root.Get().Count)
}

// Ensure that a panic in any stage leaves the outcome, the later stages and the
// thread alone, and goes on.
func TestTxStagePanics(t *testing.T) {
	for at := StageNone; at <= StageFinally; at++ {
		t.Run(at.String(), func(t *testing.T) {
			p := testpool.New(t)
			root := rootOf(t, p)
			var got []Stage
			told := 0
			require.Equal(t, "mine", panicOf(func() {
				_ = p.Update(func(tx *Tx) error {
					*MutAt(tx, &root.Get().Count) = 7
					require.NoError(t, tx.OnCommit(func() { told++ }))
					require.NoError(t, tx.OnAbort(func(error) { told-- }))
					require.NoError(t, tx.OnStage(func(s Stage) {
						got = append(got, s)
						if s == at {
							panic("mine")
						}
					}))
					if at == StageOnAbort {
						return errStop
					}
					return nil
				})
			}))
			switch at {
			case StageWork:
				require.Equal(t, []Stage{StageWork, StageOnAbort, StageFinally, StageNone}, got)
			case StageOnAbort:
				require.Equal(t, []Stage{StageOnAbort, StageFinally, StageNone}, got)
			default:
				require.Equal(t, []Stage{StageWork, StageOnCommit, StageFinally, StageNone}, got)
			}
			if at == StageWork || at == StageOnAbort {
				require.Equal(t, -1, told)
				require.Zero(t, root.Get().Count)
			} else {
				require.Equal(t, 1, told)
				require.EqualValues(t, 7, root.Get().Count)
			}
			require.NoError(t, p.Update(func(tx *Tx) error {
				*MutAt(tx, &root.Get().Other) = 1
				return nil
			}))
		})
	}
}

// Ensure that between the end of the work and the end of the transaction
// nothing can be done in pools, and that the process survives the attempt.
func TestTxStageMisuse(t *testing.T) {
	p, other := testpool.New(t), testpool.New(t)
	root := rootOf(t, p)
	tried := 0
	require.NoError(t, p.Update(func(tx *Tx) error {
		*MutAt(tx, &root.Get().Count) = 7
		return tx.OnStage(func(s Stage) {
			if s != StageOnCommit && s != StageFinally {
				return
			}
			tried++
			require.ErrorIs(t, tx.Snapshot(RangeOf(&root.Get().Other)), ErrTxDone)
			require.ErrorIs(t, tx.OnStage(func(Stage) {}), ErrTxDone)
			require.ErrorIs(t, tx.SetFailureBehavior(FailureAbort), ErrTxDone)
			_, err := New[node](tx)
			require.ErrorIs(t, err, ErrTxDone)
			require.ErrorIs(t, p.Update(func(*Tx) error { return nil }), ErrTxDone)
			require.ErrorIs(t, other.Update(func(*Tx) error { return nil }), ErrForeignPool)
			_, err = p.Alloc(nil, 64, 1)
			require.ErrorIs(t, err, ErrInTx)
			require.ErrorIs(t, p.Publish(func(*Actions) error { return nil }), ErrInTx)
			require.ErrorIs(t, p.Close(), ErrPoolBusy)
		})
	}))
	require.Equal(t, 2, tried)
	require.Equal(t, "stage 9", Stage(9).String())
}

// Ensure that functions of nested Updates belong to the outermost, and are
// called in order.
func TestTxStageNested(t *testing.T) {
	p := testpool.New(t)
	var got []string
	watch := func(tx *Tx, name string) {
		require.NoError(t, tx.OnStage(func(s Stage) { got = append(got, name+" "+s.String()) }))
	}
	require.NoError(t, p.Update(func(tx *Tx) error {
		watch(tx, "a")
		require.NoError(t, p.Update(func(tx *Tx) error {
			watch(tx, "b")
			return nil
		}))
		require.Empty(t, got)
		return nil
	}))
	require.Equal(t, []string{"a work", "b work", "a on commit", "b on commit", "a finally", "b finally", "a none", "b none"}, got)
}
