package libpmemobj

import "github.com/pmem/pmdk-go/internal/goroutine"

// txExtras is what a transaction remembers only if it uses what few
// transactions do, so that the others need not reset it.
type txExtras struct {
	userData any
	failure  FailureBehavior

	stage   Stage // once the closure has returned
	onStage []func(Stage)

	onEnd     []TxEnder
	committed bool // what they are told

	noUndo []span // ranges written without a snapshot, in order

	logs        []span  // buffers that the transaction keeps its logs in
	fixed       [2]bool // by LogKind: the log must not grow by itself
	intentsMore int     // intents that the buffers have room for
}

// more is tx.extras, made when it is first asked for.
func (tx *Tx) more() *txExtras {
	if tx.extras == nil {
		if tx.spare == nil {
			tx.spare = new(txExtras)
		}
		tx.extras = tx.spare
	}
	return tx.extras
}

// dropExtras is the end of the transaction.
func (tx *Tx) dropExtras() {
	const keep = 64
	x := tx.extras
	tx.extras = nil
	tx.pool.txLogs.release(x.logs)
	x.tellEnders()
	if max(cap(x.logs), cap(x.noUndo), cap(x.onEnd)) > keep {
		*x = txExtras{}
		return
	}
	*x = txExtras{logs: x.logs[:0], noUndo: x.noUndo[:0], onEnd: x.onEnd[:0]}
}

// mine says whether tx is open in the calling goroutine, its end included.
func (tx *Tx) mine() bool {
	return uintptr(tx.owner.Load()&goroutineMask) == goroutine.ID()
}

// FailureBehavior is what a failed operation means to its transaction.
type FailureBehavior uint8

const (
	// FailureReturn leaves it to the closure: it may go on without the object
	// it could not have, and commit. A failed snapshot rolls back all the same.
	FailureReturn FailureBehavior = iota

	// FailureAbort makes every failed operation roll the transaction back in
	// the end, whatever the closure returns.
	FailureAbort
)

// SetFailureBehavior says what a failure of an operation in tx means from now
// on. A transaction starts with FailureReturn, where C starts with an abort. A
// nested Update starts with the outer one's behavior, and what it sets ends
// with it.
//
// A failure never takes the closure's control away: the operation returns its
// error, and [Tx.Err] tells that the transaction is doomed. Methods used after
// the end or in another goroutine fail without any effect on it.
//
// Implements: pmemobj_tx_set_failure_behavior(3)
func (tx *Tx) SetFailureBehavior(b FailureBehavior) error {
	const op = "set failure behavior"
	if err := tx.usable(op); err != nil {
		return err
	}
	if b > FailureAbort {
		return tx.failed(badArgument(op, "unknown behavior %d", b))
	}
	if b != tx.failureBehavior() {
		tx.more().failure = b
	}
	return nil
}

// FailureBehavior is what a failure of an operation in tx means now. It is
// FailureReturn in other goroutines and after the end.
//
// Implements: pmemobj_tx_get_failure_behavior(3)
func (tx *Tx) FailureBehavior() FailureBehavior {
	if !tx.mine() {
		return FailureReturn
	}
	return tx.failureBehavior()
}

func (tx *Tx) failureBehavior() FailureBehavior {
	if tx.extras == nil {
		return FailureReturn
	}
	return tx.extras.failure
}

// failed is how an operation returns its error.
func (tx *Tx) failed(err error) error {
	if tx.mine() && !tx.ended && tx.failureBehavior() == FailureAbort {
		tx.doom(err)
	}
	return err
}

// explain is Pool.explain for an error that may have doomed the transaction.
func (tx *Tx) explain(err error, size uint64, flags AllocFlags) error {
	detailed := tx.pool.explain(err, size, flags)
	if tx.err == err {
		tx.err = detailed
	}
	return detailed
}

// Err is why the transaction will be rolled back whatever its closure returns:
// the first failure of a snapshot, of a nested Update, or, with FailureAbort,
// of any operation. It is nil while nothing stands against a commit, and
// in other goroutines. In a callback of [Tx.OnStage] it is the cause of the
// rollback.
//
// Implements: pmemobj_tx_errno(3)
func (tx *Tx) Err() error {
	if !tx.mine() {
		return nil
	}
	return tx.err
}

// SetUserData attaches any Go value to the transaction, for code that has
// nothing but tx. The outer and all nested Updates share one value, which is
// dropped at the end. It may also be set in the callbacks of [Tx.OnStage].
//
// Implements: pmemobj_tx_set_user_data(3)
func (tx *Tx) SetUserData(v any) error {
	if !tx.mine() {
		return tx.usable("set user data")
	}
	tx.more().userData = v
	return nil
}

// UserData is the value that SetUserData attached, or nil; nil too in other
// goroutines and after the end. It can be read in the callbacks of
// [Tx.OnStage].
//
// Implements: pmemobj_tx_get_user_data(3)
func (tx *Tx) UserData() any {
	if !tx.mine() || tx.extras == nil {
		return nil
	}
	return tx.extras.userData
}
