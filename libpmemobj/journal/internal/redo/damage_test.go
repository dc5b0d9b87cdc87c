package redo

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/poolheader"
)

// crashed is a disk with a journal of several segments, all batches of which
// are durable and none in the pool.
type crashed struct {
	d     *disk
	m     *model
	ends  []int64 // of batch n in the file
	acked int
}

func newCrashed(t *testing.T, seed uint64) *crashed {
	t.Helper()
	c := &crashed{d: newDisk(), ends: []int64{segmentsOff}}
	p := c.d.newPool("pool", 1)
	c.m = newModel(p.n.data, seed)
	j, err := Open("pool.journal", p, c.d.options())
	require.NoError(t, err)
	require.NoError(t, j.Begin())
	for range 36 {
		_, err := j.Append(c.m.batch(120))
		require.NoError(t, err)
		require.NoError(t, j.Datasync())
		end := j.ring[j.active%uint64(len(j.ring))].end
		c.ends = append(c.ends, j.begin.at(j.active)+int64(end))
		c.acked++
	}
	require.EqualValues(t, 3, j.active)
	require.NoError(t, j.Abandon())
	return c
}

// begins is where batch n begins.
func (c *crashed) begins(n int) int64 {
	start := c.ends[n-1]
	if (start-segmentsOff)/minSegment != (c.ends[n]-1-segmentsOff)/minSegment || n == 1 {
		start = segmentsOff + (c.ends[n]-1-segmentsOff)/minSegment*minSegment + segmentHeader
	}
	return start
}

func (d *disk) clone() *disk {
	c := newDisk()
	for name, n := range d.names {
		m := &node{data: bytes.Clone(n.data), durable: bytes.Clone(n.durable), dirty: map[int64]bool{}}
		c.names[name], c.stable[name] = m, m
		c.nodes = append(c.nodes, m)
	}
	return c
}

// Ensure that a journal that was cut, garbled or has lost blocks is noticed, as
// far as it says itself what it has had, and that the pool is left alone then;
// and that otherwise what is not damaged is there.
func TestDamage(t *testing.T) {
	const cases = 900
	rnd := rand.New(rand.NewPCG(3, 4))
	outcomes := map[string]int{}
	var c *crashed
	for i := range cases {
		if i%300 == 0 {
			c = newCrashed(t, uint64(i))
		}
		d := c.d.clone()
		n := d.names["pool.journal"]
		// In the order of the ring, from segment 1 on.
		from := rnd.Int64N(int64(len(n.data)))
		to := from + 1
		what := []string{"cut", "garbled", "zeros"}[i%3]
		switch what {
		case "cut":
			to = int64(len(n.data))
			n.data = n.data[:from]
		case "garbled":
			n.data[from] ^= 1 << rnd.IntN(8)
		case "zeros":
			from &^= sector - 1
			to = min(from+sector<<rnd.IntN(8), int64(len(n.data)))
			clear(n.data[from:to])
		}
		before := bytes.Clone(d.names["pool"].data)
		j, err := Open("pool.journal", d.pool("pool"), d.options())
		// The claim of a batch that is whole: all before it were durable. The
		// beginning of a segment claims as much as its first batch.
		claimed := 0
		for k := 1; k <= c.acked; k++ {
			if begin, end := c.begins(k), c.ends[k]; end <= from || begin >= to {
				claimed = max(claimed, k-1)
			}
		}
		if err != nil {
			var damaged *DamagedError
			require.ErrorAs(t, err, &damaged, "%d: %s %d-%d", i, what, from, to)
			assert.Equal(t, before, d.names["pool"].data)
			assert.NotEmpty(t, damaged.Reason)
			outcomes[what+": noticed"]++
			if s, err := statusOf(d); err == nil {
				assert.NotNil(t, s.Damage, "%d: %s %d-%d", i, what, from, to)
			}
			continue
		}
		got := which(t, c.m.images, d.names["pool"].durable, claimed, c.acked)
		outcomes[fmt.Sprintf("%s: replayed, %d lost", what, c.acked-got)]++
		require.NoError(t, j.Finish())
	}
	for _, what := range []string{"cut", "garbled", "zeros"} {
		assert.Greater(t, outcomes[what+": noticed"], 20, what)
	}
	t.Log(outcomes)
}

func statusOf(d *disk) (s Status, err error) {
	f, err := d.Open("pool.journal")
	if err != nil {
		return s, err
	}
	return readStatus("pool.journal", f)
}

