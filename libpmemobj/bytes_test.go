package libpmemobj_test

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/internal/testpool"
	. "github.com/pmem/pmdk-go/libpmemobj"
)

// Ensure that a value is set, read, changed and cleared, in a transaction and
// in a publication, and leaves one object or none.
func TestStringSet(t *testing.T) {
	eachValueWay(t, func(t *testing.T, p *Pool, r *valueRoot, change func(f func(c Change) error) error) {
		require.True(t, r.Name.IsEmpty())
		require.Equal(t, "", r.Name.Get(p))
		require.Nil(t, r.Name.View(p))
		for _, v := range []string{"Ada", "Grace", "Grace", strings.Repeat("x", 100), strings.Repeat("y", 101), "Ada",
			strings.Repeat("z", 5000), strings.Repeat("z", 4000), "a\x00b", "ÄÖ", "", "", "again"} {
			require.NoError(t, change(func(c Change) error { return r.Name.Set(c, v) }))
			require.Equal(t, v, r.Name.Get(p))
			require.Equal(t, len(v), r.Name.Len(p))
			require.Equal(t, v == "", r.Name.IsEmpty())
			view, err := r.Name.TryView(p)
			require.NoError(t, err)
			require.Equal(t, v, string(view))
			require.Equal(t, len(view), cap(view))
			objects := objectsIn(p)
			if v == "" {
				require.Empty(t, objects)
				continue
			}
			require.Len(t, objects, 1)
			num, err := p.TypeNum(objects[0])
			require.NoError(t, err)
			require.Equal(t, StringType, num)
		}
		p2 := testpool.Reopen(t, p)
		require.Equal(t, "again", valueRootOf(t, p2).Name.Get(p2))
	})
}

// Ensure that Bytes do the same, that nil and empty are one, and that a value
// can be set from a view of itself.
func TestBytesSet(t *testing.T) {
	eachValueWay(t, func(t *testing.T, p *Pool, r *valueRoot, change func(f func(c Change) error) error) {
		set := func(v []byte) {
			t.Helper()
			require.NoError(t, change(func(c Change) error { return r.Blob.Set(c, v) }))
			require.True(t, bytes.Equal(v, r.Blob.Get(p)))
			require.Equal(t, len(v), r.Blob.Len(p))
		}
		set(nil)
		set([]byte{})
		require.True(t, r.Blob.IsEmpty())
		require.Nil(t, r.Blob.Get(p))
		long := make([]byte, 3000)
		fill(long, 1)
		set(long)
		copied := r.Blob.Get(p)
		for _, part := range [][2]int{{10, 2500}, {1000, 1400}, {0, 399}, {5, 50}, {0, 45}} {
			want := bytes.Clone(r.Blob.View(p)[part[0]:part[1]])
			require.NoError(t, change(func(c Change) error { return r.Blob.Set(c, r.Blob.View(p)[part[0]:part[1]]) }))
			require.Equal(t, want, r.Blob.Get(p))
		}
		require.Equal(t, long, copied, "Get did not copy")
		num, err := p.TypeNum(objectsIn(p)[0])
		require.NoError(t, err)
		require.Equal(t, BytesType, num)
		set([]byte{})
		require.Empty(t, objectsIn(p))
	})
}

