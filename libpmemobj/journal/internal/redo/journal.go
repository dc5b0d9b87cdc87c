package redo

import (
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/internal/medium"
	"github.com/pmem/pmdk-go/internal/poolheader"
)

// Journal is an open journal. One goroutine at a time appends (Append,
// Datasync) and one checkpoints; the others may be called from any. What fails
// to write or to sync fails once: from then on everything returns that error,
// and what is on disk is left for the next Open.
type Journal struct {
	path string
	o    Options
	pool medium.Pool

	// Two descriptors, because the kernel reports a failure of writing back once
	// to each: the appender must not miss one that the checkpointer has seen.
	file  File // has the lock; the segments
	slots File // the header

	plain []byte // the pool's header without the mark
	head  header // as it is in the file; the checkpointer's
	begin header // as it was when the session began: what does not change in it

	replayed chain

	appending sync.Mutex // before checkpointing, before mu
	buf       []byte
	appended  uint64

	checkpointing sync.Mutex
	folder        folder

	mu     sync.Mutex
	tail   uint64 // head.tail; what is before is free
	active uint64 // the segment that is written to; tail-1 if none
	sealed bool   // it is full
	ring   []part // of segment seq at seq%segments
	begun  bool
	closed bool

	durable atomic.Uint64
	urgent  atomic.Bool
	failure atomic.Pointer[error]
	stats   counters
}

type counters struct {
	batches, bytes, syncs     atomic.Uint64
	checkpoints, runs, folded atomic.Uint64
	pooled                    atomic.Uint64
}

// Open opens the journal at path, or creates it if the pool needs none. What the
// pool lacks is brought into it, and its header is a plain one when Open
// returns; until Begin, a crash leaves a plain pool. The pool stays the caller's
// to close, after the journal.
//
// Errors match ErrMissing, ErrForeign, ErrVersion, ErrNotJournal, unix.EAGAIN
// (open elsewhere), are a *DamagedError, or the system's. Only the system's come
// after something was written to the pool; Open can be tried again after them.
func Open(path string, pool medium.Pool, o Options) (*Journal, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	if pool.Size() > MaxPool {
		return nil, &Error{path, unix.EFBIG, fmt.Sprintf("%s has %d bytes; pools of up to %d can have a journal", pool.Path(), pool.Size(), int64(MaxPool))}
	}
	j := &Journal{path: path, o: o, pool: pool}
	err = j.open()
	for err == errAppeared {
		err = j.open()
	}
	if err != nil {
		_ = j.closeFiles()
		return nil, pathError("open journal", path, err)
	}
	return j, nil
}

func (j *Journal) open() (err error) {
	fsys := j.o.FS
	j.file, err = openLocked(fsys, j.path, func() (File, error) { return fsys.Open(j.path) })
	missing := notExist(err)
	if err != nil && !missing {
		return err
	}
	// Not before the lock: the one who had it may have marked the pool.
	b, err := readPoolHeader(j.pool)
	if err != nil {
		return err
	}
	if missing && poolheader.HasFeatureJournal(b) {
		if exists(fsys, j.path) {
			return errAppeared
		}
		return &Error{j.path, ErrMissing, fmt.Sprintf("%s was not closed properly; without that file, its newest data are lost", j.pool.Path())}
	}
	replace := missing
	if !missing {
		if replace, err = j.recover(b); err != nil {
			return err
		}
	}
	if replace {
		f, h, err := create(fsys, j.path, &j.o, uuidOf(b), !missing)
		if err != nil {
			return err
		}
		if j.file != nil {
			_ = j.file.Close()
		}
		j.file, j.head = f, h
	} else {
		_ = fsys.Remove(making(j.path)) // a crash may have left it
	}
	if j.slots == nil {
		err = j.openSlots()
	}
	return err
}

func (j *Journal) openSlots() error {
	f, err := j.o.FS.Open(j.path)
	if err != nil {
		return err
	}
	j.slots = f
	if !j.o.FS.Is(j.file, j.path) || !j.o.FS.Is(f, j.path) {
		return &Error{j.path, ErrForeign, "another file has been put in its place just now"}
	}
	return nil
}

