package redo

import (
	"bytes"
	"context"
	"math/bits"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// model makes batches, and knows what a pool is like after each.
type model struct {
	rnd    *rand.Rand
	image  []byte
	images [][]byte // [n] is after n batches
}

func newModel(pool []byte, seed uint64) *model {
	m := &model{rnd: rand.New(rand.NewPCG(seed, 7)), image: bytes.Clone(pool)}
	m.images = append(m.images, bytes.Clone(m.image))
	return m
}

// batch changes some lines, the same ones often.
func (m *model) batch(lines int) []byte {
	payload := []byte{}
	used := map[uint64]bool{}
	for range lines {
		total := uint64(len(m.image)) / lineSize
		line := protected + m.rnd.Uint64N(total-protected)
		if m.rnd.IntN(2) == 0 {
			line = protected + m.rnd.Uint64N(40)
		}
		if used[line] {
			continue
		}
		used[line] = true
		mask := uint8(1 + m.rnd.IntN(255))
		if m.rnd.IntN(2) == 0 {
			mask = 0xff
		}
		payload = le.AppendUint64(payload, line<<8|uint64(mask))
		for x := mask; x != 0; x &= x - 1 {
			v := m.rnd.Uint64()
			payload = le.AppendUint64(payload, v)
			le.PutUint64(m.image[line*lineSize+8*uint64(bits.TrailingZeros8(x)):], v)
		}
	}
	m.images = append(m.images, bytes.Clone(m.image))
	return payload
}

var small = Options{SegmentSize: minSegment, Segments: 3}

func (d *disk) options() Options {
	o := small
	o.FS = d
	return o
}

// Ensure that what was appended is in the pool after a clean close, with
// checkpoints on the way, and that the pool is a plain one.
func TestRoundTrip(t *testing.T) {
	d := newDisk()
	p := d.newPool("pool", 1)
	m := newModel(p.n.data, 1)
	for range 3 {
		j, err := Open("pool.journal", p, d.options())
		require.NoError(t, err)
		require.NoError(t, j.Begin())
		assert.NotEqual(t, m.image[:4096], p.n.data[:4096], "marked")
		for range 50 {
			payload := m.batch(100)
			ops := d.ops
			_, err := j.Append(payload)
			if err == nil {
				require.Equal(t, ops+1, d.ops, "one write")
			}
			if err == ErrFull {
				require.Positive(t, j.SegmentsToCheckpoint())
				did, err := j.Checkpoint(context.Background())
				require.NoError(t, err)
				require.True(t, did)
				_, err = j.Append(payload)
				require.NoError(t, err)
			} else {
				require.NoError(t, err)
			}
			require.NoError(t, j.Datasync())
		}
		assert.EqualValues(t, 50, j.Durable())
		require.NoError(t, j.Finish())
		assert.True(t, bytes.Equal(m.image, p.n.data))
		assert.True(t, bytes.Equal(m.image, p.n.durable))
	}
}

// Ensure that the next Open brings into the pool what an abandoned session left.
func TestReplay(t *testing.T) {
	d := newDisk()
	p := d.newPool("pool", 1)
	m := newModel(p.n.data, 2)
	for round := range 5 {
		j, err := Open("pool.journal", p, d.options())
		require.NoError(t, err)
		assert.True(t, bytes.Equal(m.image, p.n.durable))
		require.NoError(t, j.Begin())
		for range round * 10 {
			payload := m.batch(60)
			if _, err := j.Append(payload); err == ErrFull {
				_, err := j.Checkpoint(context.Background())
				require.NoError(t, err)
				_, err = j.Append(payload)
				require.NoError(t, err)
			}
			require.NoError(t, j.Datasync())
		}
		require.NoError(t, j.Abandon())
	}
}

// growingPool notes when it is told to look for what it has grown by.
type growingPool struct {
	*memoryPool
	refreshed []int // operations of the disk before each time
	err       error
}

func (p *growingPool) Refresh() error {
	p.refreshed = append(p.refreshed, p.d.ops)
	if p.err != nil {
		return p.err
	}
	return p.memoryPool.Refresh()
}

// Ensure that what a pool has grown by is seen to before a batch that changes it
// is written, and only then, and that nothing is written if that fails.
func TestAppendGrown(t *testing.T) {
	d := newDisk()
	p := &growingPool{memoryPool: d.newPool("pool", 1)}
	j, err := Open("pool.journal", p, d.options())
	require.NoError(t, err)
	require.NoError(t, j.Begin())
	batchOf := func(line uint64) []byte {
		return le.AppendUint64(le.AppendUint64(nil, line<<8|1), 0x1122334455667788)
	}
	last := uint64(poolSize/lineSize - 1)
	_, err = j.Append(batchOf(last))
	require.NoError(t, err)
	require.Empty(t, p.refreshed)

	p.n.grow(2 * poolSize)
	before := d.ops
	_, err = j.Append(batchOf(last + 1))
	require.NoError(t, err)
	require.Equal(t, []int{before}, p.refreshed)
	_, err = j.Append(batchOf(last + 2))
	require.NoError(t, err)
	require.Len(t, p.refreshed, 1)
	require.Equal(t, before+2, d.ops)

	p.err = unix.EIO
	_, err = j.Append(batchOf(2*last + 2))
	require.ErrorIs(t, err, unix.EIO)
	require.Equal(t, before+2, d.ops)
	require.ErrorIs(t, j.Err(), unix.EIO)
	require.NoError(t, j.Abandon())

	p.err = nil
	j, err = Open("pool.journal", p, d.options())
	require.NoError(t, err)
	require.EqualValues(t, 0x1122334455667788, le.Uint64(p.n.data[(last+2)*lineSize:]))
	require.NoError(t, j.Finish())
}
