package libpmemobj_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/internal/poolheader"
	"github.com/pmem/pmdk-go/internal/testpool"
	. "github.com/pmem/pmdk-go/libpmemobj"
)

var (
	openCalls  = []string{"Prepare", "Arm", "Disarm", "Start"}
	errMedium  = errors.New("the medium broke in a test")
	closeCalls = []string{"Close"}
)

// onMedium makes a pool on a medium, and closes and checks it at the end.
func onMedium(t *testing.T, opts ...Option) (*Pool, *testpool.Medium) {
	t.Helper()
	m := &testpool.Medium{}
	path := testpool.Path(t)
	p, err := Create(path, testpool.Layout, append([]Option{WithMedium(m), WithSize(testpool.Size)}, opts...)...)
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, p.Close())
		testpool.Check(t, path)
	})
	require.Equal(t, openCalls, m.Calls())
	m.Awaits()
	return p, m
}

// Ensure that a pool is created, closed and opened around its medium.
func TestMediumCalls(t *testing.T) {
	for name, opts := range map[string][]Option{
		"file":    {WithSize(testpool.Size)},
		"growing": {WithGrowth(4*MinPool, MinPart)},
	} {
		t.Run(name, func(t *testing.T) {
			path := testpool.Path(t)
			m := &testpool.Medium{}
			m.Watch(func(call string) {
				require.FileExists(t, path, "at the call of "+call) // complete without its medium
			})
			p, err := Create(path, testpool.Layout, append(opts, WithMedium(m))...)
			require.NoError(t, err)
			m.Watch(nil)
			require.Equal(t, openCalls, m.Calls())
			require.Equal(t, DurabilityJournal, p.Durability())
			require.Equal(t, path, m.Files().Path())
			_, size, span := m.Place()
			require.Equal(t, p.Size(), size)
			require.Equal(t, p.Limit(), span)
			root := rootOf(t, p)
			require.NoError(t, p.Update(func(tx *Tx) error { root.Mut(tx).Count = 7; return nil }))
			_, err = Open(path, "", WithMedium(&testpool.Medium{}))
			require.ErrorIs(t, err, unix.EAGAIN)
			require.NoError(t, p.Close())
			require.Equal(t, closeCalls, m.Calls())
			testpool.Check(t, path)
			left, err := os.ReadDir(filepath.Dir(path))
			require.NoError(t, err)
			require.Len(t, left, map[string]int{"file": 1, "growing": 2}[name])

			_, err = Create(path, testpool.Layout, append(opts, WithMedium(m))...)
			require.ErrorIs(t, err, unix.EEXIST)
			require.Empty(t, m.Calls())
			p, err = OpenOrCreate(path, "", append(opts, WithMedium(m))...)
			require.NoError(t, err)
			require.Equal(t, openCalls, m.Calls())
			require.EqualValues(t, 7, rootOf(t, p).Get().Count)
			require.NoError(t, p.Close())
			require.Equal(t, closeCalls, m.Calls())
			testpool.Check(t, path)
		})
	}
}

// Ensure that no lock is held while Update and Publish wait, and that the pool
// is not closed meanwhile.
func TestMediumWaits(t *testing.T) {
	p, m := onMedium(t)
	root := rootOf(t, p)
	m.Awaits()
	waiting, over := make(chan struct{}), make(chan struct{})
	m.Hook(func() { waiting <- struct{}{}; <-over })
	for _, change := range []func() error{
		func() error { return p.Update(func(tx *Tx) error { root.Mut(tx).Count++; return nil }) },
		func() error {
			return p.Publish(func(a *Actions) error { Store(a, &root.Get().Count, root.Get().Count+1); return nil })
		},
	} {
		ended := make(chan error, 2)
		go func() { ended <- change() }()
		<-waiting
		go func() { ended <- change() }()
		<-waiting
		require.ErrorIs(t, p.Close(), ErrPoolBusy)
		over <- struct{}{}
		over <- struct{}{}
		require.NoError(t, <-ended)
		require.NoError(t, <-ended)
	}
	m.Hook(nil)
	require.EqualValues(t, 4, root.Get().Count)
	require.Equal(t, 4, m.Awaits())
}