// Ensure that what a closure gives up leaves a value as it was, however often
// it was set in there, and no object behind.
func TestStringRollback(t *testing.T) {
	eachValueWay(t, func(t *testing.T, p *Pool, r *valueRoot, change func(f func(c Change) error) error) {
		for _, before := range []string{"", "before", strings.Repeat("b", 3000)} {
			require.NoError(t, change(func(c Change) error { return r.Name.Set(c, before) }))
			objects := objectsIn(p)
			for _, values := range [][]string{{"x"}, {""}, {"x", "y"}, {strings.Repeat("l", 2000), "x", strings.Repeat("m", 9000)}, {"x", ""}, {"", "x", before}} {
				require.Equal(t, errStop, change(func(c Change) error {
					for _, v := range values {
						require.NoError(t, r.Name.Set(c, v))
					}
					return errStop
				}))
				require.Equal(t, before, r.Name.Get(p))
				require.Equal(t, objects, objectsIn(p))
			}
			for _, values := range [][]string{{"x", "y"}, {strings.Repeat("l", 2000), "x", strings.Repeat("m", 9000)}, {"x", ""}, {"", "x"}} {
				require.NoError(t, change(func(c Change) error {
					for _, v := range values {
						require.NoError(t, r.Name.Set(c, v))
					}
					return nil
				}))
				require.Equal(t, values[len(values)-1], r.Name.Get(p))
				require.LessOrEqual(t, len(objectsIn(p)), 1)
			}
		}
	})
}

// Ensure that reads in a publication see what is pending, through Load, and
// other readers do not.
func TestLoadString(t *testing.T) {
	p := testpool.New(t)
	r := valueRootOf(t, p)
	require.NoError(t, p.Publish(func(a *Actions) error {
		require.NoError(t, r.Name.Set(a, "pending"))
		require.NoError(t, r.Blob.Set(a, []byte{1, 2}))
		require.Equal(t, "pending", LoadString(a, &r.Name).Get(p))
		require.Equal(t, []byte{1, 2}, LoadBytes(a, &r.Blob).Get(p))
		require.Equal(t, "", r.Name.Get(p))
		return nil
	}))
	require.Equal(t, "pending", r.Name.Get(p))
}

// Ensure that fields of new objects can be set before they exist.
func TestStringInNewObject(t *testing.T) {
	p := testpool.New(t)
	r := valueRootOf(t, p)
	require.NoError(t, p.Update(func(tx *Tx) error {
		u, err := NewZeroed[valueUser](tx)
		require.NoError(t, err)
		require.NoError(t, u.Get().Name.Set(tx, "one"))
		require.NoError(t, u.Get().Name.Set(tx, strings.Repeat("one", 100)))
		require.NoError(t, u.Get().Scores.Append(tx, 1, 2, 3))
		*MutAt(tx, &r.User) = u
		return nil
	}))
	require.Equal(t, strings.Repeat("one", 100), r.User.Get().Name.Get(p))
	require.Equal(t, []uint32{1, 2, 3}, r.User.Get().Scores.View(p))
	require.Len(t, objectsIn(p), 3)
	require.NoError(t, p.Publish(func(a *Actions) error {
		old := r.User
		require.NoError(t, old.Get().Name.Set(a, ""))
		require.NoError(t, old.Get().Scores.Free(a))
		a.Free(old.OID())
		ptr, u, err := Reserve[valueUser](a)
		require.NoError(t, err)
		*u = valueUser{ID: 2}
		require.NoError(t, u.Name.Set(a, "two"))
		require.NoError(t, u.Name.Set(a, "deux"))
		require.NoError(t, u.Scores.Append(a, 4))
		require.NoError(t, u.Scores.Append(a, 5))
		require.NoError(t, u.Scores.Set(a, 0, 6))
		StorePtr(a, &r.User, ptr)
		return nil
	}))
	require.Equal(t, "deux", r.User.Get().Name.Get(p))
	require.Equal(t, []uint32{6, 5}, r.User.Get().Scores.View(p))
	require.Len(t, objectsIn(p), 3)
}

