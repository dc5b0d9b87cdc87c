package libpmemlog

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/cgoutil"
	"github.com/pmem/pmdk-go/internal/poolfile"
	"github.com/pmem/pmdk-go/third_party/pmdk"
)

// source is what a log consists of: one file, or the parts of a pool set. C
// opens it once more, by the same path.
type source struct {
	op, path string // the path may be that of a pool set file
	parts    []part
	single   bool // only the first part has a header
}

// part is one file of a log.
type part struct {
	*os.File
	path string
	size int64 // of the file
}

// openSource opens the files of the log at path, and checks them.
func openSource(op, path string) (*source, error) {
	file, err := poolfile.Open(op, path)
	if err != nil {
		return nil, err
	}
	s := &source{op: op, path: path}
	set, err := s.readSet(file)
	switch {
	case err != nil || set != nil:
		_ = file.Close()
		if err == nil {
			err = s.openSet(set)
		}
	default:
		err = s.add(file, path)
	}
	if err == nil {
		err = s.inspect()
	}
	if err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// add takes over an open file.
func (s *source) add(file *os.File, path string) error {
	s.parts = append(s.parts, part{File: file, path: path})
	st, err := file.Stat()
	if err != nil {
		return cgoutil.PathError(s.op, path, err)
	}
	s.parts[len(s.parts)-1].size = st.Size()
	return nil
}

// inspect reads the files before C does.
func (s *source) inspect() error {
	for _, p := range s.parts {
		if err := poolfile.NotInUse(p.File); errors.Is(err, unix.EAGAIN) {
			return &Error{Op: s.op, Path: s.path, Errno: unix.EAGAIN, Msg: "locked: the log is open in this or another process"}
		} else if err != nil {
			return cgoutil.PathError(s.op, p.path, err)
		}
	}
	err := s.check()
	var c *CorruptError
	if err == nil || errors.As(err, &c) {
		return err
	}
	return cgoutil.PathError(s.op, s.path, err)
}

// prepare makes the files ready for being mapped, and finds what they give if
// d is asked for.
func (s *source) prepare(d Durability) (got Durability, err error) {
	for _, p := range s.parts {
		if err := poolfile.FillHoles(p.File); err != nil {
			return 0, cgoutil.PathError(s.op, p.path, err)
		}
		settled, err := poolfile.Settle(d, p.File)
		if err != nil {
			return 0, cgoutil.PathError(s.op, p.path, err)
		}
		got = max(got, settled) // PMDK takes parts of one kind only, and says so
	}
	return got, nil
}

// requireNDCTL fails if one of the files needs libndctl and it is not there.
func (s *source) requireNDCTL() error {
	for _, p := range s.parts {
		if err := pmdk.RequireNDCTL(p.path); err != nil {
			return cgoutil.PathError(s.op, p.path, err)
		}
	}
	return nil
}

func (s *source) close() {
	for _, p := range s.parts {
		_ = p.Close()
	}
}
