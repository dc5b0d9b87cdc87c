package libpmemobj_test

import (
	"errors"
	"math"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/internal/testpool"
	. "github.com/pmem/pmdk-go/libpmemobj"
)

// txLogRoot is what the tests of logs change.
type txLogRoot struct {
	Number  uint64
	Log     Ptr[TxLog]
	Objects [200]OID
	Data    [64 << 10]byte
}

func txLogRootOf(t testing.TB, p *Pool) *txLogRoot {
	t.Helper()
	root, err := Root[txLogRoot](p)
	require.NoError(t, err)
	return root.Get()
}

func newTxLog(t testing.TB, p *Pool, need TxNeeds) (log Ptr[TxLog]) {
	t.Helper()
	require.NoError(t, p.Update(func(tx *Tx) (err error) {
		log, err = NewTxLog(tx, need)
		return err
	}))
	return log
}

// fillUp allocates objects until nothing fits.
func fillUp(t testing.TB, p *Pool) (oids []OID) {
	t.Helper()
	for size := uint64(300_000); size > 0; size /= 2 {
		for {
			oid, err := p.Alloc(nil, size, 1)
			if err != nil {
				require.ErrorIs(t, err, ErrOutOfSpace)
				break
			}
			oids = append(oids, oid)
		}
	}
	return oids
}

// Ensure that a transaction that does what its log was made for, to the last
// range and intent, succeeds in a pool without any free memory.
func TestTxLogSuffices(t *testing.T) {
	rnd := newRand(t)
	rounds := 8
	if testing.Short() {
		rounds = 3
	}
	for round := range rounds {
		p := testpool.New(t, WithSize(2*testpool.Size))
		r := txLogRootOf(t, p)
		need := TxNeeds{Snapshots: rnd.IntN(200), SnapshotBytes: 1 + rnd.IntN(300), Intents: rnd.IntN(len(r.Objects))}
		if round == 0 {
			need = TxNeeds{Snapshots: 1, SnapshotBytes: 1}
		}
		for i := range need.Intents {
			r.Objects[i] = oneObject(t, p, uint64(100+i%50*60), 1)
		}
		log := newTxLog(t, p, need)
		fillUp(t, p)
		run := func(end error) error {
			return p.Update(func(tx *Tx) error {
				require.NoError(t, tx.UseLog(log))
				for i := range need.Snapshots {
					part := r.Data[i*need.SnapshotBytes:][:need.SnapshotBytes]
					require.NoError(t, tx.Snapshot(RangeOfSlice(part)), "range %d, %+v", i, need)
					fill(part, uint64(round+1))
				}
				for i, oid := range r.Objects[:need.Intents] {
					require.NoError(t, tx.Free(oid), "free %d, %+v", i, need)
				}
				return end
			})
		}
		before := r.Data
		objects := len(objectsIn(p))
		require.ErrorIs(t, run(errStop), errStop)
		require.True(t, before == r.Data, "%+v", need)
		require.Len(t, objectsIn(p), objects)
		require.NoError(t, run(nil))
		require.Len(t, objectsIn(p), objects-need.Intents, "%+v", need)
		require.NoError(t, p.Close())
	}
}

