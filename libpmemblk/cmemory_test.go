package libpmemblk_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/leaktest"
	"github.com/pmem/pmdk-go/internal/testchild"
	"github.com/pmem/pmdk-go/internal/testpool"
	. "github.com/pmem/pmdk-go/libpmemblk"
)

// Ensure that counting is refused while a pool is open, with how many.
func TestTrackCMemoryRefused(t *testing.T) {
	newPool(t, 512)
	for _, on := range []bool{true, false} {
		err := TrackCMemory(on)
		require.ErrorIs(t, err, ErrBusy)
		require.ErrorContains(t, err, "pools are open")
	}
}

func init() {
	testchild.Register("C memory", func(args []string) error {
		before, after, err := leaktest.CMemory{Track: TrackCMemory, Stats: CMemory}.Even(40, func(n int) error { return usePools(args[0], n) })
		if err != nil {
			return err
		}
		fmt.Printf("%d allocations for 40 pools, %d bytes stay\n", after.Allocs-before.Allocs, after.Bytes)
		return nil
	})
}

// usePools makes, uses and closes n pools, one after the other.
func usePools(dir string, n int) error {
	for i := range n {
		path := filepath.Join(dir, fmt.Sprint(i))
		p, err := Create(path, 512, WithSize(MinPool), WithDurability(DurabilityProcessCrash))
		if err != nil {
			return err
		}
		if err := errors.Join(p.WriteBlock(1, make([]byte, 512)), p.SetError(2), p.Close(), Check(path)); err != nil {
			return err
		}
		if p, err = Open(path); err != nil {
			return err
		}
		if err := errors.Join(p.ReadBlock(1, make([]byte, 512)), p.Close(), os.Remove(path)); err != nil {
			return err
		}
	}
	return nil
}

// Ensure that pools give back all the C memory that they take.
func TestCMemoryLeaks(t *testing.T) {
	t.Parallel()
	c := testchild.Start(t, "C memory", testpool.Dir(t))
	require.Contains(t, c.Line(t), "allocations for 40 pools")
	require.NoError(t, c.End(), c.Stderr())
}
