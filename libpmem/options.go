package libpmem

/*
#include <libpmem.h>
*/
import "C"

import (
	"fmt"
	"io/fs"

	"golang.org/x/sys/unix"
)

// MapOption changes what Map does. Without options it maps an existing file
// in its whole length.
type MapOption func(*mapConfig) error

type mapConfig struct {
	length int64
	mode   fs.FileMode
	flags  C.int
	sized  string // the option that set length
}

// Create makes the file if it doesn't exist, with mode's permissions less the
// process's umask, and sets its size to length bytes: an existing file is
// extended, or cut off if it is longer. All blocks are allocated, which
// fails with ENOSPC on a full disk and with EOPNOTSUPP on a file system that
// can't; see Sparse.
//
// length is more than 0. For Device DAX it is exactly the device's size,
// and mode is ignored. mode has no bits but permissions (0777).
//
// If Map fails, it leaves no new file behind and an existing one no longer
// than it was.
func Create(length int64, mode fs.FileMode) MapOption {
	return func(c *mapConfig) error {
		if err := c.size("Create", length); err != nil {
			return err
		}
		if mode&^fs.ModePerm != 0 {
			return fmt.Errorf("Create's mode %v has other bits than permissions (0777)", mode)
		}
		c.mode = mode
		c.flags |= C.PMEM_FILE_CREATE
		return nil
	}
}

// TmpFile maps a new file without a name, of length bytes and mode 0600, in
// the folder that Map's path names. It is gone after Close. length is more
// than 0. With Excl, no name can be given to the file later.
//
// While the file is made, PMDK may set the umask of the process to 0077: a
// file that another goroutine creates at that moment may get fewer
// permissions than it asked for.
func TmpFile(length int64) MapOption {
	return func(c *mapConfig) error {
		if err := c.size("TmpFile", length); err != nil {
			return err
		}
		c.flags |= C.PMEM_FILE_CREATE | C.PMEM_FILE_TMPFILE
		return nil
	}
}

// Excl makes Create fail with EEXIST if there is a file at the path. It needs
// Create or TmpFile, and isn't for Device DAX.
func Excl() MapOption {
	return func(c *mapConfig) error {
		c.flags |= C.PMEM_FILE_EXCL
		return nil
	}
}

// Sparse makes Create or TmpFile, one of which it needs, leave holes in the
// file instead of allocating blocks. A store to a hole on a disk that is full
// by then is a fault.
func Sparse() MapOption {
	return func(c *mapConfig) error {
		c.flags |= C.PMEM_FILE_SPARSE
		return nil
	}
}

func (c *mapConfig) size(option string, length int64) error {
	if length <= 0 {
		return fmt.Errorf("%s's length is %d, it must be more than 0", option, length)
	}
	if c.sized != "" {
		return fmt.Errorf("%s after %s: one of them gives the length, once", option, c.sized)
	}
	c.sized = option
	c.length = length
	return nil
}

func (c *mapConfig) has(flag C.int) bool { return c.flags&flag != 0 }

// configure applies opts and checks the rules of pmem_map_file(3) that don't
// depend on the file.
func configure(path string, opts []MapOption) (*mapConfig, error) {
	invalid := func(msg string) error {
		return &Error{Op: "map", Path: path, Errno: unix.EINVAL, Msg: msg}
	}
	c := new(mapConfig)
	for _, opt := range opts {
		if err := opt(c); err != nil {
			return nil, invalid(err.Error())
		}
	}
	if !c.has(C.PMEM_FILE_CREATE) {
		if c.has(C.PMEM_FILE_EXCL) {
			return nil, invalid("Excl needs Create or TmpFile")
		}
		if c.has(C.PMEM_FILE_SPARSE) {
			return nil, invalid("Sparse needs Create or TmpFile")
		}
	}
	return c, nil
}
