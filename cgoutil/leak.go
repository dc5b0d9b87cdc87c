package cgoutil

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"sync/atomic"
)

// Leak is a handle that the program lost without closing it.
type Leak struct {
	Kind  string // what it was, for example "libpmem mapping"
	Path  string // the file behind it; may be empty
	Stack string // where it was opened, if RecordLeakStacks was on by then
}

// String is one line, and the stack below it if there is one.
func (l Leak) String() string {
	s := l.Kind + " never closed"
	if l.Path != "" {
		s = l.Kind + " " + l.Path + " never closed"
	}
	if l.Stack != "" {
		s += "; opened at:\n" + l.Stack
	}
	return s
}

// Watcher watches one handle from Watch to Stop.
type Watcher struct {
	cleanup runtime.Cleanup
	stopped *atomic.Bool
}

var (
	openWatches  atomic.Int64
	leakStacks   atomic.Bool
	leakReporter atomic.Pointer[func(Leak)]
)

// Watch reports handle as leaked if it becomes unreachable before Stop. It
// only reports: memory that the program may still see through a slice or a
// pointer is never unmapped behind its back. It holds no reference to handle.
//
// A handle that stays reachable until the process ends is not a leak.
func Watch[T any](handle *T, kind, path string) *Watcher {
	return WatchAndRelease(handle, kind, path, func() {})
}

// WatchAndRelease is Watch for a handle that exposes no memory: once it is
// lost, release frees what is behind it, after the report. release must not
// refer to handle. It runs on a goroutine of its own.
func WatchAndRelease[T any](handle *T, kind, path string, release func()) *Watcher {
	l := Leak{Kind: kind, Path: path}
	if leakStacks.Load() {
		l.Stack = string(debug.Stack())
	}
	w := &Watcher{stopped: new(atomic.Bool)}
	stopped := w.stopped
	w.cleanup = runtime.AddCleanup(handle, func(l Leak) {
		if !stopped.CompareAndSwap(false, true) {
			return
		}
		report(l)
		go func() {
			release()
			// Counted down last: at zero, every report has been made.
			openWatches.Add(-1)
		}()
	}, l)
	openWatches.Add(1)
	return w
}

// Stop ends the watch: the handle was closed. Calls after the first, and on
// a nil Watcher, do nothing.
func (w *Watcher) Stop() {
	if w == nil || !w.stopped.CompareAndSwap(false, true) {
		return
	}
	w.cleanup.Stop()
	openWatches.Add(-1)
}

// OpenWatches is how many watched handles are neither closed nor reported.
func OpenWatches() int { return int(openWatches.Load()) }

// RecordLeakStacks makes Watch remember the stack of every handle opened
// from now on. It costs some microseconds and a kilobyte for each.
func RecordLeakStacks(on bool) { leakStacks.Store(on) }

// SetLeakReporter sets the function that hears of each leak and returns the
// one before it. nil restores the default, which writes one line to standard
// error. It is called on a goroutine of the runtime's and must not block.
func SetLeakReporter(fn func(Leak)) (previous func(Leak)) {
	var next *func(Leak)
	if fn != nil {
		next = &fn
	}
	if old := leakReporter.Swap(next); old != nil {
		return *old
	}
	return nil
}

func report(l Leak) {
	if fn := leakReporter.Load(); fn != nil {
		(*fn)(l)
		return
	}
	fmt.Fprintln(os.Stderr, "pmdk-go: "+l.String())
}
