package libpmemobj

// #include "shim.h"
import "C"

import (
	"errors"
	"io/fs"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/cgoutil"
	"github.com/pmem/pmdk-go/internal/poolfile"
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
// WithoutNDCTL, WithPrefault, WithShutdownState, WithArenas, WithGlobalArena,
// WithMedium (as package journal's With).
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
			return nil, cgoutil.PathError(op, path, err)
		}
	}
	file, err := poolfile.Temporary(path, o.mode)
	if err != nil {
		return nil, cgoutil.PathError(op, path, err)
	}
	p, err := createIn(op, path, layout, o, file)
	if err != nil {
		file.Discard()
		return nil, err
	}
	return p, nil
}

// createIn makes the pool in a file without its final name, and then names it.
func createIn(op, path, layout string, o *options, file *poolfile.New) (*Pool, error) {
	if err := poolfile.Allocate(file.File, o.size); err != nil {
		return nil, cgoutil.PathError(op, path, err)
	}
	if o.medium != nil {
		return createOnMedium(op, path, layout, o, file)
	}
	d, err := settle(op, path, o.durability, file.File)
	if err != nil {
		return nil, err
	}
	// Size 0 stands for the size that the file has; its mode is set already.
	pop, err := enterCreate(op, path, file.Reachable(), layout, 0, o)
	if err != nil {
		return nil, err
	}
	p, err := newPool(pop, path, layout, d, o.size, nil, nil)
	if err != nil {
		return nil, err
	}
	return named(op, path, p, file)
}

// createOnMedium is createIn for a pool that a medium keeps. It is made as a
// plain one, which is complete when it has its name, and then opened: what the
// medium keeps never waits for a pool that does not come.
func createOnMedium(op, path, layout string, o *options, file *poolfile.New) (*Pool, error) {
	pop, err := enterCreate(op, path, file.Reachable(), layout, 0, o)
	if err != nil {
		return nil, err
	}
	closeEntered(pop)
	if err := file.Sync(); err != nil {
		return nil, cgoutil.PathError(op, path, err)
	}
	if err := file.Publish(path); err != nil {
		return nil, cgoutil.PathError(op, path, err)
	}
	p, err := open(op, path, layout, o)
	if err != nil {
		if !errors.Is(err, unix.EAGAIN) { // then somebody else has it
			err = errors.Join(err, os.Remove(path))
		}
		return nil, err
	}
	_ = file.Close()
	return p, nil
}

// named gives the file of a pool that is complete its name.
func named(op, path string, p *Pool, file *poolfile.New) (*Pool, error) {
	if err := file.Publish(path); err != nil {
		_ = p.Close()
		return nil, cgoutil.PathError(op, path, err)
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
	poolfile.Enter()
	restore, err := o.process.set(op)
	if err != nil {
		poolfile.Leave()
		return nil, err
	}
	pop := C.pmemgo_obj_create((*C.char)(unsafe.Pointer(unsafe.SliceData(cPath))),
		(*C.char)(unsafe.Pointer(unsafe.SliceData(cLayout))), 0, C.uint(mode), isPmem(o.durability), cStatus(&st))
	restore()
	poolfile.Leave()
	if pop == nil {
		return nil, st.Err(op, path)
	}
	return pop, nil
}
