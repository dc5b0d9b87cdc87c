package journal

import (
	"context"
	"errors"
	"sync"
	"unsafe"

	"github.com/pmem/pmdk-go/cgoutil"
	"github.com/pmem/pmdk-go/internal/medium"
	"github.com/pmem/pmdk-go/libpmemobj/journal/internal/capture"
	"github.com/pmem/pmdk-go/libpmemobj/journal/internal/redo"
)

// journaled is the medium.
type journaled struct{ o Options }

func (journaled) Durability() cgoutil.Durability { return cgoutil.DurabilityJournal }

// Prepare locks the journal, or makes one, and brings into the pool what it
// lacks.
func (m journaled) Prepare(op string, pool medium.Pool) (medium.Keeper, error) {
	if err := m.o.check(); err != nil {
		return nil, err
	}
	lines, o := batchLines, m.o.redo(pool.Size())
	if t := m.o.tests; t != nil {
		lines, o.FS, pool = t.lines, t.fs, t.pool(pool)
	}
	k := &keeper{pool: pool, noSync: m.o.NoSync}
	k.room.L = &k.mu
	var err error
	if k.capture, err = capture.New(lines); err != nil {
		return nil, err
	}
	k.log, err = redo.Open(m.o.path(pool.Path()), pool, o)
	if err != nil {
		_ = k.capture.Close()
		return nil, err
	}
	k.committer = newCommitter(captured{k.capture}, k)
	return k, nil
}

// keeper keeps one pool. Three sorts of goroutines do its work: whoever leads a
// group appends to the journal; one takes care that there is always room where
// changes are captured; and one brings what was appended into the pool.
type keeper struct {
	*committer

	pool    medium.Pool
	capture *capture.Capture
	log     *redo.Journal
	noSync  bool

	work sync.WaitGroup

	// Held while the session begins, and by those who wait.
	mu      sync.Mutex
	room    sync.Cond // a segment was brought into the pool, or one is ready to be, or the end has come
	begun   bool
	ending  bool
	context context.Context // of checkpoints
	cancel  context.CancelFunc
}

// Arm begins to capture. From here on there is somebody who makes room:
// recovery alone may flush more than a batch has.
func (k *keeper) Arm(span int64) {
	k.context, k.cancel = context.WithCancel(context.Background())
	k.work.Go(func() {
		for k.capture.AwaitFull() == nil {
			k.drain()
		}
	})
	k.capture.Arm(span)
}

// Disarm ends what Arm began; what it has to say, Start says.
func (k *keeper) Disarm() {
	if err := k.capture.Disarm(); err != nil {
		_ = k.fail("capture", err)
	}
}

// Start begins the session, unless recovery had so much to write that it has
// begun.
func (k *keeper) Start(base unsafe.Pointer, size, span int64) error {
	if err := k.err(); err != nil {
		return err
	}
	if k.capture.Base() != base {
		return k.fail("start", errors.New("PMDK has mapped the pool in another way than expected"))
	}
	return k.begin()
}

// begin marks the pool as one that needs its journal. By now PMDK has read its
// header.
func (k *keeper) begin() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.begun {
		return nil
	}
	if err := k.log.Begin(); err != nil {
		return k.fail("begin", err)
	}
	k.begun = true
	k.work.Go(k.checkpoints)
	return nil
}

// Append is the leader's.
func (k *keeper) Append(batch []byte) error {
	if err := k.begin(); err != nil {
		return err
	}
	for {
		_, err := k.log.Append(batch)
		if !errors.Is(err, redo.ErrFull) {
			return err
		}
		// Only what is durable can be brought into the pool.
		if err := k.log.Datasync(); err != nil {
			return err
		}
		if err := k.awaitRoom(); err != nil {
			return err
		}
	}
}

// Datasync is the leader's. A full segment is ready to be brought into the pool
// when it is durable.
func (k *keeper) Datasync() error {
	err := k.log.Datasync()
	if err == nil && k.log.SegmentsToCheckpoint() > 0 {
		k.changed()
	}
	return err
}

// changed wakes those who wait.
func (k *keeper) changed() {
	k.mu.Lock()
	k.room.Broadcast()
	k.mu.Unlock()
}

// awaitRoom waits until a segment is free.
func (k *keeper) awaitRoom() error {
	return k.hurryUntil(func() bool { return k.log.Free() > 0 })
}

// settle brings everything that is durable into the pool.
func (k *keeper) settle() error {
	k.log.Seal()
	return k.hurryUntil(func() bool { return k.log.SegmentsToCheckpoint() == 0 })
}

// hurryUntil makes checkpoints take no time until something is done.
func (k *keeper) hurryUntil(done func() bool) error {
	k.log.Hurry(true)
	defer k.log.Hurry(false)
	k.mu.Lock()
	defer k.mu.Unlock()
	k.room.Broadcast()
	for !done() {
		if err := k.err(); err != nil {
			return err
		}
		k.room.Wait()
	}
	return nil
}

// checkpoints brings segments into the pool until the end.
func (k *keeper) checkpoints() {
	for k.awaitSegment() {
		_, err := k.log.Checkpoint(k.context)
		if err != nil && k.context.Err() == nil {
			_ = k.fail("checkpoint", err)
		}
		k.changed()
	}
}

// awaitSegment waits until there is something to do.
func (k *keeper) awaitSegment() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	for {
		if k.ending || k.err() != nil {
			return false
		}
		if k.log.SegmentsToCheckpoint() > 0 {
			return true
		}
		k.room.Wait()
	}
}

// Err is nil until the journal has failed.
func (k *keeper) Err() error { return k.err() }

// Await returns when all that was flushed before is durable, unless the program
// does not want that.
func (k *keeper) Await() error {
	if k.noSync {
		return k.err()
	}
	return k.await()
}

// Sync returns when all that was flushed before is durable.
func (k *keeper) Sync(ctx context.Context) error { return k.sync(ctx) }

// Close brings everything into the pool. PMDK has unmapped it.
func (k *keeper) Close() error {
	err := k.await()
	k.stop()
	if err != nil {
		return errors.Join(err, k.log.Abandon(), k.pool.Close())
	}
	if err = k.log.Finish(); err != nil {
		err = &FailedError{Doing: "finish", Err: err}
	}
	return errors.Join(err, k.log.Abandon(), k.pool.Close())
}

// Abandon leaves everything as it is.
func (k *keeper) Abandon() error {
	_ = k.fail("open", errors.New("abandoned"))
	k.stop()
	return errors.Join(k.log.Abandon(), k.pool.Close())
}

// stop ends the goroutines.
func (k *keeper) stop() {
	k.mu.Lock()
	k.ending = true
	k.mu.Unlock()
	k.changed()
	if k.cancel != nil {
		k.cancel()
	}
	k.capture.Interrupt()
	k.work.Wait()
	_ = k.capture.Close()
}
