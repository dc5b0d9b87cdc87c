package libpmemobj

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/cgoutil"
	"github.com/pmem/pmdk-go/internal/poolfile"
)

// mediumFiles is the medium.Pool of a file, or of the one replica of a pool set.
// Its files are opened anew: C takes its lock on descriptors of its own, which
// these must not get in the way of.
type mediumFiles struct {
	op   string
	path string
	set  *poolSet // nil for a single file; its replicas are not used

	lock    sync.RWMutex // for writing while the parts change
	parts   []mediumPart
	syncing sync.Mutex
}

type mediumPart struct {
	*os.File
	from  int64 // where in the file the mapping begins
	size  int64 // of what is mapped
	dirty bool  // under syncing
}

// reopen gives a file that is open a descriptor that shares no lock with it. By
// its name it could be another one meanwhile, or it may have none yet.
func reopen(f *os.File) (*os.File, error) {
	return os.OpenFile(fmt.Sprintf("/proc/self/fd/%d", f.Fd()), os.O_RDWR, 0)
}

// fileOfMedium is the medium.Pool of a single file.
func fileOfMedium(op, path string, file *os.File) (*mediumFiles, error) {
	f, err := reopen(file)
	if err != nil {
		return nil, cgoutil.PathError(op, path, err)
	}
	st, err := f.Stat()
	if err != nil {
		_ = f.Close()
		return nil, cgoutil.PathError(op, path, err)
	}
	return &mediumFiles{op: op, path: path, parts: []mediumPart{{File: f, size: st.Size()}}}, nil
}

// filesOfMedium is the medium.Pool of a pool set.
func filesOfMedium(op, path string, set *poolSet) (*mediumFiles, error) {
	if err := set.single(op); err != nil {
		return nil, err
	}
	m := &mediumFiles{op: op, path: path, set: &poolSet{path: set.path, text: set.text, folders: set.folders}}
	if err := m.refresh(false); err != nil {
		_ = m.Close()
		return nil, err
	}
	return m, nil
}

// single refuses what no medium can keep.
func (s *poolSet) single(op string) error {
	if n := len(s.text.Replicas); n > 1 {
		return s.wrong(op, unix.ENOTSUP, "a pool with %d replicas cannot have a journal: PMDK writes them by itself", n)
	}
	return nil
}

// sync makes the parts and their names durable.
func (s *poolSet) sync(op string) error {
	return s.each(func(p *part) error {
		if err := p.sync(); err != nil {
			return s.about(op, p.path, err)
		}
		return nil
	})
}

func (p *part) sync() error {
	if err := p.Sync(); err != nil {
		return err
	}
	return poolfile.SyncFolder(filepath.Dir(p.path))
}

// Path is what the pool was opened with.
func (m *mediumFiles) Path() string { return m.path }

// Size is how far the parts reach.
func (m *mediumFiles) Size() (size int64) {
	m.lock.RLock()
	defer m.lock.RUnlock()
	for i := range m.parts {
		size += m.parts[i].size
	}
	return size
}

// Refresh looks for parts that were added, and makes them and their names
// durable before anybody relies on them.
func (m *mediumFiles) Refresh() error { return m.refresh(true) }

func (m *mediumFiles) refresh(durable bool) error {
	if m.set == nil {
		return nil
	}
	found := &poolSet{path: m.set.path, text: m.set.text, folders: m.set.folders}
	if err := found.openParts(m.op); err != nil {
		return err
	}
	defer found.close()
	m.lock.Lock()
	defer m.lock.Unlock()
	there := found.replicas[0].parts
	same := 0
	for same < len(there) && same < len(m.parts) && sameFile(there[same].File, m.parts[same].File) && there[same].size == m.parts[same].size {
		same++
	}
	for i := range m.parts[same:] {
		_ = m.parts[same+i].Close() // removed, and nothing was ever written to it
	}
	m.parts = m.parts[:same]
	for i := range there[same:] {
		p := &there[same+i]
		if durable {
			if err := p.sync(); err != nil {
				return m.set.about(m.op, p.path, err)
			}
		}
		f, err := reopen(p.File)
		if err != nil {
			return m.set.about(m.op, p.path, err)
		}
		m.parts = append(m.parts, mediumPart{File: f, from: p.from, size: p.size})
	}
	return nil
}

func sameFile(a, b *os.File) bool {
	x, errX := a.Stat()
	y, errY := b.Stat()
	return errX == nil && errY == nil && os.SameFile(x, y)
}

// each calls f for what of the n bytes at off lies in each part.
func (m *mediumFiles) each(n int, off int64, f func(p *mediumPart, from, to int, off int64) error) (done int, err error) {
	for i := range m.parts {
		p := &m.parts[i]
		if off >= p.size {
			off -= p.size
			continue
		}
		k := int(min(int64(n-done), p.size-off))
		if err := f(p, done, done+k, p.from+off); err != nil {
			return done, err
		}
		if done += k; done == n {
			return n, nil
		}
		off = 0
	}
	if done == n {
		return n, nil
	}
	return done, io.EOF
}

// ReadAt reads the pool as it is mapped.
func (m *mediumFiles) ReadAt(b []byte, off int64) (int, error) {
	m.lock.RLock()
	defer m.lock.RUnlock()
	return m.each(len(b), off, func(p *mediumPart, from, to int, off int64) error {
		_, err := p.File.ReadAt(b[from:to], off)
		return err
	})
}

// WriteAt writes to the pool as it is mapped. It does not write beyond the last
// part: that is io.ErrShortWrite.
func (m *mediumFiles) WriteAt(b []byte, off int64) (int, error) {
	m.lock.RLock()
	defer m.lock.RUnlock()
	n, err := m.each(len(b), off, func(p *mediumPart, from, to int, off int64) error {
		m.syncing.Lock()
		p.dirty = true
		m.syncing.Unlock()
		_, err := p.File.WriteAt(b[from:to], off)
		return err
	})
	if err == io.EOF {
		err = io.ErrShortWrite
	}
	return n, err
}

// Sync makes durable what was written before the call.
func (m *mediumFiles) Sync() error {
	m.lock.RLock()
	defer m.lock.RUnlock()
	for i := range m.parts {
		p := &m.parts[i]
		m.syncing.Lock()
		dirty := p.dirty
		p.dirty = false
		m.syncing.Unlock()
		if !dirty {
			continue
		}
		if err := datasync(p.File); err != nil {
			return cgoutil.PathError(m.op, p.Name(), err)
		}
	}
	return nil
}

func datasync(f *os.File) error {
	for {
		if err := unix.Fdatasync(int(f.Fd())); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// Close closes the files.
func (m *mediumFiles) Close() error {
	m.lock.Lock()
	defer m.lock.Unlock()
	var err error
	for i := range m.parts {
		err = errors.Join(err, m.parts[i].Close())
	}
	m.parts = nil
	return err
}
