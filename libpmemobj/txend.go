package libpmemobj

// TxEnder is told of the end of a transaction; see [Tx.OnEnd].
type TxEnder interface {
	// TxEnd is called once the outermost transaction is over, with whether it
	// was committed. It must not panic and not touch tx.
	TxEnd(committed bool)
}

// OnEnd has e called as soon as the outermost transaction has been committed
// or rolled back, however it came to its end, and before any function given to
// [Tx.OnCommit] and [Tx.OnAbort], and after the stages of [Tx.OnStage] but the
// last. It is where Go locks that guard what the transaction changed are to be
// released, and where values in ordinary memory are adjusted to the outcome.
// The last one given is called first. It allocates nothing.
func (tx *Tx) OnEnd(e TxEnder) error {
	const op = "on end"
	if err := tx.usable(op); err != nil {
		return err
	}
	if e == nil {
		return tx.failed(badArgument(op, "nobody to tell"))
	}
	x := tx.more()
	x.onEnd = append(x.onEnd, e)
	return nil
}

// tellEnders calls those who gave themselves to OnEnd.
func (x *txExtras) tellEnders() {
	for n := len(x.onEnd); n > 0; n = len(x.onEnd) {
		e := x.onEnd[n-1]
		x.onEnd[n-1] = nil
		x.onEnd = x.onEnd[:n-1]
		e.TxEnd(x.committed)
	}
}

// InUpdate says whether the calling goroutine is inside [Pool.Update] of this
// or another pool. It costs a few nanoseconds.
func InUpdate() bool { return openTxs.find() != nil }
