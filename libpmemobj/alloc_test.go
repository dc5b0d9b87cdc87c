package libpmemobj_test

import (
	"math"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/internal/testpool"
	. "github.com/pmem/pmdk-go/libpmemobj"
)

// Ensure that the atomic allocations set their destination, wherever it is,
// and the object's size, type and content.
func TestAlloc(t *testing.T) {
	p := testpool.New(t)
	dirty(t, p)
	root := rootOf(t, p)
	var local OID
	cases := []struct {
		name  string
		alloc func(dst *OID) (OID, error)
		size  uint64
		num   uint64
		want  string
	}{
		{"Alloc", func(dst *OID) (OID, error) { return p.Alloc(dst, 100, 3) }, 100, 3, ""},
		{"Alloc of a byte", func(dst *OID) (OID, error) { return p.Alloc(dst, 1, 0) }, 1, 0, ""},
		{"Alloc of a MiB", func(dst *OID) (OID, error) { return p.Alloc(dst, 1<<20, 3) }, 1 << 20, 3, ""},
		{"Zalloc", func(dst *OID) (OID, error) { return p.Zalloc(dst, 1000, 4) }, 1000, 4, strings.Repeat("\x00", 1000)},
		{"Strdup", func(dst *OID) (OID, error) { return p.Strdup(dst, "hello", 5) }, 6, 5, "hello\x00"},
		{"Strdup of nothing", func(dst *OID) (OID, error) { return p.Strdup(dst, "", 5) }, 1, 5, "\x00"},
	}
	for _, c := range cases {
		for name, dst := range map[string]*OID{"nil": nil, "local": &local, "in the pool": &root.Get().OID} {
			t.Run(c.name+"/"+name, func(t *testing.T) {
				oid, err := c.alloc(dst)
				require.NoError(t, err)
				require.Equal(t, p.UUID(), oid.Pool)
				if dst != nil {
					require.Equal(t, oid, *dst)
				}
				require.Equal(t, []OID{oid}, objectsIn(p))
				usable, err := p.UsableSize(oid)
				require.NoError(t, err)
				require.GreaterOrEqual(t, usable, c.size)
				num, err := p.TypeNum(oid)
				require.NoError(t, err)
				require.Equal(t, c.num, num)
				require.Equal(t, c.want, string(view(t, p, oid, len(c.want))))
				if dst == nil {
					dst = &oid
				}
				require.NoError(t, p.Free(dst))
				require.True(t, dst.IsNull())
				require.Empty(t, objectsIn(p))
			})
		}
	}
}

// Ensure that an OID in the pool is set durably, together with the object.
func TestAllocDurable(t *testing.T) {
	p := testpool.New(t)
	root := rootOf(t, p)
	oid, err := p.Zalloc(&root.Get().OID, 100, 1)
	require.NoError(t, err)
	p = testpool.Reopen(t, p)
	require.Equal(t, oid, root.Get().OID)
	require.NoError(t, p.Realloc(&root.Get().OID, 5000, 1))
	p = testpool.Reopen(t, p)
	require.Equal(t, []OID{root.Get().OID}, objectsIn(p))
	require.NoError(t, p.Free(&root.Get().OID))
	p = testpool.Reopen(t, p)
	require.True(t, root.Get().OID.IsNull())
	require.Empty(t, objectsIn(p))
}

func TestRealloc(t *testing.T) {
	for _, c := range []struct{ from, to uint64 }{{64, 64}, {64, 200}, {200, 64}, {200, 1}, {100, 100_000}, {300_000, 100}, {300_000, 700_000}} {
		p := testpool.New(t, WithSize(4*testpool.Size)) // each class of sizes takes up to 4 MiB for itself
		root := rootOf(t, p)
		for name, dst := range map[string]*OID{"local": new(OID), "in the pool": &root.Get().OID} {
			for _, zero := range []bool{false, true} {
				realloc := p.Realloc
				if zero {
					realloc = p.Zrealloc
				}
				require.NoError(t, realloc(dst, c.from, 1), "from null")
				b := view(t, p, *dst, int(c.from))
				fill(b, 7)
				want := append([]byte(nil), b...)
				usable, err := p.UsableSize(*dst)
				require.NoError(t, err)

				require.NoError(t, realloc(dst, c.to, 2), "%s %d to %d", name, c.from, c.to)
				require.Equal(t, []OID{*dst}, objectsIn(p))
				got := view(t, p, *dst, int(c.to))
				kept := min(c.from, c.to)
				require.Equal(t, want[:kept], got[:kept])
				if zero && c.to > usable {
					require.Equal(t, make([]byte, c.to-usable), got[usable:])
				}
				num, err := p.TypeNum(*dst)
				require.NoError(t, err)
				require.EqualValues(t, 2, num)

				require.NoError(t, realloc(dst, 0, 1))
				require.True(t, dst.IsNull())
				require.Empty(t, objectsIn(p))
				require.NoError(t, realloc(dst, 0, 1), "null to nothing")
			}
		}
		require.NoError(t, p.Close())
	}
}

