package libpmemlog

// #cgo noescape pmemgo_log_tell
// #cgo nocallback pmemgo_log_tell
// #include "shim.h"
import "C"

import (
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/pmem/pmdk-go/cgoutil"
	"github.com/pmem/pmdk-go/internal/leafcall"
	"github.com/pmem/pmdk-go/internal/plainpool"
	"github.com/pmem/pmdk-go/internal/poolfile"
)

// Log is an open log: bytes that are only ever added to, or dropped as a
// whole. Its methods may be called from any goroutine.
//
// A log that is lost without Close is reported (see
// [cgoutil.SetLeakReporter]) and closed.
type Log struct {
	_ cgoutil.NoCopy
	*log
	watch *cgoutil.Watcher
}

// log is what a Log stands for; it stays when the Log is lost, until it is
// released.
type log struct {
	guard  cgoutil.Guard
	closed atomic.Int32 // for leaf calls that go without the guard
	handle C.pmemgo_log
	base   unsafe.Pointer // the same address

	path       string
	cap        int64
	durability Durability
	leaf       bool         // flushing never waits for a disk
	slow       atomic.Int32 // what is under way that leaf calls are not to wait for

	// recording is held while a record is given its position and appended, and
	// by Rewind; content, the second of the two, by Rewind, and for reading by
	// walks.
	recording sync.Mutex
	content   sync.RWMutex
	rewinds   atomic.Uint64 // odd while one is under way
	walkers   walkers
	followers followers

	file *os.File // the file that Create made; nil after Open
}

// openLogs is how many there are, under poolfile's lock.
var openLogs int

// newLog wraps what C opened, if it did. The caller is between poolfile's Enter
// and Leave.
func newLog(plp *C.PMEMlogpool, path string, c *plainpool.Call) *Log {
	if plp == nil {
		return nil
	}
	d := c.Durability()
	l := &log{
		handle:     C.pmemgo_log(uintptr(unsafe.Pointer(plp))),
		base:       unsafe.Pointer(plp),
		path:       path,
		cap:        int64(C.pmemlog_nbyte(plp)),
		durability: d,
		leaf:       d == DurabilityDAX || d == DurabilityProcessCrash,
		file:       c.File,
	}
	openLogs++
	wrapped := &Log{log: l}
	wrapped.watch = cgoutil.WatchAndRelease(wrapped, "libpmemlog log", path, l.release)
	return wrapped
}

// Close unmaps the log. Closing again does nothing. While another operation
// is under way, a walk or an iteration among them, Close returns ErrBusy and
// the log stays open; only short appends are waited for.
//
// Implements: pmemlog_close(3)
func (l *Log) Close() error {
	err := l.close()
	if err == nil {
		l.watch.Stop()
	}
	return err
}

func (l *log) close() error {
	return l.guard.Close(func() error {
		l.closed.Store(1)
		leafcall.Wait()
		poolfile.Enter()
		defer poolfile.Leave()
		C.pmemlog_close((*C.PMEMlogpool)(l.base))
		openLogs--
		l.followers.wake() // to find it closed
		if l.file != nil {
			return l.file.Close()
		}
		return nil
	})
}

// release is what closes a lost log.
func (l *log) release() {
	for errors.Is(l.close(), ErrBusy) { // its last method is not over yet
		time.Sleep(time.Millisecond)
	}
}

// Path is the path that the log was opened with.
func (l *Log) Path() string { return l.path }

// Durability is what an append survives.
func (l *Log) Durability() Durability { return l.durability }

// Cap is how many bytes the log can hold in all.
//
// Implements: pmemlog_nbyte(3)
func (l *Log) Cap() int64 { return l.cap }

// Len is how many bytes the log holds now.
//
// Implements: pmemlog_tell(3)
func (l *Log) Len() (int64, error) {
	if err := l.enter("length"); err != nil {
		return 0, err
	}
	defer l.guard.Exit()
	return l.len(), nil
}

func (l *log) len() int64 {
	if !l.mayLeaf(0) {
		return int64(C.pmemgo_log_tell(l.handle))
	}
	var arg C.struct_pmemgo_log_op
	arg.log = C.uint64_t(l.handle)
	leafcall.Call(opTell, unsafe.Pointer(&arg))
	return int64(arg.result)
}

// Rewind empties the log, atomically and durably. It waits for walks to end;
// other readers find ErrRewound.
//
// Implements: pmemlog_rewind(3)
func (l *Log) Rewind() error {
	const op = "rewind"
	if err := l.enterChange(op); err != nil {
		return err
	}
	defer l.guard.Exit()
	l.recording.Lock()
	defer l.recording.Unlock()
	l.content.Lock()
	defer l.content.Unlock()
	l.slow.Add(1)
	l.rewinds.Add(1)
	errno := C.pmemgo_log_rewind(l.handle)
	l.rewinds.Add(1)
	l.slow.Add(-1)
	l.followers.wake()
	if errno != 0 {
		return l.wrap(op, ErrReadOnly)
	}
	return nil
}

// enter admits an operation until guard.Exit.
func (l *Log) enter(op string) error {
	if _, err := l.guard.Enter(); err != nil {
		return l.wrap(op, ErrClosed)
	}
	return nil
}

// enterChange is enter for what changes the log.
func (l *Log) enterChange(op string) error {
	if err := l.enter(op); err != nil {
		return err
	}
	if l.walkers.inside() {
		l.guard.Exit()
		return l.wrap(op, ErrInWalk)
	}
	return nil
}
