package libpmemobj_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/leaktest"
	"github.com/pmem/pmdk-go/internal/testchild"
	"github.com/pmem/pmdk-go/internal/testpool"
	. "github.com/pmem/pmdk-go/libpmemobj"
)

// Ensure that counting is refused while a pool is open, with how many.
func TestTrackCMemoryRefused(t *testing.T) {
	p := testpool.New(t)
	for _, on := range []bool{true, false} {
		err := TrackCMemory(on)
		require.ErrorIs(t, err, ErrPoolBusy)
		require.ErrorContains(t, err, "pools are open")
	}
	require.NoError(t, p.Close())
}

func init() {
	testchild.Register("C memory", func(args []string) error {
		before, after, err := leaktest.CMemory{Track: TrackCMemory, Stats: CMemory}.Even(50, func(n int) error { return usePools(args[0], n) })
		if err != nil {
			return err
		}
		if after.Allocs < before.Allocs+50 {
			return fmt.Errorf("%d allocations for 50 pools", after.Allocs-before.Allocs)
		}
		fmt.Printf("%d allocations for 50 pools, %d bytes stay\n", after.Allocs-before.Allocs, after.Bytes)
		return nil
	})
}

// usePools makes, uses and closes n pools, one after the other.
func usePools(dir string, n int) error {
	for i := range n {
		path := filepath.Join(dir, fmt.Sprint(i))
		if err := usePool(path); err != nil {
			return err
		}
		if err := os.Remove(path); err != nil {
			return err
		}
	}
	return nil
}

func usePool(path string) (err error) {
	p, err := Create(path, "memory", WithSize(MinPool), WithDurability(DurabilityProcessCrash))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	if CMemory().Bytes == 0 {
		return errors.New("an open pool holds no C memory")
	}
	root, err := Root[rootData](p)
	if err != nil {
		return err
	}
	for i := range 20 {
		err := p.Update(func(tx *Tx) error {
			n, err := New[node](tx)
			if err != nil {
				return err
			}
			*root.Mut(tx) = rootData{Head: n}
			if i%2 == 0 {
				return nil
			}
			return errStop
		})
		if err != nil && err != errStop {
			return err
		}
		_, err = Construct(p, nil, func(v *node) error { v.Value = 1; return nil })
		if err != nil {
			return err
		}
	}
	_, err = p.Defrag(context.Background(), func(yield func(*OID) bool) { yield(root.Get().Head.Ref()) }, nil)
	return err
}

// Ensure that pools, transactions, publications and defragmentations give back
// all the C memory that they take.
func TestCMemoryLeaks(t *testing.T) {
	t.Parallel()
	c := testchild.Start(t, "C memory", testpool.Dir(t))
	require.Contains(t, c.Line(t), "allocations for 50 pools")
	require.NoError(t, c.End(), c.Stderr())
}
