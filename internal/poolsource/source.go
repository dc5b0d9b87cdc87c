package poolsource

import (
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/cgoutil"
	"github.com/pmem/pmdk-go/internal/poolfile"
	"github.com/pmem/pmdk-go/internal/poolheader"
	"github.com/pmem/pmdk-go/third_party/pmdk"
)

// headerSize is what the parts after the first lose of what is mapped.
const headerSize = poolheader.Size

// Kind is what pools to expect.
type Kind struct {
	Header  poolheader.Kind
	MinPool int64  // of a pool's file, and of a part
	Noun    string // what messages call one, for example "log"
}

// Source is what a pool consists of.
type Source struct {
	Parts []Part

	op, path string // the path may be that of a pool set file
	kind     Kind
	single   bool // only the first part has a header
}

// Part is one file of a pool.
type Part struct {
	*os.File
	Path string
	Size int64 // of the file
}

// Corrupt says what is wrong with a file, and where.
type Corrupt struct {
	Path      string
	Structure string
	Offset    int64 // in the file
	Reason    string
}

func (c *Corrupt) Error() string {
	return fmt.Sprintf("%s: %s at offset %d: %s", c.Path, c.Structure, c.Offset, c.Reason)
}

// Open opens the files of the pool at path and checks that nobody uses them,
// and their headers. An error is a *Corrupt, or one of package cgoutil's.
func Open(op, path string, kind Kind) (*Source, error) {
	file, err := poolfile.Open(op, path)
	if err != nil {
		return nil, err
	}
	s := &Source{op: op, path: path, kind: kind}
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
		s.Close()
		return nil, err
	}
	return s, nil
}

// add takes over an open file.
func (s *Source) add(file *os.File, path string) error {
	s.Parts = append(s.Parts, Part{File: file, Path: path})
	st, err := file.Stat()
	if err != nil {
		return cgoutil.PathError(s.op, path, err)
	}
	s.Parts[len(s.Parts)-1].Size = st.Size()
	return nil
}

// inspect reads what all pools have.
func (s *Source) inspect() error {
	for _, p := range s.Parts {
		if err := poolfile.NotInUse(p.File); errors.Is(err, unix.EAGAIN) {
			return s.InUse()
		} else if err != nil {
			return cgoutil.PathError(s.op, p.Path, err)
		}
	}
	err := s.checkHeaders()
	var c *Corrupt
	if err == nil || errors.As(err, &c) {
		return err
	}
	return cgoutil.PathError(s.op, s.path, err)
}

// InUse is the error of a pool that somebody else has open.
func (s *Source) InUse() error {
	return &cgoutil.Error{Op: s.op, Path: s.path, Errno: unix.EAGAIN, Msg: fmt.Sprintf("locked: the %s is open in this or another process", s.kind.Noun)}
}

// Prepare makes the files ready for being mapped, and finds what they give if
// d is asked for.
func (s *Source) Prepare(d cgoutil.Durability) (got cgoutil.Durability, err error) {
	for _, p := range s.Parts {
		if err := poolfile.FillHoles(p.File); err != nil {
			return 0, cgoutil.PathError(s.op, p.Path, err)
		}
		settled, err := poolfile.Settle(d, p.File)
		if err != nil {
			return 0, cgoutil.PathError(s.op, p.Path, err)
		}
		got = max(got, settled) // PMDK takes parts of one kind only, and says so
	}
	return got, nil
}

// RequireNDCTL fails if one of the files needs libndctl and it is not there.
func (s *Source) RequireNDCTL() error {
	for _, p := range s.Parts {
		if err := pmdk.RequireNDCTL(p.Path); err != nil {
			return cgoutil.PathError(s.op, p.Path, err)
		}
	}
	return nil
}

// Close closes the files.
func (s *Source) Close() {
	for _, p := range s.Parts {
		// Closing alone leaves a lock to a process that is just being started.
		_ = unix.Flock(int(p.Fd()), unix.LOCK_UN)
		_ = p.Close()
	}
}

// mapped is how much of a part PMDK maps, and from where on: whole pages, and of
// the headers the first.
func (s *Source) mapped(part int) (size, from int64) {
	p := &s.Parts[part]
	size = p.Size - p.Size%int64(os.Getpagesize())
	if part > 0 && !s.single {
		return size - headerSize, headerSize
	}
	return size, 0
}

// Size is how many bytes PMDK maps.
func (s *Source) Size() (sum int64) {
	for i := range s.Parts {
		size, _ := s.mapped(i)
		sum += size
	}
	return sum
}

// Locate finds the part in which a byte lies, and where in it.
func (s *Source) Locate(off int64) (part *Part, at int64) {
	for i := range s.Parts {
		size, from := s.mapped(i)
		if off < size {
			return &s.Parts[i], from + off
		}
		off -= size
	}
	last := &s.Parts[len(s.Parts)-1]
	return last, last.Size + off
}

// ReadAt reads what PMDK maps.
func (s *Source) ReadAt(b []byte, off int64) (n int, err error) {
	for i := range s.Parts {
		size, from := s.mapped(i)
		if off < size && n < len(b) {
			want := b[n:min(int64(len(b)), int64(n)+size-off)]
			m, err := s.Parts[i].ReadAt(want, from+off)
			n += m
			if err != nil {
				return n, err
			}
			off += int64(m)
		}
		off -= size
	}
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}
