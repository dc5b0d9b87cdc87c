package crashtest_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/pmem/pmdk-go/libpmem"
	"github.com/pmem/pmdk-go/libpmem/crashtest"
)

var mappingBugs = []seeded{
	{name: "missing flush", run: missingFlush, says: "valid, but the value is", hint: "nothing flushes what @ stores"},
	{name: "flush without drain", run: flushWithoutDrain, says: "valid, but the value is", hint: "a drain is missing between @, which flushes"},
	{name: "acknowledged before the drain", run: ackBeforeDrain, says: "was acknowledged", hint: "a drain is missing between the flush at @ and the acknowledgement at"},
	{name: "acknowledged before the persist", run: ackBeforePersist, says: "was acknowledged", hint: "is acknowledged at @, before it is persisted"},
	{name: "wrong order of two persists", run: wrongOrder, says: "valid, but the value is", hint: "inside @ (in (*Mapping).Persist)"},
	{name: "torn 16-byte write", run: torn16, says: "halves differ", hint: "what is stored at @ (in (*Mapping).WriteAt) is more than the 8 bytes"},
	{name: "flip without fence", run: flipWithoutFence, says: "mixed with", hint: "a drain is missing between @, which flushes"},
	{name: "missing epoch", run: missingEpoch, says: "records of two epochs", hint: "reaches the medium in any order"},
	{name: "stale record after wraparound", run: staleRecord, says: "holds record", hint: "a drain is missing between @, which flushes"},
	{name: "checksum without the length", run: checksumWithoutLength, says: "valid, but reads", hint: "flushed at @ (in (*Mapping).Persist), but not fenced"},
	{name: "tail and data in one persist", run: tailWithData, says: "holds 0", hint: "can reach the medium before what @ stores; persist the latter first"},
	{name: "last line not flushed", run: lastLine, says: "valid, but ends in", hint: "nothing flushes what @ stores"},
	{name: "wrong slot flushed", run: wrongSlot, says: "holds 0", hint: "can reach the medium before what @ stores"},
	{name: "copy that does not flush", run: copyNoFlush, says: "valid, but reads", hint: "nothing flushes what @ stores"},
	{name: "counter in two lines", run: counterInTwoLines, says: "was acknowledged", hint: "what @ stores is not all in one line"},
	{name: "undo log not durable before the store", run: undoNotDurable, says: "sum is", hint: "a drain is missing between @, which flushes"},
	{name: "redo log dropped before its effects are durable", run: redoDropped, says: "differ", hint: "a drain is missing between @, which flushes"},
	{name: "pages in one msync", run: onDisk(pagesInOneSync), says: "valid, but the value is", hint: "@"},
	{name: "torn page", run: onDisk(tornSectors), says: "torn", hint: "more than the 512 bytes of a sector"},
	{name: "insertion by moving elements", run: moveInPlace, says: "is not there", hint: "inside @ (in (*Mapping).MoveAt)"},
}

// line fills up the cache line behind a word.
type line [56]byte

// flagged is a value that counts once Valid is set.
type flagged struct {
	Value uint64
	_     line
	Valid uint64
}

func (f *flagged) check(crashtest.Acked) error {
	if f.Valid == 1 && f.Value != 42 {
		return fmt.Errorf("valid, but the value is %d", f.Value)
	}
	return nil
}

// The value is never flushed: the flag can be durable without it.
var missingFlush = onMapping(func(m *libpmem.Mapping, f *flagged, buggy bool) error {
	f.Value = 42 // BUG: missing flush
	if !buggy {
		if err := m.Persist(at(m, &f.Value)); err != nil {
			return err
		}
	}
	f.Valid = 1
	return m.Persist(at(m, &f.Valid))
}, (*flagged).check)

// Both are flushed, but nothing makes the flag wait for the value.
var flushWithoutDrain = onMapping(func(m *libpmem.Mapping, f *flagged, buggy bool) error {
	f.Value = 42
	err := m.Flush(at(m, &f.Value)) // BUG: flush without drain
	if !buggy {
		err = errors.Join(err, m.Drain())
	}
	f.Valid = 1
	return errors.Join(err, m.Flush(at(m, &f.Valid)), m.Drain())
}, (*flagged).check)

// The flag is durable first.
var wrongOrder = onMapping(func(m *libpmem.Mapping, f *flagged, buggy bool) error {
	value := func() error {
		f.Value = 42
		return m.Persist(at(m, &f.Value))
	}
	flag := func() error {
		f.Valid = 1
		return m.Persist(at(m, &f.Valid)) // BUG: wrong order of two persists
	}
	if buggy {
		return errors.Join(flag(), value())
	}
	return errors.Join(value(), flag())
}, (*flagged).check)

// counter is a number that only grows.
type counter struct{ Low, _, _, _, _, _, _, _, High uint64 }

func (c *counter) check(acked crashtest.Acked) error {
	if n := c.High*10 + c.Low; n < uint64(acked.Last()) {
		return fmt.Errorf("the counter is %d, %d was acknowledged", n, acked.Last())
	}
	return nil
}

