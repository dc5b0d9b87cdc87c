package libpmemobj

// #include "shim.h"
import "C"

import (
	"errors"
	"os"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/internal/medium"
	"github.com/pmem/pmdk-go/internal/poolfile"
)

// opening is what a medium does while a pool is opened. Without a medium it is
// nil, and does nothing.
type opening struct {
	keeper  medium.Keeper
	started bool
}

// prepare has the medium see to the files before Go reads them: what is in its
// journal is to be in them first. It holds the locks that PMDK takes meanwhile,
// but not from there to C's open, which takes them itself.
func (o *options) prepare(op, path string, lock func() error, unlock func(), files func() (*mediumFiles, error)) (*opening, error) {
	if o.medium == nil {
		return nil, nil
	}
	poolfile.Enter() // as for poolfile.NotInUse
	err := lock()
	poolfile.Leave()
	if err != nil {
		return nil, err
	}
	defer unlock()
	pool, err := files()
	if err != nil {
		return nil, err
	}
	keeper, err := o.medium.Prepare(op, pool)
	if err != nil {
		return nil, errors.Join(err, pool.Close())
	}
	return &opening{keeper: keeper}, nil
}

// lockFile takes the lock that PMDK takes on a pool.
func lockFile(op, path string, f *os.File) error {
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); errors.Is(err, unix.EWOULDBLOCK) {
		return &Error{Op: op, Path: path, Errno: unix.EAGAIN, Msg: "locked: the pool is open in this or another process"}
	}
	return nil // or a file system without locks
}

func unlockFile(f *os.File) { _ = unix.Flock(int(f.Fd()), unix.LOCK_UN) }

// around runs C's open with the medium armed.
func (m *opening) around(span int64, open func()) {
	if m == nil {
		open()
		return
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	m.keeper.Arm(span)
	defer m.keeper.Disarm()
	open()
}

// start tells the medium where the pool is.
func (m *opening) start(pop *C.PMEMobjpool, size, span int64) error {
	if m == nil {
		return nil
	}
	if err := m.keeper.Start(unsafe.Pointer(pop), size, span); err != nil {
		return err
	}
	m.started = true
	return nil
}

// end is deferred by what opens: unless the medium has begun, in which case it
// belongs to the pool, it is told that nothing came of it.
func (m *opening) end(err *error) {
	if m == nil || m.started {
		return
	}
	if e := m.keeper.Abandon(); e != nil {
		*err = errors.Join(*err, e)
	}
}

// newPool wraps what C has opened, when the medium knows of it. Once it does, it
// is closed with the pool and not abandoned.
func (m *opening) newPool(pop *C.PMEMobjpool, path, layout string, d Durability, size int64, g *growth) (*Pool, error) {
	if m == nil {
		return newPool(pop, path, layout, d, size, g, nil)
	}
	if err := m.start(pop, size, spanOf(size, g)); err != nil {
		closeEntered(pop)
		return nil, err
	}
	p, err := newPool(pop, path, layout, d, size, g, m.keeper)
	if err != nil {
		return nil, errors.Join(err, m.keeper.Close())
	}
	return p, nil
}

// spanOf is how many addresses a pool has, now or later.
func spanOf(size int64, g *growth) int64 {
	if g == nil {
		return size
	}
	return g.limit
}

// closeEntered is closePool for those who have not called poolfile.Enter.
func closeEntered(pop *C.PMEMobjpool) {
	poolfile.Enter()
	defer poolfile.Leave()
	closePool(pop)
}
