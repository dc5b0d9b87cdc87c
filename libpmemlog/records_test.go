package libpmemlog_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	. "github.com/pmem/pmdk-go/libpmemlog"
)

func openRecords(t testing.TB, l *Log) *Records {
	t.Helper()
	r, err := OpenRecords(l)
	require.NoError(t, err)
	return r
}

func appendRecord(t testing.TB, r *Records, s string) int64 {
	t.Helper()
	pos, err := r.Append([]byte(s))
	require.NoError(t, err)
	return pos
}

// recordsFrom reads the records from pos on, up to what ends them.
func recordsFrom(r *Records, pos int64) (records []string, err error) {
	s := r.Scan(pos)
	for s.Next() {
		records = append(records, string(s.Data()))
	}
	return records, s.Err()
}

func TestRecords(t *testing.T) {
	l := createLog(t)
	r := openRecords(t, l)
	assert.Same(t, l, r.Log())
	end, err := r.End()
	require.NoError(t, err)
	assert.EqualValues(t, 24, end)
	records, err := recordsFrom(r, 0)
	require.NoError(t, err)
	assert.Empty(t, records)

	first := appendRecord(t, r, "first")
	assert.Equal(t, end, first)
	empty := appendRecord(t, r, "")
	pos, err := r.AppendAll([][]byte{[]byte("third"), nil, []byte("fifth")})
	require.NoError(t, err)
	assert.Greater(t, pos, empty)
	end, err = r.End()
	require.NoError(t, err)
	nothing, err := r.AppendAll(nil)
	require.NoError(t, err)
	assert.Equal(t, end, nothing)

	check := func(r *Records) {
		t.Helper()
		records, err := recordsFrom(r, 0)
		require.NoError(t, err)
		assert.Equal(t, []string{"first", "", "third", "", "fifth"}, records)
		records, err = recordsFrom(r, pos)
		require.NoError(t, err)
		assert.Equal(t, []string{"third", "", "fifth"}, records)
		// Ensure that every position that a scan gives is one to scan from.
		i := 0
		for at, data := range r.All() {
			for from, same := range r.From(at) {
				assert.Equal(t, at, from)
				assert.Equal(t, data, same)
				break
			}
			i++
		}
		assert.Equal(t, 5, i)
		records, err = recordsFrom(r, end)
		require.NoError(t, err)
		assert.Empty(t, records)
	}
	check(r)
	l = reopen(t, l)
	r = openRecords(t, l)
	check(r)
	assert.Equal(t, end, appendRecord(t, r, "sixth"))
	records, err = recordsFrom(r, end)
	require.NoError(t, err)
	assert.Equal(t, []string{"sixth"}, records)
	require.NoError(t, l.Close())
}

// Ensure that positions which are none are errors.
func TestScanFromNoPosition(t *testing.T) {
	r := openRecords(t, createLog(t))
	appendRecord(t, r, "a record of some length")
	for _, pos := range []int64{-1, 1, 23} {
		_, err := recordsFrom(r, pos)
		assert.ErrorIs(t, err, unix.EINVAL, "%d", pos)
		assert.ErrorContains(t, err, "the first record is at 24")
	}
	for _, pos := range []int64{25, 32, 40, 54, 56, 1 << 40, 1<<63 - 1} {
		_, err := recordsFrom(r, pos)
		var tail *TailError
		require.ErrorAs(t, err, &tail, "%d", pos)
		require.ErrorIs(t, err, ErrNotRecords)
		assert.Equal(t, pos, tail.Pos)
		for range r.From(pos) {
			t.Errorf("a record at %d", pos)
		}
	}
}

// Ensure that a full log refuses a record whole, and a rewind makes room.
func TestRecordsFull(t *testing.T) {
	l := createLog(t)
	r := openRecords(t, l)
	data := pattern(100_000, 0)
	n := 0
	for {
		_, err := r.Append(data)
		if err != nil {
			require.ErrorIs(t, err, ErrFull)
			break
		}
		n++
	}
	assert.Equal(t, int(l.Cap()-24)/100_008, n)
	_, err := r.AppendAll([][]byte{nil, data})
	require.ErrorIs(t, err, ErrFull)
	records, err := recordsFrom(r, 0)
	require.NoError(t, err)
	require.Len(t, records, n)
	// Ensure that the last bytes can be used.
	end, err := r.End()
	require.NoError(t, err)
	_, err = r.Append(data[:l.Cap()-end-8])
	require.NoError(t, err)
	_, err = r.Append(nil)
	require.ErrorIs(t, err, ErrFull)
	records, err = recordsFrom(r, end)
	require.NoError(t, err)
	assert.Len(t, records, 1)

	require.NoError(t, r.Rewind())
	pos := appendRecord(t, r, "anew")
	assert.EqualValues(t, 24, pos)
	records, err = recordsFrom(openRecords(t, reopen(t, l)), 0)
	require.NoError(t, err)
	assert.Equal(t, []string{"anew"}, records)
}

