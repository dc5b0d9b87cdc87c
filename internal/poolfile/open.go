package poolfile

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/cgoutil"
)

// Open opens what may be a pool, without waiting for anything. PMDK opens it
// for writing whatever it is about to do, so that is asked for here.
func Open(op, path string) (*os.File, error) {
	st, err := os.Stat(path)
	if err != nil {
		return nil, cgoutil.PathError(op, path, err)
	}
	switch {
	case st.IsDir():
		return nil, &cgoutil.Error{Op: op, Path: path, Errno: unix.EISDIR, Msg: "is a directory, not a pool"}
	case !st.Mode().IsRegular():
		return nil, &cgoutil.Error{Op: op, Path: path, Errno: unix.EINVAL, Msg: fmt.Sprintf("is not a regular file (%v)", st.Mode())}
	}
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, cgoutil.PathError(op, path, err)
	}
	return file, nil
}

// NotInUse fails if somebody holds the lock that PMDK takes on the pools that
// it opens.
func NotInUse(f *os.File) error {
	if err := unix.Flock(int(f.Fd()), unix.LOCK_SH|unix.LOCK_NB); err != nil {
		if err == unix.EWOULDBLOCK {
			return &os.PathError{Op: "flock", Path: f.Name(), Err: err}
		}
		return nil // a file system without locks
	}
	return unix.Flock(int(f.Fd()), unix.LOCK_UN)
}
