package redo

import (
	"errors"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// openLocked opens and locks the file that path leads to.
func openLocked(fsys FS, path string, open func() (File, error)) (File, error) {
	for {
		f, err := open()
		if err != nil {
			return nil, err
		}
		if err := f.Lock(); err != nil {
			_ = f.Close()
			if errors.Is(err, unix.EAGAIN) {
				return nil, inUse(path)
			}
			return nil, err
		}
		if fsys.Is(f, path) {
			return f, nil
		}
		// Somebody had the lock while this one waited to be opened, and has put
		// another file there.
		_ = f.Close()
	}
}

// making is what a journal is called before it is complete.
func making(path string) string { return path + ".creating" }

// errAppeared says that somebody else has created the journal meanwhile.
var errAppeared = errors.New("the journal has been created just now")

// create makes a clean journal, and puts it in the place of what is at path, if
// that may be replaced. It has its name when it is complete, and its lock before
// that. Who has the lock of a file with the name making is the only one to create.
func create(fsys FS, path string, o *Options, uuid [16]byte, replace bool) (f File, h header, err error) {
	making := making(path)
	f, err = openLocked(fsys, making, func() (File, error) { return fsys.Create(making, o.Mode) })
	if err != nil {
		return nil, h, err
	}
	if !replace && exists(fsys, path) {
		_ = fsys.Remove(making)
		_ = f.Close()
		return nil, h, errAppeared
	}
	h = header{state: Clean, segmentSize: o.SegmentSize, segments: int64(o.Segments), uuid: uuid, tail: 1, first: 1, generation: 1}
	if err = fill(f, &h); err == nil {
		err = fsys.Rename(making, path)
	}
	if err != nil {
		_ = fsys.Remove(making)
		_ = f.Close()
		return nil, h, err
	}
	if err = fsys.SyncFolder(path); err != nil {
		_ = f.Close()
		return nil, h, err
	}
	return f, h, nil
}

func exists(fsys FS, path string) bool {
	f, err := fsys.Open(path)
	if err == nil {
		_ = f.Close()
	}
	return !notExist(err)
}

// fill writes all of a new journal: a file system that writes to a block for
// the first time has to note that, which an fdatasync would wait for later.
func fill(f File, h *header) error {
	if err := f.Truncate(0); err != nil { // a crash may have left something
		return err
	}
	if err := f.Allocate(h.size()); err != nil {
		return err
	}
	zeros := make([]byte, 1<<20)
	for off := int64(0); off < h.size(); off += int64(len(zeros)) {
		if err := writeAll(f, zeros[:min(int64(len(zeros)), h.size()-off)], off); err != nil {
			return err
		}
	}
	if err := writeAll(f, h.encode(), int64(h.generation%2)*slotSize); err != nil {
		return err
	}
	return f.Datasync()
}

// writeAll knows no short writes.
func writeAll(w interface {
	WriteAt(p []byte, off int64) (int, error)
}, b []byte, off int64) error {
	n, err := w.WriteAt(b, off)
	if err == nil && n < len(b) {
		err = unix.EIO
	}
	return err
}

func notExist(err error) bool { return errors.Is(err, fs.ErrNotExist) }

func pathError(op, path string, err error) error {
	var pe *os.PathError
	var je *Error
	var de *DamagedError
	if errors.As(err, &pe) || errors.As(err, &je) || errors.As(err, &de) {
		return err
	}
	return &os.PathError{Op: op, Path: path, Err: err}
}
