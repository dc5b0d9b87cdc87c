package poolheader_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	. "github.com/pmem/pmdk-go/internal/poolheader"
)

// Ensure that a mark changes one sector, that it says what it was given, and
// that nothing is left of it.
func TestMark(t *testing.T) {
	plain := header()
	h, err := Parse(plain)
	require.NoError(t, err)
	_, found := MarkOf(plain)
	require.False(t, found)
	require.True(t, Markable(plain))

	b := bytes.Clone(plain)
	m := Mark{Session: [16]byte{1, 2, 3, 15: 16}, Tail: 5, First: 77, Original: h.Checksum}
	m.Put(b)
	assert.Equal(t, plain[Sector:], b[Sector:])
	assert.True(t, HasFeatureJournal(b))
	assert.False(t, Markable(b))
	got, found := MarkOf(b)
	require.True(t, found)
	assert.True(t, got.KnownVersion())
	assert.Equal(t, m, got)
	marked, err := Parse(b)
	require.NoError(t, err)
	assert.ErrorContains(t, marked.Check(Log), "checksum")

	assert.False(t, Unmark(b, h.Checksum+1))
	_, found = MarkOf(b)
	assert.True(t, found, "unchanged")
	require.True(t, Unmark(b, h.Checksum))
	assert.Equal(t, plain, b)
}

// Ensure that a mark that is damaged anywhere is none, and can still be taken
// away; and that other damage is not taken for one.
func TestMarkDamaged(t *testing.T) {
	plain := header()
	h, err := Parse(plain)
	require.NoError(t, err)
	marked := bytes.Clone(plain)
	(&Mark{Original: h.Checksum, Tail: 1, First: 1}).Put(marked)
	for at := 448; at < 512; at++ {
		b := bytes.Clone(marked)
		b[at] ^= 0x10
		_, found := MarkOf(b)
		assert.False(t, found, "byte %d", at)
		assert.True(t, Unmark(b, h.Checksum), "byte %d", at)
		assert.Equal(t, plain, b)
	}
	b := bytes.Clone(marked)
	b[30]++
	assert.False(t, Unmark(b, h.Checksum))
	b = bytes.Clone(plain)
	b[500] = 1
	assert.False(t, Markable(b), "no room")
}
