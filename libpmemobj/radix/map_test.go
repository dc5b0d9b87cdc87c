package radix

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/testpool"
	"github.com/pmem/pmdk-go/libpmemobj"
	"github.com/pmem/pmdk-go/libpmemobj/directory"
)

func openMap(t testing.TB, opts ...Option) (*libpmemobj.Pool, *Map) {
	t.Helper()
	p := newPool(t, 16<<20)
	m, err := Open(p, "m", opts...)
	require.NoError(t, err)
	return p, m
}

// Ensure that misuse is an error that says what is wrong, and changes nothing.
func TestMisuse(t *testing.T) {
	p, m := openMap(t)
	require.NoError(t, m.Put([]byte("a"), []byte("1")))
	long := bytes.Repeat([]byte{'k'}, MaxKey+1)
	err := m.Put(long, nil)
	assert.ErrorContains(t, err, `radix put "m": a key of 4097 bytes; it has at most 4096`)
	require.NoError(t, m.Put(long[1:], nil), "the longest key")
	v, found, err := m.Get(long[1:])
	require.NoError(t, err)
	assert.True(t, found)
	assert.Equal(t, []byte{}, v)
	_, found, err = m.Get(long)
	require.NoError(t, err)
	assert.False(t, found)
	found, err = m.Delete(long)
	require.NoError(t, err)
	assert.False(t, found)

	_, err = Open(nil, "m")
	assert.ErrorContains(t, err, "the pool is nil")
	_, err = Open(p, "x", WithInline(8))
	assert.ErrorContains(t, err, "WithInline(8): it takes 16 to 1016")
	_, err = Open(p, "")
	assert.ErrorContains(t, err, "name must not be empty")
	var kind *directory.KindError
	_, err = OpenOf[uint64](p, "m")
	require.ErrorAs(t, err, &kind)
	assert.ErrorContains(t, err, "radix.Map")
	assert.ErrorContains(t, err, "radix.Of[uint64]")
	_, err = OpenOf[*int](p, "x")
	var bad *libpmemobj.TypeError
	assert.ErrorAs(t, err, &bad)
	_, err = OpenOf[struct{}](p, "x")
	assert.ErrorContains(t, err, "have 0 bytes")
	_, err = OpenOf[[MaxOf + 1]byte](p, "x")
	assert.ErrorContains(t, err, "993 bytes; 1 to 992 are possible")
	_, err = OpenOf[[2]uint32](p, "of")
	require.NoError(t, err)
	_, err = OpenOf[uint64](p, "of")
	require.ErrorAs(t, err, &kind, "another layout")

	_, err = m.In(nil).Has([]byte("a"))
	assert.ErrorContains(t, err, "In was given nil")
	var kept MapTx
	require.NoError(t, p.Update(func(tx *libpmemobj.Tx) error {
		assert.ErrorIs(t, m.Put([]byte("a"), nil), libpmemobj.ErrInTx)
		_, err := m.Delete([]byte("a"))
		assert.ErrorIs(t, err, libpmemobj.ErrInTx)
		assert.ErrorIs(t, m.Clear(), libpmemobj.ErrInTx)
		v, _, err := m.Get([]byte("a"))
		require.NoError(t, err, "the transaction does not have the map yet")
		assert.Equal(t, "1", string(v))
		kept = m.In(tx)
		require.NoError(t, kept.Put([]byte("b"), nil))
		_, _, err = m.Get([]byte("a"))
		assert.ErrorIs(t, err, libpmemobj.ErrInTx)
		_, err = m.Len()
		assert.ErrorIs(t, err, libpmemobj.ErrInTx)
		assert.Panics(t, func() {
			for range m.All() {
			}
		})
		return nil
	}))
	assert.ErrorIs(t, kept.Put([]byte("c"), nil), libpmemobj.ErrTxDone)
	assert.Panics(t, func() {
		for range kept.All() {
		}
	})

	next := m.All()
	require.NoError(t, p.Close())
	for range next {
		t.Error("an entry of a closed pool")
	}
	assert.ErrorIs(t, m.Put(nil, nil), libpmemobj.ErrClosed)
	_, _, err = m.Get(nil)
	assert.ErrorIs(t, err, libpmemobj.ErrClosed)
	assert.ErrorContains(t, err, `radix get "m"`)
	_, err = m.Len()
	assert.ErrorIs(t, err, libpmemobj.ErrClosed)
	_, _, _, err = m.Min()
	assert.ErrorIs(t, err, libpmemobj.ErrClosed)
	assert.ErrorIs(t, m.Clear(), libpmemobj.ErrClosed)
}

// Ensure that a full pool is an error after which the map is as before, and
// that deleting makes room.
func TestFullPool(t *testing.T) {
	p := newPool(t, libpmemobj.MinPool)
	m, err := Open(p, "m")
	require.NoError(t, err)
	n := 0
	for ; ; n++ {
		if err = m.Put(AppendUint64(nil, uint64(n)), make([]byte, 1000)); err != nil {
			break
		}
	}
	require.ErrorIs(t, err, libpmemobj.ErrOutOfSpace)
	require.NoError(t, m.t.verify())
	have, err := m.Len()
	require.NoError(t, err)
	require.Equal(t, n, have)
	for i := range n {
		found, err := m.Delete(AppendUint64(nil, uint64(i)))
		require.NoError(t, err)
		require.True(t, found)
	}
	for i := range n / 2 {
		require.NoError(t, m.Put(AppendUint64(nil, uint64(i)), make([]byte, 1000)))
	}
}

