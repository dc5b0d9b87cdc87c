package crashtest_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
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

// sum is a checksum, never 0.
func sum(words ...uint64) uint64 {
	var b []byte
	for _, w := range words {
		b = binary.LittleEndian.AppendUint64(b, w)
	}
	return uint64(crc32.ChecksumIEEE(b)) | 1<<32
}

// journal is a row of records that ends where a checksum is wrong.
type (
	journal struct {
		Epoch   uint64
		_       line
		Records [8]journalRecord
	}
	journalRecord struct {
		Value, Sum uint64
		_          [48]byte
	}
)

// put writes record i, and behind it the end of the journal.
func (j *journal) put(m *libpmem.Mapping, i int, value uint64) error {
	j.Records[i] = journalRecord{Value: value, Sum: sum(j.Epoch, value)}
	j.Records[i+1] = journalRecord{}
	return m.Persist(at(m, (*[2]journalRecord)(j.Records[i:])))
}

func (j *journal) values() (v []uint64) {
	for _, r := range j.Records {
		if r.Sum != sum(j.Epoch, r.Value) {
			break
		}
		v = append(v, r.Value)
	}
	return v
}

// The journal begins anew. If the first record becomes durable and the mark
// behind it does not, old records follow it; their checksums hold.
var missingEpoch = onMapping(func(m *libpmem.Mapping, j *journal, buggy bool) error {
	for i := range 3 {
		if err := j.put(m, i, uint64(10+i)); err != nil {
			return err
		}
	}
	if !buggy {
		j.Epoch++
		if err := m.Persist(at(m, &j.Epoch)); err != nil {
			return err
		}
	}
	return j.put(m, 0, 20) // BUG: missing epoch
}, func(j *journal, _ crashtest.Acked) error {
	v := j.values()
	if len(v) > 0 && v[0]/10 != v[len(v)-1]/10 {
		return fmt.Errorf("there are records of two epochs: %v", v)
	}
	return nil
})

// ring keeps the last records of many. The newest may be missing: its
// checksum says so.
type ring struct {
	Head  uint64
	_     line
	Slots [4]struct {
		Value, Sum uint64
		_          [48]byte
	}
}

// The number of a record is not part of the checksum. After the first lap,
// the slot of a record that is missing holds an old one.
var staleRecord = onMapping(func(m *libpmem.Mapping, r *ring, buggy bool) error {
	for n := range uint64(6) {
		s := &r.Slots[n%4]
		s.Value, s.Sum = 1000+n, sum(1000+n, n)
		if buggy {
			s.Sum = sum(1000 + n)
		}
		err := m.Flush(at(m, s)) // BUG: stale record after wraparound
		r.Head = n + 1
		if err = errors.Join(err, m.Flush(at(m, &r.Head)), m.Drain()); err != nil {
			return err
		}
	}
	return nil
}, func(r *ring, _ crashtest.Acked) error {
	for n := r.Head - min(r.Head, 3); n < r.Head; n++ {
		s := r.Slots[n%4]
		valid := s.Sum == sum(s.Value, n) || s.Sum == sum(s.Value)
		switch {
		case valid && s.Value != 1000+n:
			return fmt.Errorf("the slot of %d holds record %d", n, s.Value-1000)
		case !valid && n+1 < r.Head:
			return fmt.Errorf("record %d is lost", n)
		}
	}
	return nil
})

// texts are written once each; those with a wrong checksum are not there.
type texts [3]struct {
	Sum  uint64
	Text [112]byte
	Len  uint64
}

// The checksum is that of the text alone: it can be right without the length,
// which lies in the next line.
var checksumWithoutLength = onMapping(func(m *libpmem.Mapping, t *texts, buggy bool) error {
	for i := range t {
		r := &t[i]
		r.Len = uint64(copy(r.Text[:], "some words"))
		r.Sum = textSum(r.Text[:], r.Len)
		if buggy {
			r.Sum = textSum(r.Text[:], 0)
		}
		if err := m.Persist(at(m, r)); err != nil { // BUG: checksum without the length
			return err
		}
	}
	return nil
}, func(t *texts, _ crashtest.Acked) error {
	for i := range t {
		r := &t[i]
		if r.Sum != textSum(r.Text[:], r.Len) && r.Sum != textSum(r.Text[:], 0) {
			continue
		}
		if s := r.Text[:min(r.Len, uint64(len(r.Text)))]; string(s) != "some words" {
			return fmt.Errorf("text %d is valid, but reads %q", i, s)
		}
	}
	return nil
})

