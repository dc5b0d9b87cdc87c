package libpmemobj

// TxCacheSize is the size in bytes of the log that a transaction takes from
// the heap at a time when its snapshots outgrow its lane; 32 KiB at first.
//
// Implements: pmemobj_ctl_get(3), the node tx.cache.size
func (p *Pool) TxCacheSize() (int64, error) {
	return p.getNumber("tx cache size", "tx.cache.size", ctlLong)
}

// SetTxCacheSize changes it until the pool is closed: 0 to MaxAlloc-1. For
// transactions that save 64 KiB and more, 128 to 512 KiB make them a fifth to
// a third faster. A size that the heap has no room for fails every transaction
// that needs a log.
//
// PMDK reads the size inside transactions without a lock. While one is open, or
// another operation under way, the error matches ErrPoolBusy; what begins
// meanwhile waits.
//
// Implements: pmemobj_ctl_set(3), the node tx.cache.size
func (p *Pool) SetTxCacheSize(bytes int64) error {
	const op = "set tx cache size"
	if bytes < 0 || bytes >= MaxAlloc {
		return badArgument(op, "%d bytes; a log has 0 to %d", bytes, int64(MaxAlloc-1))
	}
	return p.setAlone(op, "tx.cache.size", ctlLong, bytes)
}

// VerifyLogBuffers says whether PMDK checks the buffers that are given to
// transactions for their logs.
//
// Implements: pmemobj_ctl_get(3), the node tx.debug.verify_user_buffers
func (p *Pool) VerifyLogBuffers() (bool, error) {
	n, err := p.getNumber("verify log buffers", "tx.debug.verify_user_buffers", ctlInt)
	return n != 0, err
}

// SetVerifyLogBuffers makes PMDK check that no log buffer is in use by two
// transactions, or twice in one. Like SetTxCacheSize, it needs a pool without
// open transactions.
//
// Implements: pmemobj_ctl_set(3), the node tx.debug.verify_user_buffers
func (p *Pool) SetVerifyLogBuffers(on bool) error {
	return p.setAlone("set verify log buffers", "tx.debug.verify_user_buffers", ctlInt, number(on))
}

// SkipExpensiveChecks says whether PMDK's debug build leaves out its expensive
// checks of transactions.
//
// Implements: pmemobj_ctl_get(3), the node tx.debug.skip_expensive_checks
func (p *Pool) SkipExpensiveChecks() (bool, error) {
	n, err := p.getNumber("skip expensive checks", "tx.debug.skip_expensive_checks", ctlInt)
	return n != 0, err
}

// SetSkipExpensiveChecks changes that. The release build makes no such checks.
//
// Implements: pmemobj_ctl_set(3), the node tx.debug.skip_expensive_checks
func (p *Pool) SetSkipExpensiveChecks(skip bool) error {
	return p.setNumber("set skip expensive checks", "tx.debug.skip_expensive_checks", ctlInt, number(skip))
}

// NoPattern is the pattern of a pool whose new objects are left as they are.
const NoPattern = -1

// AllocPattern is the byte that new objects are filled with, or a negative
// number.
//
// Implements: pmemobj_ctl_get(3), the node debug.heap.alloc_pattern
func (p *Pool) AllocPattern() (int, error) {
	n, err := p.getNumber("alloc pattern", "debug.heap.alloc_pattern", ctlInt)
	return int(n), err
}

// SetAllocPattern fills new objects that are not zeroed with a byte, 0 to 255,
// until the pool is closed, which brings out reads of what was never written.
// NoPattern ends it.
//
// Implements: pmemobj_ctl_set(3), the node debug.heap.alloc_pattern
func (p *Pool) SetAllocPattern(pattern int) error {
	const op = "set alloc pattern"
	if pattern < NoPattern || pattern > 255 {
		return badArgument(op, "%d is not a byte, nor NoPattern", pattern)
	}
	return p.setNumber(op, "debug.heap.alloc_pattern", ctlInt, int64(pattern))
}

func number(b bool) int64 {
	if b {
		return 1
	}
	return 0
}
