package libpmemobj_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/internal/testchild"
	"github.com/pmem/pmdk-go/internal/testpool"
	. "github.com/pmem/pmdk-go/libpmemobj"
)

// classRecord is an object of 40 bytes, which no class has exactly.
type classRecord struct {
	Number uint64
	Rest   [4]uint64
}

type classBig struct{ Data [300_000]byte }

// Ensure that descriptions that C faults at, corrupts the heap with or can make
// nothing of are refused with the reason, and that nothing is left of them.
func TestNewClassRefuses(t *testing.T) {
	p := testpool.New(t)
	before := 0
	for range p.Classes() {
		before++
	}
	require.Equal(t, 53, before, "PMDK's own")
	for name, c := range map[string]struct {
		desc AllocClass
		want string
	}{
		"no unit size":         {AllocClass{UnitsPerBlock: 10}, "units of 0 bytes"},
		"odd unit size":        {AllocClass{UnitSize: 24, UnitsPerBlock: 10, Header: HeaderNone}, "no multiples of 16"},
		"header only":          {AllocClass{UnitSize: 16, UnitsPerBlock: 10}, "the header alone (compact) takes 16"},
		"legacy header only":   {AllocClass{UnitSize: 64, UnitsPerBlock: 10, Header: HeaderLegacy}, "the header alone (legacy) takes 64"},
		"huge unit":            {AllocClass{UnitSize: 1 << 40, UnitsPerBlock: 1}, "at most 17179738048"},
		"the whole range":      {AllocClass{UnitSize: ^uint64(0) &^ 15, UnitsPerBlock: 1}, "at most 17179738048"},
		"larger than a block":  {AllocClass{UnitSize: MaxAlloc &^ 15, UnitsPerBlock: 2}, "more than a block can have"},
		"alignment 48":         {AllocClass{UnitSize: 96, Alignment: 48, UnitsPerBlock: 10}, "48 is no power of two"},
		"alignment 4 MiB":      {AllocClass{UnitSize: 8 << 20, Alignment: 4 << 20, UnitsPerBlock: 10}, "at most 2097152"},
		"alignment and unit":   {AllocClass{UnitSize: 96, Alignment: 64, UnitsPerBlock: 10}, "does not divide"},
		"alignment over unit":  {AllocClass{UnitSize: 128, Alignment: 256, UnitsPerBlock: 10}, "does not divide"},
		"no units":             {AllocClass{UnitSize: 128}, "0 units in a block"},
		"negative units":       {AllocClass{UnitSize: 128, UnitsPerBlock: -1}, "-1 units"},
		"65,536 units":         {AllocClass{UnitSize: 128, UnitsPerBlock: 1 << 16}, "loses count at more than 65535"},
		"2^31 units":           {AllocClass{UnitSize: 128, UnitsPerBlock: 1<<31 - 1}, "loses count"},
		"no room for the unit": {AllocClass{UnitSize: 256<<10 - 16, UnitsPerBlock: 1, Header: HeaderNone}, "has room for none"},
		"nor for the alignment": {AllocClass{UnitSize: 262016, Alignment: 64, UnitsPerBlock: 1, Header: HeaderNone},
			"has room for none"},
		"64 units":        {AllocClass{UnitSize: 4048, UnitsPerBlock: 30, Header: HeaderNone}, "takes the last 64 for allocated"},
		"192 units":       {AllocClass{UnitSize: 1360, UnitsPerBlock: 1}, "takes the last 64 for allocated"},
		"unknown header":  {AllocClass{UnitSize: 128, UnitsPerBlock: 10, Header: 3}, "header 3"},
		"negative header": {AllocClass{UnitSize: 128, UnitsPerBlock: 10, Header: -1}, "header -1"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := p.NewClass(c.desc)
			require.ErrorIs(t, err, unix.EINVAL)
			require.ErrorContains(t, err, c.want)
		})
	}
	for _, id := range []int{-1, 0, 1, 127, 255, 1 << 16, 1<<32 + 130} {
		_, err := p.NewClassAt(id, AllocClass{UnitSize: 1008, UnitsPerBlock: 10})
		require.ErrorContains(t, err, "128 to 254", id)
	}
	after := 0
	for range p.Classes() {
		after++
	}
	require.Equal(t, before, after)
}