// Ensure that a reader that was under way notices a rewind, and that readers
// of an empty log do not mind.
func TestRecordsRewound(t *testing.T) {
	r := openRecords(t, createLog(t))
	early := r.Scan(0)
	require.False(t, early.Next())
	require.NoError(t, early.Err())
	require.NoError(t, r.Rewind())
	for range 3 {
		appendRecord(t, r, strings.Repeat("long", 30_000))
	}
	require.True(t, early.Next())
	require.NoError(t, r.Rewind())
	appendRecord(t, r, "short")
	require.False(t, early.Next())
	require.ErrorIs(t, early.Err(), ErrRewound)
	require.False(t, early.Next(), "the error stays")

	late := r.Scan(0)
	require.True(t, late.Next())
	require.NoError(t, r.Log().Rewind(), "of the log itself")
	require.False(t, late.Next())
	require.ErrorIs(t, late.Err(), ErrRewound)
	assert.EqualValues(t, 24, appendRecord(t, r, "after it"))
	records, err := recordsFrom(r, 0)
	require.NoError(t, err)
	assert.Equal(t, []string{"after it"}, records)
}

// Ensure that several Records of one log work together, rewinds included.
func TestSeveralRecords(t *testing.T) {
	l := createLog(t)
	a, b := openRecords(t, l), openRecords(t, l)
	appendRecord(t, a, "a1")
	appendRecord(t, b, "b1")
	appendRecord(t, a, "a2")
	for _, r := range []*Records{a, b} {
		records, err := recordsFrom(r, 0)
		require.NoError(t, err)
		assert.Equal(t, []string{"a1", "b1", "a2"}, records)
	}
	require.NoError(t, b.Rewind())
	appendRecord(t, b, "b2")
	appendRecord(t, a, "a3")
	records, err := recordsFrom(a, 0)
	require.NoError(t, err)
	assert.Equal(t, []string{"b2", "a3"}, records)
}

// Ensure that what did not come from Records is found, at its place, at open
// and at the next append; that nothing is appended behind it; and that Rewind
// helps.
func TestForeignTail(t *testing.T) {
	for name, foreign := range map[string]string{
		"one byte":        "x",
		"text":            "a line of text\n",
		"zeros":           strings.Repeat("\x00", 10_000),
		"ones":            strings.Repeat("\xff", 100),
		"short header":    "\x05\x00\x00\x00\x01\x02\x03",
		"beyond the end":  "\xff\xff\xff\x00\x01\x02\x03\x04abc",
		"wrong checksum":  "\x03\x00\x00\x00\x01\x02\x03\x04abc",
		"records of ours": "", // a copy of the first record
	} {
		t.Run(name, func(t *testing.T) {
			l := createLog(t)
			r := openRecords(t, l)
			first := appendRecord(t, r, "kept 1")
			end := appendRecord(t, r, "kept 2")
			end += 8 + 6
			raw := []byte(foreign)
			if foreign == "" {
				raw = make([]byte, 14)
				_, err := l.ReadAt(raw, first)
				require.NoError(t, err)
			}
			require.NoError(t, l.Append(raw))

			check := func(err error) {
				t.Helper()
				var tail *TailError
				require.ErrorAs(t, err, &tail)
				require.ErrorIs(t, err, ErrNotRecords)
				assert.Equal(t, end, tail.Pos)
				assert.Equal(t, end+int64(len(raw)), tail.Len)
				assert.Equal(t, l.Path(), tail.Path)
				assert.NotEmpty(t, tail.Reason)
				assert.ErrorContains(t, err, fmt.Sprintf("no record at %d of", end))
			}
			_, err := r.Append([]byte("lost?"))
			check(err)
			_, err = r.AppendAll([][]byte{[]byte("lost?")})
			check(err)
			l = reopen(t, l)
			r, err = OpenRecords(l)
			check(err)
			require.NotNil(t, r, "it can be read")
			records, err := recordsFrom(r, 0)
			check(err)
			assert.Equal(t, []string{"kept 1", "kept 2"}, records)
			_, err = r.Append([]byte("lost?"))
			check(err)

			require.NoError(t, r.Rewind())
			appendRecord(t, r, "anew")
			records, err = recordsFrom(openRecords(t, l), 0)
			require.NoError(t, err)
			assert.Equal(t, []string{"anew"}, records)
		})
	}
}

