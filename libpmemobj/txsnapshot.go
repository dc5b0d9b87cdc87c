package libpmemobj

// #include "txmore_shim.h"
import "C"

import (
	"slices"
	"sort"
	"unsafe"
)

var opTxSnapshotWith = operation(C.pmemgo_obj_tx_snapshot_with)

// SnapshotFlags change what [Tx.SnapshotWith] does. They are combined with |.
type SnapshotFlags uint64

const (
	// SnapshotNoUndo saves nothing: the ranges are flushed when the
	// transaction commits, and an abort leaves in them what was written. It is
	// for memory whose content means nothing until something else in the
	// transaction says that it does.
	SnapshotNoUndo SnapshotFlags = C.POBJ_XADD_NO_SNAPSHOT

	// SnapshotNoFlush leaves it to the program to flush the ranges before the
	// commit, with [Pool.Persist] or [Pool.Memcpy] for example. An abort
	// restores and flushes them all the same.
	SnapshotNoFlush SnapshotFlags = C.POBJ_XADD_NO_FLUSH

	// SnapshotAssumeInitialized tells Valgrind that the ranges hold data,
	// though it has not seen them written.
	SnapshotAssumeInitialized SnapshotFlags = C.POBJ_XADD_ASSUME_INITIALIZED
)

// SnapshotWith is [Tx.Snapshot] with flags. The same holds for the ranges and
// for failures.
//
// Memory that was added with SnapshotNoUndo cannot be snapshotted later in the
// same transaction: PMDK would not save it, and an abort not restore it. That
// is an error.
//
// Implements: pmemobj_tx_xadd_range(3), pmemobj_tx_xadd_range_direct(3)
func (tx *Tx) SnapshotWith(flags SnapshotFlags, ranges ...Range) error {
	const op = "snapshot"
	if flags == 0 {
		return tx.Snapshot(ranges...)
	}
	if err := tx.usable(op); err != nil {
		return err
	}
	if err := tx.snapshotWith(op, flags, ranges); err != nil {
		tx.doom(err)
		return err
	}
	return nil
}

// Track has the ranges flushed when tx commits, without saving what they hold:
// it is SnapshotWith with SnapshotNoUndo.
//
// Implements: pmemobj_tx_xadd_range(3)
func (tx *Tx) Track(ranges ...Range) error {
	return tx.SnapshotWith(SnapshotNoUndo, ranges...)
}

func (tx *Tx) snapshotWith(op string, flags SnapshotFlags, ranges []Range) error {
	if unknown := flags &^ (SnapshotNoUndo | SnapshotNoFlush | SnapshotAssumeInitialized); unknown != 0 {
		return badArgument(op, "unknown snapshot flags %#x", uint64(unknown))
	}
	noUndo := flags&SnapshotNoUndo != 0
	work := uint64(0)
	tx.ranges = tx.ranges[:0]
	for _, r := range ranges {
		need, err := tx.needsAdding(op, r, noUndo)
		if err != nil {
			return err
		}
		if need {
			tx.ranges = append(tx.ranges, r)
			work += workOfOne + uint64(r.len)
		}
	}
	if len(tx.ranges) == 0 {
		return nil
	}
	tx.c.ranges = C.uint64_t(uintptr(unsafe.Pointer(unsafe.SliceData(tx.ranges))))
	tx.c.nranges = C.uint64_t(len(tx.ranges))
	tx.c.flags = C.uint64_t(flags)
	if err := tx.call(op, opTxSnapshotWith, work); err != nil {
		return tx.explainFull(op, SnapshotLog, err)
	}
	tx.work += work
	if noUndo {
		x := tx.more()
		for _, r := range tx.ranges {
			off, _ := tx.pool.offset(r)
			x.noUndo = merge(x.noUndo, span{off, off + uint64(r.len)})
		}
	}
	return nil
}

// needsAdding checks one range. Unlike in needsSnapshot, a snapshot from before
// is no reason to leave one out: it may have had other flags.
func (tx *Tx) needsAdding(op string, r Range, noUndo bool) (bool, error) {
	if r.len == 0 {
		return false, nil
	}
	off, ok := tx.pool.offset(r)
	if !ok {
		return false, tx.foreign(op, r)
	}
	n := uint64(r.len)
	if tx.fresh.covers(off, n) {
		return false, nil
	}
	if !noUndo {
		if err := tx.undoable(op, off, n); err != nil {
			return false, err
		}
	}
	return true, tx.writable(op, off, n)
}

// undoable checks that n bytes at off can be snapshotted: PMDK saves nothing
// of what was added without a snapshot.
func (tx *Tx) undoable(op string, off, n uint64) error {
	if tx.extras == nil || !overlapsAny(tx.extras.noUndo, off, n) {
		return nil
	}
	return badArgument(op, "%d bytes at offset %#x were added with SnapshotNoUndo before; snapshot first, or leave them to one of the two", n, off)
}

// merge adds e to spans in order, which it may overlap.
func merge(s []span, e span) []span {
	i := sort.Search(len(s), func(i int) bool { return s[i].end >= e.start })
	j := i
	for ; j < len(s) && s[j].start <= e.end; j++ {
		e.start, e.end = min(e.start, s[j].start), max(e.end, s[j].end)
	}
	return slices.Replace(s, i, j, e)
}

// overlapsAny says whether [off, off+n) has a byte in one of the spans, which are
// in order.
func overlapsAny(s []span, off, n uint64) bool {
	i := sort.Search(len(s), func(i int) bool { return s[i].end > off })
	return i < len(s) && s[i].start < off+n
}
