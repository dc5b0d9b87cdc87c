package libpmemlog_test

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
	. "github.com/pmem/pmdk-go/libpmemlog"
)

// Ensure that counting is refused while a log is open.
func TestTrackCMemoryRefused(t *testing.T) {
	l := createLog(t)
	for _, on := range []bool{true, false} {
		err := TrackCMemory(on)
		require.ErrorIs(t, err, ErrBusy)
		require.ErrorContains(t, err, "logs are open")
	}
	require.NoError(t, l.Close())
}

func init() {
	testchild.Register("C memory", func(args []string) error {
		before, after, err := leaktest.CMemory{Track: TrackCMemory, Stats: CMemory}.Even(20, func(n int) error { return useLogs(args[0], n) })
		if err != nil {
			return err
		}
		if after.Allocs == before.Allocs {
			return fmt.Errorf("no allocations for 20 logs: %+v", after)
		}
		fmt.Println("even")
		return nil
	})
}

// useLogs makes, uses and closes n logs, and fails to make one.
func useLogs(dir string, n int) error {
	for range n {
		path := filepath.Join(dir, "log")
		l, err := Create(path, WithSize(MinPool), WithDurability(DurabilityProcessCrash))
		if err != nil {
			return err
		}
		err = errors.Join(l.Append([]byte("x")), l.Walk(0, func([]byte) bool { return true }), l.Rewind(), l.Close(), Check(path))
		if err != nil {
			return err
		}
		if l, err = Open(path); err != nil {
			return err
		}
		if _, err := Open(path); err == nil {
			return errors.New("opened twice")
		}
		if err := errors.Join(l.Close(), os.Remove(path)); err != nil {
			return err
		}
	}
	return nil
}

// Ensure that logs give back all the C memory that they take.
func TestCMemoryLeaks(t *testing.T) {
	c := testchild.Start(t, "C memory", testpool.Dir(t))
	require.Equal(t, "even", c.Line(t))
	require.NoError(t, c.End(), c.Stderr())
}
