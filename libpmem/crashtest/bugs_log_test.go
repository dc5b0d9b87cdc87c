package crashtest_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/pmem/pmdk-go/libpmem/crashtest"
	"github.com/pmem/pmdk-go/libpmemlog"
)

var logBugs = []seeded{
	{name: "record split over two appends", run: splitRecord, says: "has 16 bytes", hint: "inside @ (in (*Log).Append)"},
	{name: "acknowledged before the append", run: ackBeforeAppend, says: "was acknowledged", hint: "after @ (in crashtest.Ack)"},
	{name: "two appends for one change", run: twoAppends, says: "without its other half", hint: "before @ (in (*Records).Append)"},
	{name: "rewound before the records are handed on", run: rewindTooEarly, says: "is lost", hint: "inside @ (in (*Records).Rewind)"},
	{name: "rewound before the checkpoint is appended", run: rewindForCheckpoint, says: "was acknowledged", hint: "inside @ (in (*Records).Rewind)"},
	{name: "stream appended in portions", run: streamInPortions, says: "of 150000 bytes", hint: "inside @ (in (*Log).ReadFrom)"},
}

// content is what a log holds.
func content(l *libpmemlog.Log) ([]byte, error) {
	n, err := l.Len()
	if err != nil {
		return nil, err
	}
	b := make([]byte, n)
	if _, err := l.ReadAt(b, 0); err != nil && (err != io.EOF || n != 0) {
		return nil, err
	}
	return b, nil
}

// onRecords is a program over a log of records of one word.
func onRecords(work func(r *libpmemlog.Records, buggy bool) error, check func(words []uint64, acked crashtest.Acked) error) runner {
	return program(func(l *libpmemlog.Log, buggy bool) error {
		r, err := libpmemlog.OpenRecords(l)
		if err != nil {
			return err
		}
		return work(r, buggy)
	}, func(l *libpmemlog.Log, acked crashtest.Acked) error {
		r, err := libpmemlog.OpenRecords(l)
		if err != nil {
			return err
		}
		var words []uint64
		for _, b := range r.All() {
			words = append(words, binary.LittleEndian.Uint64(b))
		}
		return check(words, acked)
	})
}

func word(n uint64) []byte { return binary.LittleEndian.AppendUint64(nil, n) }

// Each append is atomic. A record that takes two is not.
var splitRecord = program(func(l *libpmemlog.Log, buggy bool) error {
	for range 3 {
		head, body := bytes.Repeat([]byte{40}, 16), bytes.Repeat([]byte{'x'}, 40)
		if !buggy {
			if err := l.Appendv([][]byte{head, body}); err != nil {
				return err
			}
			continue
		}
		if err := errors.Join(l.Append(head), l.Append(body)); err != nil { // BUG: record split over two appends
			return err
		}
	}
	return nil
}, func(l *libpmemlog.Log, _ crashtest.Acked) error {
	b, err := content(l)
	if err == nil && len(b)%56 != 0 {
		return fmt.Errorf("the last record has %d bytes, not 56", len(b)%56)
	}
	return err
})

// What is acknowledged is not in the log yet.
var ackBeforeAppend = onRecords(func(r *libpmemlog.Records, buggy bool) error {
	for n := range uint64(3) {
		if buggy {
			crashtest.Ack(int64(n + 1)) // BUG: acknowledged before the append
		}
		if _, err := r.Append(word(n)); err != nil {
			return err
		}
		if !buggy {
			crashtest.Ack(int64(n + 1))
		}
	}
	return nil
}, func(words []uint64, acked crashtest.Acked) error {
	if n := acked.Last(); n > int64(len(words)) {
		return fmt.Errorf("there are %d records, %d was acknowledged", len(words), n)
	}
	return nil
})

// A change is two records, which belong into one AppendAll.
var twoAppends = onRecords(func(r *libpmemlog.Records, buggy bool) error {
	for n := range uint64(3) {
		take, give := word(n), word(1000+n)
		if !buggy {
			if _, err := r.AppendAll([][]byte{take, give}); err != nil {
				return err
			}
			continue
		}
		_, err := r.Append(take)
		if err == nil {
			_, err = r.Append(give) // BUG: two appends for one change
		}
		if err != nil {
			return err
		}
	}
	return nil
}, func(words []uint64, _ crashtest.Acked) error {
	if n := len(words); n%2 == 1 {
		return fmt.Errorf("record %d is there without its other half", words[n-1])
	}
	return nil
})

// What AckAs says in programs about a queue.
const accepted, handedOn = 1, 2

// The log is emptied when its records have been read, not when whoever they
// are for has them.
var rewindTooEarly = onRecords(func(r *libpmemlog.Records, buggy bool) error {
	for n := range uint64(4) {
		if _, err := r.Append(word(n + 1)); err != nil {
			return err
		}
		crashtest.AckAs(accepted, int64(n+1))
		if n%2 == 0 {
			continue
		}
		if buggy {
			if err := r.Rewind(); err != nil { // BUG: rewound before the records are handed on
				return err
			}
		}
		crashtest.AckAs(handedOn, int64(n+1))
		if !buggy {
			if err := r.Rewind(); err != nil {
				return err
			}
		}
	}
	return nil
}, func(words []uint64, acked crashtest.Acked) error {
	last := acked.Of(handedOn)
	if len(words) > 0 {
		last = max(last, int64(words[len(words)-1]))
	}
	if last < acked.Of(accepted) {
		return fmt.Errorf("record %d is lost", last+1)
	}
	return nil
})

// A checkpoint, the number of all changes so far plus 1000, stands for the
// records before it. They are dropped when it is not there yet.
var rewindForCheckpoint = onRecords(func(r *libpmemlog.Records, buggy bool) error {
	for n := range uint64(6) {
		if n == 3 {
			if buggy {
				if err := r.Rewind(); err != nil { // BUG: rewound before the checkpoint is appended
					return err
				}
			}
			if _, err := r.Append(word(1000 + n)); err != nil {
				return err
			}
		}
		if _, err := r.Append(word(1)); err != nil {
			return err
		}
		crashtest.Ack(int64(n + 1))
	}
	return nil
}, func(words []uint64, acked crashtest.Acked) error {
	var total uint64
	for _, w := range words {
		if w >= 1000 {
			total = w - 1000
			continue
		}
		total += w
	}
	if total < uint64(acked.Last()) {
		return fmt.Errorf("the total is %d, %d was acknowledged", total, acked.Last())
	}
	return nil
})

// ReadFrom appends in portions, each of them atomic.
var streamInPortions = program(func(l *libpmemlog.Log, buggy bool) error {
	stream := bytes.NewReader(bytes.Repeat([]byte("0123456789"), 15000))
	if buggy {
		_, err := l.ReadFrom(struct{ io.Reader }{stream}) // BUG: stream appended in portions
		return err
	}
	b, err := io.ReadAll(stream)
	return errors.Join(err, l.Append(b))
}, func(l *libpmemlog.Log, _ crashtest.Acked) error {
	n, err := l.Len()
	if err == nil && n != 0 && n != 150000 {
		return fmt.Errorf("there are %d of 150000 bytes", n)
	}
	return err
})
