package libpmemobj

// #include "shim.h"
import "C"

import (
	"math/rand/v2"
	"unsafe"
)

// TxLog is persistent memory for the logs of one transaction at a time, made
// once by [NewTxLog] and used again and again, also after a restart, by
// [Tx.UseLog]. [Tx.FreeLog] frees it.
type TxLog struct {
	magic   uint64
	id      uint64 // the type number of its buffers, and of no other object
	buffers [2]txBuffer
}

// txBuffer is an object that a log goes on in, apart from TxLog's because the
// recovery after a crash may free it; see appendLog. It is made anew then.
type txBuffer struct {
	oid  OID
	size uint64 // of the log; 0 if it needs no buffer
}

const txLogMagic = 0x676F4C5854706D70

// TxNeeds is what a transaction will do at most.
type TxNeeds struct {
	Snapshots     int // ranges to snapshot, no two overlapping
	SnapshotBytes int // the size of each
	Intents       int // allocations and frees, a Realloc counting as two
}

// sizes gives the sizes of the logs, 0 for one that needs no buffer.
func (n TxNeeds) sizes(op string) (sizes [2]uint64, err error) {
	if n.Snapshots < 0 || n.SnapshotBytes < 0 || n.Intents < 0 {
		return sizes, badArgument(op, "%+v: nothing can be negative", n)
	}
	if n.Snapshots > 0 {
		if sizes[SnapshotLog], err = snapshotLogSize(op, n.Snapshots, n.SnapshotBytes); err != nil {
			return sizes, err
		}
	}
	if n.Intents > ownIntents {
		if sizes[IntentLog], err = intentLogSize(op, n.Intents); err != nil {
			return sizes, err
		}
	}
	for _, size := range sizes {
		if bufferSize(size) > MaxAlloc {
			return sizes, badArgument(op, "%+v: a log of %d bytes; an object has at most %d", n, size, MaxAlloc)
		}
	}
	return sizes, nil
}

// bufferSize is the size of an object for a log, wherever it comes to lie.
func bufferSize(size uint64) uint64 { return size + logAlign }

// NewTxLog allocates, as part of tx, a log for transactions that do no more
// than need says. Store the pointer where the program finds it again. It can be
// used once tx has been committed.
//
// Needs that no object can hold fail with EINVAL or ERANGE, a pool without room
// with ErrOutOfSpace.
//
// Implements: pmemobj_tx_log_snapshots_max_size(3),
// pmemobj_tx_log_intents_max_size(3)
func NewTxLog(tx *Tx, need TxNeeds) (Ptr[TxLog], error) {
	const op = "new tx log"
	sizes, err := need.sizes(op)
	if err != nil {
		return Ptr[TxLog]{}, tx.failed(err)
	}
	ptr, err := newOf[TxLog](tx, op, 1, 0)
	if err != nil {
		return Ptr[TxLog]{}, err
	}
	log := ptr.Get()
	*log = TxLog{magic: txLogMagic, id: rand.Uint64() | 1}
	for kind, size := range sizes {
		if size == 0 {
			continue
		}
		// Zeroed: PMDK links a buffer before the header it writes there is
		// durable, and would follow what else stood in its place.
		oid, err := tx.alloc(op, bufferSize(size), log.id, C.POBJ_XALLOC_ZERO)
		if err != nil {
			// What was made already is of no use.
			for _, b := range log.buffers[:kind] {
				_ = tx.Free(b.oid)
			}
			_ = tx.Free(ptr.OID())
			return Ptr[TxLog]{}, err
		}
		log.buffers[kind] = txBuffer{oid, size}
	}
	return ptr, nil
}

// UseLog has the transaction keep its logs in log and nowhere else: what the
// transaction does within the needs that the log was made for, it does without
// other memory for logs, faster, and it cannot fail for want of it. What goes beyond
// fails with ErrLogFull.
//
// It comes first: once tx has taken a snapshot, allocated or freed something,
// UseLog fails, as PMDK would lose what is in its logs already. A log serves
// one transaction at a time; to a second it is ErrLogBusy.
//
// When the process is killed in a transaction that uses the log, PMDK's
// recovery frees part of it. The next UseLog allocates that again, and can fail
// with ErrOutOfSpace then.
//
// Implements: pmemobj_tx_log_append_buffer(3),
// pmemobj_tx_xlog_append_buffer(3), pmemobj_tx_log_auto_alloc(3)
func (tx *Tx) UseLog(log Ptr[TxLog]) error {
	const op = "use log"
	if err := tx.usable(op); err != nil {
		return err
	}
	return tx.failed(tx.useLog(op, log.OID()))
}

