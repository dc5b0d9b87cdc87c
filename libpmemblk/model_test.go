package libpmemblk_test

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/internal/testpool"
	. "github.com/pmem/pmdk-go/libpmemblk"
)

// newRand is seeded anew each time, and says how.
func newRand(t *testing.T) *rand.Rand {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// model is what a pool should hold.
type model struct {
	size   int
	blocks [][]byte // nil for a bad one
}

func newModel(p *Pool) *model {
	m := &model{p.BlockSize(), make([][]byte, p.Blocks())}
	for n := range m.blocks {
		m.blocks[n] = make([]byte, m.size)
	}
	return m
}

// readAt is what Pool.ReadAt should do.
func (m *model) readAt(b []byte, off int64) (n int, err error) {
	for n < len(b) {
		block, from := int((off+int64(n))/int64(m.size)), int((off+int64(n))%int64(m.size))
		if block >= len(m.blocks) {
			return n, io.EOF
		}
		if m.blocks[block] == nil {
			return n, unix.EIO
		}
		n += copy(b[n:], m.blocks[block][from:])
	}
	return n, nil
}

// writeAt is what Pool.WriteAt should do, of what fits.
func (m *model) writeAt(b []byte, off int64) (n int, err error) {
	for n < len(b) {
		block, from := int((off+int64(n))/int64(m.size)), int((off+int64(n))%int64(m.size))
		if m.blocks[block] == nil {
			if from != 0 || len(b)-n < m.size {
				return n, unix.EIO
			}
			m.blocks[block] = make([]byte, m.size)
		}
		n += copy(m.blocks[block][from:], b[n:])
	}
	return n, nil
}

// requireEqual reads everything.
func (m *model) requireEqual(t *testing.T, p *Pool) {
	t.Helper()
	require.EqualValues(t, len(m.blocks), p.Blocks())
	got := make([]byte, m.size)
	for n, want := range m.blocks {
		err := p.ReadBlock(int64(n), got)
		if want == nil {
			require.ErrorIs(t, err, unix.EIO)
			continue
		}
		require.NoError(t, err)
		require.True(t, bytes.Equal(want, got), "block %d", n)
	}
}

// step does one random thing to both.
func (m *model) step(t *testing.T, p *Pool, rnd *rand.Rand) {
	t.Helper()
	n := rnd.IntN(len(m.blocks))
	noise := func(size int) []byte {
		b := make([]byte, size)
		for i := range b {
			b[i] = byte(rnd.Uint32())
		}
		return b
	}
	span := func() (size int, off int64) {
		size = rnd.IntN(5*m.size + 1)
		return size, rnd.Int64N(p.Size() - int64(size) + 1)
	}
	switch rnd.IntN(12) {
	case 0, 1, 2:
		b := noise(m.size)
		require.NoError(t, p.WriteBlock(int64(n), b))
		m.blocks[n] = b
	case 3, 4:
		got := make([]byte, m.size)
		err := p.ReadBlock(int64(n), got)
		if m.blocks[n] == nil {
			require.ErrorIs(t, err, unix.EIO)
			return
		}
		require.NoError(t, err)
		require.Equal(t, m.blocks[n], got)
	case 5:
		require.NoError(t, p.SetZero(int64(n)))
		m.blocks[n] = make([]byte, m.size)
	case 6:
		if rnd.IntN(4) == 0 {
			require.NoError(t, p.SetError(int64(n)))
			m.blocks[n] = nil
		}
	case 7, 8, 9:
		size, off := span()
		b := noise(size)
		wantN, want := m.writeAt(b, off)
		gotN, err := p.WriteAt(b, off)
		require.Equal(t, wantN, gotN, "%d bytes at %d", size, off)
		if want == nil {
			require.NoError(t, err)
			return
		}
		require.ErrorIs(t, err, want)
	default:
		size, off := span()
		off += rnd.Int64N(int64(m.size)) // over the end
		want, got := make([]byte, size), make([]byte, size)
		wantN, wantErr := m.readAt(want, off)
		gotN, err := p.ReadAt(got, off)
		require.Equal(t, wantN, gotN, "%d bytes at %d", size, off)
		require.Equal(t, want[:wantN], got[:gotN])
		if wantErr == nil {
			require.NoError(t, err)
			return
		}
		require.ErrorIs(t, err, wantErr)
	}
}

// Ensure that a pool does what an array in memory does, with all operations in
// any order, and when it is opened again.
func TestModel(t *testing.T) {
	for _, size := range []int{7, 512, 1000, 4096} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			t.Parallel()
			rnd := newRand(t)
			p := newPool(t, size)
			m := newModel(p)
			rounds := 5
			if testing.Short() {
				rounds = 2
			}
			for range rounds {
				for range 600 {
					m.step(t, p, rnd)
				}
				p = reopen(t, p)
				m.requireEqual(t, p)
			}
		})
	}
}

// Ensure that a pool whose map has no zeros at first works, as C programs make
// one of an old file.
func TestUsedFile(t *testing.T) {
	dir := testpool.Dir(t)
	path := filepath.Join(dir, "pool")
	old := bytes.Repeat([]byte{0xff}, MinPool)
	clear(old[:8192])
	require.NoError(t, os.WriteFile(path, old, 0o600))
	createInC(t, path, 512)
	p := openPool(t, path)
	m := newModel(p)
	m.requireEqual(t, p)
	for _, n := range []int{0, len(m.blocks) - 1} {
		m.blocks[n] = block(512, int64(n), 1)
		require.NoError(t, p.WriteBlock(int64(n), m.blocks[n]))
	}
	p = reopen(t, p)
	m.requireEqual(t, p)
}
