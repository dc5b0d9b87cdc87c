package libpmemlog

import (
	"iter"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/pmem/pmdk-go/internal/goroutine"
	"github.com/pmem/pmdk-go/internal/plainpool"
)

// walkers are the goroutines that run a function for Walk.
type walkers struct {
	count atomic.Int32 // so that nobody looks while there are none
	lock  sync.Mutex
	ids   []uintptr
}

// any says whether there are some.
func (w *walkers) any() bool { return w.count.Load() != 0 }

// inside says whether the calling goroutine is one.
func (w *walkers) inside() bool {
	if !w.any() {
		return false
	}
	w.lock.Lock()
	defer w.lock.Unlock()
	return slices.Contains(w.ids, goroutine.ID())
}

// enter locks the goroutine to its thread, because where IDs belong to
// threads, they are a goroutine's only so long.
func (w *walkers) enter() {
	runtime.LockOSThread()
	w.lock.Lock()
	defer w.lock.Unlock()
	w.ids = append(w.ids, goroutine.ID())
	w.count.Add(1)
}

func (w *walkers) leave() {
	defer runtime.UnlockOSThread()
	w.lock.Lock()
	defer w.lock.Unlock()
	if i := slices.Index(w.ids, goroutine.ID()); i >= 0 {
		w.ids = slices.Delete(w.ids, i, i+1)
		w.count.Add(-1)
	}
}

// Walk calls fn with the content of the log from its beginning, in chunks of
// the given size, the last one possibly shorter, or, if chunk is 0, all of it
// at once. It ends when fn returns false. A chunk may be used until fn
// returns; it is a copy.
//
// Walk sees what the log held when it began. It keeps Rewind and Close waiting
// or failing, but not appends. As in C, fn itself cannot change the log:
// Append and Rewind in it return ErrInWalk. [Log.Chunks] has no such rule.
//
// Implements: pmemlog_walk(3)
func (l *Log) Walk(chunk int, fn func(chunk []byte) bool) error {
	const op = "walk"
	if err := l.enter(op); err != nil {
		return err
	}
	defer l.guard.Exit()
	if chunk < 0 {
		return plainpool.BadArgument(op, l.path, "chunks of %d bytes", chunk)
	}
	if !l.walkers.inside() { // a second lock would wait for a Rewind between
		l.content.RLock()
		defer l.content.RUnlock()
	}
	l.walkers.enter()
	defer l.walkers.leave()
	s := l.snapshot()
	return s.chunks(chunk, fn)
}

// Chunks ranges over the content of the log in copies of chunk bytes, the
// last one possibly shorter, which may be used until the next. It sees what
// the log held when it began, and the body may append to the log, and rewind
// it, which ends the sequence. A chunk below 1 is a mistake and panics.
//
// The sequence is empty once the log is closed. The body cannot close it.
//
// Implements: pmemlog_walk(3)
func (l *Log) Chunks(chunk int) iter.Seq[[]byte] {
	if chunk < 1 {
		panic(plainpool.BadArgument("chunks", l.path, "chunks of %d bytes", chunk))
	}
	return func(yield func([]byte) bool) {
		if l.enter("chunks") != nil {
			return
		}
		defer l.guard.Exit()
		s := l.snapshot()
		_ = s.chunks(chunk, yield)
	}
}