func (tx *Tx) useLog(op string, oid OID) error {
	if err := tx.beforeLogging(op, SnapshotLog); err != nil {
		return err
	}
	log, err := tx.pool.txLog(op, oid)
	if err != nil {
		return err
	}
	if err := tx.claimLog(op, span{oid.Off, oid.Off + uint64(unsafe.Sizeof(*log))}); err != nil {
		return err
	}
	for kind := range log.buffers {
		if err := tx.restore(op, log, &log.buffers[kind]); err != nil {
			return err
		}
	}
	for kind, b := range log.buffers {
		if b.size == 0 {
			continue
		}
		if err := tx.appendLog(op, LogKind(kind), b.oid.Off, b.size); err != nil {
			return err
		}
	}
	if err := tx.setLogAutoAlloc(op, SnapshotLog, false); err != nil {
		return err
	}
	return tx.setLogAutoAlloc(op, IntentLog, false)
}

// restore makes a buffer anew if a recovery has freed it. That is an atomic
// allocation by itself, so it is done before the transaction begins in C.
func (tx *Tx) restore(op string, log *TxLog, b *txBuffer) error {
	if b.size == 0 || tx.pool.owns(log, b) {
		return nil
	}
	if tx.c.begun != 0 {
		return badArgument(op, "the log must be restored after a crash, which is not possible behind other operations of the transaction")
	}
	_, err := tx.pool.atomic(op, opAlloc, &b.oid, OID{}, bufferSize(b.size), log.id, C.POBJ_XALLOC_ZERO)
	return err
}

// txLog checks that oid is a TxLog.
func (p *Pool) txLog(op string, oid OID) (*TxLog, error) {
	usable, err := p.ownObject(op, oid)
	if err != nil {
		return nil, err
	}
	log := (*TxLog)(unsafe.Add(p.base, oid.Off))
	if usable < uint64(unsafe.Sizeof(*log)) || log.magic != txLogMagic {
		return nil, badArgument(op, "%v is no log that NewTxLog made", oid)
	}
	for _, b := range log.buffers {
		if b.size%8 != 0 || b.size > MaxAlloc || b.size != 0 && b.size < minLog {
			return nil, badArgument(op, "%v is no log that NewTxLog made, or was overwritten", oid)
		}
	}
	return log, nil
}

// owns says whether a buffer of a log's is alive, and not another object that
// has come to lie in its place.
func (p *Pool) owns(log *TxLog, b *txBuffer) bool {
	if b.oid.Pool != p.uuid {
		return false
	}
	usable, ok := p.heap.Object(b.oid.Off)
	if !ok || usable < bufferSize(b.size) {
		return false
	}
	typeNum := (*uint64)(unsafe.Add(p.base, b.oid.Off-8))
	return *typeNum == log.id
}

// FreeLog frees a log when tx commits. It must not be in use.
func (tx *Tx) FreeLog(log Ptr[TxLog]) error {
	const op = "free log"
	if err := tx.usable(op); err != nil {
		return err
	}
	if err := tx.freeLog(op, log.OID()); err != nil {
		return tx.failed(err)
	}
	return nil
}

func (tx *Tx) freeLog(op string, oid OID) error {
	log, err := tx.pool.txLog(op, oid)
	if err != nil {
		return err
	}
	if err := tx.roomForIntents(op, 1+len(log.buffers)); err != nil {
		return err
	}
	if err := tx.Free(oid); err != nil {
		return err
	}
	for i := range log.buffers {
		b := &log.buffers[i]
		if b.size == 0 || !tx.pool.owns(log, b) {
			continue
		}
		if err := tx.Free(b.oid); err != nil {
			return err
		}
	}
	return nil
}
