package objheap

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/pmem/pmdk-go/internal/poolheader"
)

// A lane holds three logs. Each is a header of 64 bytes and room for entries;
// a log that ran full goes on in an object of the heap.
var laneLogs = [...]struct {
	name string
	off  uint64
	room uint64
	undo bool
}{
	{"redo log", 0, 192, false},
	{"external redo log", 256, 640, false},
	{"undo log", 960, 2048, true},
}

// laneLinks are where in a lane the logs say how they go on.
var laneLinks = [...]uint64{laneLogs[0].off + logNext, laneLogs[1].off + logNext, laneLogs[2].off + logNext}

const (
	logHeaderSize = 64
	logNext       = 8
	logGen        = 24
	logUserOwned  = 1 // the continuation lies in an object of the user's

	entryOpShift  = 61
	entryOffMask  = 1<<entryOpShift - 1
	bufHeaderSize = 24
)

// Kinds of log entries. The first three change one word.
const (
	opSet     = 0
	opAnd     = 1
	opOr      = 2
	opBufSet  = 5
	opBufCopy = 6
)

// logHeader is the header of a log.
type logHeader struct {
	sum, next, room, gen, flags uint64
}

func parseLogHeader(b []byte) logHeader {
	le := binary.LittleEndian
	return logHeader{le.Uint64(b), le.Uint64(b[8:]), le.Uint64(b[16:]), le.Uint64(b[24:]), le.Uint64(b[32:])}
}

// ulog is one log of a chain: where it lies and how much room it has for
// entries.
type ulog struct {
	off, room uint64
	logHeader
}

// recover reads all lanes and lays the effects of the logs that recovery would
// apply over the image, redo logs first. What recovery could not survive is an
// error. With deep the undo logs are laid over as well, which only matters for
// what stands inside chunks.
func (im *image) recover(deep bool) error {
	lanes := make([]byte, im.lanes*laneSize)
	if err := im.raw(lanes, lanesOff); err != nil {
		return err
	}
	for which := range laneLogs {
		for lane := uint64(0); lane < im.lanes; lane++ {
			if err := im.recoverLog(lanes, lane, which, deep); err != nil {
				return err
			}
		}
	}
	return nil
}

func (im *image) recoverLog(lanes []byte, lane uint64, which int, deep bool) error {
	kind := laneLogs[which]
	rel := lane*laneSize + kind.off
	b := lanes[rel : rel+logHeaderSize]
	off := lanesOff + rel
	if which != 0 && len(im.patches) != 0 {
		// A redo log may have changed this one's continuation.
		b = make([]byte, logHeaderSize)
		if err := im.read(b, off); err != nil {
			return err
		}
	}
	h := parseLogHeader(b)
	if h.room > kind.room || h.room%8 != 0 {
		return corrupt(logName(lane, which), off+16, "capacity of %d bytes, at most %d are there", h.room, kind.room)
	}
	// A redo log has the capacity that its last use needed, an undo log always
	// the same.
	if kind.undo && h.room != kind.room {
		return corrupt(logName(lane, which), off+16, "capacity of %d bytes, should be %d", h.room, kind.room)
	}
	// What stands in a redo log is walked even if no checksum vouches for it.
	idle := h.room == 0 || binary.LittleEndian.Uint64(lanes[rel+logHeaderSize:]) == 0
	if idle && h.next == 0 {
		return nil
	}
	chain, err := im.chain(lane, which, ulog{off: off, room: h.room, logHeader: h})
	if err != nil || idle {
		return err
	}
	if kind.undo {
		return im.applyUndo(lane, which, chain, deep)
	}
	return im.applyRedo(lane, which, chain)
}

func logName(lane uint64, which int) string {
	return fmt.Sprintf("lane %d %s", lane, laneLogs[which].name)
}