// The flush of a number has only begun when the number is acknowledged.
var ackBeforeDrain = onMapping(func(m *libpmem.Mapping, c *counter, buggy bool) error {
	for n := range uint64(3) {
		c.Low = n + 1
		if err := m.Flush(at(m, &c.Low)); err != nil { // BUG: acknowledged before the drain
			return err
		}
		if !buggy {
			if err := m.Drain(); err != nil {
				return err
			}
		}
		crashtest.Ack(int64(n + 1))
	}
	return m.Drain()
}, (*counter).check)

// The number is acknowledged, and then made durable.
var ackBeforePersist = onMapping(func(m *libpmem.Mapping, c *counter, buggy bool) error {
	for n := range uint64(3) {
		c.Low = n + 1
		if buggy {
			crashtest.Ack(int64(n + 1)) // BUG: acknowledged before the persist
		}
		if err := m.Persist(at(m, &c.Low)); err != nil {
			return err
		}
		if !buggy {
			crashtest.Ack(int64(n + 1))
		}
	}
	return nil
}, (*counter).check)

// The carry and the digit lie in two lines, which do not become durable
// together: the counter goes back.
var counterInTwoLines = onMapping(func(m *libpmem.Mapping, c *counter, buggy bool) error {
	for n := uint64(8); n < 12; n++ {
		off, size := at(m, &c.Low)
		c.Low = n
		if buggy {
			c.Low, c.High = n%10, n/10 // BUG: counter in two lines
			off, size = at(m, c)
		}
		if err := m.Persist(off, size); err != nil {
			return err
		}
		crashtest.Ack(int64(n))
	}
	return nil
}, (*counter).check)

// pair is two words that belong together; pairs keeps two of them, of which
// one counts.
type (
	pair  struct{ A, B uint64 }
	pairs struct {
		Current uint64
		_       line
		Pair    [2]pair
	}
)

// A pair is overwritten in place. A crash can tear it, though it lies within
// one line; only 8 bytes are atomic.
var torn16 = onMapping(func(m *libpmem.Mapping, p *pairs, buggy bool) error {
	for n := range uint64(3) {
		next := p.Current
		if !buggy {
			next = 1 - p.Current
		}
		off, _ := at(m, &p.Pair[next])
		b := binary.LittleEndian.AppendUint64(nil, n+1)
		if _, err := m.WriteAt(append(b, b...), int64(off)); err != nil { // BUG: torn 16-byte write
			return err
		}
		if next == p.Current {
			continue
		}
		p.Current = next
		if err := m.Persist(at(m, &p.Current)); err != nil {
			return err
		}
	}
	return nil
}, func(p *pairs, _ crashtest.Acked) error {
	if v := p.Pair[p.Current&1]; v.A != v.B {
		return fmt.Errorf("the halves differ: %d and %d", v.A, v.B)
	}
	return nil
})

// buffers is a double buffer.
type buffers struct {
	Current uint64
	_       line
	Buffer  [2][24]uint64
}

// The buffer that is shown next is flushed, but may be durable later than
// the word that makes it the one that counts.
var flipWithoutFence = onMapping(func(m *libpmem.Mapping, b *buffers, buggy bool) error {
	for n := range uint64(3) {
		next := 1 - b.Current
		for i := range b.Buffer[next] {
			b.Buffer[next][i] = n + 1
		}
		err := m.Flush(at(m, &b.Buffer[next])) // BUG: flip without fence
		if !buggy {
			err = errors.Join(err, m.Drain())
		}
		b.Current = next
		if err = errors.Join(err, m.Flush(at(m, &b.Current)), m.Drain()); err != nil {
			return err
		}
	}
	return nil
}, func(b *buffers, _ crashtest.Acked) error {
	words := b.Buffer[b.Current&1]
	for _, w := range words {
		if w != words[0] {
			return fmt.Errorf("%d mixed with %d", words[0], w)
		}
	}
	return nil
})

// accounts hold 100 together. A transfer keeps the old values in an undo log.
type accounts struct {
	Undo struct {
		A, B, Active uint64
		_            [40]byte
	}
	A uint64
	_ line
	B uint64
}

// The log becomes active at the same time as an account changes, not before.
var undoNotDurable = onMapping(func(m *libpmem.Mapping, a *accounts, buggy bool) error {
	a.A = 100
	err := m.Persist(at(m, &a.A))
	for n := range uint64(2) {
		a.Undo.A, a.Undo.B = a.A, a.B
		err = errors.Join(err, m.Persist(at(m, &a.Undo)))
		a.Undo.Active = 1
		err = errors.Join(err, m.Flush(at(m, &a.Undo))) // BUG: undo log not durable before the store
		if !buggy {
			err = errors.Join(err, m.Drain())
		}
		a.A -= 10 + n
		err = errors.Join(err, m.Flush(at(m, &a.A)))
		a.B += 10 + n
		err = errors.Join(err, m.Flush(at(m, &a.B)), m.Drain())
		a.Undo.Active = 0
		err = errors.Join(err, m.Persist(at(m, &a.Undo)))
	}
	return err
}, func(a *accounts, _ crashtest.Acked) error {
	if a.A == 0 { // not set up yet
		return nil
	}
	A, B := a.A, a.B
	if a.Undo.Active == 1 {
		A, B = a.Undo.A, a.Undo.B
	}
	if A+B != 100 {
		return fmt.Errorf("the sum is %d", A+B)
	}
	return nil
})

