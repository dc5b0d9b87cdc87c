package index

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/examples/codeindex/internal/segment"
	"github.com/pmem/pmdk-go/examples/codeindex/internal/source"
	"github.com/pmem/pmdk-go/libpmemobj"
)

func filled(t *testing.T, ids ...uint32) *Index {
	t.Helper()
	x, err := Create(filepath.Join(t.TempDir(), "pool"), libpmemobj.MinPool, libpmemobj.DurabilityProcessCrash)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, x.Close()) })
	for _, id := range ids {
		add(t, x, segment.FileEntry{ID: id, Path: filepath.Join("/", string(rune('a'+id)))})
	}
	return x
}

func add(t *testing.T, x *Index, file segment.FileEntry, dead ...uint32) {
	t.Helper()
	b, err := segment.ForFile(file, []source.Term{{Name: "word", Lines: []uint32{1, 2, 3}}}, dead)
	require.NoError(t, err)
	require.NoError(t, x.commit(b))
}

// Ensure that Verify notices every kind of fault: a check that cannot fail proves nothing.
func TestVerifyNotices(t *testing.T) {
	tests := []struct {
		name   string
		spoil  func(t *testing.T, x *Index)
		is     error
		reason string
	}{
		{"a flipped bit in a body", func(t *testing.T, x *Index) {
			links, err := x.links()
			require.NoError(t, err)
			links[1].Posts(0)[2] ^= 1
		}, segment.ErrDamaged, "segment 1: segment is damaged: checksum"},
		{"a lost segment", func(t *testing.T, x *Index) {
			links, err := x.links()
			require.NoError(t, err)
			x.root.Get().Heads[0] = libpmemobj.OffOf(links[1].object)
		}, ErrInconsistent, "is linked nowhere"},
		{"an object that is no segment's", func(t *testing.T, x *Index) {
			require.NoError(t, x.pool.Update(func(tx *libpmemobj.Tx) error {
				_, err := libpmemobj.NewZeroed[object](tx)
				return err
			}))
		}, ErrInconsistent, "is linked nowhere"},
		{"a segment linked twice", func(t *testing.T, x *Index) {
			heads := &x.root.Get().Heads
			heads[1] = heads[0]
		}, ErrInconsistent, "file 1 (/b) stands after file 3"},
		{"a path indexed twice", func(t *testing.T, x *Index) {
			add(t, x, segment.FileEntry{ID: 9, Path: "/b"})
		}, ErrInconsistent, "files 1 and 9 are both /b"},
		{"a declaration without its file", func(t *testing.T, x *Index) {
			add(t, x, segment.FileEntry{ID: 9, Path: "/z"}, 7)
		}, ErrInconsistent, "file 7 is declared dead and not there"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			x := filled(t, 1, 2, 3)
			report, err := x.Verify()
			require.NoError(t, err)
			require.Equal(t, Report{Segments: 3, Files: 3, Bytes: report.Bytes}, report)

			test.spoil(t, x)
			_, err = x.Verify()
			require.ErrorIs(t, err, test.is)
			assert.ErrorContains(t, err, test.reason)
		})
	}
}

// Ensure that ids go up to the last one and not beyond.
func TestNoIDs(t *testing.T) {
	x := filled(t)
	add(t, x, segment.FileEntry{ID: 1<<32 - 3, Path: "/a"})
	_, err := x.Plan("/", []source.File{{Path: "/b"}})
	require.NoError(t, err)
	_, err = x.Plan("/", []source.File{{Path: "/b"}, {Path: "/c"}})
	assert.ErrorIs(t, err, ErrNoIDs)
}

// Ensure that a level that a killed process left full is merged at the next start.
func TestCompactLeftover(t *testing.T) {
	x := filled(t, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17)
	chain, err := x.chain(0)
	require.NoError(t, err)
	require.Len(t, chain, 18)
	plan, err := x.Plan("/none", nil)
	require.NoError(t, err)
	require.NoError(t, x.Apply(t.Context(), plan, nil))

	for level, want := range []int{0, 1, 0} {
		chain, err := x.chain(level)
		require.NoError(t, err)
		assert.Len(t, chain, want, "level %d", level)
	}
	report, err := x.Verify()
	require.NoError(t, err)
	assert.Equal(t, 18, report.Files)
}

func TestSizeFor(t *testing.T) {
	for _, n := range []int64{0, 1, 1 << 20, 90 << 20, 1 << 40} {
		assert.GreaterOrEqual(t, SizeFor(n), max(n, int64(2*libpmemobj.MinPool)))
	}
}