// Ensure that the directory lists and removes maps, and that handles know.
func TestDirectory(t *testing.T) {
	p, m := openMap(t)
	for i := range 100 {
		require.NoError(t, m.Put(AppendUint64(nil, uint64(i)), make([]byte, i)))
	}
	same, err := Open(p, "m")
	require.NoError(t, err)
	assert.Same(t, m.t, same.t, "one state in memory")
	for e, err := range directory.List(p) {
		require.NoError(t, err)
		assert.Equal(t, "m", e.Name)
		assert.Equal(t, "radix.Map", e.Kind.Name)
		assert.EqualValues(t, 100, e.Entries)
		assert.Greater(t, e.Bytes, int64(3*4096))
	}
	before := allocated(t, p)
	require.NoError(t, directory.Remove(p, "m"))
	assert.Less(t, allocated(t, p), before)
	assert.ErrorContains(t, m.Put(nil, nil), "removed")
	for range m.All() {
		t.Error("an entry of a map that was removed")
	}
	_, err = directory.Lookup(p, "m", directory.Kind{Name: mapKind, Version: treeVersion})
	assert.ErrorIs(t, err, directory.ErrNotFound)
}

// Ensure that a header that is not one is refused.
func TestDamaged(t *testing.T) {
	for name, damage := range map[string]func(h *header){
		"magic":   func(h *header) { h.magic++ },
		"version": func(h *header) { h.version++ },
		"slots":   func(h *header) { h.slots++ },
		"size":    func(h *header) { h.slotSize = 7 },
		"root":    func(h *header) { h.root = 1 << 40 },
	} {
		t.Run(name, func(t *testing.T) {
			p, m := openMap(t)
			damage(m.t.hdr)
			require.NoError(t, p.Persist(libpmemobj.RangeOf(m.t.hdr)))
			p = testpool.Reopen(t, p)
			_, err := Open(p, "m")
			assert.ErrorContains(t, err, "damaged")
		})
	}
}

// Ensure that typed maps hold what is put into them.
func TestOf(t *testing.T) {
	type point struct{ X, Y int32 }
	p := newPool(t, 16<<20)
	m, err := OpenOf[point](p, "points")
	require.NoError(t, err)
	for i := range int32(200) {
		require.NoError(t, m.Put(AppendInt32(nil, i-100), point{i, -i}))
	}
	v, found, err := m.Get(AppendInt32(nil, -7))
	require.NoError(t, err)
	assert.True(t, found)
	assert.Equal(t, point{93, -93}, v)
	v, found, err = m.Get(AppendInt32(nil, 1000))
	require.NoError(t, err)
	assert.False(t, found)
	assert.Zero(t, v)
	var xs []int32
	for _, v := range m.Backward(AppendInt32(nil, -2), AppendInt32(nil, 2)) {
		xs = append(xs, v.X)
	}
	assert.Equal(t, []int32{101, 100, 99, 98}, xs)
	require.NoError(t, p.Update(func(tx *libpmemobj.Tx) error {
		in := m.In(tx)
		require.NoError(t, in.Put(AppendInt32(nil, -100), point{7, 7}))
		n, err := in.Len()
		assert.Equal(t, 200, n)
		return err
	}))
	k, v, found, err := m.Min()
	require.NoError(t, err)
	assert.True(t, found)
	assert.Equal(t, AppendInt32(nil, -100), k)
	assert.Equal(t, point{7, 7}, v)
	p = reopen(t, p)
	m, err = OpenOf[point](p, "points")
	require.NoError(t, err)
	n, err := m.Len()
	require.NoError(t, err)
	assert.Equal(t, 200, n)
}

// Ensure that operations allocate nothing on the Go heap.
func TestAllocs(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	if testpool.AddressSanitizer {
		t.Skip("with the address sanitizer every call into C goes through cgo, whose arguments escape")
	}
	_, m := openMap(t)
	var key [8]byte
	var value [64]byte
	i := uint64(0)
	for ; i < 1000; i++ {
		require.NoError(t, m.Put(AppendUint64(key[:0], i*7919), value[:]))
	}
	check := func(name string, f func() error) {
		var err error
		n := testing.AllocsPerRun(500, func() {
			if e := f(); e != nil {
				err = e
			}
			i++
		})
		require.NoError(t, err)
		assert.Zero(t, n, name)
	}
	check("put", func() error { return m.Put(AppendUint64(key[:0], i*7919), value[:]) })
	check("replace", func() error { return m.Put(AppendUint64(key[:0], i%1000*7919), value[:]) })
	check("get", func() error {
		_, _, err := m.AppendGet(value[:0], AppendUint64(key[:0], i%1000*7919))
		return err
	})
	check("delete", func() error {
		_, err := m.Delete(AppendUint64(key[:0], i%1000*7919))
		return err
	})
}