// twins are two words that are always equal, by a redo log.
type twins struct {
	Log struct {
		Value, Committed uint64
		_                [48]byte
	}
	A uint64
	_ line
	B uint64
}

// The log says that there is nothing to be done any more while what was done
// is still on its way.
var redoDropped = onMapping(func(m *libpmem.Mapping, w *twins, buggy bool) error {
	var err error
	for n := range uint64(2) {
		w.Log.Value = n + 1
		err = errors.Join(err, m.Persist(at(m, &w.Log)))
		w.Log.Committed = 1
		err = errors.Join(err, m.Persist(at(m, &w.Log)))
		w.A = w.Log.Value
		err = errors.Join(err, m.Flush(at(m, &w.A)))
		w.B = w.Log.Value
		err = errors.Join(err, m.Flush(at(m, &w.B))) // BUG: redo log dropped before its effects are durable
		if !buggy {
			err = errors.Join(err, m.Drain())
		}
		w.Log.Committed = 0
		err = errors.Join(err, m.Flush(at(m, &w.Log)), m.Drain())
	}
	return err
}, func(w *twins, _ crashtest.Acked) error {
	A, B := w.A, w.B
	if w.Log.Committed == 1 {
		A, B = w.Log.Value, w.Log.Value
	}
	if A != B {
		return fmt.Errorf("they differ: %d and %d", A, B)
	}
	return nil
})

// pages is a value that counts once Valid is set, on two pages.
type pages struct {
	Value uint64
	_     [2 * 4096]byte
	Valid uint64
}

// One msync writes both pages, in any order.
var pagesInOneSync = onMapping(func(m *libpmem.Mapping, p *pages, buggy bool) error {
	p.Value = 42 // BUG: pages in one msync
	if !buggy {
		if err := m.Persist(at(m, &p.Value)); err != nil {
			return err
		}
	}
	p.Valid = 1
	return m.Sync()
}, func(p *pages, _ crashtest.Acked) error {
	return (&flagged{Value: p.Value, Valid: p.Valid}).check(crashtest.Acked{})
})

// sectors is a text in three sectors, which a disk may write in any order. It
// is there if its checksum is right.
type sectors struct {
	Len, Sum uint64
	Text     [1000]byte
}

// The checksum is that of the beginning of the text, which was short once.
var tornSectors = onMapping(func(m *libpmem.Mapping, r *sectors, buggy bool) error {
	covered := r.Text[:]
	if buggy {
		covered = r.Text[:400]
	}
	r.Len = uint64(copy(r.Text[:], strings.Repeat(longText, 8)))
	r.Sum = textSum(covered, r.Len)
	return m.Persist(at(m, r)) // BUG: torn page
}, func(r *sectors, _ crashtest.Acked) error {
	if r.Sum != textSum(r.Text[:], r.Len) && r.Sum != textSum(r.Text[:400], r.Len) {
		return nil
	}
	if string(r.Text[:]) != strings.Repeat(longText, 8) {
		return errors.New("the text is there, but torn")
	}
	return nil
})

// array is a set of numbers.
type array struct {
	Count uint64
	_     line
	Items [24]uint64
}

// To keep the numbers in order, others are moved out of the way, which a
// crash interrupts.
var moveInPlace = onMapping(func(m *libpmem.Mapping, a *array, buggy bool) error {
	for i := range a.Items[:16] {
		a.Items[i] = 100 + uint64(i)
	}
	err := m.Persist(at(m, &a.Items))
	a.Count = 16
	err = errors.Join(err, m.Persist(at(m, &a.Count)))
	crashtest.Ack(16)

	where := a.Count
	if buggy {
		where = 0
		from, size := at(m, (*[16]uint64)(a.Items[:]))
		err = errors.Join(err, m.MoveAt(from+8, from, size, 0)) // BUG: insertion by moving elements
	}
	a.Items[where] = 99
	err = errors.Join(err, m.Persist(at(m, &a.Items[where])))
	a.Count++
	err = errors.Join(err, m.Persist(at(m, &a.Count)))
	crashtest.Ack(17)
	return err
}, func(a *array, acked crashtest.Acked) error {
	items := a.Items[:min(a.Count, uint64(len(a.Items)))]
	for i := range min(acked.Last(), 16) {
		if !slices.Contains(items, uint64(100+i)) {
			return fmt.Errorf("%d is not there", 100+i)
		}
	}
	return nil
})
