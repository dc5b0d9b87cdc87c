package libpmemlog_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/poolheader"
	"github.com/pmem/pmdk-go/internal/testchild"
	"github.com/pmem/pmdk-go/internal/testpool"
	. "github.com/pmem/pmdk-go/libpmemlog"
)

// Damaged files are opened and used in child processes: each is refused, or
// works; none kills the process or keeps it for ever.

// mutate damages a copy of a log's file: the nth of the series that seed
// stands for. It says how.
func mutate(good []byte, seed, nth uint64) (b []byte, how string) {
	rnd := rand.New(rand.NewPCG(seed, nth))
	b = bytes.Clone(good)
	if rnd.IntN(8) == 0 {
		sizes := []int{0, 1, 8, 4095, 4096, 4097, 8191, 8192, 8193, MinPool - 4096, MinPool - 1, MinPool + 1, MinPool + 4096, 2 * MinPool, rnd.IntN(MinPool)}
		n := sizes[rnd.IntN(len(sizes))]
		b = append(b, make([]byte, max(0, n-len(b)))...)[:n]
		how = fmt.Sprintf("file of %d bytes; ", n)
	}
	type span struct{ off, n int }
	spans := []span{{0, 136}, {0, 4096}, {4024, 64}, {4096, 24}, {4096, 24}, {4096, 4096}, {8192, 1000}, {8192, 1 << 20}}
	for range rnd.IntN(4) {
		s := spans[rnd.IntN(len(spans))]
		at := s.off + rnd.IntN(s.n)
		if at+512 > len(b) {
			continue
		}
		switch rnd.IntN(6) {
		case 0:
			b[at] ^= 1 << rnd.IntN(8)
			how += fmt.Sprintf("bit at %d; ", at)
		case 1:
			b[at] = byte(rnd.Uint32())
			how += fmt.Sprintf("byte at %d; ", at)
		case 2:
			clear(b[at:][:1<<rnd.IntN(10)])
			how += fmt.Sprintf("zeros at %d; ", at)
		case 3:
			n := 1 << rnd.IntN(10)
			for i := range b[at:][:n] {
				b[at+i] = byte(rnd.Uint32())
			}
			how += fmt.Sprintf("%d bytes of noise at %d; ", n, at)
		default:
			at &^= 7
			old := binary.LittleEndian.Uint64(b[at:])
			v := []uint64{0, 1, ^uint64(0), 1 << 63, old + 1, old - 1, old << 1, uint64(len(b)), uint64(len(b)) + 1, rnd.Uint64(), rnd.Uint64N(uint64(len(b))), 8192, 8191}[rnd.IntN(13)]
			binary.LittleEndian.PutUint64(b[at:], v)
			how += fmt.Sprintf("word at %d = %#x; ", at, v)
		}
	}
	if rnd.IntN(2) == 0 && len(b) >= 4096 {
		binary.LittleEndian.PutUint64(b[4088:], poolheader.HeaderChecksum(b[:4096]))
		how += "checksum recomputed"
	}
	return b, how
}

func init() {
	// Its arguments: a good log, a path for the bad ones, the seed, the numbers
	// of the first and the last.
	testchild.Register("mutants", func(args []string) error {
		good, err := os.ReadFile(args[0])
		if err != nil {
			return err
		}
		var n [3]uint64
		for i := range n {
			if n[i], err = strconv.ParseUint(args[2+i], 10, 64); err != nil {
				return err
			}
		}
		opened := 0
		for i := n[1]; i < n[2]; i++ {
			b, how := mutate(good, n[0], i)
			fmt.Printf("%d: %s\n", i, how)
			if err := os.WriteFile(args[1], b, 0o600); err != nil {
				return err
			}
			ok, err := useMutant(args[1], b)
			if err != nil {
				return err
			}
			if ok {
				opened++
			}
		}
		fmt.Println("opened", opened)
		return nil
	})
}