// Ensure that encoded values are ordered as the values are, and come back.
func TestEncode(t *testing.T) {
	ascending := func(keys [][]byte) {
		t.Helper()
		for i := 1; i < len(keys); i++ {
			assert.Negative(t, bytes.Compare(keys[i-1], keys[i]), "%x, %x", keys[i-1], keys[i])
		}
	}
	var keys [][]byte
	for _, v := range []int64{math.MinInt64, -257, -256, -1, 0, 1, 255, 256, math.MaxInt64} {
		k := AppendInt64(nil, v)
		got, rest, err := Int64(append(slices.Clone(k), 'x'))
		require.NoError(t, err)
		assert.Equal(t, v, got)
		assert.Equal(t, []byte{'x'}, rest)
		keys = append(keys, k)
	}
	ascending(keys)
	keys = nil
	for _, v := range []int32{math.MinInt32, -1, 0, 1, math.MaxInt32} {
		k := AppendInt32(nil, v)
		got, _, err := Int32(k)
		require.NoError(t, err)
		assert.Equal(t, v, got)
		keys = append(keys, k)
	}
	ascending(keys)
	keys = nil
	for _, v := range []float64{math.Inf(-1), -math.MaxFloat64, -1, -math.SmallestNonzeroFloat64, math.Copysign(0, -1), 0, 1e-300, 1, math.Inf(1)} {
		k := AppendFloat64(nil, v)
		got, _, err := Float64(k)
		require.NoError(t, err)
		assert.Equal(t, math.Float64bits(v), math.Float64bits(got))
		keys = append(keys, k)
	}
	ascending(keys)
	keys = nil
	for _, s := range []string{"", "\x00", "\x00\x00", "\x00\x01", "\x00a", "\x01", "a", "a\x00", "a\x00b", "a\x01", "aa", "b", "\xff"} {
		k := AppendBool(AppendString(nil, s), true)
		got, rest, err := String(k)
		require.NoError(t, err)
		assert.Equal(t, s, got)
		b, rest, err := Bool(rest)
		require.NoError(t, err)
		assert.True(t, b)
		assert.Empty(t, rest)
		keys = append(keys, k)
	}
	ascending(keys)
	for _, bad := range []string{"", "a", "a\x00", "a\x00\x02"} {
		_, rest, err := String([]byte(bad))
		assert.ErrorIs(t, err, ErrKey)
		assert.Equal(t, bad, string(rest))
	}
	_, _, err := Uint64(make([]byte, 7))
	assert.ErrorIs(t, err, ErrKey)
	_, _, err = Bool([]byte{2})
	assert.ErrorIs(t, err, ErrKey)
}

// Ensure that the end of a prefix's range is right.
func TestPrefix(t *testing.T) {
	assert.Nil(t, PrefixEnd(nil))
	assert.Nil(t, PrefixEnd([]byte{0xff, 0xff}))
	assert.Equal(t, []byte{1}, PrefixEnd([]byte{0, 0xff}))
	assert.Equal(t, []byte("b"), PrefixEnd([]byte("a")))
	_, m := openMap(t)
	for _, k := range []string{"", "a", "a\xff", "a\xff\xff", "b", "\xff", "\xff\xff", "\xff\xffa"} {
		require.NoError(t, m.Put([]byte(k), nil))
	}
	for prefix, want := range map[string]int{"": 8, "a": 3, "a\xff": 2, "\xff": 3, "\xff\xff": 2, "c": 0} {
		n := 0
		for k := range m.Prefix([]byte(prefix)) {
			assert.True(t, bytes.HasPrefix(k, []byte(prefix)))
			n++
		}
		assert.Equal(t, want, n, "%q", prefix)
	}
}

// FuzzMap compares a map with a Go map over any operations.
func FuzzMap(f *testing.F) {
	f.Add([]byte("\x00\x05hello\x01\x03abc\x02\x05hello"))
	f.Add(bytes.Repeat([]byte("\x00\x02ab\x00\x04abcd\x02\x02ab"), 30))
	p := newPool(f, libpmemobj.MinPool)
	m, err := Open(p, "m", WithInline(16))
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, script []byte) {
		require.NoError(t, m.Clear())
		want := model{}
		for n := 0; len(script) >= 2 && n < 400; n++ {
			op, l := script[0]%4, min(int(script[1])%24, len(script)-2)
			key := script[2 : 2+l]
			script = script[2+l:]
			switch op {
			case 0, 1:
				v := fmt.Sprint(n)
				if op == 1 {
					v += string(key) + string(key)
				}
				require.NoError(t, m.Put(key, []byte(v)))
				want[string(key)] = v
			case 2:
				_, had := want[string(key)]
				found, err := m.Delete(key)
				require.NoError(t, err)
				require.Equal(t, had, found)
				delete(want, string(key))
			case 3:
				var keys []string
				for k := range m.Prefix(key) {
					keys = append(keys, string(k))
				}
				require.Equal(t, want.keys(key, PrefixEnd(key), false), keys)
			}
		}
		require.NoError(t, same(m, want))
	})
}
