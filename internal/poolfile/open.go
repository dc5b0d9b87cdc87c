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

// NotInUse fails with EAGAIN if somebody holds the lock that PMDK takes on the
// pools that it opens. The look itself takes that lock for a moment, which C
// must not run into: some of its functions abort the process on a pool that they
// find locked. So it waits for its turn, as C does, and is not for callers that
// are inside Enter.
func NotInUse(f *os.File) error {
	Enter()
	defer Leave()
	return NotInUseInside(f)
}

// NotInUseInside is NotInUse for callers that are inside Enter.
func NotInUseInside(f *os.File) error {
	if err := unix.Flock(int(f.Fd()), unix.LOCK_SH|unix.LOCK_NB); err != nil {
		if err == unix.EWOULDBLOCK {
			return &os.PathError{Op: "flock", Path: f.Name(), Err: err}
		}
		return nil // a file system without locks
	}
	return unix.Flock(int(f.Fd()), unix.LOCK_UN)
}
