package libpmem

/*
#include <libpmem.h>
#include "shim.h"
*/
import "C"

import (
	"errors"
	"io/fs"
	"math"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/cgoutil"
)

// Map maps the file at path for reading and writing, in its whole length; see
// the options for making one. The path may name a Device DAX.
//
// An option or a file that breaks a rule of pmem_map_file(3) fails with
// EINVAL, or the errno of the matter, before anything is touched. Closing
// the mapping is up to the caller.
//
// Implements: pmem_map_file(3)
func Map(path string, opts ...MapOption) (*Mapping, error) {
	cpath, err := cgoutil.CheckPath("map", path)
	if err != nil {
		return nil, err
	}
	c, err := configure(path, opts)
	if err != nil {
		return nil, err
	}
	before, err := inspect(path, c)
	if err != nil {
		return nil, err
	}
	r, err := mapFile(path, cpath, c, before)
	if err != nil {
		return nil, err
	}
	remember(r)
	m := &Mapping{region: r, len: r.len}
	m.watch = cgoutil.Watch(m, "libpmem mapping", path)
	return m, nil
}

// mapFile maps and, for a failed Create, cleans up.
func mapFile(path string, cpath []byte, c *mapConfig, before file) (*region, error) {
	create := c.has(C.PMEM_FILE_CREATE) && !c.has(C.PMEM_FILE_TMPFILE)
	if create && !before.exists {
		// Exclusive creation tells whether the file is ours to remove.
		r, err := callMap(path, cpath, c.length, c.flags|C.PMEM_FILE_EXCL, c.mode.Perm())
		if err == nil {
			return r, nil
		}
		if !errors.Is(err, unix.EEXIST) {
			before.undo(path, failedAfterOpen(err))
			return nil, err
		}
	}
	r, err := callMap(path, cpath, c.length, c.flags, c.mode.Perm())
	if err != nil {
		if create && !c.has(C.PMEM_FILE_EXCL) {
			before.undo(path, false)
		}
		return nil, err
	}
	return r, nil
}

// failedAfterOpen says whether a failed creation had made the file: it is not
// removed on the strength of errors that open(2) gives too.
func failedAfterOpen(err error) bool {
	for _, errno := range []unix.Errno{unix.ENOSPC, unix.EFBIG, unix.EDQUOT, unix.EOPNOTSUPP, unix.EIO, unix.ENOMEM, unix.EINVAL, unix.EINTR} {
		if errors.Is(err, errno) {
			return true
		}
	}
	return false
}

// tmpFileLock is held while C makes a temporary file: it sets the process's
// umask for that, and two at a time would leave it changed.
var tmpFileLock sync.Mutex

func callMap(path string, cpath []byte, length int64, flags C.int, mode fs.FileMode) (*region, error) {
	if flags&C.PMEM_FILE_TMPFILE != 0 {
		tmpFileLock.Lock()
		defer tmpFileLock.Unlock()
	}
	var st cgoutil.Status
	var mapped C.size_t
	var pmem C.int
	addr := C.pmemgo_map((*C.char)(unsafe.Pointer(unsafe.SliceData(cpath))), C.size_t(length), flags,
		C.uint32_t(mode), &mapped, &pmem, (*C.struct_pmemgo_status)(unsafe.Pointer(&st)))
	if addr == nil {
		return nil, st.Err("map", path)
	}
	if uint64(mapped) > math.MaxInt {
		// Not reachable with today's address spaces; a negative length would be.
		panic("libpmem: mapping longer than an int")
	}
	return &region{base: addr, len: int(mapped), pmem: pmem != 0, path: path}, nil
}

func callUnmap(r *region) error {
	var st cgoutil.Status
	C.pmemgo_unmap((*C.uint32_t)(unsafe.Pointer(&r.closed)), C.uintptr_t(uintptr(r.base)), C.size_t(r.len),
		(*C.struct_pmemgo_status)(unsafe.Pointer(&st)))
	return st.Err("close", r.path)
}
