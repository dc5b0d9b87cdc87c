package libpmemobj

// #cgo noescape pmemgo_obj_tx_log_snapshots
// #cgo nocallback pmemgo_obj_tx_log_snapshots
// #cgo noescape pmemgo_obj_tx_log_intents
// #cgo nocallback pmemgo_obj_tx_log_intents
// #include "txmore_shim.h"
import "C"

import (
	"errors"
	"math"

	"golang.org/x/sys/unix"
)

var (
	opTxLogAppend = operation(C.pmemgo_obj_tx_log_append)
	opTxLogAuto   = operation(C.pmemgo_obj_tx_log_auto)
)

// A transaction keeps two logs in persistent memory. Both begin in memory that
// PMDK has set aside for every transaction; one that outgrows it goes on in an
// object that is allocated and freed again, unless it was given a buffer.

// LogKind is one of a transaction's two logs.
type LogKind uint8

const (
	// SnapshotLog holds what Mut and Snapshot save. By itself it has room for
	// about 2 KiB; a range of n bytes takes n + 24, rounded up to 64.
	SnapshotLog LogKind = C.TX_LOG_TYPE_SNAPSHOT

	// IntentLog holds what the commit is to do: an intent for each allocation
	// and each free, two for a Realloc. By itself it has room for 32.
	IntentLog LogKind = C.TX_LOG_TYPE_INTENT
)

// String is "snapshot log" or "intent log".
func (k LogKind) String() string {
	if k == SnapshotLog {
		return "snapshot log"
	}
	return "intent log"
}

// ErrLogBusy is the error of using a TxLog that an open transaction uses, or of
// freeing or changing its memory.
var ErrLogBusy = errors.New("log belongs to an open transaction")

// ErrLogFull is the error of an operation for which the transaction's log,
// which may not grow, has no room. It also matches ErrOutOfSpace.
var ErrLogFull error = logFull{}

type logFull struct{}

func (logFull) Error() string        { return "log of the transaction is full and may not grow" }
func (logFull) Is(target error) bool { return target == ErrOutOfSpace }

const (
	logAlign = 64  // libpmemobj begins logs at multiples of this
	logHead  = 64  // what it keeps of a buffer for itself
	minLog   = 128 // the least it takes

	// A lane's own intent log has 40 entries. The commit may need some of its
	// own; libpmemobj does not count them, and loses what does not fit.
	ownIntents = 40 - 8
	intentSize = 16
)

// snapshotLogSize is what a buffer must have, from a multiple of logAlign on,
// to hold snapshots of n ranges of each bytes.
func snapshotLogSize(op string, n, each int) (uint64, error) {
	size := C.size_t(each)
	one := uint64(C.pmemgo_obj_tx_log_snapshots(&size, 1))
	if one == 0 || uint64(n) > (math.MaxInt64-logHead)/(one-logHead) {
		return 0, tooLargeLog(op)
	}
	return max(logHead+uint64(n)*(one-logHead), minLog), nil
}

// intentLogSize is the same for n intents.
func intentLogSize(op string, n int) (uint64, error) {
	size := uint64(C.pmemgo_obj_tx_log_intents(C.uint64_t(n)))
	if size == 0 || size > math.MaxInt64 {
		return 0, tooLargeLog(op)
	}
	return max(size, minLog), nil
}

func tooLargeLog(op string) error {
	return &Error{Op: op, Errno: unix.ERANGE, Msg: "no log can be that large"}
}

// appendLog lets a log go on in an object that was made for it, of size bytes
// and what aligning it takes.
//
// After a crash, recovery frees the memory of a snapshot log, though it is not
// the library's own, by the address of the log. That frees the object and
// nothing else because the log begins in the object's first unit: aligning it
// moves it by less than any unit that objects of this size have.
func (tx *Tx) appendLog(op string, kind LogKind, off, size uint64) error {
	start := (off + logAlign - 1) &^ (logAlign - 1)
	if err := tx.claimLog(op, span{off, start + size}); err != nil {
		return err
	}
	tx.c.off, tx.c.size = C.uint64_t(start), C.uint64_t(size)
	tx.c.type_num = C.uint64_t(kind)
	if err := tx.call(op, opTxLogAppend, workOfOne); err != nil {
		return err
	}
	if kind == IntentLog {
		tx.extras.intentsMore += int(size-logHead) / intentSize
	}
	return nil
}

// claimLog keeps memory for the transaction, to its end.
func (tx *Tx) claimLog(op string, s span) error {
	if err := tx.pool.txLogs.claim(op, s); err != nil {
		return err
	}
	x := tx.more()
	x.logs = append(x.logs, s)
	return nil
}

// SetLogAutoAlloc says whether a log that is full may go on in memory that PMDK
// allocates. It may, unless this or [Tx.UseLog] says otherwise. If not, the
// operation that finds the log full fails with ErrLogFull; a failed snapshot
// rolls the transaction back. Once tx has taken a snapshot, allocated or freed
// something, it is too late to change this.
//
// Implements: pmemobj_tx_log_auto_alloc(3)
func (tx *Tx) SetLogAutoAlloc(kind LogKind, on bool) error {
	const op = "log auto alloc"
	if err := tx.usable(op); err != nil {
		return err
	}
	return tx.failed(tx.setLogAutoAlloc(op, kind, on))
}

func (tx *Tx) setLogAutoAlloc(op string, kind LogKind, on bool) error {
	if err := tx.beforeLogging(op, kind); err != nil {
		return err
	}
	tx.c.type_num, tx.c.flags = C.uint64_t(kind), 0
	if on {
		tx.c.flags = 1
	}
	if err := tx.call(op, opTxLogAuto, workOfOne); err != nil {
		return err
	}
	tx.more().fixed[kind] = !on
	return nil
}

func (tx *Tx) beforeLogging(op string, kind LogKind) error {
	if kind > IntentLog {
		return badArgument(op, "unknown log %d", kind)
	}
	if tx.work != 0 {
		return badArgument(op, "the transaction has taken snapshots, allocated or freed before: the %s must be settled first", kind)
	}
	return nil
}

// roomForIntents checks that a log that may not grow has room for n intents
// more. libpmemobj counts allocations alone; frees that did not fit would be
// forgotten by the commit.
func (tx *Tx) roomForIntents(op string, n int) error {
	if tx.extras == nil || !tx.extras.fixed[IntentLog] {
		return nil
	}
	room := ownIntents + tx.extras.intentsMore
	if len(tx.fresh)+len(tx.freed)+n <= room {
		return nil
	}
	return logFullErr(op, "the %s has room for %d allocations and frees", IntentLog, room)
}

// explainFull says that it is the log, where that may not grow, that was out of
// space.
func (tx *Tx) explainFull(op string, kind LogKind, err error) error {
	if tx.extras == nil || !tx.extras.fixed[kind] || !errors.Is(err, unix.ENOMEM) {
		return err
	}
	return logFullErr(op, "the %s", kind)
}

func logFullErr(op, format string, args ...any) error {
	err := stateErr(op, ErrLogFull, format, args...).(*stateError)
	err.err.Errno = unix.ENOMEM
	return err
}
