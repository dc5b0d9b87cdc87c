package journal

import (
	"context"
	"sync"
	"sync/atomic"
)

// source is where batches come from.
type source interface {
	// Appended is the number of the last change that was captured.
	Appended() uint64

	// Take appends what was captured since the last call to dst, in the form
	// that sink wants, and returns it with the number of its last change. It is
	// as long as dst if that was nothing.
	Take(dst []byte) (batch []byte, last uint64)

	// Poison makes the source throw away what it has and will get, and never
	// wait for Take any more.
	Poison()
}

// sink is where batches go.
type sink interface {
	Append(batch []byte) error
	Datasync() error
}

// committer makes what was captured durable: one batch at a time, for all who
// wait for it. Whoever finds nobody at work leads: it takes the batch, writes
// it, and wakes the others. Those who come meanwhile are the next group, one
// of which leads afterwards. So a goroutine by itself never waits for another,
// and many share a write.
type committer struct {
	from source
	to   sink

	durable atomic.Uint64 // the number of the last change that is durable
	failed  atomic.Pointer[FailedError]

	mu      sync.Mutex
	leading bool
	next    *group // whose batch has not been taken yet

	buf []byte // of the leader
}

func newCommitter(from source, to sink) *committer {
	return &committer{from: from, to: to, next: newGroup()}
}

// err is nil until something has failed.
func (c *committer) err() error {
	if err := c.failed.Load(); err != nil {
		return err
	}
	return nil
}

// await returns when all that was captured before the call is durable.
func (c *committer) await() error { return c.sync(context.Background()) }

// settled says whether there is nothing to wait for. Once something has failed
// the source captures no more: that all it has is durable means nothing then.
func (c *committer) settled() (done bool, err error) {
	need := c.from.Appended()
	if err := c.err(); err != nil {
		return true, err
	}
	return c.durable.Load() >= need, nil
}

// sync is await for who may lose patience. If it leads, it finishes that.
func (c *committer) sync(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if done, err := c.settled(); done {
		return err
	}
	return c.commit(ctx)
}

// commit makes durable what was captured before the call, or waits for somebody
// who does.
func (c *committer) commit(ctx context.Context) error {
	g := c.join()
	if g == nil {
		return c.lead()
	}
	select {
	case <-g.done:
		return g.err
	case <-g.lead:
		return c.lead()
	case <-ctx.Done():
	}
	if c.quit(g) {
		return c.lead()
	}
	return ctx.Err()
}

// join makes the caller a member of the next group, or, if the group is nil, the
// one who leads.
func (c *committer) join() *group {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.leading {
		c.leading = true
		return nil
	}
	c.next.members++
	return c.next
}

// quit takes a member out of its group, and says whether it was told to lead
// meanwhile: then it must.
func (c *committer) quit(g *group) (leads bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	select {
	case <-g.lead:
		return true
	default:
		g.members--
		return false
	}
}

// lead makes a batch durable and hands over to the next leader, if somebody
// waits.
func (c *committer) lead() error {
	// Members have captured what they wait for before they joined, so that a
	// batch that is taken from here on has all of it.
	c.mu.Lock()
	g := c.next
	if g.members > 0 {
		c.next = newGroup()
	}
	c.mu.Unlock()

	err := c.write()
	if g != c.next {
		g.end(err)
	}

	c.mu.Lock()
	if c.next.members > 0 {
		c.next.lead <- struct{}{}
	} else {
		c.leading = false
	}
	c.mu.Unlock()
	return err
}

// write takes a batch and makes it durable. After an error nothing is written
// any more: what a disk has of a failed write, and whether a later one would
// tell, nobody knows.
func (c *committer) write() error {
	if err := c.err(); err != nil {
		return err
	}
	batch, last := c.from.Take(c.buf[:0])
	c.buf = batch[:0]
	if len(batch) > 0 {
		if err := c.to.Append(batch); err != nil {
			return c.fail("append", err)
		}
		if err := c.to.Datasync(); err != nil {
			return c.fail("sync", err)
		}
	} else if err := c.err(); err != nil {
		return err // a checkpoint has failed meanwhile, and what there was is gone
	}
	c.durable.Store(last)
	return nil
}

// fail is the end: nothing becomes durable any more.
func (c *committer) fail(what string, err error) error {
	failed := &FailedError{Doing: what, Err: err}
	if !c.failed.CompareAndSwap(nil, failed) {
		return c.failed.Load()
	}
	c.from.Poison()
	return failed
}

// drain makes room where changes are captured, for those who wait for that, or
// soon would.
func (c *committer) drain() {
	_ = c.commit(context.Background()) // if it fails, the source is poisoned
}
