package libpmemlog

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/pmem/pmdk-go/internal/plainpool"
)

// MaxRecord is the size of the largest record in bytes.
const MaxRecord = math.MaxUint32

// ErrNotRecords is returned for a log, or a part of one, that does not hold
// records where it should.
var ErrNotRecords = errors.New("not a record")

// TailError says where a log stops holding records: what follows was torn,
// damaged, or appended by something else. It matches ErrNotRecords.
type TailError struct {
	Path   string
	Pos    int64 // where the next record should begin
	Len    int64 // of the log
	Reason string
}

// Error says what is there instead.
func (e *TailError) Error() string {
	return fmt.Sprintf("records %s: no record at %d of %d bytes: %s", e.Path, e.Pos, e.Len, e.Reason)
}

// Unwrap returns ErrNotRecords.
func (e *TailError) Unwrap() error { return ErrNotRecords }

// Records is a log of records: each is found again as it was appended, and
// damage is noticed, by a checksum. Its methods may be called from any
// goroutine, also where several Records were opened on one Log. C programs see
// the records with 8 bytes before each; the file recordformat.go describes
// them.
//
// While a log is used as Records, nothing else is to append to it. What is
// appended all the same is found out and makes a foreign tail.
type Records struct {
	log *Log

	// What follows belongs to the holder of log.recording.

	salt    uint64
	end     int64 // where the records end, in the log as it was
	rewinds uint64
	tail    *TailError // what keeps records from being appended

	sums   recordSums
	heads  []byte    // headers of the records being appended
	one    [1][]byte // the record being appended
	pieces [][]byte  // headers and records
}

// OpenRecords reads all of l and finds the end of its records. An empty log
// is one without records.
//
// Where the records end before the log does, or a log does not begin with any,
// the error is a *TailError, and the Records are returned beside it: they can
// be read, but not be appended to, as nobody would find what stands behind.
// Copy them to another log then, or Rewind.
func OpenRecords(l *Log) (*Records, error) {
	r := &Records{log: l}
	if err := r.enter("open records"); err != nil {
		return nil, err
	}
	defer r.exit()
	if err := r.catchUp(); err != nil {
		return nil, err
	}
	if r.tail != nil {
		return r, r.tail
	}
	return r, nil
}

// catchUp finds the end of the records, from where it was if that can be.
func (r *Records) catchUp() error {
	s := r.Scan(r.end)
	if r.end > 0 && r.log.rewinds.Load() != r.rewinds {
		s = r.Scan(0)
	}
	for s.Next() {
	}
	r.tail = nil
	if err := s.Err(); err != nil && !errors.As(err, &r.tail) {
		return err
	}
	r.salt, r.end, r.rewinds = s.salt, s.next, s.snap.rewinds
	if s.snap.size == 0 {
		r.end = 0
	}
	return nil
}

// Log is the log that the records are in.
func (r *Records) Log() *Log { return r.log }

// Append adds a record and returns its position, which only grows. It is
// atomic, durable and ErrFull as [Log.Append] is. data may be empty.
//
// Implements: pmemlog_appendv(3)
func (r *Records) Append(data []byte) (pos int64, err error) {
	const op = "append record"
	if err := r.enter(op); err != nil {
		return 0, err
	}
	defer r.exit()
	r.one[0] = data // a literal would be allocated
	defer func() { r.one[0] = nil }()
	return r.append(op, r.one[:])
}

// AppendAll adds several records, all or none of them, at little more than
// the cost of one, and returns the position of the first.
//
// Implements: pmemlog_appendv(3)
func (r *Records) AppendAll(records [][]byte) (pos int64, err error) {
	const op = "append records"
	if err := r.enter(op); err != nil {
		return 0, err
	}
	defer r.exit()
	return r.append(op, records)
}

// enter admits who appends records, one at a time, until exit.
func (r *Records) enter(op string) error {
	// In this order: a walk that waited for recording would keep a Rewind, its
	// holder, waiting.
	if err := r.log.enterChange(op); err != nil {
		return err
	}
	r.log.recording.Lock()
	return nil
}

func (r *Records) exit() {
	r.log.recording.Unlock()
	r.log.guard.Exit()
}

func (r *Records) append(op string, records [][]byte) (pos int64, err error) {
	now := r.log.snapshot()
	if now.size != r.end || now.rewinds != r.rewinds {
		if err := r.catchUp(); err != nil {
			return 0, err
		}
	}
	if r.tail != nil {
		return 0, fmt.Errorf("%s: nobody would find it: %w", op, r.tail)
	}
	pos = max(r.end, recordsHeader)
	end := pos
	for _, data := range records {
		if uint64(len(data)) > MaxRecord {
			return 0, plainpool.BadArgument(op, r.log.path, "%d bytes, a record has at most %d", len(data), uint64(MaxRecord))
		}
		if end += recordHeader + int64(len(data)); end > r.log.cap {
			return 0, r.log.full(op, int(end-r.end))
		}
	}
	if len(records) == 0 {
		return pos, nil
	}
	r.frame(pos, records)
	err = r.log.appendAll(op, r.pieces)
	clear(r.pieces) // keeps nothing alive
	if err != nil {
		return 0, err
	}
	r.end = end
	return pos, nil
}

// frame puts a header before each record, of which the first goes to pos, and
// the log's header before all if it is empty.
func (r *Records) frame(pos int64, records [][]byte) {
	need := recordsHeader + recordHeader*len(records)
	if cap(r.heads) < need {
		r.heads = make([]byte, need)
	}
	heads := r.heads[:need]
	r.pieces = r.pieces[:0]
	if r.end == 0 {
		r.salt = rand.Uint64()
		putRecordsHeader((*[recordsHeader]byte)(heads), r.salt)
		r.pieces = append(r.pieces, heads[:recordsHeader])
	}
	heads = heads[recordsHeader:]
	for _, data := range records {
		r.sums.putHeader(heads, r.salt, pos, data)
		r.pieces = append(r.pieces, heads[:recordHeader], data)
		heads = heads[recordHeader:]
		pos += recordHeader + int64(len(data))
	}
}

// Rewind drops all records, atomically and durably; positions begin anew. It
// is the same as [Log.Rewind].
//
// Implements: pmemlog_rewind(3)
func (r *Records) Rewind() error { return r.log.Rewind() }

// End is the position that the next record will have.
func (r *Records) End() (int64, error) {
	n, err := r.log.Len()
	return max(n, recordsHeader), err
}
