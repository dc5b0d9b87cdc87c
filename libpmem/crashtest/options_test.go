package crashtest_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/libpmem/crashtest"
	"github.com/pmem/pmdk-go/libpmemobj"
	libjournal "github.com/pmem/pmdk-go/libpmemobj/journal"
)

// Ensure that a pool can be recorded that is mapped privately and keeps a
// journal, and that a bug in the workload is found as it is without one.
func TestOptions(t *testing.T) {
	needRecorder(t)
	type pair struct {
		A uint64
		_ [7]uint64
		B uint64
	}
	dir := t.TempDir()
	for _, correct := range []bool{true, false} {
		c := crashtest.Config{Dir: dir, Images: 100, Warnings: crashtest.Ignore, Options: []libpmemobj.Option{
			libjournal.With(libjournal.Options{SegmentSize: libjournal.MinSegment, Segments: 2}),
		}}
		durability := libpmemobj.Durability(0)
		r, err := crashtest.Explore(c, func(p *libpmemobj.Pool) error {
			durability = p.Durability()
			root, err := libpmemobj.Root[pair](p)
			for i := uint64(1); i <= 5 && err == nil; i++ {
				set := func() { root.Get().A, root.Get().B = i, i }
				if !correct {
					set()
					err = p.Persist(libpmemobj.RangeOf(root.Get()))
					continue
				}
				err = p.Update(func(tx *libpmemobj.Tx) error {
					err := tx.Snapshot(libpmemobj.RangeOf(root.Get()))
					set()
					return err
				})
			}
			return err
		}, func(p *libpmemobj.Pool, _ crashtest.Acked) error {
			root, err := libpmemobj.Root[pair](p)
			if err == nil && root.Get().A != root.Get().B {
				err = fmt.Errorf("%d and %d", root.Get().A, root.Get().B)
			}
			return err
		})
		require.NoError(t, err)
		require.Equal(t, libpmemobj.DurabilityJournal, durability)
		require.NotZero(t, r.Images)
		require.Equal(t, correct, len(r.Failures) == 0, "%v", r.Failures)
	}
	requireEmpty(t, dir)

	_, err := crashtest.Explore(crashtest.Config{Options: []libpmemobj.Option{libpmemobj.WithVerify()}}, count(1), counted)
	require.ErrorContains(t, err, "Config.Options are for libpmemobj pools, not for a mapping")
}