// Ensure that a transaction that outgrows its log fails with its data as before,
// and that nothing it was told to free is forgotten.
func TestTxLogFull(t *testing.T) {
	p := testpool.New(t, WithSize(4*testpool.Size))
	r := txLogRootOf(t, p)
	var oids []OID
	for i := range 250 {
		oids = append(oids, oneObject(t, p, uint64(100+i%50*60), 1))
	}
	log := newTxLog(t, p, TxNeeds{Snapshots: 10, SnapshotBytes: 100, Intents: 50})
	full := func(err error, text string) {
		t.Helper()
		require.ErrorIs(t, err, ErrLogFull)
		require.ErrorIs(t, err, ErrOutOfSpace)
		require.ErrorIs(t, err, unix.ENOMEM)
		require.ErrorContains(t, err, "log of the transaction is full and may not grow")
		require.ErrorContains(t, err, text)
	}

	before := r.Data
	err := p.Update(func(tx *Tx) error {
		require.NoError(t, tx.UseLog(log))
		for i := 0; ; i++ {
			part := r.Data[i*100:][:100]
			if err := tx.Snapshot(RangeOfSlice(part)); err != nil {
				require.GreaterOrEqual(t, i, 10)
				return nil
			}
			fill(part, 1)
		}
	})
	full(err, "the snapshot log")
	require.True(t, before == r.Data)

	for _, useLog := range []bool{true, false} {
		freed := 0
		require.NoError(t, p.Update(func(tx *Tx) error {
			if useLog {
				require.NoError(t, tx.UseLog(log))
			} else {
				require.NoError(t, tx.SetLogAutoAlloc(IntentLog, false))
			}
			r.Number++ // without the snapshot that would do nothing for this test
			*MutAt(tx, &r.Objects[0]) = OID{}
			for _, oid := range oids {
				err := tx.Free(oid)
				if err == nil {
					freed++
					continue
				}
				full(err, "the intent log has room for")
				_, err = New[node](tx)
				full(err, "the intent log has room for")
				_, err = tx.Realloc(oid, 64, 1)
				full(err, "the intent log has room for")
				return nil
			}
			return errors.New("endless")
		}))
		if useLog {
			require.GreaterOrEqual(t, freed, 50)
		}
		require.Positive(t, freed)
		oids = oids[freed:]
		require.Len(t, objectsIn(p), 3+len(oids))
		require.Subset(t, objectsIn(p), oids)
	}

	// Allocations as many as there is room for, with a snapshot that makes the
	// commit need an entry of its own.
	made := 0
	require.NoError(t, p.Update(func(tx *Tx) error {
		require.NoError(t, tx.SetLogAutoAlloc(IntentLog, false))
		*MutAt(tx, &r.Number) = 77
		for ; ; made++ {
			_, _, err := NewBytes(tx, 100+made%50*60, 3)
			if err != nil {
				full(err, "the intent log has room for")
				return nil
			}
		}
	}))
	require.Len(t, objectsIn(p), made+len(oids)+3)
	p = testpool.Reopen(t, p)
	require.EqualValues(t, 77, txLogRootOf(t, p).Number)
	require.Len(t, objectsIn(p), made+len(oids)+3)
}

