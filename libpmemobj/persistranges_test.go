package libpmemobj_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/testpool"
	. "github.com/pmem/pmdk-go/libpmemobj"
)

// Ensure that any number of ranges is taken, in a transaction too, and that a
// foreign one among them is refused.
func TestPersistRanges(t *testing.T) {
	p, other := testpool.New(t), testpool.New(t)
	root, err := Root[[4096]byte](p)
	require.NoError(t, err)
	foreign, err := Root[uint64](other)
	require.NoError(t, err)
	var ranges []Range
	for i := range 9 {
		require.NoError(t, p.PersistRanges(ranges...), "%d ranges", i)
		ranges = append(ranges, RangeOfSlice(root.Get()[i*100:i*200]))
	}
	require.NoError(t, p.Update(func(*Tx) error { return p.PersistRanges(ranges[:3]...) }))
	require.NoError(t, p.PersistRanges(Range{}, ranges[1], Range{}))
	require.ErrorIs(t, p.PersistRanges(ranges[0], foreign.Range()), ErrForeignPool)
	for i := range ranges {
		p.PersistInside(ranges[:i]...)
	}
	require.NoError(t, p.Close())
	require.ErrorIs(t, p.PersistRanges(ranges...), ErrClosed)
}

// Ensure that it needs no memory of Go's heap.
func TestPersistRangesGoHeap(t *testing.T) {
	if testpool.AddressSanitizer {
		t.Skip("with the address sanitizer every call into C goes through cgo, whose arguments escape")
	}
	p := testpool.New(t)
	root, err := Root[[4096]byte](p)
	require.NoError(t, err)
	a, b := RangeOfSlice(root.Get()[:10]), RangeOfSlice(root.Get()[1000:2000])
	require.Zero(t, testing.AllocsPerRun(100, func() { _ = p.PersistRanges(a, b) }))
	require.Zero(t, testing.AllocsPerRun(100, func() { p.PersistInside(a, b) }))
}
