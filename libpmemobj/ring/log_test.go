package ring_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/fuzzpool"
	"github.com/pmem/pmdk-go/internal/testpool"
	"github.com/pmem/pmdk-go/libpmemobj"
	"github.com/pmem/pmdk-go/libpmemobj/directory"
	"github.com/pmem/pmdk-go/libpmemobj/ring"
)

func openLog(t testing.TB, p *libpmemobj.Pool, name string, opts ...ring.Option) *ring.Log {
	t.Helper()
	l, err := ring.OpenLog(p, name, opts...)
	require.NoError(t, err)
	return l
}

var small = ring.WithCapacity(ring.MinCapacity)

// recordOf is a record that tells its number, of a length that depends on it.
func recordOf(n uint64) []byte {
	b := make([]byte, 8+n*n%150)
	binary.LittleEndian.PutUint64(b, n)
	for i := 8; i < len(b); i++ {
		b[i] = byte(n) + byte(i)
	}
	return b
}

func numberOf(b []byte) uint64 {
	if len(b) < 8 {
		return 0
	}
	n := binary.LittleEndian.Uint64(b)
	if !bytes.Equal(b, recordOf(n)) {
		return 0
	}
	return n
}

// contents are the records' numbers.
func contents(l *ring.Log) (all []uint64, err error) {
	first, next := l.Bounds()
	for rec, err := range l.From(0) {
		if err != nil {
			return nil, err
		}
		if want := first + uint64(len(all)); rec.Seq != want {
			return nil, fmt.Errorf("record %d comes where %d should", rec.Seq, want)
		}
		all = append(all, numberOf(rec.Data))
	}
	if n := uint64(len(all)); first+n != next || l.Len() != len(all) {
		return nil, fmt.Errorf("%d records from %d to %d, length %d", n, first, next, l.Len())
	}
	return all, nil
}

// Ensure that records are added, read and removed, and over many rounds of the
// ring those are there that should, after restarts too.
func TestLog(t *testing.T) {
	p := testpool.New(t)
	l := openLog(t, p, "l", small)
	require.Equal(t, "l", l.Name())
	require.EqualValues(t, ring.MinCapacity, l.Capacity())
	first, next := l.Bounds()
	require.EqualValues(t, 1, first)
	require.EqualValues(t, 1, next)
	_, err := l.Read(1, nil)
	require.ErrorIs(t, err, ring.ErrRange)
	seq, err := l.Append()
	require.NoError(t, err)
	require.EqualValues(t, 1, seq)

	for n := uint64(1); n < 500; n += 3 {
		seq, err := l.Append(recordOf(n), recordOf(n+1), recordOf(n+2))
		if errors.Is(err, ring.ErrFull) {
			// Ensure that full in the middle of a batch leaves nothing of it.
			_, next := l.Bounds()
			require.Equal(t, n, next)
			all, err := contents(l)
			require.NoError(t, err)
			require.NoError(t, l.TruncateFront(n-uint64(len(all)/3)))
			n -= 3
			continue
		}
		require.NoError(t, err)
		require.Equal(t, n, seq)
		if n%50 < 3 {
			p = testpool.Reopen(t, p)
			l = openLog(t, p, "l")
		}
		first, next := l.Bounds()
		require.Equal(t, n+3, next)
		b, err := l.Read(first, []byte("before"))
		require.NoError(t, err)
		require.Equal(t, append([]byte("before"), recordOf(first)...), b)
	}
	all, err := contents(l)
	require.NoError(t, err)
	first, _ = l.Bounds()
	require.Equal(t, first, all[0])
	require.Greater(t, len(all), 10)
}