// Ensure that what cannot be a log, or comes too late, is refused before PMDK
// sees it, and that the transaction can go on without.
func TestTxLogMisuse(t *testing.T) {
	p, other := testpool.New(t, WithSize(4*testpool.Size)), testpool.New(t)
	r := txLogRootOf(t, p)
	log := newTxLog(t, p, TxNeeds{Snapshots: 1, SnapshotBytes: 8, Intents: 100})
	foreign := newTxLog(t, other, TxNeeds{Snapshots: 1, SnapshotBytes: 8})
	damaged := newTxLog(t, p, TxNeeds{Intents: 100})
	fill(view(t, p, damaged.OID(), 64)[16:], 1)
	oid, small := oneObject(t, p, 10_000, 1), oneObject(t, p, 8, 1)
	first, is := "must be settled first", unix.EINVAL
	cases := []struct {
		name string
		do   func(tx *Tx) error
		is   error
		text string
	}{
		{"kind", func(tx *Tx) error { return tx.SetLogAutoAlloc(2, false) }, is, "unknown log 2"},
		{"twice", func(tx *Tx) error {
			require.NoError(t, tx.UseLog(log))
			return tx.UseLog(log)
		}, ErrLogBusy, "log belongs to an open transaction"},
		{"nested", func(tx *Tx) error {
			require.NoError(t, tx.UseLog(log))
			var err error
			require.NoError(t, p.Update(func(tx *Tx) error {
				err = tx.UseLog(log)
				return nil
			}))
			return err
		}, ErrLogBusy, "log belongs to an open transaction"},
		{"after a snapshot", func(tx *Tx) error {
			MutAt(tx, &r.Number)
			return tx.UseLog(log)
		}, is, first},
		{"after Track", func(tx *Tx) error {
			require.NoError(t, tx.Track(RangeOf(&r.Number)))
			return tx.UseLog(log)
		}, is, first},
		{"after New", func(tx *Tx) error {
			_, err := New[node](tx)
			require.NoError(t, err)
			return tx.UseLog(log)
		}, is, first},
		{"after Free", func(tx *Tx) error {
			require.NoError(t, tx.Free(small))
			return tx.UseLog(log)
		}, is, first},
		{"turned off late", func(tx *Tx) error {
			MutAt(tx, &r.Number)
			return tx.SetLogAutoAlloc(IntentLog, false)
		}, is, first},
		{"new log", func(tx *Tx) error {
			fresh, err := NewTxLog(tx, TxNeeds{Snapshots: 1, SnapshotBytes: 1})
			require.NoError(t, err)
			require.ErrorIs(t, tx.FreeLog(fresh), ErrNotLive)
			return tx.UseLog(fresh)
		}, is, first},
		{"snapshot of a log", func(tx *Tx) error {
			require.NoError(t, tx.UseLog(log))
			return tx.Snapshot(log.Range())
		}, ErrLogBusy, "log belongs to an open transaction"},
		{"Track of a log", func(tx *Tx) error {
			require.NoError(t, tx.UseLog(log))
			return tx.Track(log.Range())
		}, ErrLogBusy, "log belongs to an open transaction"},
		{"Free of a log", func(tx *Tx) error {
			require.NoError(t, tx.UseLog(log))
			return tx.Free(log.OID())
		}, ErrLogBusy, "log belongs to an open transaction"},
		{"FreeLog of a log", func(tx *Tx) error {
			require.NoError(t, tx.UseLog(log))
			return tx.FreeLog(log)
		}, ErrLogBusy, "log belongs to an open transaction"},
		{"Realloc of a log", func(tx *Tx) error {
			require.NoError(t, tx.UseLog(log))
			_, err := tx.Realloc(log.OID(), 64, 1)
			return err
		}, ErrLogBusy, "log belongs to an open transaction"},
		{"another object", func(tx *Tx) error { return tx.UseLog(PtrOf[TxLog](oid)) }, is, "is no log that NewTxLog made"},
		{"a small object", func(tx *Tx) error { return tx.UseLog(PtrOf[TxLog](small)) }, is, "is no log"},
		{"damaged", func(tx *Tx) error { return tx.UseLog(damaged) }, is, "is no log that NewTxLog made"},
		{"damaged, FreeLog", func(tx *Tx) error { return tx.FreeLog(damaged) }, is, "is no log that NewTxLog made"},
		{"inside one", func(tx *Tx) error { return tx.UseLog(PtrOf[TxLog](OID{p.UUID(), log.OID().Off + 8})) }, ErrNotLive, "not a live object"},
		{"null", func(tx *Tx) error { return tx.UseLog(Ptr[TxLog]{}) }, ErrNull, "null pointer"},
		{"foreign", func(tx *Tx) error { return tx.UseLog(foreign) }, ErrForeignPool, "belongs to another pool"},
		{"negative needs", func(tx *Tx) error { _, err := NewTxLog(tx, TxNeeds{Snapshots: -1}); return err }, is, "nothing can be negative"},
		{"too many needs", func(tx *Tx) error {
			_, err := NewTxLog(tx, TxNeeds{Snapshots: math.MaxInt, SnapshotBytes: 1})
			return err
		}, unix.ERANGE, "no log can be that large"},
		{"too large needs", func(tx *Tx) error {
			_, err := NewTxLog(tx, TxNeeds{Snapshots: 1, SnapshotBytes: math.MaxInt})
			return err
		}, unix.ERANGE, "no log can be that large"},
		{"too many intents", func(tx *Tx) error {
			_, err := NewTxLog(tx, TxNeeds{Intents: math.MaxInt})
			return err
		}, unix.ERANGE, "no log can be that large"},
		{"intents that wrap", func(tx *Tx) error {
			_, err := NewTxLog(tx, TxNeeds{Intents: 1 << 59})
			return err
		}, unix.ERANGE, "no log can be that large"},
		{"too large an object", func(tx *Tx) error {
			_, err := NewTxLog(tx, TxNeeds{Snapshots: 1, SnapshotBytes: MaxAlloc - 200, Intents: 10_000})
			return err
		}, is, "an object has at most"},
		{"larger than the pool", func(tx *Tx) error {
			_, err := NewTxLog(tx, TxNeeds{Snapshots: 1 << 20, SnapshotBytes: 1000})
			return err
		}, ErrOutOfSpace, "out of space"},
	}
	objects := objectsIn(p)
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			err := p.Update(func(tx *Tx) error {
				err := c.do(tx)
				require.ErrorIs(t, err, c.is)
				require.ErrorContains(t, err, c.text)
				if tx.Err() == nil {
					MutAt(tx, &r.Data[0])
					_, err = New[node](tx)
					require.NoError(t, err)
				}
				return errStop
			})
			require.ErrorIs(t, err, errStop)
			// Whatever happened, the log is free again.
			require.NoError(t, p.Update(func(tx *Tx) error {
				require.NoError(t, tx.UseLog(log))
				return tx.Snapshot(RangeOf(&r.Number))
			}))
		})
	}
	require.Equal(t, objects, objectsIn(p))
	require.NoError(t, p.Update(func(tx *Tx) error { return tx.FreeLog(log) }))
	require.Len(t, objectsIn(p), len(objects)-3)
}