// Ensure that for random descriptions, the block that C makes is the one that
// was worked out before, and that objects of each class live like others.
func TestNewClassRandom(t *testing.T) {
	rnd := newRand(t)
	p := testpool.New(t, WithSize(128<<20))
	rounds := 120
	if testing.Short() {
		rounds = 40
	}
	made := 0
	for range rounds {
		desc := AllocClass{
			UnitSize:      16 << rnd.IntN(14) * (1 + rnd.Uint64N(5)),
			UnitsPerBlock: 1 + rnd.IntN(1<<rnd.IntN(12)),
			Header:        Header(rnd.IntN(3)),
		}
		if rnd.IntN(2) == 0 {
			desc.Alignment = 1 << rnd.IntN(18)
		}
		c, err := p.NewClass(desc)
		if err != nil {
			require.NotContains(t, err.Error(), "were expected")
			continue
		}
		made++
		again, err := p.NewClass(desc)
		require.NoError(t, err)
		require.Equal(t, c, again)
		size := desc.UnitSize
		switch desc.Header {
		case HeaderCompact:
			size -= 16
		case HeaderLegacy:
			size -= 64
		}
		var slot OID
		for range 3 {
			oid, err := p.Xalloc(&slot, size, 7, c.Flag())
			if err != nil {
				require.ErrorIs(t, err, ErrOutOfSpace)
				break
			}
			if desc.Alignment != 0 {
				require.Zero(t, oid.Off%desc.Alignment, "%+v", desc)
			}
			usable, err := p.UsableSize(oid)
			require.NoError(t, err)
			require.Equal(t, size, usable)
			fill(view(t, p, oid, int(size)), 1)
			require.NoError(t, p.Free(&oid))
		}
	}
	require.Greater(t, made, rounds/5)
	require.Empty(t, objectsIn(p))
}

// Ensure that objects without headers, and aligned ones, are known, listed,
// snapshotted, resized and freed like others, also when the pool was opened
// again and their class is gone.
func TestClassObjects(t *testing.T) {
	for name, desc := range map[string]AllocClass{
		"none":            {UnitSize: 48, UnitsPerBlock: 1000, Header: HeaderNone},
		"none aligned":    {UnitSize: 128, Alignment: 128, UnitsPerBlock: 1000, Header: HeaderNone},
		"compact aligned": {UnitSize: 4096, Alignment: 4096, UnitsPerBlock: 20},
		"legacy":          {UnitSize: 256, UnitsPerBlock: 100, Header: HeaderLegacy},
	} {
		t.Run(name, func(t *testing.T) {
			p := testpool.New(t)
			c, err := p.NewClass(desc)
			require.NoError(t, err)
			const size, typeNum = 40, 9
			var all []OID
			for i := range 100 {
				if i%2 == 0 {
					oid, err := p.Xalloc(nil, size, typeNum, c.Flag()|AllocZero)
					require.NoError(t, err)
					all = append(all, oid)
					continue
				}
				require.NoError(t, p.Update(func(tx *Tx) error {
					oid, err := tx.Xalloc(size, typeNum, c.Flag())
					all = append(all, oid)
					return err
				}))
			}
			for i, oid := range all {
				fill(view(t, p, oid, size), uint64(i))
			}
			check := func(p *Pool) {
				t.Helper()
				require.Equal(t, sorted(append([]OID(nil), all...)), objectsIn(p))
				want := make([]byte, size)
				for i, oid := range all {
					fill(want, uint64(i))
					require.Equal(t, want, view(t, p, oid, size))
					require.Equal(t, want[8:16], (*[8]byte)(unsafe.Pointer(&PtrOf[classRecord](oid).Get().Rest))[:])
					num, err := p.TypeNum(oid)
					require.NoError(t, err)
					if desc.Header == HeaderNone {
						require.Zero(t, num)
					} else {
						require.EqualValues(t, typeNum, num)
					}
				}
			}
			check(p)
			p = testpool.Reopen(t, p)
			check(p)
			require.NoError(t, p.Close())
			p = testpool.Open(t, p.Path(), WithVerify())
			check(p)

			_, err = p.Class(c.ID())
			require.ErrorIs(t, err, fs.ErrNotExist)
			require.ErrorContains(t, err, "after every Open")
			// A snapshot is taken and rolled back.
			first := PtrOf[classRecord](all[0])
			before := *first.Get()
			failed := errors.New("no")
			require.ErrorIs(t, p.Update(func(tx *Tx) error {
				first.Mut(tx).Rest = [4]uint64{1, 2, 3, 4}
				return failed
			}), failed)
			require.Equal(t, before, *first.Get())
			// Resizing and freeing.
			require.NoError(t, p.Realloc(&all[1], 500, 3))
			require.NoError(t, p.Update(func(tx *Tx) (err error) {
				all[2], err = tx.Realloc(all[2], 600, 3)
				return err
			}))
			freed := all[3]
			for i := range all {
				if i%2 == 0 {
					require.NoError(t, p.Free(&all[i]))
					continue
				}
				require.NoError(t, p.Publish(func(a *Actions) error { a.Free(all[i]); return nil }))
			}
			require.Empty(t, objectsIn(p))
			require.ErrorIs(t, p.Free(&freed), ErrNotLive)
		})
	}
}

