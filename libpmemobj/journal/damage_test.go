package journal_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/poolheader"
	"github.com/pmem/pmdk-go/internal/testchild"
	"github.com/pmem/pmdk-go/internal/testpool"
	"github.com/pmem/pmdk-go/libpmemobj"
	"github.com/pmem/pmdk-go/libpmemobj/journal"
)

// killed is what a child that worked on a pool has left: copies of the files.
type killed struct {
	pool, log string
	done      [writers]uint64 // what it had acknowledged
}

// kill has a child work on the pool at path, and kills it some time after it has
// begun. done is what others had acknowledged before.
func kill(t testing.TB, path, how string, after time.Duration, done [writers]uint64) (k killed) {
	t.Helper()
	k.done = done
	c := testchild.Start(t, "work", path, how)
	note := func(line string) {
		var w int
		var n uint64
		_, err := fmt.Sscan(line, &w, &n)
		require.NoError(t, err, line)
		k.done[w] = n
	}
	note(c.Line(t))
	c.KillAfter(t, after, note)
	k.pool = filepath.Join(testpool.Dir(t), "saved")
	k.log = k.pool + journal.Suffix
	copyFile(t, path, k.pool)
	copyFile(t, path+journal.Suffix, k.log)
	return k
}

// restore makes the files at path what the child has left.
func (k killed) restore(t testing.TB, path string) {
	t.Helper()
	copyFile(t, k.pool, path)
	copyFile(t, k.log, path+journal.Suffix)
}

// copyFile copies in the kernel, because the race detector keeps account of all
// memory that is read into.
func copyFile(t testing.TB, from, to string) {
	t.Helper()
	in, err := os.Open(from)
	require.NoError(t, err)
	defer in.Close()
	out, err := os.Create(to)
	require.NoError(t, err)
	_, err = out.ReadFrom(in)
	require.NoError(t, errors.Join(err, out.Close()))
}

func read(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	return b
}

func write(t testing.TB, path string, b []byte) {
	t.Helper()
	require.NoError(t, os.WriteFile(path, b, 0o600))
}

// equal says whether two files are.
func equal(t testing.TB, a, b string) bool {
	t.Helper()
	f, err := os.Open(a)
	require.NoError(t, err)
	defer f.Close()
	g, err := os.Open(b)
	require.NoError(t, err)
	defer g.Close()
	x, y := make([]byte, 1<<20), make([]byte, 1<<20)
	for {
		n, errX := io.ReadFull(f, x)
		m, errY := io.ReadFull(g, y)
		if n != m || !bytes.Equal(x[:n], y[:m]) {
			return false
		}
		if errX != nil || errY != nil {
			return true
		}
	}
}

// busy is what a child has left that was killed when its journal had something
// that the pool lacks.
func busy(t testing.TB, path string, done [writers]uint64) (k killed) {
	t.Helper()
	k.done = done
	for range 50 {
		k = kill(t, path, "steady", 100*time.Millisecond, k.done)
		s, err := journal.ReadStatus(path + journal.Suffix)
		require.NoError(t, err)
		require.Nil(t, s.Damage)
		if s.Batches > 20 {
			return k
		}
		require.NoError(t, journal.Replay(path, small))
	}
	t.Fatal("no journal had anything")
	return k
}

// place is where a batch lies in the file.
type place struct{ at, end int }

// places finds the batches of a journal by their lengths alone.
func places(t testing.TB, log []byte, s journal.Status) (all map[uint64]place) {
	t.Helper()
	all = map[uint64]place{}
	next := s.First
	for seq := s.Tail; next < s.First+s.Batches; seq++ {
		start := 8192 + int(seq%uint64(s.Segments))*int(s.SegmentSize)
		at, first := start+64, next
		for at+32 < start+int(s.SegmentSize) && binary.LittleEndian.Uint64(log[at+16:]) == next && next < s.First+s.Batches {
			end := at + 32 + int(binary.LittleEndian.Uint32(log[at+8:]))
			all[next] = place{at, end}
			at = end
			next++
		}
		require.NotEqual(t, first, next, "segment %d", seq)
	}
	return all
}