// Ensure that misuse is an error that says what is wrong, and changes nothing.
func TestStringMisuse(t *testing.T) {
	p, other := testpool.New(t), testpool.New(t)
	r := valueRootOf(t, p)
	foreign := valueRootOf(t, other)
	for _, w := range valueWays {
		t.Run(w.name, func(t *testing.T) {
			refused := func(set func(c Change) error, is error, text string) {
				t.Helper()
				err := w.do(p, set)
				require.ErrorIs(t, err, is)
				require.ErrorContains(t, err, text)
			}
			require.NoError(t, w.do(p, func(c Change) error { return r.Name.Set(c, "Ada") }))
			copied := *r
			refused(func(c Change) error { return copied.Name.Set(c, "x") }, ErrForeignPool, "where it lies, not in a copy")
			refused(func(c Change) error { return foreign.Name.Set(c, "x") }, ErrForeignPool, "not in pool "+p.Path())
			refused(func(c Change) error { return (*String)(nil).Set(c, "x") }, ErrNull, "no field")
			refused(func(c Change) error { return (*Slice[byte])(nil).Append(c, 1) }, ErrNull, "no field")
			u := oneObject(t, p, uint64(unsafe.Sizeof(valueUser{})), 1)
			dead := &PtrOf[valueUser](u).Get().Name
			require.NoError(t, p.Free(&u))
			refused(func(c Change) error { return dead.Set(c, "x") }, ErrNotLive, "offset")
			var over Change
			require.NoError(t, w.do(p, func(c Change) error { over = c; return nil }))
			require.ErrorIs(t, r.Name.Set(over, "x"), ErrTxDone)
			require.ErrorIs(t, r.Words.Append(over, 1), ErrTxDone)
			require.ErrorIs(t, r.Name.Set(nil, "x"), unix.EINVAL)
			require.ErrorContains(t, r.Words.Append(nil, 1), "neither a *Tx nor an *Actions")
			require.NoError(t, w.do(p, func(c Change) error {
				inGoroutine(func() { require.ErrorIs(t, r.Name.Set(c, "x"), ErrWrongGoroutine) })
				return nil
			}))
			require.Equal(t, "Ada", r.Name.Get(p))
		})
	}
	require.NoError(t, other.Close())
	require.Equal(t, "Ada", r.Name.Get(p))
	require.ErrorContains(t, errorPanicOf(t, func() { r.Name.Get(other) }), "no pool with this UUID is open")
}

// Ensure that a field that holds what no Set put there is never read beyond an
// object, and that Set frees nothing for it that is of another type.
func TestStringDamaged(t *testing.T) {
	p := testpool.New(t)
	r := valueRootOf(t, p)
	word := (*uint64)(unsafe.Pointer(&r.Name))
	node := oneNode(t, p, 7)
	huge := oneObject(t, p, 700_000, StringType)
	require.NoError(t, p.Update(func(tx *Tx) error { return r.Name.Set(tx, "fine") }))
	fine := *word
	length := PtrOf[uint64](OID{p.UUID(), fine}).Get()

	for _, n := range []uint64{105, 4096, 1 << 40, 1<<63 + 4, ^uint64(0), ^uint64(7)} {
		*length = n
		err := errorPanicOf(t, func() { r.Name.Get(p) })
		var v *ValueError
		require.ErrorAs(t, err, &v)
		require.Equal(t, fine, v.OID.Off)
		require.Panics(t, func() { r.Name.Len(p) })
		_, err = r.Name.TryView(p)
		require.ErrorAs(t, err, &v)
		// A longer value that does not fit replaces what is there.
		for _, w := range valueWays {
			require.Equal(t, errStop, w.do(p, func(c Change) error {
				require.NoError(t, r.Name.Set(c, "repaired"))
				return errStop
			}))
		}
	}
	*length = 104
	require.Equal(t, 104, r.Name.Len(p), "all the room there is")
	*length = 4

	for _, off := range []uint64{1, 8, 4096, fine + 8, fine - 16, node.OID().Off, huge.Off + 4096, 1 << 50, ^uint64(0), uint64(p.Size()) - 8} {
		*word = off
		if off != node.OID().Off { // alive, and a ValueError only if its first word is a wild length
			_, err := r.Name.TryView(p)
			var v *ValueError
			require.ErrorAs(t, err, &v, "%#x", off)
		}
		for _, w := range valueWays {
			err := w.do(p, func(c Change) error { return r.Name.Set(c, "x") })
			require.ErrorIs(t, err, ErrNotLive, "%#x", off)
			require.Equal(t, off, *word)
		}
	}
	*word = node.OID().Off
	require.ErrorContains(t, p.Update(func(tx *Tx) error { return r.Name.Set(tx, "") }), "was the field ever set?")
	*word = fine
	require.Equal(t, "fine", r.Name.Get(p))
	require.Len(t, objectsIn(p), 3)
}

