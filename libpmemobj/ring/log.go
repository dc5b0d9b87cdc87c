package ring

import (
	"errors"
	"fmt"
	"iter"

	"github.com/pmem/pmdk-go/libpmemobj"
)

// ErrRange is the error of a sequence number that the log does not have.
var ErrRange = errors.New("no such record")

// Log is a sequence of records, which have consecutive sequence numbers: records
// are added at the end, read from anywhere, and removed at both ends. Handles
// are made by [OpenLog], which may be called any number of times for one log;
// they end with the pool.
type Log struct {
	name string
	s    *state
}

// OpenLog returns the log that has the name in the pool's directory, and makes
// an empty one if nothing has it, whose first record will have the sequence
// number 1. If the name stands for something else, the error is a
// *directory.KindError. A new log cannot be made inside
// [libpmemobj.Pool.Update].
//
// The first OpenLog after the pool was opened reads all records, to find the
// last sound one: about a millisecond for some megabytes.
func OpenLog(p *libpmemobj.Pool, name string, opts ...Option) (*Log, error) {
	s, err := openNamed(p, name, logKind, logMagic, opts)
	if err != nil {
		return nil, err
	}
	return &Log{name, s}, nil
}

// Name is the name that the log was opened by.
func (l *Log) Name() string { return l.name }

// Capacity is how many bytes the records can take.
func (l *Log) Capacity() int64 { return int64(l.s.capacity) }

// Bounds says which records there are: those from first up to, but not
// including, next, which is the sequence number that the next record will have.
// It never fails: once the pool is closed, it is as before.
func (l *Log) Bounds() (first, next uint64) {
	first = l.s.first.Load()
	return first, max(first, l.s.durable.Load())
}

// Len is the number of records.
func (l *Log) Len() int { return l.s.len() }

func (l *Log) fail(op string, err error) error { return failure("log "+op, l.name, err) }

// Append adds records, next to each other, and returns the first one's sequence
// number. They are durable when it returns, and after a crash all are there or
// none. If there is no room for all, the error matches ErrFull and none was
// added; if there never will be, ErrTooLarge.
func (l *Log) Append(records ...[]byte) (seq uint64, err error) {
	const op = "append"
	seq, err = l.appendNow(op, records)
	if len(records) == 0 {
		return seq, err
	}
	return seq, l.settled(op, err)
}

// settled ends an operation that has released all it had: unless it failed, it
// waits for the pool's medium.
func (l *Log) settled(op string, err error) error {
	if err == nil {
		err = l.s.pool.AwaitDurable()
		if err != nil {
			err = l.fail(op, err)
		}
	}
	return err
}

func (l *Log) appendNow(op string, records [][]byte) (seq uint64, err error) {
	if libpmemobj.InUpdate() {
		return 0, l.fail(op, errInUpdate)
	}
	if err := l.s.pool.Failed(); err != nil {
		return 0, l.fail(op, err)
	}
	h, err := l.s.Shared(op)
	if err != nil {
		return 0, l.fail(op, err)
	}
	defer h.Release()
	if len(records) == 0 {
		return l.s.durable.Load(), nil
	}
	seq, _, err = l.s.append(records)
	if err != nil {
		return 0, l.fail(op, err)
	}
	return seq, nil
}

// Read appends the record's data to dst and returns that. If there is no such
// record, the error matches ErrRange; if it is damaged, ErrCorrupt.
func (l *Log) Read(seq uint64, dst []byte) ([]byte, error) {
	const op = "read"
	s := l.s
	h, err := s.Shared(op)
	if err != nil {
		return dst, l.fail(op, err)
	}
	defer h.Release()
	s.mu.RLock()
	first, next := s.entries.first, s.durable.Load()
	if seq < first || seq >= next {
		s.mu.RUnlock()
		return dst, l.outside(op, seq, first, next)
	}
	pos := s.entries.get(seq).pos
	s.mu.RUnlock()
	dst, err = s.load(dst, pos, seq)
	if err != nil {
		return dst, l.fail(op, err)
	}
	return dst, nil
}

func (l *Log) outside(op string, seq, first, next uint64) error {
	return l.fail(op, fmt.Errorf("%w: sequence number %d; there are those from %d up to %d, exclusive", ErrRange, seq, first, next))
}

// Record is one of a log.
type Record struct {
	Seq  uint64
	Data []byte // valid until the loop goes on
}

// From ranges over the records from a sequence number on, or from the first one
// if that is higher, up to the last one at the time when the loop comes to it. No
// lock is held while the loop's body runs. If records that it has not come to are
// removed at the front meanwhile, it goes on with the first there is. An error is
// the last thing that it yields.
func (l *Log) From(seq uint64) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		var buf []byte
		for ; ; seq++ {
			first, next := l.Bounds()
			if seq = max(seq, first); seq >= next {
				return
			}
			data, err := l.Read(seq, buf[:0])
			if errors.Is(err, ErrRange) {
				seq-- // removed at this moment
				continue
			}
			if err != nil {
				yield(Record{}, err)
				return
			}
			if !yield(Record{seq, data}, nil) {
				return
			}
			buf = data
		}
	}
}

