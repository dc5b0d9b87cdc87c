package redo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// step is how many operations lie between those that are interrupted: with
// PMEMGO_REDO_ALL=1, none are left out.
func step() int {
	switch {
	case os.Getenv("PMEMGO_REDO_ALL") == "1":
		return 1
	case testing.Short():
		return 29
	}
	return 13
}

// stepAfter is step, and leaves none of the first ones out: creation.
func stepAfter(at int) int {
	if at < 20 {
		return 1
	}
	return step()
}

// workload is what the crash tests interrupt: two sessions with checkpoints, the
// first of them abandoned.
type workload struct {
	m       *model
	d       *disk
	p       *memoryPool
	acked   int // batches that are known to be durable
	written int // batches that may be there
	j       *Journal
}

func newWorkload(d *disk, seed uint64) *workload {
	p := d.newPool("pool", 1)
	return &workload{d: d, p: p, m: newModel(p.n.data, seed)}
}

func (w *workload) run() error {
	for session := range 2 {
		j, err := Open("pool.journal", w.p, w.d.options())
		if err != nil {
			return err
		}
		w.j = j
		if err := j.Begin(); err != nil {
			return err
		}
		for i := range 30 {
			if err := w.append(); err != nil {
				return err
			}
			if i%3 == 0 {
				continue // two batches with one sync
			}
			if err := j.Datasync(); err != nil {
				return err
			}
			w.acked = w.written
			if i%7 == 0 {
				if _, err := j.Checkpoint(context.Background()); err != nil {
					return err
				}
			}
		}
		if session == 0 {
			if err := j.Abandon(); err != nil {
				return err
			}
			continue
		}
		if err := j.Finish(); err != nil {
			return err
		}
		w.acked = w.written
	}
	return nil
}

// runKilled runs it until it is killed, or finished.
func (w *workload) runKilled(t *testing.T) (finished bool) {
	t.Helper()
	defer func() {
		if r := recover(); r != nil {
			if _, ok := r.(killed); !ok {
				panic(r)
			}
		}
	}()
	require.NoError(t, w.run())
	return true
}

func (w *workload) append() error {
	payload := w.m.batch(80)
	w.written++
	_, err := w.j.Append(payload)
	for errors.Is(err, ErrFull) {
		if err := w.j.Datasync(); err != nil {
			return err
		}
		if _, err := w.j.Checkpoint(context.Background()); err != nil {
			return err
		}
		_, err = w.j.Append(payload)
	}
	return err
}

// which finds after how many batches the model was like the pool.
func which(t *testing.T, images [][]byte, pool []byte, acked, written int) int {
	t.Helper()
	for n := written; n >= acked; n-- {
		if bytes.Equal(images[n], pool) {
			return n
		}
	}
	for n, image := range images {
		if bytes.Equal(image, pool) {
			t.Fatalf("the pool is as after %d batches, %d were durable, %d written", n, acked, written)
		}
	}
	t.Fatalf("the pool is as after no number of batches, %d were durable, %d written", acked, written)
	return 0
}

// reopen opens the journal after a crash, with nothing in its way.
func reopen(t *testing.T, d *disk, w *workload, acked, written int) int {
	t.Helper()
	j, err := Open("pool.journal", d.pool("pool"), d.options())
	require.NoError(t, err)
	n := which(t, w.m.images, d.names["pool"].durable, acked, written)
	assert.Equal(t, d.names["pool"].durable, d.names["pool"].data)
	assert.Len(t, d.names, 2, "nothing else is left")
	require.NoError(t, j.Begin()) // nothing is in the way of the next session
	require.NoError(t, j.Finish())
	return n
}

