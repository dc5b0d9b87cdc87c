package fencecount_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/fencecount"
	"github.com/pmem/pmdk-go/internal/testpool"
	"github.com/pmem/pmdk-go/libpmemobj"
)

// Ensure that each wait counts once, and flushes do not.
func TestOf(t *testing.T) {
	if !fencecount.Effective {
		t.Skip("PMDK's functions are not wrapped in programs built with -tags pmdk_dynamic")
	}
	p := testpool.New(t)
	_, err := fencecount.Of(p, nil)
	require.ErrorContains(t, err, "no root object")
	root, err := libpmemobj.Root[[1024]byte](p)
	require.NoError(t, err)
	r := root.Range()
	for n := range 4 {
		fences, err := fencecount.Of(p, func() error {
			for range n {
				if err := p.Persist(r); err != nil {
					return err
				}
				if err := p.Flush(r); err != nil {
					return err
				}
			}
			return nil
		})
		require.NoError(t, err)
		require.Equal(t, n, fences)
	}
	fences, err := fencecount.Of(p, func() error { return p.PersistRanges(r, r, r) })
	require.NoError(t, err)
	require.Equal(t, 1, fences)
}
