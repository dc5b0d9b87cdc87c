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

// filled makes an index of n files: /a, /b, ….
func filled(t *testing.T, n int) *Index {
	t.Helper()
	x, err := Create(filepath.Join(t.TempDir(), "pool"), libpmemobj.MinPool, libpmemobj.WithDurability(libpmemobj.DurabilityProcessCrash))
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, x.Close()) })
	for i := range n {
		add(t, x, "/"+string(rune('a'+i)))
	}
	return x
}

func add(t *testing.T, x *Index, path string) {
	t.Helper()
	_, err := x.commit(source.File{Path: path}, []source.Term{{Name: "word", Lines: []uint32{1, 2, 3}}}, -1)
	require.NoError(t, err)
}

// Ensure that Verify notices every kind of fault: a check that cannot fail proves nothing.
func TestVerifyNotices(t *testing.T) {
	tests := []struct {
		name   string
		spoil  func(t *testing.T, x *Index) error
		is     error
		reason string
	}{
		{"a flipped bit in a body", func(t *testing.T, x *Index) error {
			segs, err := x.read(x.links())
			require.NoError(t, err)
			segs[1].Posts(0)[2] ^= 1
			return nil
		}, segment.ErrDamaged, "segment 1: segment is damaged: checksum"},
		{"a lost segment", func(_ *testing.T, x *Index) error {
			_, err := x.segments.Pop()
			return err
		}, ErrInconsistent, "the segments end at file 2 of 3"},
		{"a lost file", func(_ *testing.T, x *Index) error {
			_, err := x.files.Pop()
			return err
		}, ErrInconsistent, "the segments end at file 3 of 2"},
		{"an object that is no segment's", func(_ *testing.T, x *Index) error {
			return x.pool.Update(func(tx *libpmemobj.Tx) error {
				_, err := libpmemobj.NewZeroed[segment.Header](tx)
				return err
			})
		}, ErrInconsistent, "is linked nowhere"},
		{"a segment linked twice", func(_ *testing.T, x *Index) error {
			_, err := x.segments.Append(x.links()[2])
			return err
		}, ErrInconsistent, "segment 3 has files 2 to 3, those before it end at 3"},
		{"a path indexed twice", func(t *testing.T, x *Index) error {
			add(t, x, "/b")
			return nil
		}, ErrInconsistent, "files 1 and 3 are both /b"},
		{"a path that is not there", func(_ *testing.T, x *Index) error {
			return x.paths.Truncate(5)
		}, ErrInconsistent, "file 2 has its path at 4 to 6, there are 5 bytes"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			x := filled(t, 3)
			report, err := x.Verify()
			require.NoError(t, err)
			require.Equal(t, Report{Segments: 3, Files: 3, Bytes: report.Bytes}, report)

			require.NoError(t, test.spoil(t, x))
			_, err = x.Verify()
			require.ErrorIs(t, err, test.is)
			assert.ErrorContains(t, err, test.reason)
		})
	}
}

// Ensure that levels that a killed process left full are merged at the next start.
func TestCompactLeftover(t *testing.T) {
	x := filled(t, 18)
	require.Len(t, x.links(), 18)
	require.NoError(t, x.Apply(t.Context(), x.Plan("/none", nil), nil))

	links := x.links()
	require.Len(t, links, 1)
	assert.EqualValues(t, 1, links[0].Level)
	report, err := x.Verify()
	require.NoError(t, err)
	assert.Equal(t, 18, report.Files)
}

func TestSizeFor(t *testing.T) {
	for _, n := range []int64{0, 1, 1 << 20, 90 << 20, 1 << 40} {
		assert.GreaterOrEqual(t, SizeFor(n), max(n, int64(2*libpmemobj.MinPool)))
	}
}