// Ensure that a C program finds the documented layout, and can write it.
func TestStringLayout(t *testing.T) {
	p := testpool.New(t)
	r := valueRootOf(t, p)
	require.EqualValues(t, 8, unsafe.Sizeof(String{}))
	require.EqualValues(t, 8, unsafe.Sizeof(Bytes{}))
	require.EqualValues(t, 24, unsafe.Sizeof(Slice[byte]{}))
	require.NoError(t, p.Update(func(tx *Tx) error { return r.Name.Set(tx, "Ada") }))
	off := *(*uint64)(unsafe.Pointer(&r.Name))
	object := view(t, p, OID{p.UUID(), off}, 11)
	require.EqualValues(t, 3, binary.NativeEndian.Uint64(object))
	require.Equal(t, "Ada", string(object[8:]))

	// Without the type number, and with a length of 0.
	oid := oneObject(t, p, 30, 0)
	b := view(t, p, oid, 30)
	*(*uint64)(unsafe.Pointer(&r.Blob)) = oid.Off
	require.Equal(t, 0, r.Blob.Len(p))
	binary.NativeEndian.PutUint64(b, 5)
	copy(b[8:], "from C")
	require.Equal(t, "from ", string(r.Blob.View(p)))
	require.NoError(t, p.Publish(func(a *Actions) error { return r.Blob.Set(a, nil) }))
	require.Len(t, objectsIn(p), 1)
}

// Ensure that a full pool leaves a value as it was, and the closure going on.
func TestStringOutOfSpace(t *testing.T) {
	eachValueWay(t, func(t *testing.T, p *Pool, r *valueRoot, change func(f func(c Change) error) error) {
		require.NoError(t, change(func(c Change) error { return r.Name.Set(c, "Ada") }))
		large := make([]byte, testpool.Size)
		require.NoError(t, change(func(c Change) error {
			require.ErrorIs(t, r.Name.Set(c, string(large)), ErrOutOfSpace)
			require.ErrorIs(t, r.Blob.Set(c, large), ErrOutOfSpace)
			require.ErrorIs(t, r.Words.Grow(c, len(large)), ErrOutOfSpace)
			require.ErrorIs(t, r.Words.Grow(c, MaxAlloc), unix.EINVAL)
			return r.Words.Append(c, 1)
		}))
		require.Equal(t, "Ada", r.Name.Get(p))
		require.Equal(t, []uint64{1}, r.Words.View(p))
		require.Len(t, objectsIn(p), 2)
	})
}

// Ensure that a value longer than any object is refused.
func TestStringTooLong(t *testing.T) {
	eachValueWay(t, func(t *testing.T, p *Pool, r *valueRoot, change func(f func(c Change) error) error) {
		// Address space without memory behind it.
		long, err := unix.Mmap(-1, 0, MaxBytes+1, unix.PROT_NONE, unix.MAP_PRIVATE|unix.MAP_ANON|unix.MAP_NORESERVE)
		require.NoError(t, err)
		defer func() { require.NoError(t, unix.Munmap(long)) }()
		err = change(func(c Change) error { return r.Blob.Set(c, long) })
		require.ErrorIs(t, err, unix.EINVAL)
		require.ErrorContains(t, err, "a value has at most 17179738040")
		require.True(t, r.Blob.IsEmpty())
	})
}
