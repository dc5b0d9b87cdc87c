package libpmemobj_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/testpool"
	. "github.com/pmem/pmdk-go/libpmemobj"
)

// Ensure that an abort restores what was snapshotted, with whatever flags, and
// leaves alone what was only tracked.
func TestSnapshotWith(t *testing.T) {
	all := []SnapshotFlags{0, SnapshotNoUndo, SnapshotNoFlush, SnapshotAssumeInitialized, SnapshotNoUndo | SnapshotNoFlush, SnapshotNoFlush | SnapshotAssumeInitialized}
	for _, flags := range all {
		p := testpool.New(t)
		r := rootOf(t, p).Get()
		write := func(err error) error {
			return p.Update(func(tx *Tx) error {
				require.NoError(t, tx.SnapshotWith(flags, RangeOf(&r.Count), Range{}, RangeOf(&r.Words[3])))
				r.Count, r.Words[3] = r.Count+1, r.Words[3]+1
				require.NoError(t, p.Persist(RangeOf(r)))
				return err
			})
		}
		require.NoError(t, write(nil), "%#x", flags)
		require.EqualValues(t, 1, r.Count)
		require.ErrorIs(t, write(errStop), errStop)
		want := uint64(1)
		if flags&SnapshotNoUndo != 0 {
			want = 2
		}
		require.Equal(t, want, r.Count, "%#x", flags)
		require.Equal(t, want, r.Words[3], "%#x", flags)
	}
}

// Ensure that memory is not believed to be saved that PMDK does not save.
func TestTrackThenSnapshot(t *testing.T) {
	p := testpool.New(t)
	r := rootOf(t, p).Get()
	late := []struct {
		name string
		r    Range
		bad  bool
	}{
		{"the same", RangeOfSlice(r.Words[8:16]), true},
		{"its first word", RangeOf(&r.Words[8]), true},
		{"its last word", RangeOf(&r.Words[15]), true},
		{"around it", RangeOf(&r.Words), true},
		{"over its start", RangeOfSlice(r.Words[7:9]), true},
		{"between two", RangeOfSlice(r.Words[15:21]), true},
		{"before it", RangeOf(&r.Words[7]), false},
		{"behind it", RangeOf(&r.Words[16]), false},
		{"nothing", RangeOfSlice(r.Words[9:9]), false},
	}
	for _, c := range late {
		for name, snapshot := range map[string]func(tx *Tx) error{
			"Snapshot":     func(tx *Tx) error { return tx.Snapshot(c.r) },
			"SnapshotWith": func(tx *Tx) error { return tx.SnapshotWith(SnapshotNoFlush, c.r) },
		} {
			t.Run(c.name+", "+name, func(t *testing.T) {
				err := p.Update(func(tx *Tx) error {
					require.NoError(t, tx.Track(RangeOfSlice(r.Words[20:22]), RangeOfSlice(r.Words[8:12]), RangeOfSlice(r.Words[10:16])))
					require.NoError(t, tx.Track(RangeOfSlice(r.Words[9:11])), "twice does no harm")
					return snapshot(tx)
				})
				if !c.bad {
					require.NoError(t, err)
					return
				}
				require.ErrorContains(t, err, "were added with SnapshotNoUndo before")
			})
		}
	}
	err := p.Update(func(tx *Tx) error {
		require.NoError(t, tx.Track(RangeOf(&r.Count)))
		*MutAt(tx, &r.Count) = 5
		return nil
	})
	require.ErrorContains(t, err, "were added with SnapshotNoUndo before")
	require.Zero(t, r.Count)

	// The other way round the first snapshot counts.
	require.ErrorIs(t, p.Update(func(tx *Tx) error {
		*MutAt(tx, &r.Count) = 5
		require.NoError(t, tx.Track(RangeOf(&r.Count)))
		*MutAt(tx, &r.Count) = 6
		return errStop
	}), errStop)
	require.Zero(t, r.Count)
	require.NoError(t, p.Update(func(tx *Tx) error {
		n, err := New[node](tx)
		require.NoError(t, err)
		require.NoError(t, tx.Track(n.Range()), "new objects need nothing")
		n.Mut(tx).Value = 1
		return tx.Free(n.OID())
	}))
}

// Ensure that wrong flags and ranges are refused and doom the transaction, as
// in Snapshot.
func TestSnapshotWithMisuse(t *testing.T) {
	p, other := testpool.New(t), testpool.New(t)
	r := rootOf(t, p).Get()
	live := oneObject(t, p, 100, 1)
	bytes := view(t, p, live, 100)
	freed := oneObject(t, p, 100, 1)
	dead := view(t, p, freed, 100)
	require.NoError(t, p.Free(&freed))
	beyond := PtrOf[[4096]byte](live).Range()
	cases := []struct {
		name  string
		flags SnapshotFlags
		r     Range
		text  string
	}{
		{"unknown flag", 1 << 40, RangeOfSlice(bytes), "unknown snapshot flags 0x10000000000"},
		{"PMDK's own", 1 << 31, RangeOfSlice(bytes), "unknown snapshot flags"},
		{"foreign", SnapshotNoUndo, rootOf(t, other).Range(), "belongs to another pool"},
		{"Go's heap", SnapshotNoFlush, RangeOfSlice(make([]byte, 100)), "belongs to another pool"},
		{"freed", SnapshotNoUndo, RangeOfSlice(dead), "not a live object"},
		{"beyond the end", SnapshotNoUndo, beyond, "not a live object"},
	}
	for _, c := range cases {
		err := p.Update(func(tx *Tx) error {
			*MutAt(tx, &r.Count) = 5
			require.ErrorContains(t, tx.SnapshotWith(c.flags, RangeOf(&r.Other), c.r), c.text, c.name)
			return nil
		})
		require.ErrorContains(t, err, c.text, c.name)
		require.Zero(t, r.Count)
	}
}
