package crashtest

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/pmem/pmdk-go/internal/interpose"
	"github.com/pmem/pmdk-go/internal/poolheader"
	"github.com/pmem/pmdk-go/libpmem/crashtest/internal/record"
	"github.com/pmem/pmdk-go/libpmem/crashtest/internal/trace"
	"github.com/pmem/pmdk-go/libpmem/crashtest/internal/worker"
)

// one run at a time: there is one recorder in a process, and each run uses all
// processors.
var one sync.Mutex

// Run records workload on a new, empty store and has check look at what a power
// loss could have left of it, at every crash point. It fails the test if check,
// or PMDK itself, finds something wrong, and logs a line with its figures.
//
// The store's type S says which kind it is: *libpmemobj.Pool, *libpmemlog.Log,
// *libpmemblk.Pool or *libpmem.Mapping. Workload and check get it open, and
// need not close it.
//
// Each check happens in a process of its own kind: a copy of the test binary
// that runs this test alone, up to this call. So the test must get here in the
// same way each time, and check must not rely on what workload has left in
// variables. Calls of Run that come before return there what they returned here.
// It may use t, change the store, panic, or even crash.
//
// Only one Run is under way in a process: in tests that are parallel, one waits
// for the other. A workload that calls Run waits for ever.
func Run[S Store](t testing.TB, c Config, workload func(S) error, check func(S, Acked) error) *Report {
	t.Helper()
	run := calls.next(t)
	s, err := newSubject(t, c, workload, check)
	if err != nil {
		t.Fatalf("crashtest: %v", err)
	}
	if child := worker.Inside(); child != nil {
		if child.Test == t.Name() && child.Run == run {
			s.serve(child)
		}
		return earlier(child, t.Name(), run)
	}
	if !interpose.Effective {
		t.Skip("crashtest: " + notEffective)
	}
	one.Lock()
	defer one.Unlock()
	if *flagReplay != "" {
		return calls.done(t, s.replay(run, *flagReplay))
	}
	r := calls.done(t, s.run(run))
	r.tell(s, run)
	return r
}

const notEffective = "a program built with -tags pmdk_dynamic can't be recorded: " +
	"PMDK's shared libraries call each other without passing through it"

// Explore is Run without a test and without processes: check is called here,
// one image after another, so that an image that makes it crash is the end of
// the program. The error is that of the workload, or of the machinery: images
// that fail are in the report.
func Explore[S Store](c Config, workload func(S) error, check func(S, Acked) error) (*Report, error) {
	if !interpose.Effective {
		return nil, errors.New("crashtest: " + notEffective)
	}
	s, err := newSubject(nil, c, workload, check)
	if err != nil {
		return nil, fmt.Errorf("crashtest: %w", err)
	}
	one.Lock()
	defer one.Unlock()
	r, _, err := s.test(0)
	if err != nil {
		return nil, fmt.Errorf("crashtest: %w", err)
	}
	return r, nil
}

// run is Run, in the process of the test.
func (s *subject) run(run int) *Report {
	s.t.Helper()
	r, ended, err := s.test(run)
	switch {
	case ended.exited:
		runtime.Goexit() // what the workload began
	case ended.panicked:
		_, message := ended.failure("workload")
		s.t.Fatalf("crashtest: %s", message)
	case ended.err != nil:
		s.t.Fatalf("crashtest: the workload failed: %v", ended.err)
	case err != nil:
		s.t.Fatalf("crashtest: %v", err)
	}
	return r
}

// test records and explores. It says how the workload ended, which is in err as
// well unless it ended its goroutine.
func (s *subject) test(run int) (*Report, outcome, error) {
	dir, err := newScratch(s.config.Dir, s.room())
	if err != nil {
		return nil, outcome{}, fmt.Errorf("no folder for the images: %w", err)
	}
	defer dir.remove()
	began := time.Now()
	t, ended, err := s.record(dir)
	if err != nil || ended.exited {
		return nil, ended, err
	}
	r := &Report{Recording: time.Since(began), Events: len(t.Events), Seed: s.config.Seed}
	return r, ended, s.explore(r, run, dir, t)
}

// poolFile is the name of the pool that is recorded.
const poolFile = "pool"

// record runs the workload.
func (s *subject) record(dir *scratch) (t *trace.Trace, ended outcome, err error) {
	path := dir.file(poolFile)
	defer os.Remove(path)
	store, err := s.create(path, &s.config)
	if err == nil {
		err = store.Close()
	}
	if err != nil {
		return nil, ended, fmt.Errorf("no %s can be made: %w", s.name, err)
	}
	var header []byte
	if len(s.config.Options) > 0 {
		if header, err = headerOf(path); err != nil {
			return nil, ended, err
		}
	}
	open := func() (err error) {
		store, err = s.open(path, &s.config)
		return err
	}
	if s.config.Durability == DurabilityMsync {
		open = record.OnDisk(open)
	}
	recorder, err := record.Watch(open)
	if err != nil {
		return nil, ended, err
	}
	if err := recorder.Start(); err != nil {
		_, _ = recorder.Stop()
		return nil, ended, errors.Join(err, store.Close())
	}
	ended = guarded(func() error { return s.workload(store) })
	t, err = recorder.Stop()
	err = errors.Join(err, store.Close())
	if phase, message := ended.failure("workload"); phase != "" {
		return nil, ended, errors.Join(errors.New(message), err)
	}
	if err == nil {
		// A journal marks the header for as long as the pool is open, and what
		// replays it takes the mark away.
		copy(t.Base, header)
		t.Pages = s.config.Durability == DurabilityMsync
	}
	return t, ended, err
}

// headerOf is the header of the pool at path.
func headerOf(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b := make([]byte, poolheader.Size)
	_, err = f.ReadAt(b, 0)
	return b, err
}
