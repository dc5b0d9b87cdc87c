package libpmemobj

// #include "shim.h"
import "C"

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/cgoutil"
	"github.com/pmem/pmdk-go/third_party/pmdk"
)

// Create makes a pool at path and opens it. Layout names what the program
// keeps in it; opening checks it.
//
// The pool is one file of a fixed size, or with [WithGrowth] a pool set that
// grows. Creation is atomic: path appears when the pool is complete. A process
// killed before leaves nothing behind, or, on file systems without unnamed
// files and with WithGrowth, a file ".NAME.*.creating" beside path; of a pool
// that grows there may be parts too, which the next Create at the same path or
// in the same folders removes. If path exists, the error matches fs.ErrExist;
// if the disk is full, unix.ENOSPC.
//
// If path is a pool set file, written by hand, whose parts do not exist yet,
// they are made. Other than the rest this is not atomic: parts that a killed
// process left are reported by the next Create, and for the user to remove.
//
// Options: WithSize, WithMode, WithGrowth, WithFolders, WithDurability,
// WithoutNDCTL, WithPrefault, WithShutdownState, WithArenas, WithGlobalArena.
//
// Implements: pmemobj_create(3)
func Create(path, layout string, opts ...Option) (*Pool, error) {
	const op = "create"
	o, err := newOptions(op, path, layout, opts)
	if err != nil {
		return nil, err
	}
	if err := o.refuse(op, path, o.copyOnWrite, "WithCopyOnWrite"); err != nil {
		return nil, err
	}
	if err := o.refuse(op, path, o.verify, "WithVerify"); err != nil {
		return nil, err
	}
	return create(op, path, layout, o)
}

func create(op, path, layout string, o *options) (*Pool, error) {
	if o.growing {
		return createGrowing(op, path, layout, o)
	}
	if _, err := os.Lstat(path); err == nil {
		set, err := unusedSet(op, path)
		if err != nil {
			return nil, err
		}
		return createInSet(op, path, layout, set, o)
	}
	if !o.withoutNDCTL {
		if err := pmdk.RequireNDCTL(path); err != nil {
			return nil, pathError(op, path, err)
		}
	}
	file, err := newTemporary(path, o.mode)
	if err != nil {
		return nil, pathError(op, path, err)
	}
	p, err := createIn(op, path, layout, o, file)
	if err != nil {
		file.discard()
		return nil, err
	}
	return p, nil
}

// createIn makes the pool in a file without its final name, and then names it.
func createIn(op, path, layout string, o *options, file *newFile) (*Pool, error) {
	if err := allocate(file.File, o.size); err != nil {
		return nil, pathError(op, path, err)
	}
	d, err := o.durability.settle(op, path, file.File)
	if err != nil {
		return nil, err
	}
	// Size 0 stands for the size that the file has; its mode is set already.
	pop, err := enterCreate(op, path, file.reachable(), layout, 0, o)
	if err != nil {
		return nil, err
	}
	p, err := newPool(pop, path, layout, d, o.size, nil)
	if err != nil {
		return nil, err
	}
	if err := file.publish(path); err != nil {
		_ = p.Close()
		return nil, pathError(op, path, err)
	}
	// PMDK keeps the path through which it opened the file, and with it the
	// number of our descriptor.
	p.file = file.File
	return p, nil
}

// enterCreate has C make a pool in the file at place, which may not have its
// final path yet.
func enterCreate(op, path, place, layout string, mode fs.FileMode, o *options) (*C.PMEMobjpool, error) {
	cPath, err := cgoutil.CheckPath(op, place)
	if err != nil {
		return nil, err
	}
	cLayout, err := cgoutil.CheckLayout(op, layout)
	if err != nil {
		return nil, err
	}
	var st cgoutil.Status
	enterPMDK()
	restore, err := o.process.set(op)
	if err != nil {
		leavePMDK()
		return nil, err
	}
	pop := C.pmemgo_obj_create((*C.char)(unsafe.Pointer(unsafe.SliceData(cPath))),
		(*C.char)(unsafe.Pointer(unsafe.SliceData(cLayout))), 0, C.uint(mode), o.durability.isPmem(), cStatus(&st))
	restore()
	leavePMDK()
	if pop == nil {
		return nil, st.Err(op, path)
	}
	return pop, nil
}

// newFile is a file on its way to a name.
type newFile struct {
	*os.File
	name string // temporary; empty if the file has none
}