// Ensure that logs which hold something else are refused.
func TestNotRecords(t *testing.T) {
	for _, foreign := range []string{"x", "PMGOREC1", strings.Repeat("text\n", 100), strings.Repeat("\x00", 24)} {
		l := createLog(t)
		appendString(t, l, foreign)
		r, err := OpenRecords(l)
		var tail *TailError
		require.ErrorAs(t, err, &tail)
		assert.Zero(t, tail.Pos)
		assert.ErrorContains(t, err, "does not begin with the header of records")
		_, err = r.Append(nil)
		require.ErrorIs(t, err, ErrNotRecords)
		assert.Equal(t, foreign, contents(t, l))
		require.NoError(t, r.Rewind())
		appendRecord(t, r, "now it does")
	}
}

// writeOffset is where a log's file keeps the end of its content.
const writeOffset = 4096 + 16

// setEnd makes the closed log at path end elsewhere; 0 is the end of the file,
// which repairing its header does.
func setEnd(t testing.TB, path string, end int64) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	require.NoError(t, err)
	if end == 0 {
		st, err := f.Stat()
		require.NoError(t, err)
		end = st.Size()
	}
	_, err = f.WriteAt(binary.LittleEndian.AppendUint64(nil, uint64(end)), writeOffset)
	require.NoError(t, err)
	require.NoError(t, f.Close())
}

// Ensure that records end at the right place in a log whose header was
// repaired, so that it ends with its file: before zeros, before records that
// were there before a rewind, and before the rest of a torn one.
func TestRepairedHeader(t *testing.T) {
	for _, rewind := range []bool{false, true} {
		for keep := range 4 {
			l := createLog(t)
			r := openRecords(t, l)
			var want []string
			if rewind {
				// Records of the same sizes, so that their headers are just where
				// the new ones end.
				for i := range 10 {
					appendRecord(t, r, fmt.Sprintf("record %d", i))
				}
				require.NoError(t, r.Rewind())
			}
			for i := range keep {
				want = append(want, fmt.Sprintf("record %d", i))
				appendRecord(t, r, want[i])
			}
			end, err := r.End()
			require.NoError(t, err)
			require.NoError(t, l.Close())
			setEnd(t, l.Path(), 0)

			l = reopen(t, l)
			n, err := l.Len()
			require.NoError(t, err)
			require.Equal(t, l.Cap(), n)
			r, err = OpenRecords(l)
			var tail *TailError
			switch {
			case keep > 0:
				require.ErrorAs(t, err, &tail)
				assert.Equal(t, end, tail.Pos)
				got, err := recordsFrom(r, 0)
				require.ErrorAs(t, err, &tail)
				assert.Equal(t, want, got)
			case !rewind:
				require.ErrorAs(t, err, &tail)
				assert.Zero(t, tail.Pos)
			default:
				// A rewind alone leaves what was there before: the old records are
				// whole, and all of one kind.
				require.ErrorAs(t, err, &tail)
				got, _ := recordsFrom(r, 0)
				assert.Len(t, got, 10)
			}
			require.NoError(t, l.Close())
		}
	}
}

// Ensure that after a repair by PMDK's own tool, which makes the log end with
// its file, the records end where they did.
func TestRepairByPmempool(t *testing.T) {
	pmempool, err := exec.LookPath("pmempool")
	if err != nil {
		t.Skip("PMDK's tool pmempool is not installed:", err)
	}
	l := createLog(t)
	r := openRecords(t, l)
	appendRecord(t, r, "first")
	appendRecord(t, r, "second")
	end, err := r.End()
	require.NoError(t, err)
	require.NoError(t, l.Close())
	f, err := os.OpenFile(l.Path(), os.O_RDWR, 0)
	require.NoError(t, err)
	_, err = f.WriteAt(make([]byte, 24), 4096)
	require.NoError(t, err)
	require.NoError(t, f.Close())

	_, err = Open(l.Path())
	var corrupt *CorruptError
	require.ErrorAs(t, err, &corrupt)
	require.ErrorContains(t, err, "pmempool check -r")
	out, err := exec.Command(pmempool, "check", "-r", "-y", l.Path()).CombinedOutput()
	require.NoError(t, err, "%s", out)

	l = reopen(t, l)
	n, err := l.Len()
	require.NoError(t, err)
	assert.Equal(t, l.Cap(), n, "the tool cannot know where the content ended")
	r, err = OpenRecords(l)
	var tail *TailError
	require.ErrorAs(t, err, &tail)
	assert.Equal(t, end, tail.Pos)
	records, _ := recordsFrom(r, 0)
	assert.Equal(t, []string{"first", "second"}, records)
	require.NoError(t, l.Close())
}

