package libpmemobj_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/internal/testpool"
	. "github.com/pmem/pmdk-go/libpmemobj"
)

// Ensure that an OID that is not a live object of the pool gets an error from
// every function that takes one. In C each of these is a crash, a hang, or
// silent damage.
func TestHostileOID(t *testing.T) {
	p, other := testpool.New(t), testpool.New(t)
	root := rootOf(t, p)
	live := oneObject(t, p, 300, 1)
	huge := oneObject(t, p, 700_000, 1)
	copy(view(t, p, huge, 700_000)[1<<18-16:], "\x00\x02\x00\x00\x00\x00\x00\x00") // looks like a header
	freed := oneObject(t, p, 300, 1)
	stale := freed
	require.NoError(t, p.Free(&freed))
	hugeFreed := oneObject(t, p, 700_000, 1)
	staleHuge := hugeFreed
	require.NoError(t, p.Free(&hugeFreed))
	foreign := oneObject(t, other, 300, 1)
	at := func(off uint64) OID { return OID{p.UUID(), off} }
	cases := []struct {
		name string
		oid  OID
		is   error
		text string
	}{
		{"another pool", foreign, ErrForeignPool, "belongs to another pool"},
		{"no pool", OID{0, live.Off}, ErrForeignPool, "belongs to another pool"},
		{"freed", stale, ErrNotLive, "not a live object"},
		{"huge and freed", staleHuge, ErrNotLive, "not a live object"},
		{"a byte inside", at(live.Off + 1), ErrNotLive, "not a live object"},
		{"a word inside", at(live.Off + 8), ErrNotLive, "not a live object"},
		{"a unit inside", at(live.Off + 128), ErrNotLive, "not a live object"},
		{"two units inside", at(live.Off + 256), ErrNotLive, "not a live object"},
		{"its header", at(live.Off - 16), ErrNotLive, "not a live object"},
		{"inside a huge one", at(huge.Off + 4096), ErrNotLive, "not a live object"},
		{"a chunk inside a huge one", at(huge.Off + 1<<18), ErrNotLive, "not a live object"},
		{"the pool's header", at(8), ErrNotLive, "not a live object"},
		{"the lanes", at(8192), ErrNotLive, "not a live object"},
		{"free memory", at(testpool.Size / 4 * 3), ErrNotLive, "not a live object"},
		{"the end", at(testpool.Size), ErrNotLive, "not a live object"},
		{"wild", at(1 << 50), ErrNotLive, "not a live object"},
		{"wildest", at(^uint64(0)), ErrNotLive, "not a live object"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			check := func(name string, err error) {
				t.Helper()
				require.ErrorIs(t, err, c.is, name)
				require.ErrorContains(t, err, c.text, name)
				require.ErrorContains(t, err, c.oid.String(), name)
			}
			oid := c.oid
			check("Free", p.Free(&oid))
			check("Realloc", p.Realloc(&oid, 10, 1))
			check("Realloc to 0", p.Realloc(&oid, 0, 1))
			check("Zrealloc", p.Zrealloc(&oid, 1000, 1))
			require.Equal(t, c.oid, oid)
			_, err := p.UsableSize(oid)
			check("UsableSize", err)
			_, err = p.TypeNum(oid)
			check("TypeNum", err)
			require.NoError(t, p.Update(func(tx *Tx) error {
				check("Tx.Free", tx.Free(oid))
				_, err := tx.Realloc(oid, 10, 1)
				check("Tx.Realloc", err)
				_, err = tx.Realloc(oid, 0, 1)
				check("Tx.Realloc to 0", err)
				_, err = tx.Zrealloc(oid, 10, 1)
				check("Tx.Zrealloc", err)
				return nil
			}))
			check("Actions.Free", p.Publish(func(a *Actions) error {
				a.Free(oid)
				return nil
			}))
		})
	}
	require.NotEmpty(t, root)
	require.Equal(t, []OID{live, huge}, sorted(objectsIn(p)), "something was freed")
}

// Ensure that null is refused where an object is needed, and freeing it does
// nothing.
func TestHostileNull(t *testing.T) {
	p := testpool.New(t)
	for _, oid := range []OID{{}, {Pool: p.UUID()}, {Pool: 12345}} {
		_, err := p.UsableSize(oid)
		require.ErrorIs(t, err, ErrNull)
		require.ErrorContains(t, err, "null pointer")
		_, err = p.TypeNum(oid)
		require.ErrorIs(t, err, ErrNull)
		_, err = p.Bytes(oid, 0, 1)
		require.ErrorIs(t, err, ErrNull)
		copied := oid
		require.NoError(t, p.Free(&copied))
		require.NoError(t, p.Publish(func(a *Actions) error { a.Free(oid); return nil }))
		require.NoError(t, p.Update(func(tx *Tx) error {
			null, err := tx.Realloc(oid, 0, 1)
			require.True(t, null.IsNull())
			require.NoError(t, err)
			return tx.Free(oid)
		}))
	}
}

// Ensure that the root cannot be freed or moved.
func TestHostileRoot(t *testing.T) {
	p := testpool.New(t)
	root := rootOf(t, p)
	oid := root.OID()
	check := func(err error) {
		t.Helper()
		require.ErrorIs(t, err, unix.EINVAL)
		require.ErrorContains(t, err, "is the root object")
	}
	check(p.Free(&oid))
	check(p.Realloc(&oid, 0, 1))
	check(p.Realloc(&oid, 100_000, 1))
	check(p.Zrealloc(&oid, 100_000, 1))
	require.Equal(t, root.OID(), oid)
	require.NoError(t, p.Update(func(tx *Tx) error {
		check(tx.Free(oid))
		_, err := tx.Realloc(oid, 100_000, 1)
		check(err)
		_, err = tx.Realloc(oid, 0, 1)
		check(err)
		return nil
	}))
	check(p.Publish(func(a *Actions) error { a.Free(oid); return nil }))
	require.Equal(t, root, rootOf(t, p))
}

// Ensure that what an open transaction or publication has allocated cannot be
// freed outside of it.
func TestHostileUncommitted(t *testing.T) {
	p := testpool.New(t)
	refused := func(oid OID) {
		inGoroutine(func() {
			require.ErrorIs(t, p.Free(&oid), ErrNotLive)
			require.ErrorIs(t, p.Update(func(tx *Tx) error { return tx.Free(oid) }), ErrNotLive)
		})
	}
	require.NoError(t, p.Update(func(tx *Tx) error {
		n, err := New[node](tx)
		refused(n.OID())
		return err
	}))
	require.NoError(t, p.Publish(func(a *Actions) error {
		n, _, err := Reserve[node](a)
		refused(n.OID())
		return err
	}))
	require.Len(t, objectsIn(p), 2)
}
