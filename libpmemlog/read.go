package libpmemlog

// #cgo noescape pmemgo_log_read
// #cgo nocallback pmemgo_log_read
// #include "shim.h"
import "C"

import (
	"io"
	"unsafe"

	"github.com/pmem/pmdk-go/internal/leafcall"
	"github.com/pmem/pmdk-go/internal/plainpool"
)

// batch is how much one crossing copies out of the log where more is to come.
// Appends wait meanwhile.
const batch = 64 << 10

// read copies what the log holds at off to p, all at one moment, and returns
// how much that was.
func (l *log) read(p []byte, off int64) (n int) {
	size := l.readLen(p, off)
	return int(max(0, min(int64(len(p)), size-off)))
}

// readLen returns the length of the log at that moment.
func (l *log) readLen(p []byte, off int64) int64 {
	if !l.mayLeaf(len(p)) {
		l.slow.Add(1)
		defer l.slow.Add(-1)
		return int64(C.pmemgo_log_read(l.handle, (*C.char)(unsafe.Pointer(unsafe.SliceData(p))), C.uint64_t(len(p)), C.uint64_t(off)))
	}
	var arg C.struct_pmemgo_log_op
	arg.log = C.uint64_t(l.handle)
	arg.buf, arg.len = (*C.char)(unsafe.Pointer(unsafe.SliceData(p))), C.uint64_t(len(p))
	arg.off = C.uint64_t(off)
	leafcall.Call(opRead, unsafe.Pointer(&arg))
	return int64(arg.result)
}

// ReadAt reads the content of the log from byte off on. It returns io.EOF
// where the log ends. A read sees the log at one moment; for several that
// belong together, see [Log.Snapshot].
//
// Implements: pmemlog_walk(3)
func (l *Log) ReadAt(p []byte, off int64) (n int, err error) {
	const op = "read"
	if err := l.enter(op); err != nil {
		return 0, err
	}
	defer l.guard.Exit()
	if off < 0 {
		return 0, plainpool.BadArgument(op, l.path, "offset %d is negative", off)
	}
	if n = l.read(p, off); n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// Snapshot is the content of a log at one moment. Appends do not change it; a
// Rewind ends it. Its methods may be called from any goroutine.
type Snapshot struct {
	log     *Log
	size    int64
	rewinds uint64
}

// Snapshot notes how long the log is; nothing is copied.
func (l *Log) Snapshot() (*Snapshot, error) {
	if err := l.enter("snapshot"); err != nil {
		return nil, err
	}
	defer l.guard.Exit()
	s := l.snapshot()
	return &s, nil
}

// snapshot is Snapshot for callers inside the guard.
func (l *Log) snapshot() Snapshot {
	for {
		// In this order, a rewind that begins in between is noticed later.
		if rewinds := l.rewinds.Load(); rewinds%2 == 0 {
			return Snapshot{log: l, size: l.len(), rewinds: rewinds}
		}
		// One that has begun already would not be. It holds this, so that the
		// caller is in no walk.
		l.content.RLock()
		l.content.RUnlock()
	}
}

// Size is the length of the snapshot in bytes.
func (s *Snapshot) Size() int64 { return s.size }

// ReadAt reads the snapshot's content from byte off on and returns io.EOF
// where it ends. After a Rewind of the log, the error matches ErrRewound.
func (s *Snapshot) ReadAt(p []byte, off int64) (n int, err error) {
	const op = "read"
	if err := s.log.enter(op); err != nil {
		return 0, err
	}
	defer s.log.guard.Exit()
	if off < 0 {
		return 0, plainpool.BadArgument(op, s.log.path, "offset %d is negative", off)
	}
	return s.readAt(op, p, off)
}

func (s *Snapshot) readAt(op string, p []byte, off int64) (n int, err error) {
	want := p[:max(0, min(int64(len(p)), s.size-off))]
	if len(want) > 0 {
		n = s.log.read(want, off)
	}
	// Looked at afterwards: what was read before a rewind is whole.
	if s.log.rewinds.Load() != s.rewinds {
		return 0, s.log.wrap(op, ErrRewound)
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// Reader reads the snapshot from its beginning.
func (s *Snapshot) Reader() *io.SectionReader { return io.NewSectionReader(s, 0, s.size) }

// chunks calls fn with chunks of the given size, or with everything if it
// is 0.
func (s *Snapshot) chunks(chunk int, fn func([]byte) bool) error {
	const op = "walk"
	if s.size == 0 {
		return nil
	}
	if chunk == 0 || int64(chunk) > s.size {
		chunk = int(s.size)
	}
	// Several chunks are fetched at once, as far as they are small.
	buf := make([]byte, min(int64(max(1, batch/chunk)*chunk), s.size+int64(chunk)))
	for off := int64(0); off < s.size; {
		n, err := s.readAt(op, buf, off)
		if err != nil && err != io.EOF {
			return err
		}
		off += int64(n)
		for rest := buf[:n]; len(rest) > 0; {
			c := rest[:min(chunk, len(rest))]
			if !fn(c[:len(c):len(c)]) {
				return nil
			}
			rest = rest[len(c):]
		}
	}
	return nil
}