// TruncateFront removes all records before seq. If there are none, it does
// nothing; if seq is beyond the last one, it removes all.
func (l *Log) TruncateFront(seq uint64) error {
	return l.alone("truncate front", func() error { return l.s.removeFront(nil, seq) })
}

// TruncateBack removes all records from seq on, and the next one that is added
// gets the lowest number that is free. If there are none, it does nothing; if seq
// is before the first one, it removes all.
func (l *Log) TruncateBack(seq uint64) error {
	return l.alone("truncate back", func() error { return l.s.removeBack(nil, seq) })
}

// Reset removes all records, and the next one that is added gets the sequence
// number next, which must not be 0.
func (l *Log) Reset(next uint64) error {
	return l.alone("reset", func() error {
		if next == 0 {
			return errSeqZero
		}
		return l.s.restart(nil, next)
	})
}

var errSeqZero = errors.New("sequence numbers begin with 1")

// alone runs an operation that has the log to itself.
func (l *Log) alone(op string, f func() error) error {
	return l.settled(op, l.aloneNow(op, f))
}

func (l *Log) aloneNow(op string, f func() error) error {
	if libpmemobj.InUpdate() {
		return l.fail(op, errInUpdate)
	}
	s := l.s
	if err := s.pool.Failed(); err != nil {
		return l.fail(op, err)
	}
	if err := s.Exclusive(op); err != nil {
		return l.fail(op, err)
	}
	defer s.ReleaseExclusive()
	s.freshen()
	if err := f(); err != nil {
		return l.fail(op, err)
	}
	s.mu.Lock()
	s.show()
	s.mu.Unlock()
	return nil
}

// LogTx is a log inside a transaction: what its methods change is part of the
// transaction, and seen by others when that is committed. From the first of
// them to the end of the transaction, other goroutines wait for the log, and
// other transactions for the containers of the pool.
type LogTx struct {
	l  *Log
	tx *libpmemobj.Tx
}

// In returns the log as a part of tx, for use where tx can be used.
func (l *Log) In(tx *libpmemobj.Tx) LogTx { return LogTx{l, tx} }

func (t LogTx) enter(op string) (*state, error) {
	if err := t.l.s.InTx(op, t.tx); err != nil {
		return nil, t.l.fail(op, err)
	}
	return t.l.s, nil
}

// Bounds says which records there are, as [Log.Bounds].
func (t LogTx) Bounds() (first, next uint64, err error) {
	s, err := t.enter("bounds")
	if err != nil {
		return 0, 0, err
	}
	return s.entries.first, s.entries.next(), nil
}

// Append adds records, as [Log.Append]. Room that the transaction itself has made
// at the front is not there before it is committed.
func (t LogTx) Append(records ...[]byte) (seq uint64, err error) {
	const op = "append"
	s, err := t.enter(op)
	if err != nil {
		return 0, err
	}
	if len(records) == 0 {
		return s.entries.next(), nil
	}
	if seq, err = s.appendIn(t.tx, records); err != nil {
		return 0, t.l.fail(op, err)
	}
	return seq, nil
}

// Read appends the record's data to dst, as [Log.Read].
func (t LogTx) Read(seq uint64, dst []byte) ([]byte, error) {
	const op = "read"
	s, err := t.enter(op)
	if err != nil {
		return dst, err
	}
	if !s.entries.has(seq) {
		return dst, t.l.outside(op, seq, s.entries.first, s.entries.next())
	}
	dst, err = s.load(dst, s.entries.get(seq).pos, seq)
	if err != nil {
		return dst, t.l.fail(op, err)
	}
	return dst, nil
}

// TruncateFront removes records, as [Log.TruncateFront].
func (t LogTx) TruncateFront(seq uint64) error {
	return t.change("truncate front", func(s *state) error { return s.removeFront(t.tx, seq) })
}

// TruncateBack removes records, as [Log.TruncateBack].
func (t LogTx) TruncateBack(seq uint64) error {
	return t.change("truncate back", func(s *state) error { return s.removeBack(t.tx, seq) })
}

// Reset removes all records, as [Log.Reset].
func (t LogTx) Reset(next uint64) error {
	return t.change("reset", func(s *state) error {
		if next == 0 {
			return errSeqZero
		}
		return s.restart(t.tx, next)
	})
}

func (t LogTx) change(op string, f func(s *state) error) error {
	s, err := t.enter(op)
	if err != nil {
		return err
	}
	s.begin()
	if err := f(s); err != nil {
		return t.l.fail(op, err)
	}
	return nil
}
