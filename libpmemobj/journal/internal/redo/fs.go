package redo

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// FS is what a journal needs of a file system. Tests have others than the
// system's.
type FS interface {
	// Open opens a file that exists for reading and writing.
	Open(path string) (File, error)

	// Create is Open, and creates the file if it is not there.
	Create(path string, mode fs.FileMode) (File, error)

	// Is says whether the path still leads to the file.
	Is(f File, path string) bool

	Rename(from, to string) error
	Remove(path string) error

	// SyncFolder makes the names in the folder of path durable.
	SyncFolder(path string) error
}

// File is a file of an FS.
type File interface {
	ReadAt(p []byte, off int64) (n int, err error)
	WriteAt(p []byte, off int64) (n int, err error)

	// Datasync makes durable what was written, and what is needed to read it.
	Datasync() error

	Size() (int64, error)
	Truncate(size int64) error

	// Allocate gives the file blocks up to size, which it has then.
	Allocate(size int64) error

	// Lock fails with EAGAIN if another one has the lock.
	Lock() error

	// Close unlocks, too.
	Close() error
}

// System is the FS of the operating system.
var System FS = system{}

type system struct{}

func (system) Open(path string) (File, error) { return open(path, os.O_RDWR, 0) }

func (system) Create(path string, mode fs.FileMode) (File, error) {
	return open(path, os.O_RDWR|os.O_CREATE, mode)
}

func open(path string, flag int, mode fs.FileMode) (File, error) {
	// A name may be anything, of which a FIFO would not let go.
	f, err := os.OpenFile(path, flag|unix.O_NONBLOCK, mode)
	if err != nil {
		return nil, err
	}
	st, err := f.Stat()
	if err == nil && !st.Mode().IsRegular() {
		err = &Error{path, ErrNotJournal, "not a regular file"}
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return file{f}, nil
}

func (system) Is(f File, path string) bool {
	own, err := f.(file).Stat()
	if err != nil {
		return false
	}
	there, err := os.Stat(path)
	return err == nil && os.SameFile(own, there)
}

func (system) Rename(from, to string) error { return os.Rename(from, to) }
func (system) Remove(path string) error     { return os.Remove(path) }

func (system) SyncFolder(path string) error {
	d, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Sync(); err != nil && !errors.Is(err, unix.EINVAL) {
		return err // with EINVAL, the file system has nothing to sync
	}
	return nil
}

type file struct{ *os.File }

// again calls the system as long as a signal, of which Go sends many, breaks
// its calls off.
func again(call func() error) error {
	for {
		if err := call(); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

func (f file) Datasync() error {
	return os.NewSyscallError("fdatasync", again(func() error { return unix.Fdatasync(int(f.Fd())) }))
}

func (f file) Size() (int64, error) {
	st, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return st.Size(), nil
}

func (f file) Allocate(size int64) error {
	const step = 64 << 20 // what a signal makes the kernel start again
	var vfs unix.Statfs_t
	if err := unix.Fstatfs(int(f.Fd()), &vfs); err == nil && vfs.Blocks > 0 && uint64(size)/uint64(vfs.Bsize) >= vfs.Bavail {
		return os.NewSyscallError("fallocate", unix.ENOSPC) // before the disk is filled to the brim
	}
	for off := int64(0); off < size; off += step {
		err := again(func() error { return unix.Fallocate(int(f.Fd()), 0, off, min(step, size-off)) })
		if errors.Is(err, unix.EOPNOTSUPP) {
			return nil // the zeros that follow allocate
		}
		if err != nil {
			return os.NewSyscallError("fallocate", err)
		}
	}
	return nil
}

func (f file) Lock() error {
	err := again(func() error { return unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) })
	if errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.ENOSYS) {
		return nil // a file system without locks, as for pools
	}
	return os.NewSyscallError("flock", err)
}

func (f file) Close() error {
	// Closing alone leaves a lock to a process that is just being started.
	_ = unix.Flock(int(f.Fd()), unix.LOCK_UN)
	return f.File.Close()
}
