package poolfile

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// New is a file on its way to a name.
type New struct {
	*os.File
	name string // temporary; empty if the file has none
}

// Create makes a file that will be called path, which must be free: one
// without a name, which vanishes with the process, or, on a file system that
// knows no such files, ".NAME.*.creating" beside path. Mode's permission bits
// are subject to the umask.
func Create(path string, mode fs.FileMode) (*New, error) {
	if _, err := os.Lstat(path); err == nil {
		return nil, unix.EEXIST
	}
	return Temporary(path, mode)
}

// Temporary is Create for a path that may be taken for now.
func Temporary(path string, mode fs.FileMode) (*New, error) {
	f, err := newUnnamed(filepath.Dir(path), mode)
	if err != nil {
		return newNamed(path, mode)
	}
	return f, nil
}

// newUnnamed makes a file that vanishes with the process unless it is given a
// name.
func newUnnamed(dir string, mode fs.FileMode) (*New, error) {
	fd, err := unix.Open(dir, unix.O_TMPFILE|unix.O_RDWR|unix.O_CLOEXEC, uint32(mode.Perm()))
	if err != nil {
		return nil, err
	}
	f := &New{File: os.NewFile(uintptr(fd), "")}
	if _, err := os.Stat(f.Reachable()); err != nil {
		_ = f.Close() // no /proc, no way to hand the file to C
		return nil, err
	}
	return f, nil
}

// newNamed is for file systems that know no unnamed files.
func newNamed(path string, mode fs.FileMode) (*New, error) {
	name := filepath.Join(filepath.Dir(path), fmt.Sprintf(".%s.%x.creating", filepath.Base(path), rand.Uint64()))
	f, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_RDWR, mode)
	if err != nil {
		return nil, err
	}
	return &New{File: f, name: name}, nil
}

// Reachable is a path under which C can open the file.
func (f *New) Reachable() string {
	if f.name != "" {
		return f.name
	}
	return fmt.Sprintf("/proc/self/fd/%d", f.Fd())
}

// Publish gives the file its name, if that is still free.
func (f *New) Publish(path string) error {
	if f.name == "" {
		err := unix.Linkat(unix.AT_FDCWD, f.Reachable(), unix.AT_FDCWD, path, unix.AT_SYMLINK_FOLLOW)
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
	return SyncFolder(filepath.Dir(path))
}

// Discard drops the file.
func (f *New) Discard() {
	if f.name != "" {
		_ = os.Remove(f.name)
	}
	_ = f.Close()
}

// SyncFolder makes the names in a folder durable.
func SyncFolder(dir string) error {
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
