package libpmemobj_test

import (
	"slices"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/internal/testpool"
	. "github.com/pmem/pmdk-go/libpmemobj"
)

// Ensure that a Slice does what a Go slice does, in a transaction and in a
// publication.
func TestSlice(t *testing.T) {
	eachValueWay(t, func(t *testing.T, p *Pool, r *valueRoot, change func(f func(c Change) error) error) {
		s := &r.Words
		do := func(want []uint64, f func(c Change) error) {
			t.Helper()
			require.NoError(t, change(f))
			require.Equal(t, want, s.View(p))
			require.Equal(t, len(want), s.Len())
			require.GreaterOrEqual(t, s.Cap(), s.Len())
		}
		do(nil, func(c Change) error { return s.Append(c) })
		require.Empty(t, objectsIn(p))
		do([]uint64{1}, func(c Change) error { return s.Append(c, 1) })
		require.Greater(t, s.Cap(), 10, "the allocator's rounding is not used")
		do([]uint64{1, 2, 3}, func(c Change) error { return s.Append(c, 2, 3) })
		do([]uint64{1, 2, 3, 1, 2, 3}, func(c Change) error { return s.Append(c, s.View(p)...) })
		do([]uint64{1, 9, 3, 1, 2, 3}, func(c Change) error { return s.Set(c, 1, 9) })
		do([]uint64{1, 1, 2, 3}, func(c Change) error { return s.Delete(c, 1, 3) })
		do([]uint64{1, 1}, func(c Change) error { return s.Delete(c, 2, 4) })
		do([]uint64{1, 1}, func(c Change) error { return s.Delete(c, 1, 1) })
		do([]uint64{1, 1}, func(c Change) error { return s.Grow(c, 1000) })
		require.GreaterOrEqual(t, s.Cap(), 1002)
		array := &s.View(p)[0]
		do(slices.Repeat([]uint64{1}, 1002), func(c Change) error { return s.Append(c, slices.Repeat([]uint64{1}, 1000)...) })
		require.Same(t, array, &s.View(p)[0], "there was room")
		do([]uint64{1}, func(c Change) error { return s.Truncate(c, 1) })
		require.Equal(t, uint64(1), *s.At(p, 0))
		for i, v := range s.All(p) {
			require.Equal(t, 0, i)
			require.Equal(t, uint64(1), v)
		}
		require.Equal(t, 1, cap(s.View(p)), "the view can be appended to")
		require.Len(t, objectsIn(p), 1)
		num, err := p.TypeNum(objectsIn(p)[0])
		require.NoError(t, err)
		require.Equal(t, SliceType[uint64](), num)
		require.NotEqual(t, TypeNum[uint64](), num)
		do([]uint64{}, func(c Change) error { return s.Truncate(c, 0) })
		do(nil, func(c Change) error { return s.Free(c) })
		do(nil, func(c Change) error { return s.Free(c) })
		require.Empty(t, objectsIn(p))

		require.NoError(t, change(func(c Change) error {
			return r.Odds.Append(c, valueOdd{A: 1, C: 1}, valueOdd{A: 2, C: 2}, valueOdd{A: 3})
		}))
		require.NoError(t, change(func(c Change) error { return r.Odds.Set(c, 1, valueOdd{4, [2]uint16{5, 6}, 7}) }))
		require.Equal(t, []valueOdd{{A: 1, C: 1}, {4, [2]uint16{5, 6}, 7}, {A: 3}}, r.Odds.View(p))
	})
}