// Ensure that every crash leaves a journal that brings into the pool a row of
// batches from the first one on, with all that were durable; also if the replay
// is cut by another crash.
func TestPowerFailure(t *testing.T) {
	cases, total := 0, map[int]int{}
	for seed := range uint64(3) {
		for stop := int(seed); ; stop += stepAfter(stop) {
			d := newDisk()
			d.rnd.Uint64()
			w := newWorkload(d, seed)
			for range seed*1000 + uint64(stop) {
				d.rnd.Uint64()
			}
			acked, written := 0, 0
			d.stop, d.onStop = stop, func() { acked, written = w.acked, w.written }
			d.killAt = stop
			if w.runKilled(t) {
				require.Greater(t, stop, 150, "operations")
				break
			}
			// Again, in the midst of the replay: as far as that comes.
			image := d.image
			image.stop = d.rnd.IntN(40)
			t.Run(fmt.Sprintf("%d/%d/%d", seed, stop, image.stop), func(t *testing.T) {
				n := reopen(t, image, w, acked, written)
				total[n-acked]++
				if image.image != nil {
					reopen(t, image.image, w, acked, max(written, n))
				}
			})
			cases++
		}
	}
	t.Log(cases, "crashes; batches beyond the durable ones:", total)
}

// Ensure that a journal that is being replaced by one of another size may crash
// anywhere.
func TestPowerFailureResize(t *testing.T) {
	c := newCrashed(t, 20)
	for stop := 0; ; stop++ {
		d := c.d.clone()
		for range stop {
			d.rnd.Uint64()
		}
		d.stop = stop
		o := d.options()
		o.SegmentSize *= 2
		j, err := Open("pool.journal", d.pool("pool"), o)
		require.NoError(t, err)
		require.NoError(t, j.Begin())
		require.NoError(t, j.Finish())
		if d.image == nil {
			require.Greater(t, stop, 10, "operations")
			return
		}
		reopen(t, d.image, &workload{m: c.m}, c.acked, c.acked)
	}
}

// Ensure that it does no harm to kill a process anywhere, and that a power
// failure during the replay that follows does none: what the replay reads may
// never have been durable.
func TestKill(t *testing.T) {
	for at := 0; ; at += stepAfter(at) {
		d := newDisk()
		w := newWorkload(d, 11)
		d.killAt = at
		if w.runKilled(t) {
			require.Greater(t, at, 150, "operations")
			return
		}
		d.kill()
		d.killAt = -1
		for range at {
			d.rnd.Uint64()
		}
		d.stop = d.ops + d.rnd.IntN(30)
		n := reopen(t, d, w, w.acked, w.written)
		if d.image != nil {
			assert.LessOrEqual(t, reopen(t, d.image, w, w.acked, w.written), n)
		}
	}
}

// Ensure that every operation that fails makes the journal fail for ever, with
// that error, and that nothing that was durable is lost by it.
func TestFaults(t *testing.T) {
	for name, f := range map[string]fault{
		"error":    {err: errInjected},
		"short":    {err: io.ErrShortWrite, short: true},
		"no space": {err: unix.ENOSPC, short: true},
	} {
		t.Run(name, func(t *testing.T) {
			for at := 0; ; at += stepAfter(at) {
				d := newDisk()
				w := newWorkload(d, 12)
				d.failAt, d.fault = at, f
				err := w.run()
				if err == nil {
					require.Greater(t, at, 150, "operations")
					require.LessOrEqual(t, d.ops, at)
					return
				}
				require.ErrorIs(t, err, f.err)
				if w.j != nil && d.failAt > 0 {
					_ = w.j.Abandon()
					ops := d.ops
					want := w.j.Err()
					require.Error(t, want)
					_, err := w.j.Append(w.m.batch(1))
					assert.Equal(t, want, err)
					assert.Equal(t, want, w.j.Datasync())
					_, err = w.j.Checkpoint(context.Background())
					assert.Equal(t, want, err)
					assert.Equal(t, want, w.j.Finish())
					assert.Equal(t, ops, d.ops, "nothing is tried again")
				}
				d.failAt = -1
				d.kill()
				for range at {
					d.rnd.Uint64()
				}
				d.stop = d.ops + d.rnd.IntN(30)
				n := reopen(t, d, w, w.acked, w.written)
				if d.image != nil {
					assert.LessOrEqual(t, reopen(t, d.image, w, w.acked, w.written), n)
				}
			}
		})
	}
}