// Ensure that a class is refused whose objects C would cut from the blocks of
// another: one of this process, or one that an earlier process left behind.
func TestClassConfusion(t *testing.T) {
	p := testpool.New(t)
	loose := AllocClass{UnitSize: 1024, Alignment: 64, UnitsPerBlock: 100, Header: HeaderNone}
	strict := loose
	strict.Alignment = 1024
	c, err := p.NewClass(loose)
	require.NoError(t, err)
	_, err = p.NewClass(strict)
	require.ErrorIs(t, err, fs.ErrExist)
	require.ErrorContains(t, err, "choose another UnitsPerBlock")

	oneOf := func(p *Pool, c Class) OID {
		oid, err := p.Xalloc(nil, 1024, 0, c.Flag())
		require.NoError(t, err)
		return oid
	}
	kept := oneOf(p, c)
	p = testpool.Reopen(t, p)
	_, err = p.NewClass(strict)
	require.ErrorIs(t, err, fs.ErrExist)
	require.ErrorContains(t, err, "an earlier process left")
	strict.UnitsPerBlock = 1000
	s, err := p.NewClass(strict)
	require.NoError(t, err)
	for range 10 {
		require.Zero(t, oneOf(p, s).Off%1024)
	}
	require.Len(t, objectsIn(p), 11)
	require.NoError(t, p.Free(&kept))
}

// Ensure that numbers of classes and arenas that a pool does not have never
// reach C, which faults at most of them, and that sizes are checked.
func TestFlagsRefused(t *testing.T) {
	p := testpool.New(t)
	none, err := p.NewClassAt(200, AllocClass{UnitSize: 64, UnitsPerBlock: 100, Header: HeaderNone})
	require.NoError(t, err)
	require.Equal(t, 200, none.ID())
	few, err := p.NewClass(AllocClass{UnitSize: 64 << 10, UnitsPerBlock: 3})
	require.NoError(t, err)
	_, err = p.NewClassAt(200, AllocClass{UnitSize: 80, UnitsPerBlock: 100, Header: HeaderNone})
	require.ErrorIs(t, err, fs.ErrExist)
	const classShift, arenaShift = 48, 32
	for _, c := range []struct {
		size  uint64
		flags AllocFlags
		want  string
	}{
		{100, 201 << classShift, "no allocation class 201"},
		{100, 255 << classShift, "no allocation class 255"},
		{100, 256 << classShift, "no allocation class 256"},
		{100, 0xFFFF << classShift, "no allocation class 65535"},
		{100, 99 << arenaShift, "arena 99"},
		{100, 0xFFFF << arenaShift, "arena 65535"},
		{100, 1 << 2, "unknown allocation flags 0x4"},
		{100, 1 << 31, "unknown allocation flags"},
		{65, none.Flag(), "objects of class 200 have 1 to 64"},
		{0, none.Flag(), "0 bytes"},
		{few.Desc().UnitSize*3 - 15, few.Flag(), "1 to 196592"},
		{MaxAlloc, few.Flag(), "1 to 196592"},
		{MaxAlloc + 1, 0, "at most"},
		{^uint64(0), few.Flag(), "at most"},
	} {
		_, err := p.Xalloc(nil, c.size, 1, c.flags)
		require.ErrorContains(t, err, c.want)
		require.NoError(t, p.Update(func(tx *Tx) error {
			_, err := tx.Xalloc(c.size, 1, c.flags)
			require.ErrorContains(t, err, c.want)
			return nil
		}))
	}
	_, err = p.Xalloc(nil, 10, 1, AllocNoFlush)
	require.ErrorContains(t, err, "no meaning outside transactions")
	require.Empty(t, objectsIn(p))
	// What is left is good.
	require.NoError(t, p.Update(func(tx *Tx) error {
		r, err := XNew[classRecord](tx, none.Flag()|AllocZero)
		require.NoError(t, err)
		require.Zero(t, *r.Get())
		_, err = XNew[classBig](tx, none.Flag())
		require.ErrorIs(t, err, unix.EINVAL)
		_, err = XNew[string](tx, 0)
		require.ErrorContains(t, err, "cannot live in a pool")
		return nil
	}))
	_, err = p.Xalloc(nil, few.Desc().UnitSize*3-16, 1, few.Flag())
	require.NoError(t, err)
	require.Len(t, objectsIn(p), 2)
}

