package crashtest

import (
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// sharedMemory is a tmpfs on all Linux systems.
const sharedMemory = "/dev/shm"

// scratchName begins the names of our folders.
const scratchName = "pmdk-go-crashtest-"

// abandonedAfter is how old a folder must be to be taken for one that a killed
// process has left: one that was just made is not locked yet.
const abandonedAfter = time.Minute

// scratch is a folder for one run.
type scratch struct {
	path string
	lock *os.File // held while the folder is in use
}

// newScratch makes a folder in dir or, if that is empty, where files are in
// memory, if there is room for so many bytes.
func newScratch(dir string, room int64) (*scratch, error) {
	if dir == "" {
		if hasRoom(sharedMemory, room) { // containers often have 64 MiB there
			if s, err := makeScratch(sharedMemory); err == nil {
				return s, nil
			}
		}
		dir = os.TempDir()
	}
	return makeScratch(dir)
}

func hasRoom(dir string, room int64) bool {
	var st unix.Statfs_t
	return unix.Statfs(dir, &st) == nil && int64(st.Bavail)*st.Bsize >= room
}

// room is how many bytes of files a run has at a time, about.
func (s *subject) room() int64 {
	const traces = 32 << 20
	return int64(s.config.Workers+2)*s.config.Size + traces
}

func makeScratch(dir string) (*scratch, error) {
	removeAbandoned(dir)
	path, err := os.MkdirTemp(dir, scratchName)
	if err != nil {
		return nil, err
	}
	if path, err = filepath.Abs(path); err != nil {
		return nil, err
	}
	s := &scratch{path: path}
	if s.lock, err = os.Open(path); err == nil {
		err = unix.Flock(int(s.lock.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	}
	if err != nil {
		s.remove()
		return nil, err
	}
	return s, nil
}

func (s *scratch) file(name string) string { return filepath.Join(s.path, name) }

func (s *scratch) remove() {
	_ = os.RemoveAll(s.path)
	if s.lock != nil {
		_ = s.lock.Close()
	}
}

// removeAbandoned removes the folders of processes that were killed.
func removeAbandoned(dir string) {
	old, err := filepath.Glob(filepath.Join(dir, scratchName+"*"))
	if err != nil {
		return
	}
	for _, path := range old {
		st, err := os.Stat(path)
		if err != nil || time.Since(st.ModTime()) < abandonedAfter {
			continue
		}
		f, err := os.Open(path)
		if err != nil {
			continue
		}
		if unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil {
			_ = os.RemoveAll(path)
		}
		_ = f.Close()
	}
}