// Ensure that a record cut anywhere is noticed, and the ones before it are
// read.
func TestTornTail(t *testing.T) {
	l := createLog(t)
	r := openRecords(t, l)
	appendRecord(t, r, "whole")
	torn := appendRecord(t, r, "to be cut")
	end, err := r.End()
	require.NoError(t, err)
	require.NoError(t, l.Close())
	for at := torn; at <= end; at++ {
		setEnd(t, l.Path(), 8192+at)
		l, err := Open(l.Path(), WithDurability(processCrash))
		require.NoError(t, err)
		r, err := OpenRecords(l)
		switch at {
		case torn, end:
			require.NoError(t, err)
			appendRecord(t, r, "goes on")
		default:
			var tail *TailError
			require.ErrorAs(t, err, &tail, "cut at %d", at)
			assert.Equal(t, torn, tail.Pos)
		}
		records, _ := recordsFrom(r, 0)
		assert.Equal(t, "whole", records[0])
		require.NoError(t, l.Close())
		// What was appended at torn has overwritten the record.
		if at == torn {
			setEnd(t, l.Path(), 8192+torn)
			again, err := Open(l.Path(), WithDurability(processCrash))
			require.NoError(t, err)
			r := openRecords(t, again)
			appendRecord(t, r, "to be cut")
			require.NoError(t, again.Close())
		}
	}
}

// Ensure that any bit that changes in records is noticed where it is.
func TestBitFlips(t *testing.T) {
	l := createLog(t)
	r := openRecords(t, l)
	var starts []int64
	for i := range 5 {
		starts = append(starts, appendRecord(t, r, strings.Repeat("d", i*7)))
	}
	end, err := r.End()
	require.NoError(t, err)
	require.NoError(t, l.Close())
	good, err := os.ReadFile(l.Path())
	require.NoError(t, err)
	rnd := newRand(t)
	for range 200 {
		at := rnd.Int64N(end)
		bad := bytes.Clone(good)
		bad[8192+at] ^= 1 << rnd.IntN(8)
		require.NoError(t, os.WriteFile(l.Path(), bad, 0o600))
		l, err := Open(l.Path(), WithDurability(processCrash))
		require.NoError(t, err)
		_, err = OpenRecords(l)
		var tail *TailError
		require.ErrorAs(t, err, &tail)
		want := int64(0)
		for _, start := range starts {
			if start <= at {
				want = start
			}
		}
		assert.Equal(t, want, tail.Pos, "bit at %d", at)
		require.NoError(t, l.Close())
	}
	require.NoError(t, os.WriteFile(l.Path(), good, 0o600))
}

// Ensure that the format is the documented one.
func TestRecordFormat(t *testing.T) {
	l := createLog(t)
	r := openRecords(t, l)
	appendRecord(t, r, "hello")
	b := []byte(contents(t, l))
	le, table := binary.LittleEndian, crc32.MakeTable(crc32.Castagnoli)
	require.Len(t, b, 24+8+5)
	assert.Equal(t, "PMGOREC1", string(b[:8]))
	assert.Equal(t, crc32.Checksum(b[:16], table), le.Uint32(b[16:]))
	assert.Zero(t, le.Uint32(b[20:]))
	assert.EqualValues(t, 5, le.Uint32(b[24:]))
	sum := append([]byte{}, b[8:16]...) // salt
	sum = le.AppendUint64(sum, 24)      // position
	sum = append(sum, b[24:28]...)      // size
	sum = append(sum, "hello"...)       // data
	assert.Equal(t, crc32.Checksum(sum, table), le.Uint32(b[28:]))
}

// Ensure that a follower sees records as they come, and stops when told to,
// or when the log is closed.
func TestWait(t *testing.T) {
	l := createLog(t)
	r := openRecords(t, l)
	got := make(chan string)
	ended := make(chan error)
	go func() {
		s := r.Scan(0)
		for s.Wait(context.Background()) {
			got <- string(s.Data())
		}
		ended <- s.Err()
	}()
	for i := range 100 {
		want := fmt.Sprint("record ", i)
		appendRecord(t, r, want)
		assert.Equal(t, want, <-got)
	}
	require.NoError(t, l.Close())
	assert.ErrorIs(t, <-ended, ErrClosed)
}

func TestWaitCancelled(t *testing.T) {
	r := openRecords(t, createLog(t))
	s := r.Scan(0)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond)
	defer cancel()
	assert.False(t, s.Wait(ctx))
	assert.ErrorIs(t, s.Err(), context.DeadlineExceeded)
	appendRecord(t, r, "later")
	assert.True(t, s.Wait(ctx), "what is there needs no waiting")
	assert.Equal(t, "later", string(s.Data()))
	assert.False(t, s.Wait(ctx))
	assert.False(t, s.Next())
	assert.NoError(t, s.Err(), "the end of the log is none")
	assert.Equal(t, s.End(), s.Pos()+8+5)
}