// Ensure that a buffer is allocated anew where it was freed, and that another
// object in its place is left alone.
func TestTxLogRestored(t *testing.T) {
	p := testpool.New(t, WithSize(4*testpool.Size))
	r := txLogRootOf(t, p)
	log := newTxLog(t, p, TxNeeds{Snapshots: 20, SnapshotBytes: 200, Intents: 100})
	use := func() error {
		return p.Update(func(tx *Tx) error {
			require.NoError(t, tx.UseLog(log))
			for i := range 20 {
				require.NoError(t, tx.Snapshot(RangeOfSlice(r.Data[i*1000:][:200])))
			}
			clear(r.Data[:])
			return errStop
		})
	}
	fill(r.Data[:], 1)
	buffers := func() (oids []OID) {
		for _, oid := range objectsIn(p) {
			if oid != log.OID() {
				oids = append(oids, oid)
			}
		}
		return oids
	}
	require.ErrorIs(t, use(), errStop)
	old := buffers()
	require.Len(t, old, 2)
	pointers := PtrOf[[8]uint64](log.OID()).Get()
	for i, oid := range old {
		// As if recovery had freed the buffer and it had been given out again.
		size, err := p.UsableSize(oid)
		require.NoError(t, err)
		j := slices.Index(pointers[:], oid.Off)
		require.Positive(t, j)
		pointers[j] = oneObject(t, p, size, 9).Off
		if i == 0 {
			pointers[j] = oid.Off // freed and not given out
		}
		require.NoError(t, p.Free(&oid))
	}
	others := buffers()
	require.ErrorIs(t, use(), errStop)
	require.Len(t, buffers(), len(others)+2)
	require.NoError(t, p.Update(func(tx *Tx) error { return tx.FreeLog(log) }))
	require.Equal(t, sorted(others), sorted(objectsIn(p)))
	for _, oid := range others {
		num, err := p.TypeNum(oid)
		require.NoError(t, err)
		require.EqualValues(t, 9, num)
	}
}

