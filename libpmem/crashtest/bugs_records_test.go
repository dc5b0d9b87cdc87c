package crashtest_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"strings"

	"github.com/pmem/pmdk-go/libpmem"
	"github.com/pmem/pmdk-go/libpmem/crashtest"
)

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