// Ensure that a failure at any step of opening or creating leaves nothing
// behind, and that the medium is told so.
func TestMediumStepsFail(t *testing.T) {
	kinds := map[string][]Option{
		"file":    {WithSize(MinPool)},
		"growing": {WithGrowth(4*MinPool, MinPart)},
	}
	steps := map[string][]string{
		"Prepare": {"Prepare"},
		"Start":   {"Prepare", "Arm", "Disarm", "Start", "Abandon"},
	}
	for kind, opts := range kinds {
		for step, calls := range steps {
			t.Run(kind+" "+step, func(t *testing.T) {
				path := testpool.Path(t)
				empty, err := os.ReadDir(filepath.Dir(path))
				require.NoError(t, err)
				m := &testpool.Medium{}
				m.Fail(step, errMedium)
				files := openFiles(t)
				_, err = Create(path, testpool.Layout, append(opts, WithMedium(m))...)
				require.ErrorIs(t, err, errMedium)
				require.Equal(t, calls, m.Calls())
				left, err := os.ReadDir(filepath.Dir(path))
				require.NoError(t, err)
				require.Equal(t, empty, left)

				p, err := Create(path, testpool.Layout, append(opts, WithDurability(DurabilityProcessCrash))...)
				require.NoError(t, err)
				require.NoError(t, p.Close())
				for range 3 {
					_, err = Open(path, testpool.Layout, WithMedium(m))
					require.ErrorIs(t, err, errMedium)
					require.Equal(t, calls, m.Calls())
				}
				m.Fail("Abandon", errRolledBack)
				if step != "Prepare" {
					_, err = Open(path, testpool.Layout, WithMedium(m))
					require.ErrorIs(t, err, errMedium)
					require.ErrorIs(t, err, errRolledBack)
					m.Calls()
				}
				_, err = Open(path, "another layout", WithMedium(&testpool.Medium{}))
				require.ErrorContains(t, err, "layout is")
				m.Fail(step, nil)
				p, err = Open(path, testpool.Layout, WithMedium(m))
				require.NoError(t, err)
				require.NoError(t, p.Close())
				require.Equal(t, files, openFiles(t), "files are open that were not before")
				testpool.Check(t, path)
			})
		}
	}
}

func openFiles(t *testing.T) int {
	t.Helper()
	all, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	return len(all)
}

// Ensure that a damaged pool is refused with its medium told, and that a pool
// open elsewhere does not reach the medium.
func TestMediumGuard(t *testing.T) {
	path := closedPool(t)
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	require.NoError(t, err)
	defer f.Close()
	m := &testpool.Medium{}
	require.NoError(t, unix.Flock(int(f.Fd()), unix.LOCK_EX))
	_, err = Open(path, "", WithMedium(m))
	require.ErrorIs(t, err, unix.EAGAIN)
	require.Empty(t, m.Calls())
	require.NoError(t, unix.Flock(int(f.Fd()), unix.LOCK_UN))
	was := make([]byte, 8)
	_, err = f.ReadAt(was, 4096+1024)
	require.NoError(t, err)
	_, err = f.WriteAt([]byte("damaged!"), 4096+1024)
	require.NoError(t, err)
	var corrupt *CorruptError
	_, err = Open(path, "", WithMedium(m))
	require.ErrorAs(t, err, &corrupt)
	require.Equal(t, []string{"Prepare", "Abandon"}, m.Calls())
	_, err = f.WriteAt(was, 4096+1024)
	require.NoError(t, err)
}