// Ensure that a log serves one transaction at a time, and cannot be freed
// under it by another goroutine.
func TestTxLogBusy(t *testing.T) {
	p := testpool.New(t)
	r := txLogRootOf(t, p)
	log := newTxLog(t, p, TxNeeds{Snapshots: 20, SnapshotBytes: 100, Intents: 100})
	require.NoError(t, p.Update(func(tx *Tx) error {
		require.NoError(t, tx.UseLog(log))
		var wg sync.WaitGroup
		wg.Go(func() {
			ptr := log
			for what, err := range map[string]error{
				"UseLog":       p.Update(func(tx *Tx) error { return tx.UseLog(log) }),
				"Snapshot":     p.Update(func(tx *Tx) error { return tx.Snapshot(log.Range()) }),
				"Tx.Free":      p.Update(func(tx *Tx) error { return tx.Free(log.OID()) }),
				"Free":         p.Free(ptr.Ref()),
				"Realloc":      p.Realloc(ptr.Ref(), 10, 1),
				"Actions.Free": p.Publish(func(a *Actions) error { a.Free(log.OID()); return nil }),
			} {
				if !errors.Is(err, ErrLogBusy) {
					t.Errorf("%s: %v", what, err)
				}
			}
		})
		wg.Wait()
		return tx.Snapshot(RangeOfSlice(r.Data[:100]))
	}))
	require.NoError(t, p.Update(func(tx *Tx) error { return tx.FreeLog(log) }))
	require.Empty(t, objectsIn(p))
}

// Ensure that many goroutines can use logs of their own at once.
func TestTxLogConcurrent(t *testing.T) {
	p := testpool.New(t, WithSize(4*testpool.Size))
	r := txLogRootOf(t, p)
	const each = 4096
	var wg sync.WaitGroup
	for g := range 8 {
		log := newTxLog(t, p, TxNeeds{Snapshots: 1, SnapshotBytes: each, Intents: 60})
		wg.Go(func() {
			part := r.Data[g*each:][:each]
			for i := range 50 {
				var end error
				if i%3 == 2 {
					end = errStop
				}
				err := p.Update(func(tx *Tx) error {
					if err := tx.UseLog(log); err != nil {
						return err
					}
					if err := tx.Snapshot(RangeOfSlice(part)); err != nil {
						return err
					}
					for j := range part {
						part[j] = byte(i)
					}
					for range 50 {
						n, err := New[node](tx)
						if err != nil {
							return err
						}
						if err := tx.Free(n.OID()); err != nil {
							return err
						}
					}
					return end
				})
				if err != end {
					t.Errorf("%v, want %v", err, end)
					return
				}
			}
		})
	}
	wg.Wait()
	require.Len(t, objectsIn(p), 8*3)
	for _, b := range r.Data[:8*each] {
		require.EqualValues(t, 49, b)
	}
}

// Ensure that kinds of logs have names.
func TestLogKind(t *testing.T) {
	require.Equal(t, "snapshot log", SnapshotLog.String())
	require.Equal(t, "intent log", IntentLog.String())
}

// Ensure that what this file's operations do often allocates nothing on the Go
// heap.
func TestGoHeapTxExtras(t *testing.T) {
	if addressSanitizer {
		t.Skip("with the address sanitizer every call into C goes through cgo, whose arguments escape")
	}
	p := testpool.New(t)
	r := txLogRootOf(t, p)
	log := newTxLog(t, p, TxNeeds{Snapshots: 4, SnapshotBytes: 1000, Intents: 100})
	var data any = "value"
	update := func(fn func(tx *Tx) error) func() {
		return func() {
			if err := p.Update(fn); err != nil {
				t.Fatal(err)
			}
		}
	}
	cases := map[string]func(){
		"UseLog": update(func(tx *Tx) error {
			if err := tx.UseLog(log); err != nil {
				return err
			}
			return tx.Snapshot(RangeOfSlice(r.Data[:1000]))
		}),
		"Track": update(func(tx *Tx) error { return tx.Track(RangeOf(&r.Number)) }),
		"SetUserData": update(func(tx *Tx) error {
			_ = tx.UserData()
			return tx.SetUserData(data)
		}),
		"SetFailureBehavior": update(func(tx *Tx) error { return tx.SetFailureBehavior(FailureAbort) }),
		"read back": func() {
			if s, err := p.CString(log.OID()); err != nil || s == "" {
				t.Fatal(s, err)
			}
		},
	}
	for name, do := range cases {
		t.Run(name, func(t *testing.T) {
			want := 0.0
			if name == "read back" {
				want = 1 // the string
			}
			require.LessOrEqual(t, testing.AllocsPerRun(200, do), want)
		})
	}
}
