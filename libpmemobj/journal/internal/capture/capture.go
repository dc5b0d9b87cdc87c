// Package capture keeps what libpmemobj makes durable in a pool that is mapped
// privately, so that somebody else can make it durable indeed.
//
// Each flush is captured while PMDK is in it, in the order of all flushes, and
// joins a batch; Take takes what has gathered. A crash state in which all of a
// number of batches happened, and nothing of the next, is one that the
// processor could have left on persistent memory.
//
// A thread that flushes waits, inside PMDK, while the batch is full. It may
// hold any lock, of PMDK and of the program, and must not be in a leaf call:
// whoever takes batches must do so without those, and call nothing of PMDK.
package capture

// #include <errno.h>
// #include "capture.h"
import "C"

import (
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/internal/interpose"
)

// Line is the length of a line in bytes, Word of a word.
const (
	Line = 64
	Word = 8
)

// Numbers of lines for New.
const (
	MinLines     = 64
	DefaultLines = 16 << 10
	MaxLines     = 1 << 24
)

// ErrNotEffective says that this program's PMDK cannot be listened to.
var ErrNotEffective = errors.New("programs built with the tag pmdk_dynamic have no journal: " +
	"PMDK's shared libraries were linked elsewhere; build without the tag")

// Capture captures what is flushed in one mapping. Take and Give belong to one
// goroutine at a time, Arm and Disarm to the one that opens the pool; the rest
// may be called from any, but nothing during Close or after it, other than
// AwaitFull.
type Capture struct {
	c        *C.struct_pmemgo_capture
	appended *atomic.Uint64 // in C's memory
	full     *os.File
	base     unsafe.Pointer
}

// New makes a capture with batches of some number of lines. It takes about 180
// bytes of memory for each, when they are used.
func New(lines int) (*Capture, error) {
	if !interpose.Effective {
		return nil, ErrNotEffective
	}
	if lines < MinLines || lines > MaxLines {
		return nil, fmt.Errorf("batches of %d lines: %d to %d are possible", lines, MinLines, MaxLines)
	}
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return nil, os.NewSyscallError("eventfd", err)
	}
	c := C.pmemgo_capture_new(C.uint32_t(lines), C.int(fd))
	if c == nil {
		_ = unix.Close(fd)
		return nil, fmt.Errorf("batches of %d lines: %w", lines, unix.ENOMEM)
	}
	return &Capture{
		c:        c,
		appended: (*atomic.Uint64)(unsafe.Pointer(C.pmemgo_capture_appended(c))),
		full:     os.NewFile(uintptr(fd), "full batches"),
	}, nil
}

// Arm has what PMDK maps next on this thread mapped privately and captured: the
// first mapping of which it asks whether it is persistent memory. span is how
// many bytes of addresses it has, for a pool that grows; what is mapped into
// them later is private and captured too. The caller's goroutine is locked to
// its thread. The thread's answer to PMDK must be yes, so that it flushes. A
// Capture is for one mapping: after one was made, Arm panics.
func (c *Capture) Arm(span int64) {
	if c.base != nil {
		panic("capture: Arm for a second mapping")
	}
	C.pmemgo_capture_arm(c.c, C.uint64_t(span))
}

// Disarm ends what Arm began. An error means that a mapping is private and not
// captured: it must not be used.
func (c *Capture) Disarm() error {
	var addr *C.char
	switch err := C.pmemgo_capture_disarm(c.c, &addr); err {
	case 0:
	case C.ENOSPC:
		return errors.New("cannot capture: too many pools with journals are open in this process")
	default:
		return fmt.Errorf("cannot capture: %w", unix.Errno(err))
	}
	c.base = unsafe.Pointer(addr)
	return nil
}

// Base is where the captured mapping begins, nil if there is none. Valid after
// Disarm; the mapping itself may be gone, what was captured is not.
func (c *Capture) Base() unsafe.Pointer { return c.base }

// Appended is the number of flushes that were captured so far. A goroutine
// that flushed, and then asked, finds its flushes among them.
func (c *Capture) Appended() uint64 { return c.appended.Load() }

// Take takes what was captured since the last time; false if that is nothing,
// or after Poison. The batch must be given back before the next one is taken.
func (c *Capture) Take() (Batch, bool) {
	var b C.struct_pmemgo_batch
	switch C.pmemgo_capture_take(c.c, &b) {
	case C.EBUSY:
		panic("capture: Take before Give")
	case C.EAGAIN:
		return Batch{}, false
	}
	n := int(b.count)
	return Batch{
		keys: unsafe.Slice((*uint64)(unsafe.Pointer(b.keys)), n),
		data: unsafe.Slice((*byte)(unsafe.Pointer(b.data)), n*Line),
		lsn:  uint64(b.lsn),
	}, true
}

// Give gives a batch back, which must not be used any more.
func (c *Capture) Give(Batch) { C.pmemgo_capture_give(c.c) }

// AwaitFull returns when, since it returned last, a batch has become half full
// or somebody has waited for room in one; it may have been taken by then. After
// Close the error matches os.ErrClosed, after Interrupt os.ErrDeadlineExceeded.
func (c *Capture) AwaitFull() error {
	var b [8]byte
	_, err := c.full.Read(b[:])
	return err
}

// Interrupt makes AwaitFull return os.ErrDeadlineExceeded from now on.
func (c *Capture) Interrupt() { _ = c.full.SetReadDeadline(time.Unix(1, 0)) }

// Poison ends the capturing: what was not taken is lost, and nobody waits for
// room any more.
func (c *Capture) Poison() { C.pmemgo_capture_poison(c.c) }

// Close ends the capturing and frees the memory. The mapping is not unmapped.
func (c *Capture) Close() error {
	C.pmemgo_capture_free(c.c) // which may still write to full
	c.c, c.appended = nil, nil
	return c.full.Close()
}