// Ensure that several changes in one closure build on one another, and that
// they all happen or none does: what is cut off and overwritten by an Append
// comes back, too.
func TestSliceRollback(t *testing.T) {
	const huge = 100_000
	steps := map[string]func(c Change, s *Slice[uint64]) error{
		"append":   func(c Change, s *Slice[uint64]) error { return s.Append(c, 7, 8) },
		"grow":     func(c Change, s *Slice[uint64]) error { return s.Grow(c, 100) },
		"truncate": func(c Change, s *Slice[uint64]) error { return s.Truncate(c, 2) },
		"delete":   func(c Change, s *Slice[uint64]) error { return s.Delete(c, 0, 1) },
		"set":      func(c Change, s *Slice[uint64]) error { return s.Set(c, 1, 99) },
		"free":     func(c Change, s *Slice[uint64]) error { return s.Free(c) },
		"huge":     func(c Change, s *Slice[uint64]) error { return s.Grow(c, huge) },
		"refill":   func(c Change, s *Slice[uint64]) error { return s.Append(c, 11, 12, 13, 14, 15) },
	}
	model := map[string]func(s []uint64) []uint64{
		"append":   func(s []uint64) []uint64 { return append(s, 7, 8) },
		"grow":     func(s []uint64) []uint64 { return s },
		"truncate": func(s []uint64) []uint64 { return s[:2] },
		"delete":   func(s []uint64) []uint64 { return s[1:] },
		"set":      func(s []uint64) []uint64 { s[1] = 99; return s },
		"free":     func(s []uint64) []uint64 { return nil },
		"huge":     func(s []uint64) []uint64 { return s },
		"refill":   func(s []uint64) []uint64 { return append(s, 11, 12, 13, 14, 15) },
	}
	eachValueWay(t, func(t *testing.T, p *Pool, r *valueRoot, change func(f func(c Change) error) error) {
		s := &r.Words
		for _, names := range [][]string{
			{"append", "append"}, {"truncate", "append"}, {"truncate", "append", "append", "truncate"}, {"set", "grow", "set"},
			{"grow", "set", "append"}, {"delete", "append", "set"}, {"set", "delete", "append"}, {"truncate", "refill", "delete", "refill"},
			{"free", "refill"}, {"free", "refill", "free"}, {"set", "free", "append", "set"}, {"append", "set", "grow", "truncate", "refill"},
			{"huge", "append", "set", "free"}, {"free", "huge", "free", "huge", "refill"}, {"huge", "refill", "delete"},
		} {
			before := []uint64{1, 2, 3, 4, 5}
			require.NoError(t, change(func(c Change) error { return s.Free(c) }))
			require.NoError(t, change(func(c Change) error { return s.Append(c, before...) }))
			objects := objectsIn(p)
			all := func(end error) func(c Change) error {
				return func(c Change) error {
					for _, name := range names {
						require.NoError(t, steps[name](c, s), "%s of %v", name, names)
					}
					return end
				}
			}
			require.Equal(t, errStop, change(all(errStop)))
			require.Equal(t, before, s.View(p), "after rolling back %v", names)
			require.Equal(t, objects, objectsIn(p))
			want := slices.Clone(before)
			for _, name := range names {
				want = model[name](want)
			}
			require.NoError(t, change(all(nil)))
			require.Equal(t, want, s.View(p), "after %v", names)
			require.LessOrEqual(t, len(objectsIn(p)), 1)
		}
	})
}

// Ensure that reads in a publication see what is pending, through Load.
func TestLoadSlice(t *testing.T) {
	p := testpool.New(t)
	r := valueRootOf(t, p)
	require.NoError(t, p.Publish(func(a *Actions) error {
		require.NoError(t, r.Small.Append(a, 1, 2, 3))
		require.Equal(t, []uint32{1, 2, 3}, LoadSlice(a, &r.Small).View(p))
		require.Empty(t, r.Small.View(p))
		return nil
	}))
	require.Equal(t, []uint32{1, 2, 3}, r.Small.View(p))
}