// Ensure that impossible sizes, strings and places are refused, with nothing
// changed.
func TestAllocRefuses(t *testing.T) {
	p, other := testpool.New(t), testpool.New(t)
	otherRoot := rootOf(t, other)
	oid := oneObject(t, p, 64, 1)
	freed := oneObject(t, p, 64, 1)
	hole := PtrOf[OID](freed)
	require.NoError(t, p.Free(&freed))
	unaligned := PtrOf[OID](OID{oid.Pool, oid.Off + 4})
	first := func(_ any, err error) error { return err }
	copied := oid
	cases := []struct {
		name string
		err  error
		is   error
		text string
	}{
		{"alloc 0", first(p.Alloc(nil, 0, 1)), unix.EINVAL, "0 bytes"},
		{"zalloc 0", first(p.Zalloc(nil, 0, 1)), unix.EINVAL, "0 bytes"},
		{"alloc too much", first(p.Alloc(nil, MaxAlloc+1, 1)), unix.EINVAL, "17179738049 bytes"},
		{"alloc everything", first(p.Alloc(nil, math.MaxUint64, 1)), unix.EINVAL, "18446744073709551615 bytes"},
		{"zalloc everything", first(p.Zalloc(nil, math.MaxUint64-64, 1)), unix.EINVAL, "bytes"},
		{"alloc the maximum", first(p.Alloc(nil, MaxAlloc, 1)), ErrOutOfSpace, "out of space in the pool"},
		{"zalloc the pool", first(p.Zalloc(nil, testpool.Size, 1)), ErrOutOfSpace, "out of space in the pool"},
		{"realloc too much", p.Realloc(&copied, MaxAlloc+1, 1), unix.EINVAL, "at most 17179738048"},
		{"realloc everything", p.Realloc(&copied, math.MaxUint64, 1), unix.EINVAL, "at most 17179738048"},
		{"realloc the maximum", p.Realloc(&copied, MaxAlloc, 1), ErrOutOfSpace, "out of space in the pool"},
		{"zrealloc the maximum", p.Zrealloc(&copied, MaxAlloc, 1), ErrOutOfSpace, "out of space in the pool"},
		{"realloc nowhere", p.Realloc(nil, 10, 1), ErrNull, "no place for the OID"},
		{"strdup with NUL", first(p.Strdup(nil, "ab\x00", 1)), unix.EINVAL, "NUL byte at 2"},
		{"strdup of too much", first(p.Strdup(nil, strings.Repeat("x", testpool.Size), 1)), ErrOutOfSpace, "out of space in the pool"},
		{"into another pool", first(p.Alloc(&otherRoot.Get().OID, 10, 1)), ErrForeignPool, "lies in another pool"},
		{"strdup into another pool", first(p.Strdup(&otherRoot.Get().OID, "s", 1)), ErrForeignPool, "lies in another pool"},
		{"into a freed object", first(p.Alloc(hole.Get(), 10, 1)), ErrNotLive, "the OID to set"},
		{"unaligned", first(p.Alloc(unaligned.Get(), 10, 1)), nil, "the OID to set"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			require.ErrorContains(t, c.err, c.text)
			if c.is != nil {
				require.ErrorIs(t, c.err, c.is)
			}
		})
	}
	require.Equal(t, oid, copied)
	require.Equal(t, []OID{oid}, objectsIn(p))
	require.Empty(t, objectsIn(other))
	require.NoError(t, p.Free(nil))
	require.NoError(t, p.Free(&OID{}))
}

// Ensure that many goroutines can allocate and free at the same time.
func TestAllocConcurrently(t *testing.T) {
	p := testpool.New(t)
	root := rootOf(t, p)
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			dst := &root.Get().Slots[g]
			for i := range 200 {
				if _, err := p.Alloc(dst, uint64(1+i%300), uint64(g)); err != nil {
					t.Error(err)
					return
				}
				if i%3 == 0 {
					if err := p.Realloc(dst, uint64(1+i), uint64(g)); err != nil {
						t.Error(err)
						return
					}
				}
				if err := p.Free(dst); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	require.Empty(t, objectsIn(p))
}