// Ensure that options that exclude each other are refused.
func TestMediumOptions(t *testing.T) {
	path := closedPool(t)
	for want, opts := range map[string][]Option{
		"WithDurability excludes WithMedium":       {WithMedium(&testpool.Medium{}), WithDurability(DurabilityAuto)},
		"WithCopyOnWrite excludes WithMedium":      {WithCopyOnWrite(), WithMedium(&testpool.Medium{})},
		"WithMedium without a medium":              {WithMedium(nil)},
		"the option of package libpmemobj/journal": {WithDurability(DurabilityJournal)},
	} {
		_, err := Open(path, "", opts...)
		require.ErrorIs(t, err, unix.EINVAL)
		require.ErrorContains(t, err, want)
	}
	_, err := ParseDurability("journal")
	require.ErrorContains(t, err, "package libpmemobj/journal")
	p, err := Open(path, "")
	require.NoError(t, err)
	require.NoError(t, p.Sync(context.Background()))
	require.NoError(t, p.AwaitDurable())
	require.NoError(t, p.Failed())
	require.NoError(t, p.Close())
	require.ErrorIs(t, p.Sync(context.Background()), ErrClosed)
}

// Ensure that a pool that has changes in its journal is opened by nobody who
// does not bring it.
func TestUnreplayed(t *testing.T) {
	path := closedPool(t)
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	require.NoError(t, err)
	defer f.Close()
	plain := make([]byte, poolheader.Size)
	_, err = f.ReadAt(plain, 0)
	require.NoError(t, err)
	for name, mark := range map[string]func(b []byte){
		"marked": func(b []byte) { (&poolheader.Mark{Tail: 1, First: 1}).Put(b) },
		"feature": func(b []byte) {
			b[19] |= 0x80
			binary.LittleEndian.PutUint64(b[4088:], poolheader.HeaderChecksum(b))
		},
	} {
		b := bytes.Clone(plain)
		mark(b)
		_, err = f.WriteAt(b, 0)
		require.NoError(t, err)
		_, opened := Open(path, "")
		_, copied := Open(path, "", WithCopyOnWrite())
		_, verified := Open(path, "", WithVerify())
		_, made := OpenOrCreate(path, "x")
		for _, err := range []error{opened, copied, verified, made, Check(path, "")} {
			require.ErrorIs(t, err, ErrUnreplayed, name)
			require.ErrorIs(t, err, unix.EINVAL, name)
			require.ErrorContains(t, err, path+": the pool has changes in its journal: open it with the option of package libpmemobj/journal, or replay", name)
		}
	}
	_, err = f.WriteAt(plain, 0)
	require.NoError(t, err)
	testpool.Check(t, path)
}

// Ensure that a medium finds the parts that a pool grows by, and reads and
// writes what the program sees.
func TestMediumGrows(t *testing.T) {
	path := testpool.Path(t)
	m := &testpool.Medium{}
	p, err := Create(path, testpool.Layout, WithMedium(m), WithGrowth(6*MinPool, MinPart))
	require.NoError(t, err)
	files := m.Files()
	before := files.Size()
	require.EqualValues(t, p.Size(), before)
	_, err = files.WriteAt([]byte("beyond"), before)
	require.ErrorIs(t, err, io.ErrShortWrite)
	require.NoError(t, p.Extend(MinPart))
	require.NoError(t, p.Extend(2*MinPart))
	oid, err := p.Zalloc(nil, 4<<20, 1)
	require.NoError(t, err)
	require.Equal(t, before, files.Size())
	require.NoError(t, files.Refresh())
	require.EqualValues(t, p.Size(), files.Size())
	mapped, err := p.Bytes(oid, 0, 4<<20)
	require.NoError(t, err)
	fill(mapped, 5)
	base, _, _ := m.Place()
	all := unsafe.Slice((*byte)(base), p.Size())
	read := make([]byte, len(all))
	n, err := files.ReadAt(read, 0)
	require.NoError(t, err)
	require.Equal(t, len(all), n)
	require.Equal(t, all[1<<20:], read[1<<20:]) // before, PMDK keeps what changes
	require.NoError(t, p.Free(&oid))
	written := make([]byte, 3*MinPart) // over all the new parts
	fill(written, 6)
	_, err = files.WriteAt(written, before)
	require.NoError(t, err)
	require.Equal(t, written, all[before:before+int64(len(written))])
	clear(written)
	_, err = files.WriteAt(written[4096:], before+4096)
	require.NoError(t, err)
	require.NoError(t, files.Sync())
	_ = p.Close() // its heap is gone
}

