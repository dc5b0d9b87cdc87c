package redo

import (
	"context"
	"fmt"
	"time"
)

// SegmentsToCheckpoint is how many segments Checkpoint would take: full ones
// whose batches are durable.
func (j *Journal) SegmentsToCheckpoint() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	n := 0
	for seq := j.tail; j.ready(seq); seq++ {
		n++
	}
	return n
}

func (j *Journal) ready(seq uint64) bool {
	return (seq < j.active || j.sealed && seq == j.active) && j.ring[seq%uint64(len(j.ring))].last <= j.durable.Load()
}

// free is how many segments can be begun.
func (j *Journal) free() uint64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.tail + uint64(len(j.ring)) - 1 - j.active
}

// Free is how many segments can still be begun before Append returns ErrFull.
func (j *Journal) Free() int { return int(j.free()) }

// Checkpoint brings the oldest full segment into the pool, and frees it; did is
// false if there is none. It takes its time (Options.Rate), unless segments are
// getting scarce, Hurry was called, or Finish waits. When ctx ends, Checkpoint
// returns its error; what it has done by then does no harm.
func (j *Journal) Checkpoint(ctx context.Context) (did bool, err error) {
	j.checkpointing.Lock()
	defer j.checkpointing.Unlock()
	if err := j.Err(); err != nil {
		return false, err
	}
	if !j.begun {
		return false, fmt.Errorf("%w: Checkpoint before Begin", ErrMisuse)
	}
	j.mu.Lock()
	p, ready := j.ring[j.tail%uint64(len(j.ring))], j.ready(j.tail)
	j.mu.Unlock()
	if !ready {
		return false, nil
	}
	if err := j.folder.load(j.path, j.file, &j.head, p); err != nil {
		return false, j.fail(err)
	}
	if n := len(j.folder.entries); n > 0 {
		if err := inside(j.path, j.pool, j.folder.entries[n-1].line()); err != nil {
			return false, j.fail(err)
		}
	}
	pace := pacer{j: j, ctx: ctx, begun: time.Now(), page: -1}
	if err := j.folder.write(j.pool, pace.wrote); err != nil {
		if ctx.Err() != nil && err == ctx.Err() {
			return false, err
		}
		return false, j.fail(err)
	}
	if err := j.release(p); err != nil {
		return false, j.fail(err)
	}
	j.stats.checkpoints.Add(1)
	j.stats.folded.Add(uint64(len(j.folder.entries)))
	return true, nil
}

// release makes a segment free that has been written to the pool. The data are
// durable before the mark says that they are there; the mark before the journal
// says that they are not its business any more; and that before anything is
// written over them.
func (j *Journal) release(p part) error {
	if err := j.Err(); err != nil {
		return err // of the appender's
	}
	if err := j.pool.Sync(); err != nil {
		return err
	}
	h := j.head
	h.tail, h.first = p.seq+1, p.last+1
	m := j.markNow()
	m.Tail, m.First = h.tail, h.first
	if err := mark(j.pool, j.plain, m); err != nil {
		return err
	}
	if err := j.writeSlot(h); err != nil {
		return err
	}
	j.mu.Lock()
	j.tail = h.tail
	j.mu.Unlock()
	return nil
}

// Hurry makes the checkpoint that runs, and all that follow, take no time, or
// take it again.
func (j *Journal) Hurry(hurry bool) { j.urgent.Store(hurry) }

func (j *Journal) hurried() bool {
	return j.o.Rate <= 0 || j.urgent.Load() || j.free() <= uint64(j.begin.segments)/4
}

// wrote counts what goes to the pool.
func (j *Journal) wrote(_, n int64) error {
	j.stats.runs.Add(1)
	j.stats.pooled.Add(uint64(n))
	return nil
}

// pacer slows a checkpoint down: by the pages that are dirty, because pages are
// what goes to the disk.
type pacer struct {
	j     *Journal
	ctx   context.Context
	begun time.Time
	page  int64 // the last one that is dirty
	dirty int64 // bytes
	look  int64 // how many they were at the last look
	sync  int64 // and at the last Sync

	rested int64 // and at begun
}

const (
	pageSize  = 4096
	lookSize  = 128 << 10
	syncSize  = 4 << 20  // what a Sync has to write at most, while there is time
	hurrySize = 16 << 20 // and while there is not
	napTime   = 5 * time.Millisecond
)

func (p *pacer) wrote(off, n int64) error {
	_ = p.j.wrote(off, n)
	from, to := off/pageSize, (off+n-1)/pageSize
	pages := to - from + 1
	if from == p.page {
		pages--
	}
	p.page = to
	p.dirty += pages * pageSize
	if p.dirty-p.look < lookSize {
		return nil
	}
	p.look = p.dirty
	if err := p.ctx.Err(); err != nil {
		return err
	}
	if err := p.j.Err(); err != nil {
		return err
	}
	// Who appends must not wait for all that the disk has been given here.
	hurry := p.j.hurried()
	if n := p.dirty - p.sync; n >= hurrySize || n >= syncSize && !hurry {
		p.sync = p.dirty
		if err := p.j.pool.Sync(); err != nil {
			return err
		}
	}
	if hurry {
		return p.again()
	}
	return p.rest()
}

// again begins to count time again, so that there is no long rest after a hurry.
func (p *pacer) again() error {
	p.begun, p.rested = time.Now(), p.dirty
	return nil
}

// rest waits until what was written is due.
func (p *pacer) rest() error {
	due := p.begun.Add(time.Duration(float64(p.dirty-p.rested) / float64(p.j.o.Rate) * float64(time.Second)))
	for {
		wait := time.Until(due)
		if wait <= 0 {
			return nil
		}
		if p.j.hurried() {
			return p.again()
		}
		select {
		case <-p.ctx.Done():
			return p.ctx.Err()
		case <-time.After(min(wait, napTime)):
		}
	}
}