// chain follows a log through its continuations.
func (im *image) chain(lane uint64, which int, first ulog) ([]ulog, error) {
	logs := []ulog{first}
	seen := map[uint64]bool{}
	for l := first; l.next != 0; {
		at := l.off + logNext
		if l.next%8 != 0 || seen[l.next] {
			return nil, corrupt(logName(lane, which), at, "continues at %#x, which is no object or one that it has been to", l.next)
		}
		seen[l.next] = true
		off := (l.next + cacheLine - 1) &^ (cacheLine - 1)
		if off < l.next || off > im.size || im.size-off < logHeaderSize {
			return nil, corrupt(logName(lane, which), at, "continues at %#x, outside the pool", l.next)
		}
		_, _, in := im.chunkAt(off)
		if !in {
			return nil, corrupt(logName(lane, which), at, "continues at %#x, outside the heap", l.next)
		}
		b := make([]byte, logHeaderSize)
		if err := im.read(b, off); err != nil {
			return nil, err
		}
		n := ulog{off: off, logHeader: parseLogHeader(b)}
		n.room = n.logHeader.room
		end := im.size
		if n.flags&logUserOwned == 0 {
			o, ok, err := im.objectAt(l.next)
			if err != nil {
				return nil, err
			}
			// A power failure while a program hands memory of its own to a log
			// can leave the log going on there without a header. PMDK takes that
			// for a log without room.
			lost := n.sum == 0 && n.next == 0 && n.room == 0
			switch {
			case ok && o.internal:
				end = o.start + o.usable
			case !lost:
				return nil, corrupt(logName(lane, which), at, "continues at %#x, which is not an object of the library's own", l.next)
			}
		}
		if n.room%8 != 0 || off+logHeaderSize > end || n.room > end-off-logHeaderSize {
			return nil, corrupt(logName(lane, which), off+16, "a continuation with a capacity of %d bytes does not fit its object", n.room)
		}
		logs = append(logs, n)
		l = n
	}
	return logs, nil
}

// applyRedo lays a redo log over the image if its checksum holds.
func (im *image) applyRedo(lane uint64, which int, chain []ulog) error {
	base := chain[0]
	b := make([]byte, logHeaderSize+base.room)
	if err := im.read(b, base.off); err != nil {
		return err
	}
	used := uint64(0)
	for used < base.room {
		n, more := entrySize(b[logHeaderSize+used:])
		if !more {
			break
		}
		if n == 0 {
			return corrupt(logName(lane, which), base.off+logHeaderSize+used, "an entry of unknown kind")
		}
		if n > base.room-used {
			return corrupt(logName(lane, which), base.off+logHeaderSize+used, "an entry of %d bytes runs past the log's end", n)
		}
		used += n
	}
	if poolheader.Checksum(b[:logHeaderSize+used], 0) != base.sum {
		return nil // torn while it was written: recovery drops it too
	}
	for _, l := range chain {
		done, err := im.redoEntries(lane, which, l)
		if err != nil || done {
			return err
		}
	}
	return nil
}

// entrySize is the size of the entry at the start of b, 0 if there is no such
// entry, which libpmemobj would go round for ever; more is false at the end of
// the log.
func entrySize(b []byte) (n uint64, more bool) {
	if len(b) < 16 {
		return 0, false
	}
	w := binary.LittleEndian.Uint64(b)
	if w == 0 {
		return 0, false
	}
	switch w >> entryOpShift {
	case opSet, opAnd, opOr:
		return 16, true
	case opBufSet, opBufCopy:
		if len(b) < bufHeaderSize {
			return bufHeaderSize, true
		}
		return bufEntrySize(binary.LittleEndian.Uint64(b[16:])), true
	}
	return 0, true
}

// bufEntrySize is the size of an entry that carries n bytes of data.
func bufEntrySize(n uint64) uint64 {
	const most = 1 << 62
	return (min(n, most) + bufHeaderSize + cacheLine - 1) &^ (cacheLine - 1)
}

// redoEntries applies the entries of one log; done is true if it found the end.
func (im *image) redoEntries(lane uint64, which int, l ulog) (done bool, err error) {
	b := make([]byte, l.room)
	if err := im.read(b, l.off+logHeaderSize); err != nil {
		return false, err
	}
	for at := uint64(0); at < l.room; {
		n, more := entrySize(b[at:])
		if !more {
			return true, nil
		}
		where := l.off + logHeaderSize + at
		if n == 0 {
			return false, corrupt(logName(lane, which), where, "an entry of unknown kind")
		}
		if n > l.room-at {
			return false, corrupt(logName(lane, which), where, "an entry of %d bytes runs past the log's end", n)
		}
		w := binary.LittleEndian.Uint64(b[at:])
		op, dst := w>>entryOpShift, w&entryOffMask
		value := binary.LittleEndian.Uint64(b[at+8:])
		size := uint64(8)
		if op == opBufSet || op == opBufCopy {
			size = binary.LittleEndian.Uint64(b[at+16:])
		}
		if !im.mayRedo(dst, size) {
			return false, corrupt(logName(lane, which), where, "an entry that would change %d bytes at %#x, outside the heap", size, dst)
		}
		switch op {
		case opSet, opAnd, opOr:
			old, err := im.word(dst)
			if err != nil {
				return false, err
			}
			switch op {
			case opAnd:
				value &= old
			case opOr:
				value |= old
			}
			im.apply(patch{dst: dst, n: 8, value: value, literal: true})
			if value == 0 && im.isLink(dst) {
				im.cutLogs = append(im.cutLogs, dst)
			}
		default:
			im.apply(patch{dst: dst, n: size, src: where + bufHeaderSize})
		}
		at += n
	}
	return false, nil
}