// Ensure that ClassFor makes one class for a type and header, whose objects
// take what they need and no more, and work in Update and in Publish.
func TestClassFor(t *testing.T) {
	p := testpool.New(t)
	c, err := ClassFor[classRecord](p, HeaderNone)
	require.NoError(t, err)
	again, err := ClassFor[classRecord](p, HeaderNone)
	require.NoError(t, err)
	require.Equal(t, c, again)
	require.Equal(t, AllocClass{UnitSize: 48, UnitsPerBlock: c.Desc().UnitsPerBlock, Header: HeaderNone}, c.Desc())
	compact, err := ClassFor[classRecord](p, HeaderCompact)
	require.NoError(t, err)
	require.EqualValues(t, 64, compact.Desc().UnitSize)
	require.NotEqual(t, c.ID(), compact.ID())

	var a, b, d Ptr[classRecord]
	require.NoError(t, p.Update(func(tx *Tx) (err error) {
		a, err = c.New(tx)
		require.NoError(t, err)
		*a.Get() = classRecord{Number: 1}
		b, err = c.NewZeroed(tx)
		require.NoError(t, err)
		require.Zero(t, *b.Get())
		d, err = compact.NewZeroed(tx)
		return err
	}))
	require.EqualValues(t, 48, b.OID().Off-a.OID().Off)
	num, err := p.TypeNum(d.OID())
	require.NoError(t, err)
	require.Equal(t, TypeNum[classRecord](), num)
	root := rootOf(t, p)
	require.NoError(t, p.Publish(func(ac *Actions) error {
		r, v, err := c.Reserve(ac)
		if err != nil {
			return err
		}
		*v = classRecord{Number: 5}
		StoreOID(ac, &root.Get().OID, r.OID())
		return nil
	}))
	p = testpool.Reopen(t, p)
	root = rootOf(t, p)
	require.EqualValues(t, 5, PtrOf[classRecord](root.Get().OID).Get().Number)
	require.EqualValues(t, 1, PtrOf[classRecord](a.OID()).Get().Number)

	// The old class is of another opening.
	err = p.Update(func(tx *Tx) error { _, err := c.New(tx); return err })
	require.ErrorIs(t, err, ErrForeignPool)
	err = p.Publish(func(a *Actions) error { _, _, err := c.Reserve(a); return err })
	require.ErrorIs(t, err, ErrForeignPool)
	err = p.Update(func(tx *Tx) error { _, err := ClassOf[classRecord]{}.New(tx); return err })
	require.ErrorIs(t, err, ErrNull)
	c, err = ClassFor[classRecord](p, HeaderNone)
	require.NoError(t, err)
	var stale *Tx
	require.NoError(t, p.Update(func(tx *Tx) error { stale = tx; _, err := c.New(tx); return err }))
	_, err = c.New(stale)
	require.ErrorIs(t, err, ErrTxDone)

	_, err = ClassFor[[]byte](p, HeaderNone)
	require.ErrorContains(t, err, "cannot live in a pool")
	_, err = ClassFor[classRecord](p, 9)
	require.ErrorIs(t, err, unix.EINVAL)
	require.NoError(t, p.Close())
	_, err = ClassFor[classRecord](p, HeaderNone)
	require.ErrorIs(t, err, ErrClosed)
}

// Ensure that types of every size get a class, also those whose class C could
// not tell from that of another, and that large ones fit a small pool.
func TestClassForSizes(t *testing.T) {
	p := testpool.New(t)
	_, err := p.NewClass(AllocClass{UnitSize: 64, Alignment: 64, UnitsPerBlock: 4000, Header: HeaderNone})
	require.NoError(t, err)
	one(t, p, [1]byte{1})
	one(t, p, [16]byte{2})
	one(t, p, [17]byte{3})
	one(t, p, [64]byte{4})
	one(t, p, [4048]byte{9}) // 64 to a block
	one(t, p, [4096]byte{5})
	one(t, p, [100_000]byte{6})
	one(t, p, [262_144]byte{7})
	one(t, p, [1_000_000]byte{8})
}

// one keeps a value of T in an object without a header.
func one[T comparable](t *testing.T, p *Pool, v T) {
	t.Helper()
	c, err := ClassFor[T](p, HeaderNone)
	require.NoError(t, err)
	var ptr Ptr[T]
	require.NoError(t, p.Update(func(tx *Tx) (err error) {
		if ptr, err = c.New(tx); err == nil {
			*ptr.Get() = v
		}
		return err
	}))
	require.True(t, v == *ptr.Get())
	usable, err := p.UsableSize(ptr.OID())
	require.NoError(t, err)
	require.Less(t, usable-uint64(unsafe.Sizeof(v)), uint64(16))
	objects := objectsIn(p)
	require.Contains(t, objects, ptr.OID())
	require.Less(t, len(objects), 12, "PMDK takes units for allocated that nobody asked for")
}

