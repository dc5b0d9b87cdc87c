package libpmem

/*
#include <libpmem.h>
*/
import "C"

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// file is what lies at the path before Map calls C.
type file struct {
	exists bool
	size   int64
}

// inspect looks at path and checks the rules of pmem_map_file(3) that depend
// on what it is, for a better answer than C's. C checks again: the file may
// change in between.
func inspect(path string, c *mapConfig) (file, error) {
	fail := func(errno unix.Errno, msg string) (file, error) {
		return file{}, &Error{Op: "map", Path: path, Errno: errno, Msg: msg}
	}
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		if errors.Is(err, unix.ENOENT) && c.has(C.PMEM_FILE_CREATE) && !c.has(C.PMEM_FILE_TMPFILE) {
			return file{}, nil
		}
		var errno unix.Errno
		errors.As(err, &errno)
		return fail(errno, "")
	}
	f := file{exists: true, size: st.Size}
	kind := st.Mode & unix.S_IFMT
	if c.has(C.PMEM_FILE_TMPFILE) {
		if kind != unix.S_IFDIR {
			return fail(unix.ENOTDIR, "TmpFile needs a folder to create the file in")
		}
		return f, nil
	}
	switch kind {
	case unix.S_IFREG:
		if st.Size == 0 && !c.has(C.PMEM_FILE_CREATE) {
			return fail(unix.EINVAL, "file is empty, there is nothing to map; Create gives it a length")
		}
		return f, nil
	case unix.S_IFCHR:
		size, err := deviceDAXSize("/sys", unix.Major(uint64(st.Rdev)), unix.Minor(uint64(st.Rdev)))
		if err != nil {
			return fail(unix.EINVAL, err.Error())
		}
		if err := checkDeviceDAX(size, c); err != nil {
			return fail(unix.EINVAL, err.Error())
		}
		return f, nil
	case unix.S_IFDIR:
		return fail(unix.EISDIR, "")
	}
	return fail(unix.EINVAL, "neither a regular file nor Device DAX")
}

// deviceDAXSize gives the size in bytes of a character device that is Device
// DAX; sys is where sysfs is mounted.
func deviceDAXSize(sys string, major, minor uint32) (int64, error) {
	dir := filepath.Join(sys, "dev", "char", fmt.Sprintf("%d:%d", major, minor))
	subsystem, err := os.Readlink(filepath.Join(dir, "subsystem"))
	if err != nil || filepath.Base(subsystem) != "dax" {
		return 0, errors.New("character device is not Device DAX")
	}
	text, err := os.ReadFile(filepath.Join(dir, "size"))
	if err != nil {
		return 0, fmt.Errorf("the size of Device DAX can't be read: %w", err)
	}
	size, err := strconv.ParseInt(strings.TrimSpace(string(text)), 0, 64)
	if err != nil {
		return 0, fmt.Errorf("the size of Device DAX can't be read: %w", err)
	}
	return size, nil
}

func checkDeviceDAX(size int64, c *mapConfig) error {
	if c.has(C.PMEM_FILE_EXCL) {
		return errors.New("Excl is not for Device DAX")
	}
	if c.length != 0 && c.length != size {
		return fmt.Errorf("length %d is not the size of this Device DAX, %d bytes", c.length, size)
	}
	return nil
}

// undo restores what a failed Create changed: C sets the file's size before
// it finds that the disk is too small, and leaves it like that. made says
// that this call made the file.
func (f file) undo(path string, made bool) {
	if made {
		// Nothing to add to the error that is being returned.
		_ = os.Remove(path)
		return
	}
	if info, err := os.Stat(path); f.exists && err == nil && info.Mode().IsRegular() && info.Size() > f.size {
		_ = os.Truncate(path, f.size)
	}
}
