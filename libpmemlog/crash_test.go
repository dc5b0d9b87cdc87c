package libpmemlog_test

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/pmem/pmdk-go/internal/crashmodel"
	"github.com/pmem/pmdk-go/libpmem/crashtest"
	. "github.com/pmem/pmdk-go/libpmemlog"
)

// onDisk has a log on an ordinary file, of which whole pages can be lost.
var onDisk = crashtest.Config{Durability: DurabilityMsync}

// crashOp is what one goroutine does to a log. It adds N bytes that follow from
// V, in so many pieces.
type crashOp struct {
	What   string // append, appendv, write, rewind
	N      int
	V      uint64
	Pieces int
}

func crashBytes(seed uint64, n int) []byte {
	b := make([]byte, n+8)
	for i := 0; i < n; i += 8 {
		seed = seed*6364136223846793005 + 1442695040888963407
		binary.LittleEndian.PutUint64(b[i:], seed|0x0101010101010101)
	}
	return b[:n]
}

// pieces cuts b into n pieces, some of which may be empty.
func pieces(b []byte, n int) (bufs [][]byte) {
	for i := range n {
		bufs = append(bufs, b[len(b)*i/n:len(b)*(i+1)/n])
	}
	return bufs
}

func readLog(l *Log) (string, error) {
	n, err := l.Len()
	if err != nil {
		return "", err
	}
	var b bytes.Buffer
	if _, err := l.WriteTo(&b); err != nil {
		return "", err
	}
	if int64(b.Len()) != n {
		return "", fmt.Errorf("the log has %d bytes, and %d were read", n, b.Len())
	}
	return b.String(), nil
}

// logScript appends to a log alone, and empties it.
func logScript() crashmodel.Actor[*Log] {
	return crashmodel.Script[*Log, string, crashOp]{
		Name:  "log",
		Steps: 60,
		Draw: func(rnd *rand.Rand, m string) crashOp {
			o := crashOp{What: []string{"append", "appendv", "write", "append", "appendv", "read from"}[rnd.IntN(6)], V: rnd.Uint64(), Pieces: 1 + rnd.IntN(6)}
			o.N = 1 + rnd.IntN([]int{8, 200, 3000, 20_000}[rnd.IntN(4)])
			if len(m) > 0 && rnd.IntN(12) == 0 {
				o.What, o.N = "rewind", 0
			}
			return o
		},
		Apply: func(m string, o crashOp) string {
			if o.What == "rewind" {
				return ""
			}
			return m + string(crashBytes(o.V, o.N))
		},
		Do: func(l *Log, o crashOp) (err error) {
			b := crashBytes(o.V, o.N)
			switch o.What {
			case "append":
				return l.Append(b)
			case "appendv":
				return l.Appendv(pieces(b, o.Pieces))
			case "write":
				_, err = l.Write(b)
			case "read from":
				_, err = l.ReadFrom(bytes.NewReader(b))
			case "rewind":
				return l.Rewind()
			}
			return err
		},
		Read: readLog,
	}.Actor()
}

// Ensure that what is appended is in the log as a whole or not at all, and that
// the log is emptied as a whole.
func TestCrashLog(t *testing.T) {
	crashmodel.Run(t, crashtest.Config{}, crashmodel.Workload[*Log]{Actors: []crashmodel.Actor[*Log]{logScript()}})
}

// Ensure the same on an ordinary file.
func TestCrashLogOnDisk(t *testing.T) {
	crashmodel.Run(t, onDisk, crashmodel.Workload[*Log]{Actors: []crashmodel.Actor[*Log]{logScript()}})
}

// recordsModel is the records of a log.
type recordsModel []string

// recordsScript uses a log as Records.
func recordsScript() crashmodel.Actor[*Log] {
	return crashmodel.Script[*Log, recordsModel, crashOp]{
		Name:  "records",
		Steps: 50,
		Draw: func(rnd *rand.Rand, m recordsModel) crashOp {
			o := crashOp{What: "append", V: rnd.Uint64(), N: rnd.IntN([]int{1, 60, 500, 5000}[rnd.IntN(4)])}
			switch rnd.IntN(4) {
			case 0:
				o.What, o.Pieces = "append all", 1+rnd.IntN(8)
			case 1:
				if len(m) > 10 {
					o.What = "rewind"
				}
			}
			return o
		},
		Apply: func(m recordsModel, o crashOp) recordsModel {
			m = m[:len(m):len(m)]
			switch o.What {
			case "append":
				return append(m, string(crashBytes(o.V, o.N)))
			case "append all":
				for _, b := range pieces(crashBytes(o.V, o.N), o.Pieces) {
					m = append(m, string(b))
				}
				return m
			}
			return nil
		},
		Do: func(l *Log, o crashOp) error {
			r, err := OpenRecords(l)
			if err != nil {
				return err
			}
			switch o.What {
			case "append":
				_, err = r.Append(crashBytes(o.V, o.N))
			case "append all":
				_, err = r.AppendAll(pieces(crashBytes(o.V, o.N), o.Pieces))
			case "rewind":
				err = r.Rewind()
			}
			return err
		},
		Read: func(l *Log) (m recordsModel, err error) {
			// No tail may be left by anything.
			r, err := OpenRecords(l)
			if err != nil {
				return nil, err
			}
			s := r.Scan(0)
			for s.Next() {
				m = append(m, string(s.Data()))
			}
			return m, s.Err()
		},
	}.Actor()
}

