package poolsource

import (
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/cgoutil"
	"github.com/pmem/pmdk-go/internal/poolfile"
	"github.com/pmem/pmdk-go/internal/poolset"
)

// minPart is the size of the smallest part, for all kinds of pools.
const minPart = 2 << 20

// limits are what PMDK asks of the parts.
func (s *Source) limits() poolset.Limits {
	return poolset.Limits{MinPart: minPart, MinPool: uint64(s.kind.MinPool), Page: uint64(os.Getpagesize()), Header: headerSize}
}

// readSet reads and checks a pool set file. It returns nil for a file that is
// none.
func (s *Source) readSet(file io.ReaderAt) (*poolset.Set, error) {
	start := make([]byte, len(poolset.Signature))
	if n, err := file.ReadAt(start, 0); n < len(start) && err != io.EOF {
		return nil, cgoutil.PathError(s.op, s.path, err)
	}
	if !poolset.IsSet(start) {
		return nil, nil
	}
	text, err := io.ReadAll(io.NewSectionReader(file, 0, poolset.MaxText+1))
	if err != nil {
		return nil, cgoutil.PathError(s.op, s.path, err)
	}
	set, err := poolset.Parse(text)
	if err == nil {
		err = set.Check(s.limits())
	}
	if err != nil {
		return nil, s.wrong(unix.EINVAL, "%v", err)
	}
	if len(set.Replicas) > 1 {
		return nil, s.wrong(unix.ENOTSUP, "line %d: PMDK has no replicas of %ss", set.Replicas[1].Line, s.kind.Noun)
	}
	return set, nil
}

// wrong is the error of a set file that says what cannot be.
func (s *Source) wrong(errno unix.Errno, format string, args ...any) error {
	return &cgoutil.Error{Op: s.op, Path: s.path, Errno: errno, Msg: "pool set: " + fmt.Sprintf(format, args...)}
}

// openSet opens the parts.
func (s *Source) openSet(set *poolset.Set) error {
	s.single = set.SingleHeader
	replica := &set.Replicas[0]
	for _, p := range replica.Parts {
		if err := s.notFile(p); err != nil {
			return err
		}
		file, err := poolfile.Open(s.op, p.Path)
		if err != nil {
			var errno unix.Errno
			errors.As(err, &errno)
			return s.wrong(errno, "line %d: %v", p.Line, err)
		}
		if err := s.add(file, p.Path); err != nil {
			return err
		}
		if size := s.Parts[len(s.Parts)-1].Size; uint64(size) != p.Size {
			return s.wrong(unix.EINVAL, "line %d: %s has %d bytes, not %d", p.Line, p.Path, size, p.Size)
		}
	}
	if err := set.CheckFiles(replica, s.limits()); err != nil {
		return s.wrong(unix.EINVAL, "%v", err)
	}
	return nil
}
