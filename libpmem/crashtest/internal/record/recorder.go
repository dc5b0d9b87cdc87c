// Package record makes a trace of what happens to a mapped file: every store,
// by Go or by C, and what PMDK does to make them durable.
//
// Stores are found with the help of the processor: the mapping is read-only
// while it is recorded, and the first store to a page after each event faults.
// Such a fault costs some microseconds; what is never written costs nothing.
// System calls that write to the mapping (a read into it) fail with EFAULT
// instead, for the kernel does not fault.
package record

// #include "recorder.h"
import "C"

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/internal/interpose"
	"github.com/pmem/pmdk-go/libpmem/crashtest/internal/trace"
)

// ErrNotEffective says that this program's PMDK cannot be listened to.
var ErrNotEffective = errors.New("programs built with the tag pmdk_dynamic cannot record: " +
	"PMDK's shared libraries were linked elsewhere; build without the tag")

var (
	one       sync.Mutex // held from Watch to Stop: there is one recorder in C
	recording atomic.Bool
)

// Recorder records one mapping. It is not safe for concurrent use; what it
// records may come from any number of goroutines.
type Recorder struct {
	mapped  C.struct_pmemgo_mapped
	started bool
}

// Watch calls open, which maps a file by way of PMDK, on this goroutine, and
// returns a recorder of that mapping: of the largest if there are several. It
// waits for the end of another recorder. A recorder must be stopped.
func Watch(open func() error) (*Recorder, error) {
	if !interpose.Effective {
		return nil, ErrNotEffective
	}
	one.Lock()
	m, err := armed(C.PMEMGO_ARM_SHARED, open)
	if err == nil && m.addr == nil {
		err = errors.New("no file was mapped that could be recorded")
	}
	if err != nil {
		one.Unlock()
		return nil, err
	}
	return &Recorder{mapped: m}, nil
}

// OnDisk is open for Watch, where what is mapped is to be taken for a file on a
// disk: libpmem makes it durable with msync.
func OnDisk(open func() error) func() error {
	return func() error {
		C.pmemgo_arm_disk()
		return open()
	}
}

// Private calls open, and makes all mappings of files that PMDK creates in it
// on this goroutine copy-on-write: the files never change.
func Private(open func() error) error {
	if !interpose.Effective {
		return ErrNotEffective
	}
	_, err := armed(C.PMEMGO_ARM_PRIVATE, open)
	return err
}

func armed(how C.enum_pmemgo_arm, open func() error) (m C.struct_pmemgo_mapped, err error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	C.pmemgo_arm(how)
	defer func() { m = C.pmemgo_disarm() }()
	return m, open()
}

// Start begins the recording: what the file holds now is taken for durable.
func (r *Recorder) Start() error {
	if err := C.pmemgo_record_start(r.mapped); err != 0 {
		return fmt.Errorf("cannot record: %w", unix.Errno(err))
	}
	r.started = true
	recording.Store(true)
	return nil
}

// Stop ends the recording. The mapping must still be there, and nobody may
// store to it meanwhile.
func (r *Recorder) Stop() (*trace.Trace, error) {
	defer one.Unlock()
	if !r.started {
		return nil, errors.New("the recording has not begun")
	}
	recording.Store(false)
	var got C.struct_pmemgo_recording
	err := C.pmemgo_record_stop(&got)
	defer C.pmemgo_record_free()
	if err != 0 {
		return nil, errors.New("the workload is too long: its recording takes more than 4 GiB")
	}
	base := unsafe.Slice((*byte)(unsafe.Pointer(got.base)), int(r.mapped.len))
	stacks := unsafe.Slice((*stack)(unsafe.Pointer(got.stacks)), int(got.nstacks))
	log := unsafe.Slice((*byte)(unsafe.Pointer(got.log)), int(got.log_len))
	return decode(base, stacks, log), nil
}

// Mark records that worker has acknowledged n. Like Pause and Resume it does
// nothing, at the price of a load, while there is no recording.
func Mark(worker int32, n int64) {
	if recording.Load() {
		C.pmemgo_record_note(C.PMEMGO_RECORD_MARK, C.int32_t(worker), C.int64_t(n))
	}
}

// Pause records that no crash is to be tried until the matching Resume.
func Pause() {
	if recording.Load() {
		C.pmemgo_record_note(C.PMEMGO_RECORD_PAUSE, 0, 0)
	}
}

// Resume ends a Pause.
func Resume() {
	if recording.Load() {
		C.pmemgo_record_note(C.PMEMGO_RECORD_RESUME, 0, 0)
	}
}