// Ensure that either header is enough, and that without both nothing is
// guessed.
func TestHeaders(t *testing.T) {
	c := newCrashed(t, 5)
	for slot := range 2 {
		d := c.d.clone()
		clear(d.names["pool.journal"].data[slot*slotSize:][:slotSize])
		_, err := Open("pool.journal", d.pool("pool"), d.options())
		require.NoError(t, err)
		which(t, c.m.images, d.names["pool"].durable, c.acked, c.acked)
	}
	d := c.d.clone()
	clear(d.names["pool.journal"].data[:segmentsOff])
	before := bytes.Clone(d.names["pool"].data)
	_, err := Open("pool.journal", d.pool("pool"), d.options())
	var damaged *DamagedError
	require.ErrorAs(t, err, &damaged)
	assert.Equal(t, before, d.names["pool"].data)

	d = c.d.clone()
	h, err := readHeader("pool.journal", &handle{d: d, n: d.names["pool.journal"]})
	require.NoError(t, err)
	h.generation++
	b := h.encode()
	le.PutUint32(b[8:], Version+1)
	le.PutUint32(b[slotCRC:], crc32.Checksum(b[:slotCRC], castagnoli))
	copy(d.names["pool.journal"].data[slotSize:], b)
	_, err = Open("pool.journal", d.pool("pool"), d.options())
	require.ErrorIs(t, err, ErrVersion)
}

// Ensure that a mark that was cut by a power failure, at any sector, means what
// it meant before or after.
func TestTornMark(t *testing.T) {
	d := newDisk()
	p := d.newPool("pool", 1)
	m := newModel(p.n.data, 6)
	plain := bytes.Clone(p.n.data[:poolheader.Size])
	j, err := Open("pool.journal", p, d.options())
	require.NoError(t, err)
	require.NoError(t, j.Begin())
	begun := d.clone()
	for range 20 {
		_, err := j.Append(m.batch(120))
		require.NoError(t, err)
		require.NoError(t, j.Datasync())
	}
	before := d.clone()
	did, err := j.Checkpoint(t.Context())
	require.NoError(t, err)
	require.True(t, did)
	after := d.clone()
	mix := func(t *testing.T, d *disk, a, b []byte, want []byte) {
		t.Helper()
		for mask := range 1 << (poolheader.Size / sector) {
			if mask&0x7e != 0 && mask&0x7e != 0x7e {
				continue // the sectors between are the same in both
			}
			c := d.clone()
			head := bytes.Clone(a)
			for s := range poolheader.Size / sector {
				if mask>>s&1 != 0 {
					copy(head[s*sector:(s+1)*sector], b[s*sector:])
				}
			}
			n := c.names["pool"]
			copy(n.data, head)
			copy(n.durable, head)
			_, err := Open("pool.journal", c.pool("pool"), c.options())
			require.NoError(t, err, "sectors %#x", mask)
			require.True(t, bytes.Equal(want, n.durable), "sectors %#x", mask)
		}
	}
	headOf := func(d *disk) []byte { return bytes.Clone(d.names["pool"].data[:poolheader.Size]) }
	mix(t, begun, plain, headOf(begun), m.images[0])
	// The data are in the pool when the mark is changed, and the journal's header
	// is the old one yet.
	mid := before.clone()
	copy(mid.names["pool"].data, after.names["pool"].data)
	copy(mid.names["pool"].durable, after.names["pool"].data)
	mix(t, mid, headOf(before), headOf(after), m.image)
	ended := after.clone()
	j, err = Open("pool.journal", ended.pool("pool"), ended.options())
	require.NoError(t, err)
	which(t, m.images, ended.names["pool"].durable, 20, 20)
	require.NoError(t, j.Abandon())
	// At the end, all is in the pool when the mark goes.
	last := after.clone()
	copy(last.names["pool"].data[poolheader.Size:], m.image[poolheader.Size:])
	copy(last.names["pool"].durable[poolheader.Size:], m.image[poolheader.Size:])
	mix(t, last, headOf(after), plain, m.image)
}

