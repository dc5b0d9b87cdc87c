package crashtest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/libpmem/crashtest/internal/record"
	"github.com/pmem/pmdk-go/libpmem/crashtest/internal/trace"
)

// Phases in which an image can fail.
const (
	phaseOpen  = "open"  // PMDK, or the guard before it, refuses the pool
	phasePMDK  = "check" // PMDK's own check finds something
	phaseCheck = "user"  // the user's check
	phasePanic = "panic" // it panicked
	phaseClose = "close" // the pool could not be closed after it
)

// subject is what is tested.
type subject struct {
	*kind
	config   Config
	workload func(closer) error
	judge    func(closer, Acked) error
	t        testing.TB // nil in Explore
}

func newSubject[S Store](t testing.TB, c Config, workload func(S) error, check func(S, Acked) error) (*subject, error) {
	k := kindOf[S]()
	c, err := c.complete(k)
	return &subject{
		kind:     k,
		config:   c,
		workload: func(s closer) error { return workload(s.(S)) },
		judge:    func(s closer, a Acked) error { return check(s.(S), a) },
		t:        t,
	}, err
}

// finding is what is wrong with an image; nothing if Phase is empty.
type finding struct {
	Phase   string `json:",omitempty"`
	Message string `json:",omitempty"`
	// Spoilt says that the next failure of the test could not be noticed.
	Spoilt bool `json:",omitempty"`
	// StillOpen says that the image could not be closed.
	StillOpen bool `json:",omitempty"`
}

// examine checks the image in the file at path, which it does not change.
func (s *subject) examine(path string, acked Acked) finding {
	f := s.use(path, acked)
	if s.kind.check != nil && !f.StillOpen {
		if err := s.kind.check(path, &s.config); err != nil && !strings.Contains(f.Message, err.Error()) {
			f.add(phasePMDK, fmt.Sprintf("PMDK's own check: %v", err))
		}
	}
	// Failures that differ in no more than whose image it was are the same.
	f.Message = strings.ReplaceAll(f.Message, path, filepath.Base(path))
	return f
}

// add notes what is wrong beside what is known.
func (f *finding) add(phase, message string) {
	if f.Phase == "" {
		f.Phase, f.Message = phase, message
		return
	}
	f.Message += "\n" + message
}

// use opens the image, has it checked and closes it.
func (s *subject) use(path string, acked Acked) (f finding) {
	failedBefore := s.t != nil && s.t.Failed()
	var store closer
	err := record.Private(func() (err error) {
		store, err = s.inspect(path, &s.config)
		return err
	})
	if err != nil {
		return finding{Phase: phaseOpen, Message: err.Error()}
	}
	o := guarded(func() error { return s.judge(store, acked) })
	f.Phase, f.Message = o.failure("check")
	if s.t != nil && s.t.Failed() && !failedBefore {
		// It can't be told from a second time.
		f.Spoilt = true
		if f.Phase == "" {
			f.Phase, f.Message = phaseCheck, "the check failed the test, as t.Error does"
		}
	}
	if err := store.Close(); err != nil {
		f.StillOpen = true
		f.add(phaseClose, err.Error())
	}
	return f
}

// image is a file that follows a recording.
type image struct {
	path   string
	memory []byte
	state  *trace.State
}

// newImage makes the file at path.
func newImage(path string, t *trace.Trace) (*image, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	size := int64(len(t.Base))
	// Without blocks of its own, a file is a fault where there is no room.
	if err := unix.Fallocate(int(f.Fd()), 0, 0, size); errors.Is(err, unix.EOPNOTSUPP) {
		err = f.Truncate(size)
		if err != nil {
			return nil, err
		}
	} else if err != nil {
		return nil, fmt.Errorf("no room for an image of %d bytes in %s: %w", size, path, err)
	}
	memory, err := unix.Mmap(int(f.Fd()), 0, int(size), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, err
	}
	return &image{path: path, memory: memory, state: trace.NewStateOn(t, memory)}, nil
}

func (i *image) close() {
	_ = unix.Munmap(i.memory)
	_ = os.Remove(i.path)
}

// examine checks the image of a choice.
func (i *image) examine(s *subject, c trace.Choice) (finding, error) {
	i.state.Seek(c.Point)
	if err := i.state.Apply(c); err != nil {
		return finding{}, err
	}
	defer i.state.Revert()
	if s.keep != nil {
		defer s.keep(i.memory)()
	}
	return s.examine(i.path, ackedOf(i.state.Acked())), nil
}
