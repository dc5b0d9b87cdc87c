package libpmemobj

// #include "shim.h"
import "C"

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/cgoutil"
	"github.com/pmem/pmdk-go/internal/objheap"
	"github.com/pmem/pmdk-go/internal/poolfile"
	"github.com/pmem/pmdk-go/third_party/pmdk"
)

// Open opens the pool at path: a single file, or a pool set file, whose parts
// are then the pool (see [WithGrowth]). An empty layout accepts any; otherwise
// the pool's must be equal.
//
// PMDK trusts the files and would crash on damaged ones, so Go reads them
// first: the text of a pool set, sizes, headers, checksums, geometry, logs and
// chunks. What is wrong is a *CorruptError with the structure and its place,
// and the files are left alone. WithVerify reads further. A pool that was
// killed at any moment opens, rolled back to its last committed state; a part
// that it was about to grow by and never used is removed.
//
// The parts of a pool set may be files, whose sizes are fixed, or folders, in
// which the pool grows; replicas must be local. Devices (Device DAX) cannot be
// opened yet. Each part takes a file descriptor while the pool is opened.
//
// A pool whose process died with the option of package libpmemobj/journal, and
// which has changes in its journal, is opened with that option. Without it, the
// error matches ErrUnreplayed.
//
// A pool that is open already, here or in another process, gives EAGAIN.
//
// Options: WithDurability, WithCopyOnWrite, WithVerify, WithoutNDCTL,
// WithPrefault, WithArenas, WithGlobalArena, WithMedium (as package journal's
// With).
//
// Implements: pmemobj_open(3)
func Open(path, layout string, opts ...Option) (*Pool, error) {
	const op = "open"
	o, err := newOptions(op, path, layout, opts)
	if err != nil {
		return nil, err
	}
	if err := o.refuse(op, path, o.sizeSet, "WithSize"); err != nil {
		return nil, err
	}
	if err := o.refuse(op, path, o.modeSet, "WithMode"); err != nil {
		return nil, err
	}
	if err := o.refuse(op, path, o.process.sds != nil, "WithShutdownState"); err != nil {
		return nil, err
	}
	if err := o.refuse(op, path, o.growing, "WithGrowth"); err != nil {
		return nil, err
	}
	return open(op, path, layout, o)
}

// OpenOrCreate opens the pool at path, or creates it if path does not exist.
// All options of Open and Create are taken; those of Create mean nothing to a
// pool that exists.
func OpenOrCreate(path, layout string, opts ...Option) (*Pool, error) {
	const op = "open or create"
	o, err := newOptions(op, path, layout, opts)
	if err != nil {
		return nil, err
	}
	if err := o.refuse(op, path, o.copyOnWrite, "WithCopyOnWrite"); err != nil {
		return nil, err
	}
	p, err := open(op, path, layout, o)
	if !errors.Is(err, fs.ErrNotExist) {
		return p, err
	}
	p, err = create(op, path, layout, o)
	if errors.Is(err, fs.ErrExist) {
		return open(op, path, layout, o) // somebody else was quicker
	}
	return p, err
}

func open(op, path, layout string, o *options) (*Pool, error) {
	file, err := openFile(op, path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	set, isSet, err := readSet(op, path, file)
	if err != nil {
		return nil, err
	}
	if isSet {
		return openSet(op, path, layout, set, o)
	}
	return openOne(op, path, layout, file, o)
}

// openOne is open for a single file.
func openOne(op, path, layout string, file *os.File, o *options) (_ *Pool, err error) {
	m, err := o.prepare(op, path, func() error { return lockFile(op, path, file) }, func() { unlockFile(file) },
		func() (*mediumFiles, error) { return fileOfMedium(op, path, file) })
	if err != nil {
		return nil, err
	}
	defer m.end(&err)
	found, err := inspect(op, path, layout, file, o.verify)
	if err != nil {
		return nil, err
	}
	if !o.withoutNDCTL {
		if err := pmdk.RequireNDCTL(path); err != nil {
			return nil, cgoutil.PathError(op, path, err)
		}
	}
	d := DurabilityNone
	if !o.copyOnWrite {
		if err := poolfile.FillHoles(file); err != nil {
			return nil, cgoutil.PathError(op, path, err)
		}
		if d, err = o.settle(op, path, file); err != nil {
			return nil, err
		}
	}
	if err := cutLogs(op, path, found.CutLogs, o, func(off int64) (*os.File, int64) { return file, off }); err != nil {
		return nil, err
	}
	size, err := file.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, cgoutil.PathError(op, path, err)
	}
	pop, err := enterOpen(op, path, layout, o, m, size)
	if err != nil {
		return nil, err
	}
	return m.newPool(pop, path, found.Layout, d, size, nil)
}