// spoil damages a journal in some way, mostly where its batches are, and says
// how, and where.
func spoil(t testing.TB, rnd *rand.Rand, path string, all map[uint64]place, first uint64) (how string) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	require.NoError(t, err)
	defer f.Close()
	n := first + rnd.Uint64N(uint64(len(all)))
	p := all[n]
	at := p.at + rnd.IntN(p.end-p.at)
	if rnd.IntN(10) == 0 {
		at = rnd.IntN(8192) // the headers
	}
	over := func(at int, b []byte) {
		_, err := f.WriteAt(b, int64(at))
		require.NoError(t, err)
	}
	switch rnd.IntN(5) {
	case 0:
		require.NoError(t, f.Truncate(int64(at)))
		return fmt.Sprintf("cut at %d", at)
	case 1:
		b := []byte{0}
		_, err := f.ReadAt(b, int64(at))
		require.NoError(t, err)
		over(at, []byte{b[0] ^ 1<<rnd.IntN(8)})
		return fmt.Sprintf("a bit at %d", at)
	case 2:
		b := make([]byte, 1+rnd.IntN(10000))
		for i := range b {
			b[i] = byte(rnd.Uint32())
		}
		over(at, b)
		return fmt.Sprintf("%d bytes of garbage at %d", len(b), at)
	case 3:
		for n := n; n < first+uint64(len(all)); n++ {
			p := all[n]
			over(p.at-64, make([]byte, p.end-p.at+64)) // with the segment's header, or a piece of what was before
		}
		return fmt.Sprintf("no more batches from %d on", p.at)
	}
	at &^= 511
	b := make([]byte, 512*(1+rnd.IntN(40)))
	over(at, b)
	return fmt.Sprintf("a hole of %d bytes at %d", len(b), at)
}

// Ensure that a journal that was damaged behind our back is refused, with the
// pool as it was, or gives a state that the pool was in; and that one that lacks
// a batch that was durable, by what any later one says, is always refused.
func TestCrashDamaged(t *testing.T) {
	t.Parallel()
	effective(t)
	rnd := rand.New(rand.NewPCG(rand.Uint64(), 0))
	path := testpool.Path(t)
	k := busy(t, path, [writers]uint64{})
	whole, err := journal.ReadStatus(path + journal.Suffix)
	require.NoError(t, err)
	mark, marked := poolheader.MarkOf(read(t, k.pool))
	require.True(t, marked)
	original := read(t, k.log)
	all := places(t, original, whole)
	bad := filepath.Join(testpool.Dir(t), "bad")
	cases := images(72) / 4
	seen := map[string]int{}
	for range cases {
		k.restore(t, path)
		how := spoil(t, rnd, path+journal.Suffix, all, whole.First)
		copyFile(t, path+journal.Suffix, bad)
		p, err := libpmemobj.Open(path, layout, journal.With(small), libpmemobj.WithVerify())
		if err != nil {
			var damaged *journal.DamagedError
			isDamaged := errors.As(err, &damaged)
			require.True(t, isDamaged || errors.Is(err, journal.ErrForeign), "%s: %v", how, err)
			require.ErrorContains(t, err, path, how)
			require.True(t, equal(t, k.pool, path), "%s: %v, and the pool has changed", how, err)
			require.True(t, equal(t, bad, path+journal.Suffix), "%s: %v, and the journal has changed", how, err)
			seen["refused"]++
			continue
		}
		stats, err := journal.StatsOf(p)
		require.NoError(t, err)
		next, lost := mark.First+stats.Replayed, false
		for n, p := range all {
			if n < next {
				continue
			}
			lost = true
			there := has(t, bad, original[p.at:p.end], p.at)
			require.False(t, there && n > next, "%s: batches up to %d were replayed, and batch %d is there", how, next-1, n)
		}
		w, err := openWork(p)
		require.NoError(t, err, how)
		for i := range writers {
			done := w.root.Accounts[i].Done
			_, err := w.check(i, done)
			require.NoError(t, err, how)
			if !lost {
				require.GreaterOrEqual(t, done, k.done[i], how)
			}
		}
		require.NoError(t, p.Close(), how)
		require.NoError(t, libpmemobj.Check(path, ""), how)
		if lost {
			seen["cut"]++
		} else {
			seen["whole"]++
		}
	}
	t.Logf("crashtest: %d images at %d crash points (0 equal ones skipped), 0 failures; damaged journals of %d batches: %v", cases, len(all), len(all), seen)
	require.NotZero(t, seen["refused"])
	if cases >= 200 { // one in ten or so
		require.NotZero(t, seen["cut"])
	}

	// As it was, it is fine.
	k.restore(t, path)
	requireDone(t, path, k.done)
}

// has says whether a file has b at an offset.
func has(t testing.TB, path string, b []byte, at int) bool {
	t.Helper()
	f, err := os.Open(path)
	require.NoError(t, err)
	defer f.Close()
	got := make([]byte, len(b))
	_, err = f.ReadAt(got, int64(at))
	return err == nil && bytes.Equal(b, got)
}

// requireDone opens the pool at path with its journal, and looks for what was
// acknowledged.
func requireDone(t testing.TB, path string, done [writers]uint64) {
	t.Helper()
	p, err := libpmemobj.Open(path, layout, journal.With(small), libpmemobj.WithVerify())
	require.NoError(t, err)
	w, err := openWork(p)
	require.NoError(t, err)
	for i := range writers {
		_, err := w.check(i, done[i])
		require.NoError(t, err)
	}
	require.NoError(t, p.Close())
	testpool.Check(t, path)
}