// Ensure that truncations do what they say at their limits, and that what was cut
// off does not come back.
func TestTruncate(t *testing.T) {
	p := testpool.New(t)
	l := openLog(t, p, "l", small)
	add := func(ns ...uint64) {
		t.Helper()
		for _, n := range ns {
			_, err := l.Append(recordOf(n))
			require.NoError(t, err)
		}
	}
	check := func(first uint64, ns ...uint64) {
		t.Helper()
		for range 2 {
			have, _ := l.Bounds()
			require.Equal(t, first, have)
			all, err := contents(l)
			require.NoError(t, err)
			require.Equal(t, ns, all)
			p = testpool.Reopen(t, p)
			l = openLog(t, p, "l")
		}
	}
	add(1, 2, 3, 4, 5, 6, 7, 8)
	require.NoError(t, l.TruncateFront(0))
	require.NoError(t, l.TruncateFront(1))
	require.NoError(t, l.TruncateBack(9))
	require.NoError(t, l.TruncateBack(100))
	check(1, 1, 2, 3, 4, 5, 6, 7, 8)
	require.NoError(t, l.TruncateBack(6))
	check(1, 1, 2, 3, 4, 5)
	add(6) // just where the one before was, so that those behind it fit
	check(1, 1, 2, 3, 4, 5, 6)
	require.NoError(t, l.TruncateFront(4))
	check(4, 4, 5, 6)
	require.NoError(t, l.TruncateBack(2))
	first, next := l.Bounds()
	require.EqualValues(t, 4, first)
	require.EqualValues(t, 4, next)
	add(4)
	check(4, 4)
	require.NoError(t, l.TruncateFront(100))
	first, next = l.Bounds()
	require.EqualValues(t, 5, first)
	require.EqualValues(t, 5, next)
	require.NoError(t, l.Reset(1000))
	add(1, 2)
	check(1000, 1, 2)
	require.ErrorContains(t, l.Reset(0), "begin with 1")
	require.NoError(t, l.Reset(5))
	add(5)
	check(5, 5)
}

// Ensure that records of every size that fits are taken, and no others.
func TestSizes(t *testing.T) {
	p := testpool.New(t)
	l := openLog(t, p, "l", small)
	const largest = ring.MinCapacity/2 - 32
	for n := range largest + 1 {
		seq, err := l.Append(make([]byte, n))
		require.NoError(t, err, "%d bytes", n)
		b, err := l.Read(seq, nil)
		require.NoError(t, err)
		require.Len(t, b, n)
		require.NoError(t, l.TruncateFront(seq+1))
	}
	_, err := l.Append(make([]byte, largest+1))
	require.ErrorIs(t, err, ring.ErrTooLarge)
	_, err = l.Append(make([]byte, 1<<20))
	require.ErrorIs(t, err, ring.ErrTooLarge)
	_, err = l.Append(make([]byte, 1000), make([]byte, 1000), make([]byte, 1000), make([]byte, 1000))
	require.ErrorIs(t, err, ring.ErrTooLarge)
	for _, n := range []int64{0, ring.MinCapacity - 1, libpmemobj.MaxAlloc} {
		_, err = ring.OpenLog(p, "other", ring.WithCapacity(n))
		require.ErrorContains(t, err, fmt.Sprintf("a ring of %d bytes", n))
	}
}

// Ensure that a record that the medium has changed is an error where it is read,
// and the end of the log when it is opened.
func TestCorrupt(t *testing.T) {
	p := testpool.New(t)
	l := openLog(t, p, "l", small)
	for n := range uint64(10) {
		_, err := l.Append(recordOf(n + 1))
		require.NoError(t, err)
	}
	damage(t, p, "l", recordOf(6))
	_, err := l.Read(6, nil)
	require.ErrorIs(t, err, ring.ErrCorrupt)
	require.ErrorContains(t, err, `log read "l": the record's checksum is wrong: sequence number 6`)
	_, err = l.Read(7, nil)
	require.NoError(t, err)
	for rec, err := range l.From(6) {
		require.Zero(t, rec)
		require.ErrorIs(t, err, ring.ErrCorrupt)
	}
	p = testpool.Reopen(t, p)
	_, next := openLog(t, p, "l").Bounds()
	require.EqualValues(t, 6, next)
}

// damage flips a bit of where the data is in the ring of that name.
func damage(t *testing.T, p *libpmemobj.Pool, name string, data []byte) {
	t.Helper()
	for e, err := range directory.List(p) {
		require.NoError(t, err)
		if e.Name != name {
			continue
		}
		oid := libpmemobj.OID{Pool: p.UUID(), Off: e.Off}
		n, err := p.UsableSize(oid)
		require.NoError(t, err)
		view, err := p.Bytes(oid, 0, n)
		require.NoError(t, err)
		at := bytes.Index(view, data)
		require.Positive(t, at)
		view[at+3] ^= 0x10
		return
	}
	t.Fatal("no ring called ", name)
}