// openSet is open for a pool set file.
func openSet(op, path, layout string, set *poolSet, o *options) (_ *Pool, err error) {
	step, err := stepOf(op, path, set.text)
	if err != nil {
		return nil, err
	}
	if err := set.openParts(op); err != nil {
		return nil, err
	}
	defer set.close()
	var files *mediumFiles
	m, err := o.prepare(op, path, func() error { return set.lock(op) }, func() {}, // inspect needs the locks, too
		func() (*mediumFiles, error) {
			var err error
			files, err = filesOfMedium(op, path, set)
			return files, err
		})
	if err != nil {
		return nil, err
	}
	defer m.end(&err)
	found, err := set.inspect(op, layout, o.verify, !o.copyOnWrite)
	if err != nil {
		return nil, err
	}
	if m != nil { // parts may have been removed
		if err := files.Refresh(); err != nil {
			return nil, err
		}
	}
	if !o.withoutNDCTL {
		err := set.each(func(p *part) error {
			if err := pmdk.RequireNDCTL(p.path); err != nil {
				return cgoutil.PathError(op, p.path, err)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	d := DurabilityNone
	if !o.copyOnWrite {
		if err := set.fillHoles(op); err != nil {
			return nil, err
		}
		if d, err = set.settle(op, o); err != nil {
			return nil, err
		}
	}
	err = cutLogs(op, path, found.CutLogs, o, func(off int64) (*os.File, int64) {
		p, place := set.replicas[0].locate(off)
		return p.File, place
	})
	if err != nil {
		return nil, err
	}
	size, g := set.size(), set.growth(o.copyOnWrite)
	set.close() // and with it the locks
	pop, err := enterOpen(op, path, layout, o, m, spanOf(size, g))
	if err != nil {
		return nil, err
	}
	p, err := m.newPool(pop, path, found.Layout, d, size, g)
	if err != nil {
		return nil, err
	}
	if err := p.startGrowing(op, step); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return p, nil
}

// cutLogs does before C what recovery would do too late; see objheap.Info. at
// gives the file, and the place in it, of what is at an offset of the pool.
func cutLogs(op, path string, offs []uint64, o *options, at func(off int64) (*os.File, int64)) error {
	if len(offs) > 0 && o.copyOnWrite {
		return &Error{Op: op, Path: path, Errno: unix.EINVAL, Msg: "the process died while a log was cut off, which must be finished first: " +
			"open the pool without WithCopyOnWrite once"}
	}
	for _, off := range offs {
		file, place := at(int64(off))
		_, err := file.WriteAt(make([]byte, 8), place)
		if err == nil {
			err = file.Sync()
		}
		if err != nil {
			return cgoutil.PathError(op, path, err)
		}
	}
	return nil
}

// enterOpen has C open what Go found to be sound.
func enterOpen(op, path, layout string, o *options, m *opening, span int64) (*C.PMEMobjpool, error) {
	cPath, err := cgoutil.CheckPath(op, path)
	if err != nil {
		return nil, err
	}
	cLayout, err := anyLayout(op, layout)
	if err != nil {
		return nil, err
	}
	var cow C.int
	if o.copyOnWrite {
		cow = 1
	}
	var st cgoutil.Status
	poolfile.Enter()
	restore, err := o.process.set(op)
	if err != nil {
		poolfile.Leave()
		return nil, err
	}
	var pop *C.PMEMobjpool
	m.around(span, func() {
		pop = C.pmemgo_obj_open((*C.char)(unsafe.Pointer(unsafe.SliceData(cPath))),
			cLayout, cow, isPmem(o.durability), cStatus(&st))
	})
	restore()
	poolfile.Leave()
	if st.Errno == int32(unix.EEXIST) {
		return nil, &Error{Op: op, Path: path, Errno: unix.EEXIST, Msg: "a pool with the same UUID is open: this file is a copy of it, and their objects could not be told apart"}
	}
	if pop == nil {
		return nil, st.Err(op, path)
	}
	return pop, nil
}

// Check says whether the pool at path is sound: it reads all that Open with
// WithVerify reads and asks PMDK for its own opinion. nil means yes. The pool
// must not be open, and is not changed; the process needs the permission to
// write to it all the same. A pool set may have to be opened once before, if
// its process died while it grew; the error says so. A pool with changes in its
// journal cannot be checked: that is ErrUnreplayed.
//
// Check knows PMDK's structures, not what they hold: whether the program's
// own data is consistent is for the program to say.
//
// Implements: pmemobj_check(3)
func Check(path, layout string) error {
	const op = "check"
	if _, err := newOptions(op, path, layout, nil); err != nil {
		return err
	}
	file, err := openFile(op, path)
	if err != nil {
		return err
	}
	defer file.Close()
	if err := inspectAny(op, path, layout, file); err != nil {
		return err
	}
	cPath, err := cgoutil.CheckPath(op, path)
	if err != nil {
		return err
	}
	cLayout, err := anyLayout(op, layout)
	if err != nil {
		return err
	}
	var st cgoutil.Status
	poolfile.Enter()
	sound := C.pmemgo_obj_check((*C.char)(unsafe.Pointer(unsafe.SliceData(cPath))),
		cLayout, cStatus(&st))
	poolfile.Leave()
	if sound < 0 {
		return st.Err(op, path)
	}
	if sound == 0 {
		return &CorruptError{Path: path, Structure: "pool", Reason: "not consistent, says pmemobj_check"}
	}
	return nil
}

// inspectAny reads all that Go can of a single file or a pool set.
func inspectAny(op, path, layout string, file *os.File) error {
	set, isSet, err := readSet(op, path, file)
	if err != nil {
		return err
	}
	if !isSet {
		_, err := inspect(op, path, layout, file, true)
		return err
	}
	if err := set.openParts(op); err != nil {
		return err
	}
	defer set.close()
	_, err = set.inspect(op, layout, true, false)
	return err
}

// anyLayout is the layout name for C, where NULL stands for any.
func anyLayout(op, layout string) (*C.char, error) {
	if layout == "" {
		return nil, nil
	}
	c, err := cgoutil.CheckLayout(op, layout)
	return (*C.char)(unsafe.Pointer(unsafe.SliceData(c))), err
}

// openFile opens what may be a pool, without waiting for anything. PMDK opens
// it for writing whatever it is about to do.
func openFile(op, path string) (*os.File, error) {
	st, err := os.Stat(path)
	if err != nil {
		return nil, cgoutil.PathError(op, path, err)
	}
	switch {
	case st.IsDir():
		return nil, &Error{Op: op, Path: path, Errno: unix.EISDIR, Msg: "is a directory, not a pool"}
	case !st.Mode().IsRegular():
		return nil, &Error{Op: op, Path: path, Errno: unix.EINVAL, Msg: fmt.Sprintf("is not a regular file (%v); devices cannot be opened yet", st.Mode())}
	}
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err == nil {
		return file, nil
	}
	// Nobody writes to a pool set file.
	if file, e := os.Open(path); e == nil {
		if _, isSet, _ := readSet(op, path, file); isSet {
			return file, nil
		}
		_ = file.Close()
	}
	return nil, cgoutil.PathError(op, path, err)
}

// inspect reads the file before C does and returns what it found.
func inspect(op, path, layout string, file *os.File, verify bool) (info objheap.Info, err error) {
	read := objheap.CheckFile
	if verify {
		read = objheap.VerifyFile
	}
	info, err = read(file)
	switch {
	case errors.Is(err, unix.EAGAIN):
		return info, &Error{Op: op, Path: path, Errno: unix.EAGAIN, Msg: "locked: the pool is open in this or another process"}
	case err != nil:
		return info, corrupt(op, path, err)
	case unreplayed(op, path, info.UnknownIncompat) != nil:
		return info, unreplayed(op, path, info.UnknownIncompat)
	case info.Part() || info.SingleHeader():
		return info, &Error{Op: op, Path: path, Errno: unix.ENOTSUP, Msg: "is one part of a pool set; open its pool set file instead"}
	}
	if layout != "" && layout != info.Layout {
		return info, &Error{Op: op, Path: path, Errno: unix.EINVAL, Msg: fmt.Sprintf("the pool's layout is %q, not %q", info.Layout, layout)}
	}
	return info, nil
}