// newTemporary makes a file that is to become path.
func newTemporary(path string, mode fs.FileMode) (*newFile, error) {
	file, err := newUnnamed(filepath.Dir(path), mode)
	if err != nil {
		return newNamed(path, mode)
	}
	return file, nil
}

// newUnnamed makes a file that vanishes with the process unless it is given a
// name.
func newUnnamed(dir string, mode fs.FileMode) (*newFile, error) {
	fd, err := unix.Open(dir, unix.O_TMPFILE|unix.O_RDWR|unix.O_CLOEXEC, uint32(mode.Perm()))
	if err != nil {
		return nil, err
	}
	f := &newFile{File: os.NewFile(uintptr(fd), "")}
	if _, err := os.Stat(f.reachable()); err != nil {
		_ = f.Close() // no /proc, no way to hand the file to C
		return nil, err
	}
	return f, nil
}

// newNamed is for file systems that know no unnamed files.
func newNamed(path string, mode fs.FileMode) (*newFile, error) {
	name := filepath.Join(filepath.Dir(path), fmt.Sprintf(".%s.%x.creating", filepath.Base(path), rand.Uint64()))
	f, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_RDWR, mode)
	if err != nil {
		return nil, err
	}
	return &newFile{File: f, name: name}, nil
}

// reachable is a path under which C can open the file.
func (f *newFile) reachable() string {
	if f.name != "" {
		return f.name
	}
	return fmt.Sprintf("/proc/self/fd/%d", f.Fd())
}

// publish gives the file its name, if that is still free.
func (f *newFile) publish(path string) error {
	if f.name == "" {
		err := unix.Linkat(unix.AT_FDCWD, f.reachable(), unix.AT_FDCWD, path, unix.AT_SYMLINK_FOLLOW)
		if err != nil {
			return err
		}
	} else {
		// Not a rename, which would replace a file that came in between.
		if err := os.Link(f.name, path); err != nil {
			return err
		}
		if err := os.Remove(f.name); err != nil {
			return err
		}
		f.name = ""
	}
	return syncFolder(filepath.Dir(path))
}

// discard drops the file.
func (f *newFile) discard() {
	if f.name != "" {
		_ = os.Remove(f.name)
	}
	_ = f.Close()
}

func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	err = d.Sync()
	if errors.Is(err, unix.EINVAL) {
		return nil // a file system without anything to sync
	}
	return err
}

// allocate gives f all its blocks, in steps: a signal makes the kernel start
// a step again, and Go sends many.
func allocate(f *os.File, size int64) error {
	const step = 64 << 20
	if err := fits(f, size); err != nil {
		return err
	}
	if err := f.Truncate(size); err != nil {
		return err
	}
	for off := int64(0); off < size; off += step {
		n := min(step, size-off)
		for {
			err := unix.Fallocate(int(f.Fd()), 0, off, n)
			if err == nil {
				break
			}
			if errors.Is(err, unix.EOPNOTSUPP) {
				return writeZeros(f, off, size)
			}
			if !errors.Is(err, unix.EINTR) {
				return err
			}
		}
	}
	return nil
}

// fits fails if the file system has less room than f needs to have all its
// blocks. Without asking first, the disk would be filled to the brim before the
// failure, and on a file system in memory, the memory.
func fits(f *os.File, size int64) error {
	var fs unix.Statfs_t
	if err := unix.Fstatfs(int(f.Fd()), &fs); err != nil {
		return err
	}
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return err
	}
	// Some file systems do not tell.
	if missing := size - st.Blocks*512; missing > 0 && fs.Blocks > 0 && uint64(missing)/uint64(fs.Bsize) >= fs.Bavail {
		return unix.ENOSPC
	}
	return nil
}

// writeZeros allocates blocks where the file system cannot be asked to.
func writeZeros(f *os.File, off, end int64) error {
	zeros := make([]byte, 1<<20)
	for off < end {
		n := min(int64(len(zeros)), end-off)
		if _, err := f.WriteAt(zeros[:n], off); err != nil {
			return err
		}
		off += n
	}
	return nil
}

// pathError makes an *Error of what package os or a system call returned.
func pathError(op, path string, err error) error {
	var errno unix.Errno
	if errors.As(err, &errno) {
		return &Error{Op: op, Path: path, Errno: errno}
	}
	return fmt.Errorf("%s %s: %w", op, path, err)
}