func runLogModel(t *testing.T, p *fuzzpool.Pool, steps []byte, rnd *rand.Rand) {
	l := openLog(t, p.Pool, "l", small)
	first, model := uint64(1), []uint64{}
	n := uint64(0)
	rollBack := errors.New("roll back")
	batch := func() (ns []uint64, records [][]byte) {
		for range 1 + rnd.IntN(5) {
			n++
			ns, records = append(ns, n), append(records, recordOf(n))
		}
		return ns, records
	}
	for _, step := range steps {
		next := first + uint64(len(model))
		seq := first + uint64(rnd.IntN(len(model)+3)) - 1
		switch step % 16 {
		case 0, 1, 2, 3, 4, 5, 6:
			ns, records := batch()
			at, err := l.Append(records...)
			if errors.Is(err, ring.ErrFull) {
				break
			}
			require.NoError(t, err)
			require.Equal(t, next, at)
			model = append(model, ns...)
		case 7, 8:
			require.NoError(t, l.TruncateFront(seq))
			if seq > first {
				seq = min(seq, next)
				first, model = seq, model[seq-first:]
			}
		case 9:
			require.NoError(t, l.TruncateBack(seq))
			if seq < next {
				model = model[:max(seq, first)-first]
			}
		case 10:
			if step < 64 {
				first, model = uint64(rnd.IntN(1000)+1), nil
				require.NoError(t, l.Reset(first))
			}
		case 11:
			if step < 64 {
				p.Reopen(t)
				l = openLog(t, p.Pool, "l")
			}
		case 12, 13, 14:
			newFirst, newModel := first, append([]uint64{}, model...)
			err := p.Update(func(tx *libpmemobj.Tx) error {
				for range rnd.IntN(5) {
					next := newFirst + uint64(len(newModel))
					seq := newFirst + uint64(rnd.IntN(len(newModel)+3)) - 1
					switch rnd.IntN(6) {
					case 0, 1, 2:
						ns, records := batch()
						at, err := l.In(tx).Append(records...)
						if errors.Is(err, ring.ErrFull) {
							break
						}
						require.NoError(t, err)
						require.Equal(t, next, at)
						newModel = append(newModel, ns...)
					case 3:
						require.NoError(t, l.In(tx).TruncateFront(seq))
						if seq > newFirst {
							seq = min(seq, next)
							newFirst, newModel = seq, newModel[seq-newFirst:]
						}
					case 4:
						require.NoError(t, l.In(tx).TruncateBack(seq))
						if seq < next {
							newModel = newModel[:max(seq, newFirst)-newFirst]
						}
					case 5:
						if rnd.IntN(4) == 0 {
							newFirst, newModel = uint64(rnd.IntN(1000)+1), nil
							require.NoError(t, l.In(tx).Reset(newFirst))
						}
					}
					a, b, err := l.In(tx).Bounds()
					require.NoError(t, err)
					require.Equal(t, newFirst, a)
					require.Equal(t, newFirst+uint64(len(newModel)), b)
					for i, want := range newModel {
						data, err := l.In(tx).Read(newFirst+uint64(i), nil)
						require.NoError(t, err)
						require.Equal(t, want, numberOf(data))
					}
				}
				if step >= 128 {
					return rollBack
				}
				return nil
			})
			if err == nil {
				first, model = newFirst, newModel
			} else {
				require.ErrorIs(t, err, rollBack)
			}
		}
		have, _ := l.Bounds()
		require.Equal(t, first, have)
		all, err := contents(l)
		require.NoError(t, err)
		require.Equal(t, len(model), len(all))
		for i := range model {
			require.Equal(t, model[i], all[i])
		}
	}
}

// Ensure that random operations have the results that they have on a slice.
func TestLogModel(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	steps := make([]byte, 1500)
	for i := range steps {
		steps[i] = byte(rnd.Uint32())
	}
	runLogModel(t, fuzzpool.New(t), steps, rnd)
}

func FuzzLog(f *testing.F) {
	f.Add([]byte{0, 1, 2, 7, 9, 10, 11, 12, 140, 3, 13, 27})
	p := fuzzpool.NewShared(f)
	f.Fuzz(func(t *testing.T, steps []byte) {
		if len(steps) > 300 {
			t.Skip("long sequences are TestLogModel's")
		}
		runLogModel(t, p, steps, rand.New(rand.NewPCG(uint64(len(steps)), 1)))
		require.NoError(t, directory.Remove(p.Pool, "l"))
	})
}

