package libpmemblk

import (
	"errors"

	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/internal/poolfile"
)

// Restore makes the BTT info blocks of a pool good again that Open refuses for
// them: by their copies in the pool, or by computing what was in them, if the
// rest of the pool fits that. It is exact, so that all blocks are there again,
// and says how many info blocks it has restored. A pool that is sound stays as
// it is.
//
// It is for pools that nothing was written to since the damage. PMDK's own
// checker repairs the block from its copy too, but takes one of zeros for that
// of a new pool, and cannot do without the copy.
//
// The pool must not be open. Work on a copy of the file.
func Restore(path string) (restored int, err error) {
	const op = "restore"
	if _, err := newOptions(op, path, nil); err != nil {
		return 0, err
	}
	s, err := openSource(op, path)
	if err != nil {
		return 0, err
	}
	defer s.Close()
	if err := s.lock(); err != nil {
		return 0, err
	}
	patches, err := s.area.Restore()
	if err != nil {
		return 0, s.error(op, path, err)
	}
	for _, patch := range patches {
		// It lies in one part: both begin and end with pages.
		p, off := s.Locate(dataOff + patch.Offset)
		_, err := p.WriteAt(patch.Bytes, off)
		if err := errors.Join(err, p.Sync()); err != nil {
			return 0, s.error(op, p.Path, err)
		}
	}
	return len(patches), s.error(op, path, s.check())
}

// lock takes the locks that PMDK takes, so that nobody opens the pool
// meanwhile. Closing the files releases them.
func (s *source) lock() error {
	poolfile.Enter() // as for poolfile.NotInUse
	defer poolfile.Leave()
	for _, p := range s.Parts {
		if err := unix.Flock(int(p.Fd()), unix.LOCK_EX|unix.LOCK_NB); errors.Is(err, unix.EWOULDBLOCK) {
			return s.InUse()
		}
	}
	return nil // or a file system without locks
}