// Ensure that Mut gives an element to write, and that it is rolled back.
func TestSliceMut(t *testing.T) {
	p := testpool.New(t)
	r := valueRootOf(t, p)
	require.NoError(t, p.Update(func(tx *Tx) error {
		if err := r.Users.Append(tx, valueUser{ID: 1}, valueUser{ID: 2}); err != nil {
			return err
		}
		return r.Users.At(p, 1).Name.Set(tx, "second")
	}))
	require.Equal(t, errStop, p.Update(func(tx *Tx) error {
		r.Users.Mut(tx, 1).ID = 3
		require.NoError(t, r.Users.At(p, 1).Name.Set(tx, "third"))
		return errStop
	}))
	require.EqualValues(t, 2, r.Users.At(p, 1).ID)
	require.Equal(t, "second", r.Users.At(p, 1).Name.Get(p))
	err := p.Update(func(tx *Tx) error {
		r.Users.Mut(tx, 2).ID = 3
		return nil
	})
	require.ErrorIs(t, err, unix.EINVAL)
	require.ErrorContains(t, err, "elements [2, 3) of 2")
}

// Ensure that misuse is an error that says what is wrong.
func TestSliceMisuse(t *testing.T) {
	eachValueWay(t, func(t *testing.T, p *Pool, r *valueRoot, change func(f func(c Change) error) error) {
		s := &r.Words
		require.NoError(t, change(func(c Change) error { return s.Append(c, 1, 2, 3) }))
		for _, c := range []struct {
			do   func(c Change) error
			text string
		}{
			{func(c Change) error { return s.Set(c, 3, 0) }, "elements [3, 4) of 3"},
			{func(c Change) error { return s.Set(c, -1, 0) }, "elements [-1, 0) of 3"},
			{func(c Change) error { return s.Truncate(c, 4) }, "to 4 of 3 elements"},
			{func(c Change) error { return s.Truncate(c, -1) }, "to -1 of 3 elements"},
			{func(c Change) error { return s.Delete(c, 2, 1) }, "elements [2, 1) of 3"},
			{func(c Change) error { return s.Delete(c, 0, 4) }, "elements [0, 4) of 3"},
			{func(c Change) error { return s.Grow(c, -1) }, "by -1 elements"},
			{func(c Change) error { return s.Grow(c, 1<<62) }, "an object has at most"},
		} {
			err := change(c.do)
			require.ErrorIs(t, err, unix.EINVAL)
			require.ErrorContains(t, err, c.text)
		}
		for _, do := range []func() error{
			func() error { return s.Set(nil, 0, 1) }, func() error { return s.Grow(nil, 1) }, func() error { return s.Truncate(nil, 1) },
			func() error { return s.Delete(nil, 0, 1) }, func() error { return s.Free(nil) },
		} {
			require.ErrorContains(t, do(), "neither a *Tx nor an *Actions")
		}
		require.Panics(t, func() { s.At(p, 3) })
		require.Panics(t, func() { s.At(p, -1) })
		require.Equal(t, []uint64{1, 2, 3}, s.View(p))
	})
}

// Ensure that a Slice whose numbers are wild is refused by whatever uses it.
func TestSliceDamaged(t *testing.T) {
	eachValueWay(t, func(t *testing.T, p *Pool, r *valueRoot, change func(f func(c Change) error) error) {
		s := &r.Words
		require.NoError(t, change(func(c Change) error { return s.Append(c, 1, 2, 3) }))
		freed := oneObject(t, p, 100, 1)
		dead := freed.Off
		require.NoError(t, p.Free(&freed))
		words := (*[3]uint64)(unsafe.Pointer(s))
		good := *words
		for _, bad := range [][3]uint64{
			{good[0], 4, 3}, {good[0], 3, good[2] + 1}, {good[0], 3, 1 << 61}, {good[0], 1 << 61, 1 << 61}, {good[0], 3, 1<<61 + 3},
			{good[0], ^uint64(0), ^uint64(0)}, {0, 3, 3}, {0, 0, 1}, {good[0] + 8, 3, 3}, {dead, 3, 3}, {1 << 50, 1, 1}, {^uint64(0), 1, 1}, {8192, 3, 3},
		} {
			*words = bad
			if bad[0] != dead { // which may look alive; see Ptr.Get
				var v *ValueError
				_, err := s.TryView(p)
				require.ErrorAs(t, err, &v, "%v", bad)
				require.ErrorAs(t, errorPanicOf(t, func() { s.At(p, 0) }), &v)
			}
			for i, f := range []func(c Change) error{
				func(c Change) error { return s.Append(c, 1) },
				func(c Change) error { return s.Set(c, 0, 1) },
				func(c Change) error { return s.Grow(c, 1) },
				func(c Change) error { return s.Truncate(c, 0) },
				func(c Change) error { return s.Delete(c, 0, 1) },
				func(c Change) error { return s.Free(c) },
			} {
				require.Error(t, change(f), "%v, %d", bad, i)
			}
			require.Equal(t, bad, *words)
		}
		*words = good
		require.Equal(t, []uint64{1, 2, 3}, s.View(p))
		require.Len(t, objectsIn(p), 1)
	})
}