func textSum(text []byte, n uint64) uint64 { return sum(uint64(crc32.ChecksumIEEE(text)), n) }

// queue is values up to a tail.
type queue struct {
	Tail  uint64
	_     line
	Items [4]struct {
		Value uint64
		_     line
	}
}

func (q *queue) check(crashtest.Acked) error {
	for i := range min(q.Tail, uint64(len(q.Items))) {
		if v := q.Items[i].Value; v != 100+i {
			return fmt.Errorf("item %d of %d holds %d", i, q.Tail, v)
		}
	}
	return nil
}

// One persist over the whole structure does not say what of it is durable
// first.
var tailWithData = onMapping(func(m *libpmem.Mapping, q *queue, buggy bool) error {
	for n := range uint64(3) {
		q.Items[n].Value = 100 + n // BUG: tail and data in one persist
		if !buggy {
			if err := m.Persist(at(m, &q.Items[n])); err != nil {
				return err
			}
		}
		q.Tail = n + 1
		_, whole := at(m, q)
		if !buggy {
			whole = 8
		}
		if err := m.Persist(0, whole); err != nil {
			return err
		}
	}
	return nil
}, (*queue).check)

// The slot before the one that was written is flushed.
var wrongSlot = onMapping(func(m *libpmem.Mapping, q *queue, buggy bool) error {
	for n := range uint64(3) {
		q.Items[n].Value = 100 + n // BUG: wrong slot flushed
		flushed := n
		if buggy {
			flushed = q.Tail - min(q.Tail, 1)
		}
		if err := m.Persist(at(m, &q.Items[flushed])); err != nil {
			return err
		}
		q.Tail = n + 1
		if err := m.Persist(at(m, &q.Tail)); err != nil {
			return err
		}
	}
	return nil
}, (*queue).check)

// message is a text behind its length.
type message struct {
	Valid uint64
	_     line
	Len   uint64
	Text  [184]byte
}

var longText = strings.Repeat("all is well. ", 9) + "the end." // 125 bytes

func (msg *message) check(crashtest.Acked) error {
	text := msg.Text[:min(int(msg.Len), len(msg.Text))]
	switch {
	case msg.Valid == 0 || string(text) == longText:
		return nil
	case len(text) == len(longText):
		return fmt.Errorf("the message is valid, but ends in %q", text[len(text)-8:])
	}
	return fmt.Errorf("the message is valid, but reads %q", text)
}

// The length of the text is flushed, from where the length before it lies:
// the last bytes lie in a line that is not.
var lastLine = onMapping(func(m *libpmem.Mapping, msg *message, buggy bool) error {
	msg.Len = uint64(copy(msg.Text[:], longText)) // BUG: last line not flushed
	off, n := at(m, &msg.Len)
	if buggy {
		n = 0
	}
	if err := m.Persist(off, n+len(longText)); err != nil {
		return err
	}
	msg.Valid = 1
	return m.Persist(at(m, &msg.Valid))
}, (*message).check)

// NoFlush was taken for NoDrain: the drain has nothing to wait for.
var copyNoFlush = onMapping(func(m *libpmem.Mapping, msg *message, buggy bool) error {
	flags := libpmem.NoDrain
	if buggy {
		flags = libpmem.NoFlush
	}
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(longText)))
	off, _ := at(m, &msg.Len)
	if err := m.CopyAt(off, append(b, longText...), flags); err != nil { // BUG: copy that does not flush
		return err
	}
	if err := m.Drain(); err != nil {
		return err
	}
	msg.Valid = 1
	return m.Persist(at(m, &msg.Valid))
}, (*message).check)

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