// Ensure that records are there as a whole or not at all.
func TestCrashRecords(t *testing.T) {
	crashmodel.Run(t, crashtest.Config{}, crashmodel.Workload[*Log]{Actors: []crashmodel.Actor[*Log]{recordsScript()}})
}

// Ensure the same on an ordinary file.
func TestCrashRecordsOnDisk(t *testing.T) {
	crashmodel.Run(t, onDisk, crashmodel.Workload[*Log]{Actors: []crashmodel.Actor[*Log]{recordsScript()}})
}

const (
	crashWriters = 4
	crashAppends = 25
)

// writerRecord is record n of a writer. Its length follows from both.
func writerRecord(writer, n int) []byte {
	rnd := rand.New(rand.NewPCG(crashmodel.Seed(), uint64(writer*1000+n)))
	b := make([]byte, 16+rnd.IntN([]int{8, 100, 3000}[rnd.IntN(3)]))
	copy(b[16:], crashBytes(rnd.Uint64(), len(b)-16))
	binary.LittleEndian.PutUint64(b, uint64(writer))
	binary.LittleEndian.PutUint64(b[8:], uint64(n))
	return b
}

// side runs write in goroutines, each of which acknowledges for itself.
func side(write func(writer, n int) error) error {
	errs := make([]error, crashWriters)
	var wg sync.WaitGroup
	for w := range crashWriters {
		wg.Go(func() {
			for n := 1; n <= crashAppends && errs[w] == nil; n++ {
				if errs[w] = write(w, n); errs[w] == nil {
					crashtest.AckAs(int32(w), int64(n))
				}
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// writersCheck finds the records of the writers, which next gives until io.EOF:
// each writer's in order, all that it acknowledged, and at most one more.
func writersCheck(acked crashtest.Acked, next func() ([]byte, error)) error {
	var there [crashWriters]int
	for {
		b, err := next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		if len(b) < 16 {
			return fmt.Errorf("a record of %d bytes", len(b))
		}
		w, n := binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[8:])
		if w >= crashWriters || n > crashAppends || !bytes.Equal(b, writerRecord(int(w), int(n))) {
			return fmt.Errorf("record %d of writer %d is a mixture", n, w)
		}
		if n != uint64(there[w])+1 {
			return fmt.Errorf("record %d of writer %d comes after %d", n, w, there[w])
		}
		there[w]++
	}
	for w, n := range there {
		if got := int64(n) - acked.Of(int32(w)); got < 0 || got > 1 {
			return fmt.Errorf("writer %d has %d records, %d were acknowledged", w, n, acked.Of(int32(w)))
		}
	}
	return nil
}

// Ensure that many writers lose nothing that they have acknowledged, and tear
// nothing.
func TestCrashWriters(t *testing.T) {
	crashtest.Run(t, crashtest.Config{Images: crashmodel.Images}, func(l *Log) error {
		return side(func(w, n int) error {
			b := writerRecord(w, n)
			framed := binary.LittleEndian.AppendUint32(nil, uint32(len(b)))
			return l.Appendv([][]byte{framed, b})
		})
	}, func(l *Log, acked crashtest.Acked) error {
		content, err := readLog(l)
		if err != nil {
			return err
		}
		r := bytes.NewReader([]byte(content))
		return writersCheck(acked, func() ([]byte, error) {
			var n [4]byte
			if _, err := io.ReadFull(r, n[:]); err != nil {
				return nil, err
			}
			b := make([]byte, min(binary.LittleEndian.Uint32(n[:]), uint32(r.Len())))
			_, err := io.ReadFull(r, b)
			return b, err
		})
	})
}

// Ensure the same for records.
func TestCrashRecordWriters(t *testing.T) {
	crashtest.Run(t, crashtest.Config{Images: crashmodel.Images}, func(l *Log) error {
		r, err := OpenRecords(l)
		if err != nil {
			return err
		}
		return side(func(w, n int) error {
			_, err := r.Append(writerRecord(w, n))
			return err
		})
	}, func(l *Log, acked crashtest.Acked) error {
		r, err := OpenRecords(l)
		if err != nil {
			return err
		}
		s := r.Scan(0)
		err = writersCheck(acked, func() ([]byte, error) {
			if !s.Next() {
				return nil, cmp.Or(s.Err(), io.EOF)
			}
			return s.Data(), nil
		})
		if err != nil {
			return err
		}
		// The log goes on behind what is there.
		if _, err := r.Append([]byte("more")); err != nil {
			return err
		}
		if !s.Next() || string(s.Data()) != "more" {
			return fmt.Errorf("a record appended after the crash reads as %q, %w", s.Data(), s.Err())
		}
		return nil
	})
}