// Ensure that nobody is inside while Quiescent runs.
func TestQuiescent(t *testing.T) {
	p, _ := onMedium(t)
	root := rootOf(t, p)
	busy := func() {
		t.Helper()
		done := make(chan error)
		go func() { done <- p.Quiescent(func(unsafe.Pointer, int64) error { t.Error("called"); return nil }) }()
		require.ErrorIs(t, <-done, ErrPoolBusy)
	}
	require.NoError(t, p.Update(func(tx *Tx) error { busy(); root.Mut(tx).Count = 1; busy(); return nil }))
	require.NoError(t, p.Publish(func(*Actions) error { busy(); return nil }))
	_, err := Construct(p, nil, func(*node) error {
		busy()
		require.ErrorIs(t, p.Quiescent(nil), ErrPoolBusy)
		return nil
	})
	require.NoError(t, err)
	var wg sync.WaitGroup
	err = p.Quiescent(func(base unsafe.Pointer, size int64) error {
		require.Equal(t, unsafe.Pointer(root.Get()), unsafe.Add(base, root.OID().Off))
		require.Equal(t, p.Limit(), size)
		wg.Go(func() {
			if err := p.Update(func(tx *Tx) error { root.Mut(tx).Count++; return nil }); err != nil {
				t.Error(err)
			}
		})
		wg.Go(func() {
			if _, err := p.Alloc(nil, 64, 1); err != nil {
				t.Error(err)
			}
		})
		return errRolledBack
	})
	require.ErrorIs(t, err, errRolledBack)
	wg.Wait()
	require.EqualValues(t, 2, root.Get().Count)
	require.NoError(t, p.Close())
	require.ErrorIs(t, p.Quiescent(nil), ErrClosed)
}

// Ensure that pool sets written by hand can have a medium, also where later
// parts have headers, and that those with replicas cannot.
func TestMediumHandmadeSet(t *testing.T) {
	_, path := handmadeSet(t, "PMEMPOOLSET\n8M DIR/a\n8M DIR/b\n")
	m := &testpool.Medium{}
	p, err := Create(path, testpool.Layout, WithMedium(m))
	require.NoError(t, err)
	require.Equal(t, openCalls, m.Calls())
	require.EqualValues(t, 16<<20-4096, m.Files().Size())
	oid, err := p.Zalloc(nil, 4<<20, 1)
	require.NoError(t, err)
	fill(view(t, p, oid, 4<<20), 3)
	base, size, _ := m.Place()
	read := make([]byte, size-8<<20)
	_, err = m.Files().ReadAt(read, 8<<20) // the second part
	require.NoError(t, err)
	require.Equal(t, unsafe.Slice((*byte)(unsafe.Add(base, 8<<20)), len(read)), read)
	_, err = m.Files().WriteAt([]byte("on both sides"), 8<<20-4)
	require.NoError(t, err)
	require.Equal(t, "on both sides", string(unsafe.Slice((*byte)(unsafe.Add(base, 8<<20-4)), 13)))
	require.NoError(t, m.Files().Sync())
	require.NoError(t, p.Close())
	p, err = Open(path, testpool.Layout, WithMedium(m))
	require.NoError(t, err)
	require.NoError(t, p.Close())
	require.NoError(t, Check(path, ""))

	_, path = handmadeSet(t, "PMEMPOOLSET\n8M DIR/c\nREPLICA\n8M DIR/d\n")
	m = &testpool.Medium{}
	_, err = Create(path, testpool.Layout, WithMedium(m))
	require.ErrorIs(t, err, unix.ENOTSUP)
	require.ErrorContains(t, err, "a pool with 2 replicas cannot have a journal")
	p, err = Create(path, testpool.Layout)
	require.NoError(t, err)
	require.NoError(t, p.Close())
	_, err = Open(path, testpool.Layout, WithMedium(m))
	require.ErrorIs(t, err, unix.ENOTSUP)
	require.Empty(t, m.Calls())
}
