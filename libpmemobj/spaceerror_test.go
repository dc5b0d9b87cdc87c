package libpmemobj_test

import (
	"errors"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/internal/testpool"
	. "github.com/pmem/pmdk-go/libpmemobj"
)

// spaceDetail is the SpaceError in err, which matches all that an error about
// space has to.
func spaceDetail(t *testing.T, err error) *SpaceError {
	t.Helper()
	var detail *SpaceError
	require.ErrorAs(t, err, &detail)
	require.ErrorIs(t, err, ErrOutOfSpace)
	require.ErrorIs(t, err, unix.ENOMEM)
	var plain *Error
	require.ErrorAs(t, err, &plain)
	require.Contains(t, err.Error(), ErrOutOfSpace.Error())
	require.Contains(t, err.Error(), detail.Reason.String())
	return detail
}

// spaceFill allocates objects of a size until there is no room for more.
func spaceFill(t *testing.T, p *Pool, size uint64) (all []OID, err error) {
	t.Helper()
	for {
		oid, err := p.Alloc(nil, size, 1)
		if err != nil {
			return all, err
		}
		all = append(all, oid)
	}
}

// Ensure that a full pool is called full, by every way to allocate.
func TestSpaceFull(t *testing.T) {
	p := testpool.New(t, WithArenas(1))
	root := rootOf(t, p)
	_, err := spaceFill(t, p, 100)
	spaceDetail(t, err)
	const size = 1 << 20
	check := func(err error) {
		t.Helper()
		d := spaceDetail(t, err)
		require.Equal(t, SpaceFull, d.Reason, err)
		require.EqualValues(t, size, d.Requested)
		require.Less(t, d.Free, uint64(size))
	}
	_, err = p.Alloc(nil, size, 1)
	check(err)
	_, err = p.Xalloc(nil, size, 1, AllocZero)
	check(err)
	oid := objectsIn(p)[0]
	check(p.Realloc(&root.Get().OID, size, 1))
	_, err = p.Strdup(nil, stringOf(size-1), 1)
	check(err)
	require.NoError(t, p.Update(func(tx *Tx) error {
		_, _, err := NewBytes(tx, size, 1)
		check(err)
		_, err = tx.Realloc(oid, size, 1)
		check(err)
		return nil
	}))
	require.NoError(t, p.Publish(func(a *Actions) error {
		_, _, err := a.ReserveBytes(size, 1)
		check(err)
		return nil
	}))
	c, err := ClassFor[classRecord](p, HeaderNone)
	require.NoError(t, err)
	require.NoError(t, p.Publish(func(a *Actions) error {
		_, _, err := c.Reserve(a)
		spaceDetail(t, err)
		return nil
	}))
	err = p.Update(func(tx *Tx) error { _, err := c.New(tx); return err })
	spaceDetail(t, err)
	_, err = Root[[size]byte](p)
	require.Equal(t, SpaceFull, spaceDetail(t, err).Reason)
}

func stringOf(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = 'x'
	}
	return string(b)
}

// Ensure that a pool that has enough room, but in pieces, is called fragmented
// with the size of the largest.
func TestSpaceFragmented(t *testing.T) {
	p := testpool.New(t, WithArenas(1))
	const piece = 1<<20 - 16
	all, err := spaceFill(t, p, piece)
	spaceDetail(t, err)
	_, err = spaceFill(t, p, 256<<10-16)
	spaceDetail(t, err)
	for i := 0; i < len(all); i += 2 {
		require.NoError(t, p.Free(&all[i]))
	}
	_, err = p.Alloc(nil, 2<<20, 1)
	d := spaceDetail(t, err)
	require.Equal(t, SpaceFragmented, d.Reason, err)
	require.EqualValues(t, 1<<20, d.LargestFree)
	require.GreaterOrEqual(t, d.Free, uint64(len(all)/2)<<20)
	_, err = p.Alloc(nil, piece, 1)
	require.NoError(t, err)

	// Small objects in the pieces of large ones.
	p = testpool.New(t, WithArenas(1))
	small, err := spaceFill(t, p, 100)
	require.Equal(t, SpaceFull, spaceDetail(t, err).Reason, err)
	for i := 0; i < len(small); i += 2 {
		require.NoError(t, p.Free(&small[i]))
	}
	_, err = p.Alloc(nil, 2000, 1)
	require.Equal(t, SpaceFragmented, spaceDetail(t, err).Reason, err)
	_, err = p.Alloc(nil, 100, 1)
	require.NoError(t, err)
}

