package hashmap_test

import (
	"bytes"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/testpool"
	"github.com/pmem/pmdk-go/libpmemobj"
	"github.com/pmem/pmdk-go/libpmemobj/directory"
	"github.com/pmem/pmdk-go/libpmemobj/hashmap"
)

// Ensure that types that cannot be kept are refused, with the reason.
func TestOpenTypes(t *testing.T) {
	p := testpool.New(t)
	refused := func(err error, want string) {
		t.Helper()
		assert.ErrorContains(t, err, want)
	}
	_, err := hashmap.Open[string, int64](p, "m")
	refused(err, "string")
	_, err = hashmap.Open[int64, []byte](p, "m")
	refused(err, "slice")
	_, err = hashmap.Open[int64, struct{ At *int }](p, "m")
	refused(err, "At is a ptr")
	_, err = hashmap.Open[float64, int64](p, "m")
	refused(err, "floating-point")
	_, err = hashmap.Open[struct {
		A uint8
		B uint32
	}, int64](p, "m")
	refused(err, "gaps")
	_, err = hashmap.Open[struct{ A, _ uint8 }, int64](p, "m")
	refused(err, "blank field")
	_, err = hashmap.Open[struct{}, int64](p, "m")
	refused(err, "size 0")
	_, err = hashmap.Open[int64, [16 << 10]byte](p, "m")
	refused(err, "together they have at most 16384")
	_, err = hashmap.Open[int64, int64](nil, "m")
	refused(err, "nil")
	_, err = hashmap.OpenBytes(p, "")
	refused(err, "empty")
	_, err = hashmap.OpenBytes(p, "m", hashmap.WithInline(hashmap.MaxInline+1))
	refused(err, "WithInline(1025)")
	for range directory.List(p) {
		t.Error("something was made")
	}
}

type point struct{ X, Y int32 }
type punkt struct{ Links, Oben int32 }

// Ensure that a name keeps its meaning: other types, sizes and kinds are
// refused by an error that names both, other names of the same types are not.
func TestOpenWrongKind(t *testing.T) {
	p := testpool.New(t)
	m, err := hashmap.Open[point, uint16](p, "m")
	require.NoError(t, err)
	require.NoError(t, m.Put(point{1, 2}, 3))
	_, err = hashmap.OpenBytes(p, "m")
	assert.ErrorContains(t, err, `is a hashmap.Map[hashmap_test.point, uint16] version 1, not a hashmap.Bytes version 1`)
	_, err = hashmap.Open[point, int16](p, "m")
	assert.ErrorContains(t, err, "not a hashmap.Map[hashmap_test.point, int16] version 1")
	var wrong *directory.KindError
	require.ErrorAs(t, err, &wrong)
	_, err = hashmap.Open[[2]int32, uint16](p, "m")
	require.ErrorAs(t, err, &wrong)

	renamed, err := hashmap.Open[punkt, uint16](p, "m")
	require.NoError(t, err)
	v, found, err := renamed.Get(punkt{1, 2})
	require.NoError(t, err)
	require.True(t, found)
	require.EqualValues(t, 3, v)

	for e, err := range directory.List(p) {
		require.NoError(t, err)
		require.Equal(t, "m", e.Name)
		require.EqualValues(t, 1, e.Entries)
		require.Greater(t, e.Bytes, int64(900))
	}
	require.NoError(t, directory.Remove(p, "m"))
	_, _, err = m.Get(point{1, 2})
	require.ErrorContains(t, err, "removed")
	require.ErrorContains(t, m.Put(point{1, 2}, 3), "removed")
	require.Equal(t, 1, objects(p), "the directory's chunk alone should be left")
}

// Ensure that small and odd types work, and sets.
func TestOddTypes(t *testing.T) {
	p := testpool.New(t)
	set, err := hashmap.Open[[3]byte, struct{}](p, "set")
	require.NoError(t, err)
	odd, err := hashmap.Open[bool, [5]byte](p, "odd")
	require.NoError(t, err)
	float, err := hashmap.Open[uint16, float64](p, "float")
	require.NoError(t, err)
	long, err := hashmap.Open[[21]byte, int8](p, "long")
	require.NoError(t, err)
	for i := range byte(200) {
		require.NoError(t, set.Put([3]byte{i, 1, i}, struct{}{}))
		require.NoError(t, odd.Put(i%2 == 0, [5]byte{i, i, i, i, i}))
		require.NoError(t, float.Put(uint16(i), math.Sqrt(float64(i))))
		require.NoError(t, long.Put([21]byte{20: i}, int8(i)))
	}
	for i := range byte(200) {
		found, err := set.Has([3]byte{i, 1, i})
		require.NoError(t, err)
		require.True(t, found)
		found, err = set.Has([3]byte{i, 2, i})
		require.NoError(t, err)
		require.False(t, found)
		f, _, err := float.Get(uint16(i))
		require.NoError(t, err)
		require.Equal(t, math.Sqrt(float64(i)), f)
		l, _, err := long.Get([21]byte{20: i})
		require.NoError(t, err)
		require.Equal(t, int8(i), l)
	}
	v, found, err := odd.Get(false)
	require.NoError(t, err)
	require.True(t, found)
	require.Equal(t, [5]byte{199, 199, 199, 199, 199}, v)
}