// Ensure that classes and arenas go together, whichever came first.
func TestClassInArena(t *testing.T) {
	p := testpool.New(t)
	before, err := p.NewArena()
	require.NoError(t, err)
	c, err := ClassFor[classRecord](p, HeaderNone)
	require.NoError(t, err)
	after, err := p.NewArena()
	require.NoError(t, err)
	for _, a := range []Arena{before, after} {
		for range 3 {
			_, err := p.Xalloc(nil, 40, 0, c.Flag()|a.Flag())
			require.NoError(t, err)
			require.NoError(t, p.WithArena(a, func() error {
				return p.Update(func(tx *Tx) error {
					if _, err := XNew[classRecord](tx, c.Flag()|a.Flag()|AllocZero|AllocNoFlush); err != nil {
						return err
					}
					_, err := c.New(tx)
					return err
				})
			}))
		}
		require.Positive(t, arenaSize(t, a))
	}
	require.Equal(t, 18, len(objectsIn(p)))
}

// Ensure that classes run out with an error.
func TestClassesRunOut(t *testing.T) {
	p := testpool.New(t)
	desc := AllocClass{UnitSize: 4096, UnitsPerBlock: 10, Header: HeaderNone}
	var err error
	n := 0
	for ; err == nil; n++ {
		require.Less(t, n, 255)
		desc.UnitSize += 16
		_, err = p.NewClass(desc)
	}
	require.ErrorIs(t, err, unix.ENOSPC)
	require.ErrorContains(t, err, "at most 254 classes")
	require.Greater(t, n, 150)
	_, err = p.Xalloc(nil, 100, 1, 0)
	require.NoError(t, err)
}

// Ensure that allocation in a class costs no memory of Go's.
func TestClassForAllocs(t *testing.T) {
	if raceDetector || addressSanitizer {
		t.Skip("the race detector and the address sanitizer allocate on their own")
	}
	p := testpool.New(t)
	c, err := ClassFor[classRecord](p, HeaderNone)
	require.NoError(t, err)
	var r Ptr[classRecord]
	update := func(tx *Tx) (err error) {
		r, err = c.New(tx)
		return err
	}
	free := func(tx *Tx) error { return tx.Free(r.OID()) }
	require.Zero(t, testing.AllocsPerRun(100, func() {
		require.NoError(t, p.Update(update))
		require.NoError(t, p.Update(free))
	}))
	a, err := p.NewArena()
	require.NoError(t, err)
	update = func(tx *Tx) (err error) {
		r, err = XNew[classRecord](tx, c.Flag()|a.Flag()|AllocZero)
		return err
	}
	require.Zero(t, testing.AllocsPerRun(100, func() {
		require.NoError(t, p.Update(update))
		require.NoError(t, p.Update(free))
	}))
	reserve := func(a *Actions) error {
		_, _, err := c.Reserve(a)
		return err
	}
	require.Zero(t, testing.AllocsPerRun(100, func() { require.NoError(t, p.Publish(reserve)) }))
}

func init() {
	testchild.Register("configured classes", configuredClasses)
}

// configuredClasses looks at classes that PMDK's configuration has made.
func configuredClasses(args []string) error {
	p, err := Open(args[0], "", WithDurability(DurabilityProcessCrash))
	if err != nil {
		return err
	}
	good, err := p.Class(200)
	if err != nil {
		return err
	}
	if _, err := p.Xalloc(nil, 500, 1, good.Flag()); err != nil {
		return err
	}
	for _, id := range []int{201, 202} {
		if _, err := p.Class(id); !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("class %d: %v", id, err)
		}
		if _, err := p.Xalloc(nil, 16, 1, AllocFlags(id)<<48); !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("allocation in class %d: %v", id, err)
		}
	}
	return p.Close()
}

// Ensure that classes made by PMDK's configuration can be used, and that those
// that would damage the pool cannot.
func TestConfiguredClasses(t *testing.T) {
	p := testpool.New(t)
	require.NoError(t, p.Close())
	c := testchild.StartWith(t, func(cmd *exec.Cmd) {
		cmd.Env = append(cmd.Env, "PMEMOBJ_CONF=heap.alloc_class.200.desc=512,0,1000,compact;"+
			"heap.alloc_class.201.desc=4048,0,30,none;heap.alloc_class.202.desc=16,0,100000,none")
	}, "configured classes", p.Path())
	require.Empty(t, c.Output(t))
}
