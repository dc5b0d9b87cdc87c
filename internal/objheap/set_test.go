package objheap_test

import (
	"bytes"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/objheap"
)

// Ensure that a pool of several parts is checked as a whole where all of it is
// at hand, by its headers where it is a copy, and by the header of each part.
func TestCheckSet(t *testing.T) {
	b, uuid, _ := poolBytes(t)
	linked := sums(func(b []byte) []byte {
		copy(b[72:], "another part has this UUID")
		return b
	})(bytes.Clone(b))
	lane := put64(8192+16, 1<<40)(bytes.Clone(linked))
	bitmap := lastBit(bytes.Clone(linked))
	descriptor := put64(4096, 1)(bytes.Clone(linked))
	header := put64(200, 1)(bytes.Clone(linked))
	type check = func(io.ReaderAt, int64) (objheap.Info, error)
	tests := []struct {
		name  string
		image []byte
		check check
		want  string // structure of the *Corrupt error
	}{
		{"sound set", linked, objheap.CheckSet, ""},
		{"sound set, verified", linked, objheap.VerifySet, ""},
		{"sound copy", linked, objheap.CheckReplica, ""},
		{"sound part", linked, objheap.CheckPart, ""},
		{"one part does not look further", lane, objheap.Check, ""},
		{"lane of a set", lane, objheap.CheckSet, "lane 0 redo log"},
		{"lane of a copy, which is not read", lane, objheap.CheckReplica, ""},
		{"bitmap of a set", bitmap, objheap.CheckSet, ""},
		{"bitmap of a set, verified", bitmap, objheap.VerifySet, "run in zone 0 chunk"},
		{"descriptor of a set", descriptor, objheap.CheckSet, "pool descriptor"},
		{"descriptor of a copy", descriptor, objheap.CheckReplica, "pool descriptor"},
		{"descriptor of a part, which is not read", descriptor, objheap.CheckPart, ""},
		{"header of a set", header, objheap.CheckSet, "pool header"},
		{"header of a copy", header, objheap.CheckReplica, "pool header"},
		{"header of a part", header, objheap.CheckPart, "pool header"},
		{"empty part", nil, objheap.CheckPart, "file"},
		{"short part", linked[:100], objheap.CheckPart, "file"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			info, err := tt.check(bytes.NewReader(tt.image), int64(len(tt.image)))
			if tt.want == "" {
				require.NoError(t, err)
				require.True(t, info.Part())
				require.False(t, info.SingleHeader())
				require.Equal(t, uuid, info.UUIDLo)
				return
			}
			var corrupt *objheap.Corrupt
			require.ErrorAs(t, err, &corrupt)
			require.Contains(t, corrupt.Structure, tt.want)
		})
	}
}