// useMutant does with a log what can be done. It is false if Open refuses it.
func useMutant(path string, b []byte) (opened bool, err error) {
	checked := Check(path)
	l, err := Open(path, WithDurability(DurabilityProcessCrash))
	if err != nil {
		var corrupt *CorruptError
		var other *Error
		after, readErr := os.ReadFile(path)
		switch {
		case readErr != nil:
			return false, readErr
		case !errors.As(err, &corrupt) && !errors.As(err, &other):
			return false, fmt.Errorf("an error of type %T: %w", err, err)
		case checked == nil:
			return false, fmt.Errorf("sound to Check, but not to Open: %w", err)
		case !bytes.Equal(b, after):
			return false, fmt.Errorf("refused, and changed: %w", err)
		}
		return false, nil
	}
	all, err := io.ReadAll(io.NewSectionReader(l, 0, l.Cap()))
	if err != nil {
		return true, err
	}
	walked := 0
	for c := range l.Chunks(1000) {
		walked += len(c)
	}
	if n, err := l.Len(); err != nil || walked != len(all) || n != int64(walked) {
		return true, fmt.Errorf("%d bytes walked, %d read, length %d (%v)", walked, len(all), n, err)
	}
	if err := useRecords(l); err != nil {
		return true, err
	}
	err = l.Append(make([]byte, l.Cap()-int64(len(all))+1))
	if !errors.Is(err, ErrFull) && !errors.Is(err, ErrReadOnly) {
		return true, fmt.Errorf("appending beyond the end: %v", err)
	}
	if err := l.Rewind(); err != nil {
		if errors.Is(err, ErrReadOnly) {
			return true, l.Close()
		}
		return true, err
	}
	if err := l.Append(make([]byte, l.Cap())); err != nil {
		return true, err
	}
	return true, errors.Join(l.Close(), Check(path))
}

// useRecords appends one if that can be, and reads all.
func useRecords(l *Log) error {
	r, err := OpenRecords(l)
	if err == nil {
		if _, err = r.Append([]byte("one more")); errors.Is(err, ErrFull) || errors.Is(err, ErrReadOnly) {
			err = nil
		}
	}
	var tail *TailError
	if err != nil && !errors.As(err, &tail) {
		return err
	}
	last := int64(0)
	for pos := range r.All() {
		if pos <= last {
			return fmt.Errorf("a record at %d after one at %d", pos, last)
		}
		last = pos
	}
	return nil
}

func TestMutants(t *testing.T) {
	t.Parallel()
	count := 150
	if testing.Short() || raceDetector { // which has nothing to find here, and is slow
		count = 40
	}
	const variable = "PMEMLOG_TEST_MUTANTS"
	if s := os.Getenv(variable); s != "" {
		var err error
		count, err = strconv.Atoi(s)
		require.NoError(t, err, variable)
	}
	rnd := newRand(t)
	for name, fill := range map[string]func(l *Log){
		"bytes": func(l *Log) { appendString(t, l, strings.Repeat("some text ", 50_000)) },
		"full":  func(l *Log) { require.NoError(t, l.Append(pattern(int(l.Cap()), 0))) },
		"records": func(l *Log) {
			r := openRecords(t, l)
			for i := range 1000 {
				_, err := r.Append(pattern(i, i))
				require.NoError(t, err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			l := createLog(t)
			fill(l)
			require.NoError(t, l.Close())
			seed := rnd.Uint64()
			c := testchild.Start(t, "mutants", l.Path(), filepath.Join(testpool.Dir(t), "mutant"), strconv.FormatUint(seed, 10), "0", strconv.Itoa(count))
			var last, line string
			for !strings.HasPrefix(line, "opened") {
				last, line = line, c.LineAfter(t, "mutant "+line)
			}
			var opened int
			_, err := fmt.Sscanf(line, "opened %d", &opened)
			require.NoError(t, err, "mutant %s: %s", last, line)
			require.NoError(t, c.End(), "%s", c.Stderr())
			t.Logf("%d of %d opened", opened, count)
			require.NotZero(t, opened)
			require.Less(t, opened, count)
		})
	}
}
