package libpmemobj_test

import (
	"strings"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/testpool"
	. "github.com/pmem/pmdk-go/libpmemobj"
)

var wideCases = []string{"", "a", "Grüße, 世界 \U0001F600", "\ufffd is fine", "\U0010FFFF", strings.Repeat("x€", 5000)}

// Ensure that strings come back as they were stored, from before the commit on,
// and that C would find a character in each 32 bits and a 0 at the end.
func TestWideString(t *testing.T) {
	p := testpool.New(t)
	for _, s := range wideCases {
		for _, flags := range [][]AllocFlags{nil, {AllocZero}, {AllocZero, AllocNoFlush}} {
			var wide, narrow OID
			require.NoError(t, p.Update(func(tx *Tx) (err error) {
				wide, err = NewWideString(tx, s, 4, flags...)
				require.NoError(t, err)
				narrow, err = NewStringWith(tx, s, 5, flags...)
				require.NoError(t, err)
				got, err := p.WideString(wide)
				require.NoError(t, err)
				require.Equal(t, s, got)
				got, err = p.CString(narrow)
				require.NoError(t, err)
				require.Equal(t, s, got)
				return nil
			}))
			requireWide(t, p, wide, s)
			got, err := p.CString(narrow)
			require.NoError(t, err)
			require.Equal(t, s, got)
			num, err := p.TypeNum(wide)
			require.NoError(t, err)
			require.EqualValues(t, 4, num)
		}
	}
}

func requireWide(t *testing.T, p *Pool, oid OID, s string) {
	t.Helper()
	got, err := p.WideString(oid)
	require.NoError(t, err)
	require.Equal(t, s, got)
	want := append([]rune(s), 0)
	stored := unsafe.Slice((*rune)(unsafe.Pointer(unsafe.SliceData(view(t, p, oid, 4*len(want))))), len(want))
	require.Equal(t, want, stored)
}

// Ensure that Wcsdup stores the string and where it is in one step.
func TestWcsdup(t *testing.T) {
	p := testpool.New(t)
	root := rootOf(t, p)
	for i, s := range wideCases {
		dst := &root.Get().Slots[i]
		oid, err := p.Wcsdup(dst, s, 9)
		require.NoError(t, err)
		require.Equal(t, *dst, oid)
		requireWide(t, p, oid, s)
	}
	var dst OID
	oid, err := p.Wcsdup(&dst, "outside", 9)
	require.NoError(t, err)
	require.Equal(t, dst, oid)
	oid, err = p.Wcsdup(nil, "nowhere", 9)
	require.NoError(t, err)
	requireWide(t, p, oid, "nowhere")
	p = testpool.Reopen(t, p)
	for i, s := range wideCases {
		requireWide(t, p, rootOf(t, p).Get().Slots[i], s)
	}
}

// Ensure that strings that C could not hold are refused.
func TestWideStringMisuse(t *testing.T) {
	p, other := testpool.New(t), testpool.New(t)
	cases := []struct{ s, text string }{
		{"a\x00b", "NUL byte at 1"},
		{"ab\xff", "not UTF-8 at byte 2"},
		{"\xed\xa0\x80", "not UTF-8 at byte 0"}, // half of a surrogate pair
		{strings.Repeat("a", 1<<25), "out of space"},
	}
	for _, c := range cases {
		_, err := p.Wcsdup(nil, c.s, 1)
		require.ErrorContains(t, err, c.text)
		require.NoError(t, p.Update(func(tx *Tx) error {
			_, err := NewWideString(tx, c.s, 1)
			require.ErrorContains(t, err, c.text)
			return nil
		}))
	}
	_, err := p.Wcsdup(&rootOf(t, other).Get().OID, "a", 1)
	require.ErrorIs(t, err, ErrForeignPool)
	require.NoError(t, p.Update(func(tx *Tx) error {
		_, err := p.Wcsdup(nil, "a", 1)
		require.ErrorIs(t, err, ErrInTx)
		_, err = NewWideString(tx, "a", 1, AllocZero, 1<<21)
		require.ErrorContains(t, err, "unknown allocation flags")
		return nil
	}))
	require.Empty(t, objectsIn(p))
}

// Ensure that reading ends with the object, whatever it holds.
func TestReadStrings(t *testing.T) {
	p, other := testpool.New(t), testpool.New(t)
	oid := oneObject(t, p, 64, 1)
	n, err := p.UsableSize(oid)
	require.NoError(t, err)
	b := view(t, p, oid, int(n))
	for i := range b {
		b[i] = 1
	}
	_, err = p.CString(oid)
	require.ErrorContains(t, err, "holds no NUL in its")
	_, err = p.WideString(oid)
	require.ErrorContains(t, err, "character 0 of")
	require.ErrorContains(t, err, "0x1010101, no code point")
	for i := range b {
		b[i] = "a\x00\x00\x00"[i%4]
	}
	_, err = p.WideString(oid)
	require.ErrorContains(t, err, "holds no terminating 0")
	s, err := p.CString(oid)
	require.NoError(t, err)
	require.Equal(t, "a", s)
	for _, bad := range []OID{{}, {p.UUID(), oid.Off + 8}, {p.UUID(), 1 << 50}, {other.UUID(), oid.Off}} {
		_, err = p.CString(bad)
		require.Error(t, err)
		_, err = p.WideString(bad)
		require.Error(t, err)
	}
	require.NoError(t, p.Close())
	_, err = p.CString(oid)
	require.ErrorIs(t, err, ErrClosed)
	_, err = p.WideString(oid)
	require.ErrorIs(t, err, ErrClosed)
	_, err = p.Wcsdup(nil, "a", 1)
	require.ErrorIs(t, err, ErrClosed)
}