// Ensure that what does not belong together is told, and left alone.
func TestForeign(t *testing.T) {
	c := newCrashed(t, 8)
	refused := func(t *testing.T, d *disk, want error, text string) {
		t.Helper()
		pool, journal := bytes.Clone(d.names["pool"].data), []byte(nil)
		if n := d.names["pool.journal"]; n != nil {
			journal = bytes.Clone(n.data)
		}
		_, err := Open("pool.journal", d.pool("pool"), d.options())
		require.ErrorIs(t, err, want)
		assert.ErrorContains(t, err, "pool.journal")
		assert.ErrorContains(t, err, text)
		assert.Equal(t, pool, d.names["pool"].data)
		if journal != nil {
			assert.Equal(t, journal, d.names["pool.journal"].data)
		} else {
			assert.Nil(t, d.names["pool.journal"])
		}
	}
	t.Run("missing", func(t *testing.T) {
		d := c.d.clone()
		delete(d.names, "pool.journal")
		refused(t, d, ErrMissing, "pool was not closed properly")
	})
	t.Run("another pool's", func(t *testing.T) {
		d := c.d.clone()
		d.newPool("pool", 2)
		refused(t, d, ErrForeign, "remove it if that pool is gone")
		// Marked as well.
		other := newDisk()
		j, err := Open("pool.journal", other.newPool("pool", 2), other.options())
		require.NoError(t, err)
		require.NoError(t, j.Begin())
		d.names["pool"] = other.names["pool"]
		refused(t, d, ErrForeign, "02020202")
	})
	t.Run("another session's", func(t *testing.T) {
		d := c.d.clone()
		j, err := Open("pool.journal", d.pool("pool"), d.options())
		require.NoError(t, err)
		require.NoError(t, j.Begin())
		d.kill()
		d.names["pool"] = c.d.clone().names["pool"]
		refused(t, d, ErrForeign, "session")
	})
	t.Run("older pool", func(t *testing.T) {
		d := c.d.clone()
		j, err := Open("pool.journal", d.pool("pool"), d.options())
		require.NoError(t, err)
		require.NoError(t, j.Finish())
		d.names["pool"] = c.d.clone().names["pool"]
		refused(t, d, ErrForeign, "older copy of the pool")
	})
	d := newDisk()
	m := newModel(d.newPool("pool", 3).n.data, 9)
	j, err := Open("pool.journal", d.pool("pool"), d.options())
	require.NoError(t, err)
	require.NoError(t, j.Begin())
	early := d.clone()
	for range 2 {
		for j.SegmentsToCheckpoint() == 0 {
			_, err := j.Append(m.batch(120))
			require.NoError(t, err)
			require.NoError(t, j.Datasync())
		}
		did, err := j.Checkpoint(t.Context())
		require.NoError(t, err)
		require.True(t, did)
	}
	t.Run("older pool of the same session", func(t *testing.T) {
		d := d.clone()
		d.names["pool"] = early.clone().names["pool"]
		refused(t, d, ErrForeign, "older copy of the pool")
	})
	t.Run("older journal of the same session", func(t *testing.T) {
		d := d.clone()
		d.names["pool.journal"] = early.clone().names["pool.journal"]
		refused(t, d, ErrForeign, "older copy of the journal")
	})
	t.Run("not a journal", func(t *testing.T) {
		d := newDisk()
		d.newPool("pool", 4)
		n := d.newPool("pool.journal", 5).n
		clear(n.data[1000:])
		refused(t, d, ErrNotJournal, "neither")
	})
	t.Run("unmarked pool", func(t *testing.T) { // has everything, whatever the journal says
		d := c.d.clone()
		plain := c.m.images[0]
		copy(d.names["pool"].data, plain)
		copy(d.names["pool"].durable, plain)
		_, err := Open("pool.journal", d.pool("pool"), d.options())
		require.NoError(t, err)
		assert.Equal(t, plain, d.names["pool"].durable)
	})
	t.Run("a mark that means nothing", func(t *testing.T) {
		d := c.d.clone()
		d.names["pool"].data[450]++
		d.names["pool"].data[1000]++
		refusedDamaged(t, d)
		d = c.d.clone()
		d.names["pool"].data[1000]++ // while it was marked, somebody wrote there
		refusedDamaged(t, d)
	})
}

func refusedDamaged(t *testing.T, d *disk) {
	t.Helper()
	_, err := Open("pool.journal", d.pool("pool"), d.options())
	var damaged *DamagedError
	require.True(t, errors.As(err, &damaged), "%v", err)
	assert.Equal(t, "pool", damaged.Path)
}

// Ensure that options that ask for another size get it, and lose nothing.
func TestResize(t *testing.T) {
	c := newCrashed(t, 10)
	o := c.d.options()
	o.Segments, o.SegmentSize = 5, 2*minSegment
	j, err := Open("pool.journal", c.d.pool("pool"), o)
	require.NoError(t, err)
	which(t, c.m.images, c.d.names["pool"].durable, c.acked, c.acked)
	assert.Len(t, c.d.names["pool.journal"].data, segmentsOff+10*minSegment)
	assert.Len(t, c.d.names, 2)
	assert.EqualValues(t, c.acked, j.Stats().Replayed)
	require.NoError(t, j.Finish())
	for _, o := range []Options{{SegmentSize: 1}, {Segments: 1}, {SegmentSize: minSegment + 8}} {
		_, err := Open("pool.journal", c.d.pool("pool"), o)
		require.ErrorIs(t, err, ErrMisuse)
	}
}