// recover brings into the pool what it lacks, and says whether to replace the
// journal by one of another size.
func (j *Journal) recover(b []byte) (replace bool, err error) {
	j.head, err = readHeader(j.path, j.file)
	if errors.Is(err, ErrNotJournal) && poolheader.HasFeatureJournal(b) {
		return false, &DamagedError{j.path, 0, "neither of the journal's two headers is valid, and " + j.pool.Path() + " was not closed properly"}
	}
	if err != nil {
		return false, err
	}
	size, err := j.file.Size()
	if err != nil {
		return false, err
	}
	v, err := judge(j.path, j.pool.Path(), b, &j.head)
	if err != nil {
		return false, err
	}
	short := size < j.head.size()
	if v.replay && short {
		return false, &DamagedError{j.path, size, fmt.Sprintf("the file ends here, and should have %d bytes", j.head.size())}
	}
	if err := j.openSlots(); err != nil {
		return false, err
	}
	switch {
	case v.replay:
		err = j.replay(b, v)
	case v.settle:
		err = j.settle(b, nil)
	}
	if err != nil {
		return false, err
	}
	if j.o.Keep {
		j.o.SegmentSize, j.o.Segments = j.head.segmentSize, int(j.head.segments)
	}
	replace = short || j.head.segmentSize != j.o.SegmentSize || j.head.segments != int64(j.o.Segments)
	if replace {
		_ = j.slots.Close()
		j.slots = nil
	}
	return replace, nil
}

// replay brings the journal's batches into the pool. It may be killed anywhere,
// and begins again then.
func (j *Journal) replay(b []byte, v verdict) error {
	c, err := scan(j.path, j.file, &j.head, v.tail, v.first)
	if err != nil {
		return err
	}
	if len(c.parts) > 0 {
		if err := inside(j.path, j.pool, c.line); err != nil {
			return err
		}
	}
	j.replayed = c
	if !poolheader.Unmark(b, j.head.original) {
		return &DamagedError{j.pool.Path(), 0, "the pool's header has changed since it was marked"}
	}
	if err := j.secure(c.parts); err != nil {
		return err
	}
	return j.settle(b, c.parts)
}

// secure makes durable what was read. It may be in the kernel's memory alone, if
// it was not the power that went; and after a failure of writing back, the
// kernel takes it for written. If the power goes now, there must not be less in
// the journal than in the pool. So it is written again.
func (j *Journal) secure(parts []part) error {
	for _, p := range parts {
		if err := j.folder.load(j.path, j.file, &j.head, p); err != nil {
			return err
		}
		if err := writeAll(j.file, j.folder.buf, j.head.at(p.seq)); err != nil {
			return err
		}
	}
	return j.file.Datasync()
}

// settle brings parts into the pool, and makes it a plain one.
func (j *Journal) settle(plain []byte, parts []part) error {
	for _, p := range parts {
		if err := j.folder.load(j.path, j.file, &j.head, p); err != nil {
			return err
		}
		if err := j.folder.write(j.pool, j.wrote); err != nil {
			return err
		}
	}
	if err := j.pool.Sync(); err != nil {
		return err
	}
	if err := unmark(j.pool, plain); err != nil {
		return err
	}
	h := j.head
	h.state = Clean
	return j.writeSlot(h)
}

// writeSlot makes the header durable, in the slot of the one before the last.
func (j *Journal) writeSlot(h header) error {
	h.generation++
	if err := writeAll(j.slots, h.encode(), int64(h.generation%2)*slotSize); err != nil {
		return err
	}
	if err := j.slots.Datasync(); err != nil {
		return err
	}
	j.head = h
	return nil
}