// Ensure that memory which reservations and open transactions hold is told
// from memory that is taken.
func TestSpaceReserved(t *testing.T) {
	for name, size := range map[string]int{"large": 1<<20 - 16, "small": 100} {
		t.Run(name, func(t *testing.T) {
			p := testpool.New(t, WithArenas(1))
			failed := errors.New("no")
			err := p.Publish(func(a *Actions) error {
				for {
					if _, _, err := a.ReserveBytes(size, 1); err != nil {
						require.Equal(t, SpaceReserved, spaceDetail(t, err).Reason, err)
						break
					}
				}
				_, err := p.Alloc(nil, uint64(size), 1)
				d := spaceDetail(t, err)
				require.Equal(t, SpaceReserved, d.Reason, err)
				require.Greater(t, d.Free, uint64(size))
				return failed
			})
			require.ErrorIs(t, err, failed)
			require.Empty(t, objectsIn(p))
			err = p.Update(func(tx *Tx) error {
				for {
					if _, _, err := NewBytes(tx, size, 1); err != nil {
						require.Equal(t, SpaceReserved, spaceDetail(t, err).Reason, err)
						return failed
					}
				}
			})
			require.ErrorIs(t, err, failed)
			_, err = p.Alloc(nil, uint64(size), 1)
			require.NoError(t, err)
		})
	}
}

// Ensure that what only the arenas of other threads have is called so.
func TestSpaceInArenas(t *testing.T) {
	p := testpool.New(t, WithArenas(1))
	other, err := p.NewArena()
	require.NoError(t, err)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	_, err = p.Xalloc(nil, 100, 1, other.Flag())
	require.NoError(t, err)
	_, err = spaceFill(t, p, 100)
	d := spaceDetail(t, err)
	require.Equal(t, SpaceInArenas, d.Reason, err)
	require.Greater(t, d.Free, uint64(100))
	_, err = p.Xalloc(nil, 100, 1, other.Flag())
	require.NoError(t, err)
}

// Ensure that an object that is too large for any pool, or for this one, is
// told from a lack of space.
func TestSpaceOverCap(t *testing.T) {
	p := testpool.New(t)
	for _, size := range []uint64{MaxAlloc + 1, ^uint64(0)} {
		var d *SpaceError
		_, err := p.Alloc(nil, size, 1)
		require.ErrorAs(t, err, &d)
		require.ErrorIs(t, err, unix.EINVAL)
		require.NotErrorIs(t, err, ErrOutOfSpace)
		require.Equal(t, SpaceOverCap, d.Reason)
		require.EqualValues(t, MaxAlloc, d.Cap)
	}
	_, err := p.Alloc(nil, 1<<30, 1)
	d := spaceDetail(t, err)
	require.Equal(t, SpaceOverCap, d.Reason)
	require.Less(t, d.Cap, uint64(testpool.Size))
	_, err = p.Alloc(nil, d.Cap, 1)
	require.NoError(t, err)
	for _, oid := range objectsIn(p) {
		require.NoError(t, p.Free(&oid))
	}
	_, err = p.Alloc(nil, d.Cap+1, 1)
	require.Equal(t, SpaceOverCap, spaceDetail(t, err).Reason)
}

// Ensure that a transaction without room for its log says why.
func TestSpaceOfLog(t *testing.T) {
	p := testpool.New(t, WithArenas(1))
	big, err := p.Alloc(nil, 8<<20, 1)
	require.NoError(t, err)
	for _, size := range []uint64{1 << 20, 100_000, 4000, 100} {
		_, err := spaceFill(t, p, size)
		spaceDetail(t, err)
	}
	err = p.Update(func(tx *Tx) error {
		b, err := p.Bytes(big, 0, 8<<20)
		require.NoError(t, err)
		return tx.Snapshot(RangeOfSlice(b))
	})
	d := spaceDetail(t, err)
	require.Zero(t, d.Requested)
	require.Contains(t, []SpaceReason{SpaceFull, SpaceFragmented}, d.Reason)
	require.ErrorContains(t, err, "a log needs more")
	require.Equal(t, "SpaceReason(9)", SpaceReason(9).String())
}