// Ensure that empty and long keys and values are kept, nil ones as empty, and
// that two handles are one map.
func TestBytesLengths(t *testing.T) {
	p := testpool.New(t, libpmemobj.WithSize(64<<20))
	m, err := hashmap.OpenBytes(p, "m")
	require.NoError(t, err)
	again, err := hashmap.OpenBytes(p, "m", hashmap.WithInline(8))
	require.NoError(t, err)
	var kept [][]byte
	for _, n := range []int{0, 1, 7, 8, 9, 39, 40, 41, 47, 48, 49, 300, 100_000} {
		for _, k := range []int{0, 1, 40, 48, 49, 5000} {
			key := bytes.Repeat([]byte{byte(n + 1)}, k)
			require.NoError(t, m.Put(key, bytes.Repeat([]byte{'v'}, n)))
			v, found, err := again.Get(key)
			require.NoError(t, err)
			require.True(t, found)
			require.Equal(t, bytes.Repeat([]byte{'v'}, n), v)
			kept = append(kept, v)
		}
	}
	require.Len(t, kept, 13*6)
	require.NoError(t, m.Put(nil, nil))
	v, found, err := m.Get([]byte{})
	require.NoError(t, err)
	require.True(t, found)
	require.Equal(t, []byte{}, v)
	require.ErrorContains(t, m.Put(make([]byte, hashmap.MaxLen+1), nil), "at most 1073741824")
}

// Ensure that operations after Close fail and loops end, and that those of the
// map itself are refused inside a transaction.
func TestWrongPlace(t *testing.T) {
	p := testpool.New(t)
	m, err := hashmap.Open[int64, int64](p, "m")
	require.NoError(t, err)
	require.NoError(t, m.Put(1, 1))
	var outside hashmap.MapTx[int64, int64]
	require.NoError(t, p.Update(func(tx *libpmemobj.Tx) error {
		outside = m.In(tx)
		for range 2 { // before and after the transaction has the map
			require.ErrorIs(t, m.Put(2, 2), libpmemobj.ErrInTx)
			require.ErrorIs(t, m.Clear(), libpmemobj.ErrInTx)
			_, err := m.Delete(1)
			require.ErrorIs(t, err, libpmemobj.ErrInTx)
			require.ErrorContains(t, err, "In(tx)")
			require.NoError(t, m.In(tx).Put(3, 3))
		}
		_, _, err := m.Get(3)
		require.ErrorIs(t, err, libpmemobj.ErrInTx, "the transaction has changed it")
		_, err = m.Len()
		require.ErrorIs(t, err, libpmemobj.ErrInTx)
		return nil
	}))
	require.ErrorIs(t, outside.Put(1, 1), libpmemobj.ErrTxDone)
	for range outside.All() {
		t.Error("the transaction is over")
	}
	require.Error(t, m.In(nil).Put(1, 1))

	require.Panics(t, func() {
		_ = m.Update(1, func(int64, bool) (int64, error) { panic("out of order") })
	})
	require.NoError(t, m.Put(1, 5), "the panic has left nothing locked")

	for k := range m.All() {
		require.ErrorIs(t, p.Close(), nil, "a loop does not keep the pool open")
		_ = k
		break
	}
	require.ErrorIs(t, m.Put(1, 1), libpmemobj.ErrClosed)
	_, _, err = m.Get(1)
	require.ErrorIs(t, err, libpmemobj.ErrClosed)
	_, err = m.Delete(1)
	require.ErrorIs(t, err, libpmemobj.ErrClosed)
	_, err = m.Len()
	require.ErrorIs(t, err, libpmemobj.ErrClosed)
	require.Error(t, m.Clear())
	for range m.All() {
		t.Error("the pool is closed")
	}
	_, err = hashmap.Open[int64, int64](p, "m")
	require.Error(t, err)
}

// Ensure that a full pool is an error that changes nothing, and that updates go
// on in it.
func TestFull(t *testing.T) {
	p := testpool.New(t, libpmemobj.WithSize(libpmemobj.MinPool))
	m, err := hashmap.Open[uint64, [100]uint64](p, "m")
	require.NoError(t, err)
	n := uint64(0)
	for err == nil {
		if err = m.Put(n, [100]uint64{n}); err == nil {
			n++
		}
	}
	require.ErrorIs(t, err, libpmemobj.ErrOutOfSpace)
	require.Greater(t, n, uint64(1000))
	got, err := m.Len()
	require.NoError(t, err)
	require.EqualValues(t, n, got)
	for i := range n {
		require.NoError(t, m.Put(i, [100]uint64{i, 1}))
	}
	b, err := hashmap.OpenBytes(p, "b")
	if err == nil {
		err = b.Put([]byte("k"), make([]byte, 1<<20))
	}
	require.ErrorIs(t, err, libpmemobj.ErrOutOfSpace)
	if err := m.Clear(); err != nil { // it needs memory for PMDK's log
		require.ErrorIs(t, err, libpmemobj.ErrOutOfSpace)
		got, err = m.Len()
		require.NoError(t, err)
		require.EqualValues(t, n, got)
	}
	for i := range n {
		_, err := m.Delete(i)
		require.NoError(t, err)
	}
	got, err = m.Len()
	require.NoError(t, err)
	require.Zero(t, got)
	require.NoError(t, m.Put(1, [100]uint64{1}))
}
