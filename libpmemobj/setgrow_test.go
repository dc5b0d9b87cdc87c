package libpmemobj_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/internal/interpose"
	"github.com/pmem/pmdk-go/internal/testpool"
	. "github.com/pmem/pmdk-go/libpmemobj"
)

// setItem is what goroutines allocate while the pool grows under them.
type setItem struct {
	Number uint64
	Data   [30_000]byte
}

// Ensure that objects in the part that was added can be used by every goroutine
// from the moment that their OID can be seen, which PMDK stores before the
// allocation has returned: dereferenced, iterated over, asked about, freed.
func TestGrowthInParallel(t *testing.T) {
	setParallel(t)
	const writers = 4
	p := testpool.Create(t, setPath(t), WithSize(MinPool), WithGrowth(40*setMiB, 2*setMiB))
	root := setRootOf(t, p)
	var done atomic.Bool
	var readers, all sync.WaitGroup
	for range 2 {
		readers.Go(func() {
			for !done.Load() {
				for i := range writers * 8 {
					off := atomic.LoadUint64(&root.Get().Slots[i].Off)
					if off != 0 {
						_ = PtrOf[setItem](OID{p.UUID(), off}).Get().Data[29_999]
					}
				}
			}
		})
	}
	readers.Go(func() {
		for !done.Load() {
			for oid := range p.Objects() {
				_, err := PtrOf[setItem](oid).TryGet()
				if err != nil {
					t.Errorf("an object that iteration found: %v", err)
					return
				}
				if _, err := p.UsableSize(oid); err != nil && !errors.Is(err, ErrNotLive) {
					t.Error(err)
					return
				}
			}
			if size := p.Size(); size < MinPool || size > p.Limit() {
				t.Errorf("a size of %d bytes", size)
			}
		}
	})
	for w := range writers {
		all.Go(func() {
			for n := 0; ; n++ {
				slot := &root.Get().Slots[w*8+n%8]
				// The one before is left to itself, so that the pool fills.
				oid, err := p.Alloc(slot, 30_000, 1)
				if errors.Is(err, ErrOutOfSpace) {
					return
				}
				if err != nil {
					t.Error(err)
					return
				}
				b, err := p.Bytes(oid, 0, 30_000)
				if err != nil {
					t.Error(err)
					return
				}
				b[29_999] = 1
				if n%5 == 0 {
					if err := p.Free(slot); err != nil {
						t.Error(err)
						return
					}
				}
			}
		})
	}
	all.Wait()
	done.Store(true)
	readers.Wait()
	require.Equal(t, p.Limit(), p.Size())
	require.Greater(t, len(objectsIn(p)), 1000)
}

// Ensure that Close waits for nobody who makes the pool grow, and that Extend
// knows when it is too late.
func TestGrowthAndClose(t *testing.T) {
	setParallel(t)
	for range 5 {
		path := setPath(t)
		p := testpool.Create(t, path, WithSize(MinPool), WithGrowth(64*setMiB, 2*setMiB))
		root := setRootOf(t, p)
		var wg sync.WaitGroup
		for range 2 {
			wg.Go(func() {
				for {
					if err := p.Extend(MinPart); err != nil {
						if !errors.Is(err, ErrClosed) && !errors.Is(err, ErrOutOfSpace) {
							t.Error(err)
						}
						return
					}
					time.Sleep(time.Millisecond)
				}
			})
			wg.Go(func() {
				for {
					if _, err := p.Alloc(nil, setMiB, 1); err != nil {
						if !errors.Is(err, ErrClosed) && !errors.Is(err, ErrOutOfSpace) {
							t.Error(err)
						}
						return
					}
				}
			})
		}
		time.Sleep(5 * time.Millisecond)
		for {
			err := p.Close()
			if err == nil {
				break
			}
			require.ErrorIs(t, err, ErrPoolBusy)
		}
		wg.Wait()
		size := p.Size()
		_, err := root.TryGet()
		require.Error(t, err)
		p = testpool.Open(t, path)
		require.Equal(t, size, p.Size())
		require.NoError(t, p.Close())
	}
}