// Ensure that records of many goroutines get numbers of their own, in the order of
// each one's calls, while others read and the front is cut.
func TestLogParallel(t *testing.T) {
	p := testpool.New(t)
	l := openLog(t, p, "l", ring.WithCapacity(64<<10))
	const writers, each = 4, 500
	var wg, readers sync.WaitGroup
	var stop atomic.Bool
	for range 2 {
		readers.Go(func() {
			for !stop.Load() {
				last := uint64(0)
				for rec, err := range l.From(0) {
					if err != nil || rec.Seq <= last || numberOf(rec.Data) == 0 {
						t.Errorf("record %d after %d: %v, %v", rec.Seq, last, rec.Data, err)
						return
					}
					last = rec.Seq
				}
				first, next := l.Bounds()
				if err := l.TruncateFront((first + next) / 2); err != nil {
					t.Error(err)
				}
			}
		})
	}
	var seen sync.Map
	for g := range writers {
		wg.Go(func() {
			last := uint64(0)
			for i := 0; i < each; i++ {
				rec := recordOf(uint64(g*each + i + 1))
				var seq uint64
				var err error
				if i%10 == 0 {
					err = p.Update(func(tx *libpmemobj.Tx) error {
						seq, err = l.In(tx).Append(rec)
						return err
					})
				} else {
					seq, err = l.Append(rec)
				}
				if errors.Is(err, ring.ErrFull) {
					i--
					continue
				}
				if err != nil || seq <= last {
					t.Errorf("%d after %d, %v", seq, last, err)
					return
				}
				last = seq
				if other, twice := seen.LoadOrStore(seq, rec); twice {
					t.Errorf("%d was given twice, to %v", seq, other)
				}
			}
		})
	}
	wg.Wait()
	stop.Store(true)
	readers.Wait()
	_, next := l.Bounds()
	require.EqualValues(t, writers*each+1, next)
	for rec, err := range l.From(0) {
		require.NoError(t, err)
		want, ok := seen.Load(rec.Seq)
		require.True(t, ok)
		require.Equal(t, want, rec.Data)
	}
}

// Ensure what is refused.
func TestLogMisuse(t *testing.T) {
	p := testpool.New(t)
	l := openLog(t, p, "l", small)
	_, err := ring.OpenQueue(p, "l")
	var wrong *directory.KindError
	require.ErrorAs(t, err, &wrong)
	require.ErrorContains(t, err, "is a ring.Log version 1, not a ring.Queue version 1")
	require.NoError(t, p.Update(func(tx *libpmemobj.Tx) error {
		_, err := l.Append(recordOf(1))
		require.ErrorIs(t, err, libpmemobj.ErrInTx)
		require.ErrorIs(t, l.TruncateFront(1), libpmemobj.ErrInTx)
		require.ErrorIs(t, l.TruncateBack(1), libpmemobj.ErrInTx)
		require.ErrorIs(t, l.Reset(1), libpmemobj.ErrInTx)
		_, err = l.In(tx).Append(recordOf(1))
		require.NoError(t, err)
		_, err = l.Read(1, nil)
		require.ErrorIs(t, err, libpmemobj.ErrInTx)
		_, err = l.In(tx).Read(2, nil)
		require.ErrorIs(t, err, ring.ErrRange)
		require.Zero(t, l.Len(), "seen by others")
		require.ErrorContains(t, l.In(tx).Reset(0), "begin with 1")
		return nil
	}))
	_, err = l.In(nil).Append(recordOf(1))
	require.ErrorContains(t, err, "no transaction")
	require.Equal(t, 1, l.Len())
	for e, err := range directory.List(p) {
		require.NoError(t, err)
		require.EqualValues(t, 1, e.Entries)
		require.Greater(t, e.Bytes, int64(ring.MinCapacity))
	}
	require.NoError(t, directory.Remove(p, "l"))
	_, err = l.Append(recordOf(1))
	require.ErrorContains(t, err, "removed")
	l = openLog(t, p, "l", small)
	require.Zero(t, l.Len())
	require.NoError(t, p.Close())
	_, err = l.Append(recordOf(1))
	require.ErrorIs(t, err, libpmemobj.ErrClosed)
	_, err = l.Read(1, nil)
	require.ErrorIs(t, err, libpmemobj.ErrClosed)
	require.ErrorIs(t, l.TruncateBack(1), libpmemobj.ErrClosed)
}

// Ensure that operations need no memory of Go's heap.
func TestLogGoHeap(t *testing.T) {
	if testpool.AddressSanitizer {
		t.Skip("with the address sanitizer every call into C goes through cgo, whose arguments escape")
	}
	p := testpool.New(t)
	l := openLog(t, p, "l")
	rec := recordOf(11)
	buf := make([]byte, 0, 1000)
	inTx := func(tx *libpmemobj.Tx) error {
		_, err := l.In(tx).Append(rec)
		return err
	}
	ops := map[string]func() error{
		"Append":   func() error { _, err := l.Append(rec, rec); return err },
		"Read":     func() error { _, err := l.Read(1, buf); return err },
		"Truncate": func() error { return errors.Join(l.TruncateBack(2), l.TruncateFront(1)) },
		"In":       func() error { return p.Update(inTx) },
	}
	for _, name := range []string{"Append", "Read", "In", "Truncate"} {
		require.Zero(t, testing.AllocsPerRun(100, func() {
			if err := ops[name](); err != nil {
				panic(err)
			}
		}), name)
	}
}