// Begin begins a session: from now on, only this journal makes the pool whole.
// The file must not change any other way until Finish.
func (j *Journal) Begin() error {
	j.appending.Lock()
	defer j.appending.Unlock()
	j.checkpointing.Lock()
	defer j.checkpointing.Unlock()
	if err := j.Err(); err != nil {
		return err
	}
	if j.begun {
		return fmt.Errorf("%w: Begin twice", ErrMisuse)
	}
	plain, err := readPoolHeader(j.pool)
	if err != nil {
		return j.fail(err)
	}
	original := le.Uint64(plain[checksumOff:])
	if !poolheader.Markable(plain) || poolheader.HeaderChecksum(plain) != original {
		return j.fail(&DamagedError{j.pool.Path(), 0, "the pool's header has no room for the mark of a journal, or a wrong checksum"})
	}
	h := j.head
	h.state, h.uuid, h.tail, h.first, h.original = Dirty, uuidOf(plain), 1, 1, original
	if _, err := rand.Read(h.session[:]); err != nil {
		return j.fail(err)
	}
	// The journal first: a mark must never lead to nothing. And in both slots, so
	// that a bad one does not make the journal forget the session.
	for range 2 {
		if err := j.writeSlot(h); err != nil {
			return j.fail(err)
		}
		h = j.head
	}
	if err := mark(j.pool, plain, j.markNow()); err != nil {
		return j.fail(err)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.plain, j.begin, j.begun = plain, j.head, true
	j.tail, j.active, j.ring = h.tail, h.tail-1, make([]part, h.segments)
	return nil
}

func (j *Journal) markNow() poolheader.Mark {
	return poolheader.Mark{Session: j.head.session, Tail: j.head.tail, First: j.head.first, Original: j.head.original}
}

// Err is what the journal has failed with, or ErrClosed.
func (j *Journal) Err() error {
	if p := j.failure.Load(); p != nil {
		return *p
	}
	return nil
}

// fail makes everything return err, if nothing has failed before.
func (j *Journal) fail(err error) error {
	err = pathError("journal", j.path, err)
	j.failure.CompareAndSwap(nil, &err)
	return *j.failure.Load()
}

// Path is where the journal is.
func (j *Journal) Path() string { return j.path }

// Finish ends the session: everything goes into the pool, which is a plain one
// then, and the journal is closed. On failure, too; then the next Open does it.
// Nobody may append or checkpoint any more, but a checkpoint that runs is
// waited for.
func (j *Journal) Finish() error {
	j.urgent.Store(true)
	j.appending.Lock()
	defer j.appending.Unlock()
	j.checkpointing.Lock()
	defer j.checkpointing.Unlock()
	err := j.finish()
	j.shut()
	return err
}

func (j *Journal) finish() error {
	if err := j.Err(); err != nil {
		return err
	}
	if !j.begun {
		return nil
	}
	if err := j.sync(); err != nil {
		return err
	}
	if err := j.settle(j.plain, j.pending()); err != nil {
		return j.fail(err)
	}
	return nil
}

// pending are the segments that are not in the pool.
func (j *Journal) pending() []part {
	j.mu.Lock()
	defer j.mu.Unlock()
	var parts []part
	for seq := j.tail; seq <= j.active; seq++ {
		parts = append(parts, j.ring[seq%uint64(len(j.ring))])
	}
	return parts
}

// Abandon closes the journal and leaves everything as it is, as a crash would.
// It is safe after Finish, and while others use the journal: they get ErrClosed.
func (j *Journal) Abandon() error {
	j.urgent.Store(true)
	closed := error(ErrClosed)
	j.failure.CompareAndSwap(nil, &closed)
	j.appending.Lock()
	defer j.appending.Unlock()
	j.checkpointing.Lock()
	defer j.checkpointing.Unlock()
	return j.shut()
}

// shut closes the files once.
func (j *Journal) shut() error {
	closed := error(ErrClosed)
	j.failure.CompareAndSwap(nil, &closed)
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		return nil
	}
	j.closed = true
	return j.closeFiles()
}

func (j *Journal) closeFiles() error {
	var errs []error
	// The lock goes last.
	for _, f := range []File{j.slots, j.file} {
		if f != nil {
			errs = append(errs, f.Close())
		}
	}
	return errors.Join(errs...)
}