// isLink says whether the word at off is where a log of a lane goes on.
func (im *image) isLink(off uint64) bool {
	if off < lanesOff || off >= lanesOff+im.lanes*laneSize {
		return false
	}
	rel := (off - lanesOff) % laneSize
	return slices.ContainsFunc(laneLinks[:], func(l uint64) bool { return l == rel })
}

// mayRedo says whether a redo log has any business with n bytes at off: the
// root object's place and size, another log's continuation or generation, or
// the heap.
func (im *image) mayRedo(off, n uint64) bool {
	if n > im.size || off > im.size-n {
		return false
	}
	end := off + n
	switch {
	case off == rootOffsetOff || off == rootSizeOff:
		return n == 8
	case off >= lanesOff && end <= lanesEnd:
		// A commit ends the undo log's generation in the same step.
		rel := (off - lanesOff) % laneSize
		return rel == laneLogs[1].off+logNext || rel == laneLogs[2].off+logNext || rel == laneLogs[2].off+logGen
	}
	return off >= im.heapOff+heapHeaderSize && end <= im.heapOff+im.heapSize
}

// applyUndo checks where the entries that recovery would roll back go, and with
// deep lays them over the image.
func (im *image) applyUndo(lane uint64, which int, chain []ulog, deep bool) error {
	var back []patch
	for _, l := range chain {
		for at := uint64(0); at < l.room; {
			where := l.off + logHeaderSize + at
			p, n, valid, err := im.undoEntry(lane, which, where, l.gen)
			if err != nil {
				return err
			}
			if !valid {
				return im.rollBack(back, deep)
			}
			back = append(back, p)
			at += n
		}
	}
	return im.rollBack(back, deep)
}

func (im *image) rollBack(entries []patch, deep bool) error {
	if !deep {
		return nil
	}
	for i := len(entries) - 1; i >= 0; i-- {
		im.apply(entries[i])
	}
	return nil
}

// undoEntry reads the entry at off. It is valid if its checksum, which takes in
// the log's generation, holds.
func (im *image) undoEntry(lane uint64, which int, off, gen uint64) (p patch, n uint64, valid bool, err error) {
	if im.size-off < bufHeaderSize {
		return p, 0, false, nil
	}
	var h [bufHeaderSize]byte
	if err := im.read(h[:], off); err != nil {
		return p, 0, false, err
	}
	w := binary.LittleEndian.Uint64(h[:])
	sum := binary.LittleEndian.Uint64(h[8:])
	size := binary.LittleEndian.Uint64(h[16:])
	if w == 0 {
		return p, 0, false, nil
	}
	// Other kinds carry no checksum: recovery would believe them.
	if op := w >> entryOpShift; op != opBufCopy && op != opBufSet {
		return p, 0, false, corrupt(logName(lane, which), off, "an entry of kind %d, which is none of an undo log's", op)
	}
	n = bufEntrySize(size)
	if n > im.size-off {
		return p, 0, false, corrupt(logName(lane, which), off+16, "an entry of %d bytes runs past the pool's end", size)
	}
	got, err := im.entrySum(off, n, gen)
	if err != nil || got != sum {
		return p, 0, false, err
	}
	p = patch{dst: w & entryOffMask, n: size, src: off + bufHeaderSize}
	ok, err := im.mayUndo(p.dst, p.n)
	if err == nil && !ok {
		err = corrupt(logName(lane, which), off, "an entry that would change %d bytes at %#x, which are not a user's", p.n, p.dst)
	}
	return p, n, true, err
}

// entrySum is the checksum of the n bytes of an undo entry at off.
func (im *image) entrySum(off, n, gen uint64) (uint64, error) {
	var f poolheader.Fletcher
	b := make([]byte, min(n, 64<<10))
	for at := uint64(0); at < n; {
		part := b[:min(n-at, uint64(len(b)))]
		if err := im.read(part, off+at); err != nil {
			return 0, err
		}
		if at == 0 {
			clear(part[8:16])
		}
		f.Add(part)
		at += uint64(len(part))
	}
	f.Add64(gen)
	return f.Sum(), nil
}

// mayUndo says whether a transaction can have saved n bytes at off: they lie in
// one block of the heap, behind a run's bitmap.
func (im *image) mayUndo(off, n uint64) (bool, error) {
	if n > im.size || off > im.size-n {
		return false, nil
	}
	b, ok, err := im.blockAt(off)
	if !ok {
		return false, err
	}
	start, end := b.base, b.base+b.hdr.size()<<chunkShift
	if b.hdr.kind() == chunkRun {
		start, end = b.run.first, b.run.end()
	}
	return off >= start+objHeaderSize(b.hdr.flags()) && off+n <= end, nil
}
