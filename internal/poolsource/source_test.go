package poolsource

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// newSource makes parts of the given sizes, whose bytes are their number, and
// their headers' 0xff.
func newSource(t *testing.T, single bool, sizes ...int) (s *Source, mapped []byte) {
	t.Helper()
	s = &Source{single: single}
	t.Cleanup(s.Close)
	for i, size := range sizes {
		b := bytes.Repeat([]byte{byte(i + 1)}, size)
		if i == 0 || !single {
			copy(b, bytes.Repeat([]byte{0xff}, headerSize))
		}
		path := filepath.Join(t.TempDir(), "part")
		require.NoError(t, os.WriteFile(path, b, 0o600))
		file, err := os.Open(path)
		require.NoError(t, err)
		require.NoError(t, s.add(file, path))
		b = b[:size-size%os.Getpagesize()]
		if i > 0 && !single {
			b = b[headerSize:]
		}
		mapped = append(mapped, b...)
	}
	return s, mapped
}

// Ensure that parts are read as PMDK maps them: whole pages, and one header.
func TestReadAt(t *testing.T) {
	for _, single := range []bool{false, true} {
		for _, sizes := range [][]int{{20000}, {8192, 12288}, {20000, 12345, 16384}} {
			s, want := newSource(t, single, sizes...)
			size := int64(len(want))
			require.Equal(t, size, s.Size())
			for _, r := range [][2]int64{{0, size}, {0, 1}, {size - 1, 1}, {4000, 200}, {8000, 200}, {1000, size - 2000}} {
				b := make([]byte, min(r[1], size-r[0]))
				n, err := s.ReadAt(b, r[0])
				require.NoError(t, err)
				require.Equal(t, len(b), n)
				require.True(t, bytes.Equal(want[r[0]:r[0]+int64(n)], b), "%d bytes at %d", n, r[0])
			}
			n, err := s.ReadAt(make([]byte, 10), size-3)
			require.ErrorIs(t, err, io.EOF)
			require.Equal(t, 3, n)
			n, err = s.ReadAt(make([]byte, 10), size+3)
			require.ErrorIs(t, err, io.EOF)
			require.Zero(t, n)

			// Ensure that each byte is found in its part.
			b := make([]byte, 1)
			for off := int64(0); off < size; off += 511 {
				p, at := s.Locate(off)
				_, err := p.ReadAt(b, at)
				require.NoError(t, err)
				require.Equal(t, want[off], b[0], "at %d", off)
			}
			p, at := s.Locate(size)
			require.Equal(t, s.Parts[len(sizes)-1].Path, p.Path)
			require.Equal(t, p.Size, at)
		}
	}
}