// sliceOfGoPointers cannot live in a pool.
type sliceOfGoPointers struct {
	Fine Slice[uint64]
	Bad  Slice[*int]
}

// Ensure that the type proof looks at elements.
func TestSliceTypeProof(t *testing.T) {
	p := testpool.New(t)
	_, err := Root[sliceOfGoPointers](p)
	var wrong *TypeError
	require.ErrorAs(t, err, &wrong)
	require.ErrorContains(t, err, "is a ptr")
	require.Panics(t, func() { SliceType[string]() })
	_, err = Slice[*int]{}.TryView(p)
	require.ErrorAs(t, err, &wrong)
}

// Ensure that a publication which sets many elements and then moves or frees
// them stores nothing into the memory that is freed, and forgets nothing else.
func TestSliceForgetsStores(t *testing.T) {
	p := testpool.New(t)
	r := valueRootOf(t, p)
	words := sliceTestWords(t, p)
	for _, free := range []bool{false, true} {
		require.NoError(t, p.Publish(func(a *Actions) error { return r.Words.Append(a, make([]uint64, 30)...) }))
		array := r.Words.View(p)
		require.NoError(t, p.Publish(func(a *Actions) error {
			for i := range 30 {
				Store(a, &words[i], uint64(100+i))
				require.NoError(t, r.Words.Set(a, i, uint64(i)))
			}
			if free {
				require.NoError(t, r.Words.Free(a))
			} else {
				require.NoError(t, r.Words.Grow(a, 1000))
			}
			for i := range 30 {
				require.Equal(t, uint64(100+i), Load(a, &words[i]))
				Store(a, &words[i], uint64(200+i))
			}
			return nil
		}))
		require.Equal(t, make([]uint64, 30), array, "stored into freed memory")
		for i := range 30 {
			require.Equal(t, uint64(200+i), words[i])
		}
		if !free {
			for i, v := range r.Words.All(p) {
				require.EqualValues(t, i, v)
				if i == 20 {
					break
				}
			}
			require.NoError(t, p.Publish(func(a *Actions) error { return r.Words.Free(a) }))
		}
	}
	// A field in new memory that the publication gives back.
	require.NoError(t, p.Publish(func(a *Actions) error {
		require.NoError(t, r.Users.Append(a, valueUser{}))
		u := LoadSlice(a, &r.Users).At(p, 0)
		Store(a, &u.ID, 5)
		for i := range 20 {
			Store(a, &words[i], uint64(i))
		}
		return r.Users.Free(a)
	}))
	require.Equal(t, uint64(19), words[19])
	require.Len(t, objectsIn(p), 1)
}

// sliceTestWords are words of an object of their own.
func sliceTestWords(t *testing.T, p *Pool) []uint64 {
	t.Helper()
	return PtrOf[uint64](oneObject(t, p, 800, 1)).Slice(100)
}
