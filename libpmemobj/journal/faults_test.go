package journal_test

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/internal/medium"
	"github.com/pmem/pmdk-go/internal/testpool"
	"github.com/pmem/pmdk-go/libpmemobj"
	"github.com/pmem/pmdk-go/libpmemobj/journal"
	"github.com/pmem/pmdk-go/libpmemobj/journal/internal/redo"
)

// faults fails one of the calls that change files.
type faults struct {
	mu    sync.Mutex
	what  string // call number at of this kind fails
	at    int
	err   error
	calls map[string]int
	hit   string // what the failing call was
	after []string
}

// call counts a call, and says whether it fails.
func (f *faults) call(what string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := f.calls[what]
	f.calls[what]++
	if f.hit != "" {
		f.after = append(f.after, what)
	}
	if what != f.what || n != f.at {
		return nil
	}
	f.hit = what
	return fmt.Errorf("a fault in a test: %w", f.err)
}

type faultyFS struct {
	redo.FS
	f *faults
}

func (s faultyFS) Open(path string) (redo.File, error) {
	file, err := s.FS.Open(path)
	return faultyFile{file, s.f, new(atomic.Bool)}, err
}

func (s faultyFS) Create(path string, mode fs.FileMode) (redo.File, error) {
	if err := s.f.call("create"); err != nil {
		return nil, err
	}
	file, err := s.FS.Create(path, mode)
	return faultyFile{file, s.f, new(atomic.Bool)}, err
}

func (s faultyFS) Is(f redo.File, path string) bool { return s.FS.Is(f.(faultyFile).File, path) }

func (s faultyFS) Rename(from, to string) error {
	if err := s.f.call("rename"); err != nil {
		return err
	}
	return s.FS.Rename(from, to)
}

func (s faultyFS) SyncFolder(path string) error {
	if err := s.f.call("sync of the folder"); err != nil {
		return err
	}
	return s.FS.SyncFolder(path)
}

// faultyFile is a journal's file. A sync is that of what was written last.
type faultyFile struct {
	redo.File
	f      *faults
	header *atomic.Bool
}

func (f faultyFile) what() string {
	if f.header.Load() {
		return "the journal's header"
	}
	return "the journal"
}

func (f faultyFile) WriteAt(p []byte, off int64) (int, error) {
	f.header.Store(off < 2*4096 && len(p) <= 4096)
	if err := f.f.call("write to " + f.what()); err != nil {
		// A disk that is full takes a part.
		n, _ := f.File.WriteAt(p[:rand.IntN(len(p))], off)
		return n, err
	}
	return f.File.WriteAt(p, off)
}

func (f faultyFile) Datasync() error {
	if err := f.f.call("sync of " + f.what()); err != nil {
		return err
	}
	return f.File.Datasync()
}

func (f faultyFile) Allocate(size int64) error {
	if err := f.f.call("allocation"); err != nil {
		return err
	}
	return f.File.Allocate(size)
}

type faultyPool struct {
	medium.Pool
	f *faults
}

func (p faultyPool) WriteAt(b []byte, off int64) (int, error) {
	if err := p.f.call("write to the pool"); err != nil {
		n, _ := p.Pool.WriteAt(b[:rand.IntN(len(b))], off)
		return n, err
	}
	return p.Pool.WriteAt(b, off)
}

func (p faultyPool) Sync() error {
	if err := p.f.call("sync of the pool"); err != nil {
		return err
	}
	return p.Pool.Sync()
}

// Ensure that whatever call fails, with whatever error, nothing is lost that was
// acknowledged, everybody is told, and nothing is written any more; and that
// the next Open has it all. Of each kind of call the first few and some of the
// others fail, or all in a long run.
func TestCrashFaults(t *testing.T) {
	t.Parallel()
	effective(t)
	none := &faults{calls: map[string]int{}}
	faultsOnce(t, none)
	require.Contains(t, none.calls, "write to the pool")
	few := max(2, images(40)/10)
	runs, seen := 0, map[string]int{}
	for what, n := range none.calls {
		for at := 0; at < n; at++ {
			f := &faults{what: what, at: at, err: []error{unix.EIO, unix.ENOSPC}[at%2], calls: map[string]int{}}
			faultsOnce(t, f)
			runs++
			if f.hit != "" { // there may be fewer checkpoints this time
				seen[f.hit]++
			}
			if at >= few/2 {
				at += rand.IntN(1 + 2*n/few)
			}
		}
		require.NotZero(t, seen[what], what)
	}
	t.Logf("%d runs: %v of %v", runs, seen, none.calls)
}

// faultsOnce has one call fail while a pool is opened, changed and closed.
func faultsOnce(t *testing.T, f *faults) {
	path := filepath.Join(testpool.Dir(t), "pool")
	p, err := libpmemobj.Create(path, layout, libpmemobj.WithSize(libpmemobj.MinPool), libpmemobj.WithDurability(libpmemobj.DurabilityProcessCrash))
	require.NoError(t, err)
	_, err = openWork(p)
	require.NoError(t, err)
	require.NoError(t, p.Close())

	with := journal.With(journal.Tiny(faultyFS{redo.System, f}, func(p medium.Pool) medium.Pool { return faultyPool{p, f} }))
	var done uint64
	p, err = libpmemobj.Open(path, layout, with)
	if err == nil {
		w, e := openWork(p)
		for n := uint64(1); e == nil && n <= 90; n++ {
			if e = w.change(0, n); e == nil {
				done = n
			}
		}
		if e != nil {
			require.ErrorIs(t, e, libpmemobj.ErrFailed)
			require.ErrorIs(t, e, f.err)
			var failed *journal.FailedError
			require.ErrorAs(t, e, &failed)
			requirePoisoned(t, p, f, w)
		}
		err = errors.Join(e, p.Close())
	}
	if f.hit == "" {
		require.NoError(t, err)
		require.EqualValues(t, 90, done)
	} else {
		require.ErrorIs(t, err, f.err, "%s failed, and nobody said so", f.hit)
	}
	if strings.HasSuffix(f.hit, "the journal") {
		require.NotContains(t, f.after, "write to the journal")
		require.NotContains(t, f.after, "sync of the journal")
	}

	p, err = libpmemobj.Open(path, layout, journal.With(small), libpmemobj.WithVerify())
	require.NoError(t, err, "after a failed %s", f.hit)
	w, err := openWork(p)
	require.NoError(t, err)
	_, err = w.check(0, done)
	require.NoError(t, err, "after a failed %s", f.hit)
	require.NoError(t, p.Close())
	testpool.Check(t, path)
	require.NoError(t, os.Remove(path))
	require.NoError(t, os.Remove(path+journal.Suffix))
}

// requirePoisoned makes sure that what changes the pool fails and what reads does
// not.
func requirePoisoned(t *testing.T, p *libpmemobj.Pool, f *faults, w *work) {
	ran := false
	require.ErrorIs(t, p.Update(func(*libpmemobj.Tx) error { ran = true; return nil }), f.err)
	require.ErrorIs(t, p.Publish(func(*libpmemobj.Actions) error { ran = true; return nil }), f.err)
	require.ErrorIs(t, p.Sync(t.Context()), libpmemobj.ErrFailed)
	require.False(t, ran, "there is no use in it")
	_, _, err := w.m.Get(key(0, 1))
	require.NoError(t, err)
	for range p.Objects() {
		break
	}
}