// Ensure that a full disk is called that, that nothing half-made stays behind,
// that the pool stays usable, and that it grows when there is room again.
func TestGrowthOnFullDisk(t *testing.T) {
	setParallel(t)
	disk := filepath.Join(testpool.Dir(t), "disk")
	require.NoError(t, os.Mkdir(disk, 0o700))
	if err := unix.Mount("none", disk, "tmpfs", 0, "size=24m"); err != nil {
		t.Skip("a small disk needs the permission to mount one:", err)
	}
	t.Cleanup(func() { require.NoError(t, unix.Unmount(disk, unix.MNT_DETACH)) })
	path := filepath.Join(disk, "db.set")
	ballast := filepath.Join(disk, "ballast")
	require.NoError(t, os.WriteFile(ballast, make([]byte, 10*setMiB), 0o600))

	p := testpool.Create(t, path, WithSize(MinPool), WithGrowth(1<<30, 4*setMiB))
	root := setRootOf(t, p)
	err := setFill(t, p, root)
	require.ErrorIs(t, err, unix.ENOSPC)
	require.ErrorContains(t, err, "no space left on the disk for a part of 4194304 bytes: folder "+path+".parts")
	require.Equal(t, []float64{8, 4}, setSizes(t, path+".parts"))
	err = p.Extend(4 * setMiB)
	require.ErrorIs(t, err, unix.ENOSPC)
	require.ErrorIs(t, err, ErrOutOfSpace)
	require.ErrorContains(t, err, "no space left on the disk")

	last := root.Get().Head
	require.NoError(t, p.Update(func(tx *Tx) error {
		r := root.Mut(tx)
		r.Head = last.Get().Next
		r.Count--
		return tx.Free(last.OID())
	}))
	require.NoError(t, setPush(p, root))
	require.ErrorIs(t, setPush(p, root), unix.ENOSPC)
	require.NoError(t, os.Remove(ballast))
	require.NoError(t, setPush(p, root))
	require.EqualValues(t, 16*setMiB, p.Size())
	p = testpool.Reopen(t, p)
	setVerify(t, setRootOf(t, p))
	require.NoError(t, p.Close())

	before := treeOf(t, disk)
	other := filepath.Join(disk, "other.set")
	for _, opts := range [][]Option{{WithSize(MinPool)}, {WithSize(20 * setMiB)}} {
		err = closing(Create(other, "x", append(opts, WithGrowth(1<<30, 0))...))
		require.ErrorIs(t, err, unix.ENOSPC)
		require.ErrorContains(t, err, "no space left on the disk")
		require.Equal(t, before, treeOf(t, disk))
	}
	require.NoError(t, os.Remove(path)) // for the other, most of the disk
	require.NoError(t, os.RemoveAll(path+".parts"))
	err = closing(Create(other, "x", WithSize(MinPool+17*setMiB), WithGrowth(1<<30, 0)))
	require.ErrorIs(t, err, unix.ENOSPC)
	require.Empty(t, treeOf(t, disk))
	p = testpool.Create(t, path)
	require.NoError(t, p.Close())
}

// Ensure that a folder that is gone is what the error names.
func TestGrowthWithoutFolder(t *testing.T) {
	setParallel(t)
	path := setPath(t)
	p := testpool.Create(t, path, WithSize(MinPool), WithGrowth(32*setMiB, 4*setMiB))
	require.NoError(t, os.Rename(path+".parts", path+".away"))
	err := setFill(t, p, setRootOf(t, p))
	require.ErrorIs(t, err, unix.ENOENT)
	require.ErrorContains(t, err, "it cannot grow: folder "+path+".parts")
	require.ErrorIs(t, p.Extend(MinPart), unix.ENOENT)
	require.NoError(t, os.Rename(path+".away", path+".parts"))
	require.NoError(t, setPush(p, setRootOf(t, p)))
	require.EqualValues(t, 12*setMiB, p.Size())
}

// Ensure that processes that are started while a pool grows do not inherit its
// new parts, and with them the lock, which would outlive Close.
func TestGrowthWhileProcessesStart(t *testing.T) {
	setParallel(t)
	if !interpose.Effective {
		t.Skip("shared libraries open the parts as they like")
	}
	path := setPath(t)
	p := testpool.Create(t, path, WithSize(MinPool), WithGrowth(1<<30, MinPart))
	var done atomic.Bool
	var wg sync.WaitGroup
	var started []*exec.Cmd
	defer func() {
		done.Store(true)
		wg.Wait()
		for _, c := range started {
			_ = c.Process.Kill()
			_ = c.Wait()
		}
	}()
	wg.Go(func() {
		for !done.Load() && len(started) < 100 {
			c := exec.Command("sleep", "60")
			if err := c.Start(); err != nil {
				t.Error(err)
				return
			}
			started = append(started, c)
		}
	})
	for range 15 {
		require.NoError(t, p.Extend(8*setMiB))
	}
	done.Store(true)
	wg.Wait()
	require.NotEmpty(t, started)
	require.NoError(t, p.Close())
	require.NoError(t, Check(path, ""))
}
