package libpmemobj

// #include "txmore_shim.h"
import "C"

import "fmt"

var (
	opTxStageCommit = operation(C.pmemgo_obj_tx_stage_commit)
	opTxStageAbort  = operation(C.pmemgo_obj_tx_stage_abort)
	opTxStageNext   = operation(C.pmemgo_obj_tx_stage_next)
	opTxStageEnd    = operation(C.pmemgo_obj_tx_stage_end)
)

// Stage is how far a transaction is.
type Stage uint8

const (
	// StageNone is before the beginning and after the end.
	StageNone Stage = C.TX_STAGE_NONE

	// StageWork is while the closure runs.
	StageWork Stage = C.TX_STAGE_WORK

	// StageOnCommit is when everything has been committed.
	StageOnCommit Stage = C.TX_STAGE_ONCOMMIT

	// StageOnAbort is when everything has been rolled back.
	StageOnAbort Stage = C.TX_STAGE_ONABORT

	// StageFinally follows either.
	StageFinally Stage = C.TX_STAGE_FINALLY
)

// String gives the stage's name in lower case.
func (s Stage) String() string {
	switch s {
	case StageNone:
		return "none"
	case StageWork:
		return "work"
	case StageOnCommit:
		return "on commit"
	case StageOnAbort:
		return "on abort"
	case StageFinally:
		return "finally"
	}
	return fmt.Sprintf("stage %d", uint8(s))
}

// Stage is the stage that the transaction is in. It is StageNone in other
// goroutines and after the end.
//
// Implements: pmemobj_tx_stage(3)
func (tx *Tx) Stage() Stage {
	switch {
	case !tx.mine():
		return StageNone
	case tx.extras != nil && tx.extras.stage != StageNone:
		return tx.extras.stage
	}
	return StageWork
}

// OnStage has f called at every stage that the outermost transaction comes to
// after its closure has returned:
//
//   - StageWork, if it is about to be committed: f may still use tx, for
//     example to write what sums up the changes, and an operation that dooms
//     the transaction, or a panic, rolls it back;
//   - StageOnCommit or StageOnAbort, when that has happened;
//   - StageFinally;
//   - StageNone, when the transaction is over and f may begin another.
//
// In the three stages before the last, locks that the transaction took are
// still held, and operations in the pool fail. Functions are called in the order
// in which they were given. A panic in one leaves out the rest of its stage,
// not the stages that follow. To act only on the outcome, use [Tx.OnCommit] and
// [Tx.OnAbort], which are called after all of these.
//
// Implements: pmemobj_tx_process(3), pmemobj_tx_stage(3)
func (tx *Tx) OnStage(f func(Stage)) error {
	const op = "on stage"
	if err := tx.usable(op); err != nil {
		return err
	}
	if f == nil {
		return tx.failed(badArgument(op, "the function is nil"))
	}
	x := tx.more()
	x.onStage = append(x.onStage, f)
	return nil
}

// finishInStages is the end of a transaction that somebody watches. Every step
// is deferred, so that it happens even if a function in a step before panics or
// calls Goexit.
func (tx *Tx) finishInStages(err *error, commit bool) {
	x := tx.extras
	committed, begun := false, false
	var onStage []func(Stage)
	var over outcome
	var settle *Pool
	defer func() {
		if settle != nil {
			if *err = settle.awaitOutside("update"); *err != nil {
				return
			}
		}
		over.tell(committed, *err)
	}()
	defer func() {
		for _, f := range onStage {
			f(StageNone)
		}
	}()
	defer func() {
		tx.beforeUnlock()
		tx.step("end", opTxStageEnd)
		onStage, over = x.onStage, outcome{tx.onCommit, tx.onAbort}
		x.committed = committed
		settle = tx.toSettle(committed && begun)
		tx.leave()
	}()
	defer func() {
		tx.step("finally", opTxStageNext)
		x.enter(StageFinally)
	}()
	defer func() {
		tx.ended = true
		if commit {
			begun = tx.c.begun != 0
			*err = tx.step("commit", opTxStageCommit)
			committed = *err == nil
		} else {
			tx.step("abort", opTxStageAbort)
		}
		if committed {
			x.enter(StageOnCommit)
			return
		}
		if tx.err = *err; tx.err == nil {
			tx.err = errUnfinished
		}
		x.enter(StageOnAbort)
	}()
	if !commit {
		return
	}
	commit = false
	tx.ended = false
	tx.lastWork()
	*err = tx.err
	commit = *err == nil
}

// lastWork calls the functions that are to run before the commit. A panic of
// Mut's dooms the transaction like one in the closure.
func (tx *Tx) lastWork() {
	defer func() {
		if tx.thrown == nil {
			return
		}
		if r := recover(); r != nil && r != any(tx.thrown) {
			panic(r)
		}
	}()
	tx.extras.enter(StageWork)
}

// enter calls the functions that wait for stage s. They may add others.
func (x *txExtras) enter(s Stage) {
	x.stage = s
	for i := 0; i < len(x.onStage); i++ {
		x.onStage[i](s)
	}
}

// step makes one step in C, unless the transaction has not begun there.
func (tx *Tx) step(op string, fn operation) error {
	if tx.c.begun == 0 {
		return nil
	}
	return tx.call(op, fn, tx.work)
}
