package libpmemobj

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/cgoutil"
	"github.com/pmem/pmdk-go/internal/objheap"
	"github.com/pmem/pmdk-go/internal/poolfile"
	"github.com/pmem/pmdk-go/internal/poolset"
)

// poolSet is a pool set file, and the parts that it names as they are found.
type poolSet struct {
	path     string
	text     *poolset.Set
	folders  bool // the parts are folders, in which PMDK makes files
	replicas []replica
	gap      string // the first number that no file has, if that is a gap
}

// replica is one copy of the pool.
type replica struct {
	parts []part // as they are mapped, one after the other
	limit int64  // bytes of address space, which is how far it can grow
}

// part is a file of a replica.
type part struct {
	path string
	*os.File
	fileSize int64
	from     int64 // where in the file the mapping begins
	size     int64 // of what is mapped
}

// page is what PMDK rounds the sizes of files down to.
var page = int64(os.Getpagesize())

// setLimits are those of libpmemobj.
func setLimits() poolset.Limits {
	return poolset.Limits{MinPart: MinPart, MinPool: MinPool, Page: uint64(page), Header: partHeader}
}

// partHeader is the size of the header in each part, unless the set has
// OPTION SINGLEHDR.
const partHeader = 4096

// readSet reads a pool set file and checks what its text says. It is false for
// a file that is none.
func readSet(op, path string, file io.ReaderAt) (*poolSet, bool, error) {
	start := make([]byte, len(poolset.Signature))
	if n, err := file.ReadAt(start, 0); n < len(start) && err != io.EOF {
		return nil, false, cgoutil.PathError(op, path, err)
	}
	if !poolset.IsSet(start) {
		return nil, false, nil
	}
	fail := func(err error) (*poolSet, bool, error) {
		return nil, true, &Error{Op: op, Path: path, Errno: unix.EINVAL, Msg: "not a usable pool set file: " + err.Error()}
	}
	text, err := io.ReadAll(io.NewSectionReader(file, 0, poolset.MaxText+1))
	if err != nil {
		return nil, true, cgoutil.PathError(op, path, err)
	}
	set, err := poolset.Parse(text)
	if err != nil {
		return fail(err)
	}
	for i := range set.Replicas {
		if r := &set.Replicas[i]; r.Remote() {
			return nil, true, &Error{Op: op, Path: path, Errno: unix.ENOTSUP, Msg: fmt.Sprintf("line %d: a replica on another host (%s); only local ones are supported", r.Line, r.Node)}
		}
	}
	if err := set.Check(setLimits()); err != nil {
		return fail(err)
	}
	s := &poolSet{path: path, text: set}
	if err := s.classify(op); err != nil {
		return nil, true, err
	}
	if s.folders {
		return s, true, nil
	}
	for i := range set.Replicas {
		if err := set.CheckFiles(&set.Replicas[i], setLimits()); err != nil {
			return fail(err)
		}
	}
	return s, true, nil
}

// classify finds out whether the parts are files or folders.
func (s *poolSet) classify(op string) error {
	first := true
	for _, r := range s.text.Replicas {
		for _, p := range r.Parts {
			st, err := os.Stat(p.Path)
			switch {
			case err == nil && st.Mode()&fs.ModeCharDevice != 0 || p.Auto:
				return s.wrong(op, unix.ENOTSUP, "part %s: devices (Device DAX) cannot be opened yet", p.Path)
			case err == nil && !st.IsDir() && !st.Mode().IsRegular():
				return s.wrong(op, unix.EINVAL, "part %s is neither a file nor a folder (%v)", p.Path, st.Mode())
			case err != nil && (s.grows() || !errors.Is(err, fs.ErrNotExist)):
				return s.about(op, p.Path, err)
			}
			folder := err == nil && st.IsDir()
			if !first && folder != s.folders {
				return s.wrong(op, unix.EINVAL, "part %s: files and folders cannot be mixed in a pool set; one that does not exist counts as a file", p.Path)
			}
			s.folders, first = folder, false
		}
	}
	if s.folders && !s.text.SingleHeader {
		return s.wrong(op, unix.EINVAL, "a pool set of folders needs a line OPTION SINGLEHDR")
	}
	return nil
}

// grows says whether the text was written for a pool that grows, whose parts
// are folders even if they are not there.
func (s *poolSet) grows() bool {
	return slices.ContainsFunc(s.text.Comments, func(c string) bool { return strings.HasPrefix(c, stepComment) })
}

// wrong is the error of a set file that says what cannot be.
func (s *poolSet) wrong(op string, errno unix.Errno, format string, args ...any) error {
	return &Error{Op: op, Path: s.path, Errno: errno, Msg: "pool set: " + fmt.Sprintf(format, args...)}
}

// about is the error of a part that cannot be used.
func (s *poolSet) about(op, part string, err error) error {
	var errno unix.Errno
	if !errors.As(err, &errno) {
		return fmt.Errorf("%s %s: part %s: %w", op, s.path, part, err)
	}
	return s.wrong(op, errno, "part %s", part)
}

// openParts opens the files of all replicas.
func (s *poolSet) openParts(op string) error {
	for i := range s.text.Replicas {
		r, err := s.openReplica(op, &s.text.Replicas[i])
		s.replicas = append(s.replicas, r)
		if err != nil {
			s.close()
			return err
		}
	}
	return nil
}

func (s *poolSet) openReplica(op string, text *poolset.Replica) (r replica, err error) {
	var paths []string
	if s.folders {
		if paths, err = s.list(op, text); err != nil {
			return r, err
		}
	} else {
		for _, p := range text.Parts {
			paths = append(paths, p.Path)
		}
	}
	for i, path := range paths {
		p := part{path: path}
		if p.File, err = openFile(op, path); err != nil {
			return r, s.about(op, path, err)
		}
		r.parts = append(r.parts, p)
		st, err := p.Stat()
		if err != nil {
			return r, cgoutil.PathError(op, path, err)
		}
		p.fileSize = st.Size()
		if !s.folders && uint64(p.fileSize) != text.Parts[i].Size {
			return r, s.wrong(op, unix.EINVAL, "line %d: %s has %d bytes, not %d: the file's size does not match", text.Parts[i].Line, path, p.fileSize, text.Parts[i].Size)
		}
		if i > 0 && !s.text.SingleHeader {
			p.from = partHeader
		}
		p.size = p.fileSize - p.fileSize%page - p.from
		r.parts[i] = p
	}
	for _, p := range text.Parts {
		r.limit += int64(p.Size)
	}
	if !s.folders {
		r.limit = r.size()
	}
	return r, nil
}

// partName is the name that PMDK gives the file with that number.
func partName(number int) string { return fmt.Sprintf("%06d.pmem", number) }

// list finds the files in a replica's folders, in the order of their numbers.
func (s *poolSet) list(op string, text *poolset.Replica) ([]string, error) {
	found := map[int]string{}
	for _, folder := range text.Parts {
		entries, err := os.ReadDir(folder.Path)
		if err != nil {
			return nil, s.about(op, folder.Path, err)
		}
		for _, e := range entries {
			number, ok := strings.CutSuffix(e.Name(), ".pmem")
			if !ok {
				continue
			}
			path := filepath.Join(folder.Path, e.Name())
			n, err := strconv.Atoi(number)
			if err != nil || n < 0 || partName(n) != e.Name() {
				return nil, &CorruptError{Path: path, Structure: "pool set folder", Reason: "PMDK gives no part such a name"}
			}
			if twice, ok := found[n]; ok {
				return nil, &CorruptError{Path: path, Structure: "pool set folder", Reason: "has the number of " + twice}
			}
			found[n] = path
		}
	}
	if len(found) == 0 {
		return nil, s.wrong(op, unix.ENOENT, "its folders hold no parts: the pool was not created yet")
	}
	var paths []string
	for i, n := range slices.Sorted(maps.Keys(found)) {
		if n != i && s.gap == "" {
			s.gap = partName(i)
		}
		paths = append(paths, found[n])
	}
	return paths, nil
}

// PMDK counts its attempts at growing, not the parts that came of them: after a
// disk was full for a while, numbers are missing. It then fails to open the
// pool. The parts still are in order, so they get the numbers that they should
// have.

// renumber closes the gaps in the numbers of the parts.
func (r *replica) renumber() error {
	for i := range r.parts {
		p := &r.parts[i]
		right := filepath.Join(filepath.Dir(p.path), partName(i))
		if p.path == right {
			continue
		}
		// Nothing has this name in any folder: the numbers only go down.
		if err := os.Rename(p.path, right); err != nil {
			return err
		}
		p.path = right
	}
	return nil
}

// close closes the parts.
func (s *poolSet) close() {
	for _, r := range s.replicas {
		for _, p := range r.parts {
			if p.File != nil {
				// Not by closing alone: a process that is being started may have
				// a copy for a moment.
				_ = unix.Flock(int(p.Fd()), unix.LOCK_UN)
				_ = p.Close()
			}
		}
	}
	s.replicas = nil
}

// renumber closes the gaps in all replicas. The caller knows that no part is
// missing.
func (s *poolSet) renumber() error {
	for i := range s.replicas {
		if err := s.replicas[i].renumber(); err != nil {
			return err
		}
	}
	return nil
}

// each calls f for every part of every replica.
func (s *poolSet) each(f func(p *part) error) error {
	for i := range s.replicas {
		for j := range s.replicas[i].parts {
			if err := f(&s.replicas[i].parts[j]); err != nil {
				return err
			}
		}
	}
	return nil
}

// size is the size of the pool, which the smallest replica decides.
func (s *poolSet) size() int64 {
	size := s.replicas[0].size()
	for i := range s.replicas {
		size = min(size, s.replicas[i].size())
	}
	return size
}

// limit is how large the pool can become.
func (s *poolSet) limit() int64 {
	limit := s.replicas[0].limit
	for _, r := range s.replicas {
		limit = min(limit, r.limit)
	}
	return limit
}

// size is the number of bytes that the replica maps.
func (r *replica) size() (size int64) {
	for i := range r.parts {
		size += r.parts[i].size
	}
	return size
}

// ReadAt reads the replica as it is mapped.
func (r *replica) ReadAt(b []byte, off int64) (n int, err error) {
	for i := range r.parts {
		p := &r.parts[i]
		if off >= p.size {
			off -= p.size
			continue
		}
		k := min(int64(len(b)-n), p.size-off)
		got, err := p.File.ReadAt(b[n:n+int(k)], p.from+off)
		if n += got; err != nil || n == len(b) {
			return n, err
		}
		off = 0
	}
	return n, io.EOF
}

// locate gives the part, and the place in its file, of what is at off.
func (r *replica) locate(off int64) (*part, int64) {
	last := &r.parts[len(r.parts)-1]
	for i := range r.parts {
		p := &r.parts[i]
		if off < p.size || p == last {
			return p, p.from + off
		}
		off -= p.size
	}
	return last, off
}

// corrupt makes an error about the replica one about a part.
func (r *replica) corrupt(op, path string, err error) error {
	var c *objheap.Corrupt
	if !errors.As(err, &c) {
		return cgoutil.PathError(op, path, err)
	}
	p, off := r.locate(c.Offset)
	return &CorruptError{Path: p.path, Structure: c.Structure, Offset: off, Reason: c.Reason}
}

// settle finds what the parts give if d is asked for. PMDK takes parts of one
// kind only, and says so.
func (s *poolSet) settle(op string, o *options) (got Durability, err error) {
	err = s.each(func(p *part) error {
		g, err := o.settle(op, p.path, p.File)
		got = max(got, g)
		return err
	})
	return got, err
}

// fillHoles is poolfile.FillHoles for every part.
func (s *poolSet) fillHoles(op string) error {
	return s.each(func(p *part) error {
		if err := poolfile.FillHoles(p.File); err != nil {
			return cgoutil.PathError(op, p.path, err)
		}
		return nil
	})
}

// growth is nil for a pool of fixed size.
func (s *poolSet) growth(frozen bool) *growth {
	if !s.folders {
		return nil
	}
	return &growth{path: s.path, set: s.text, limit: s.limit(), frozen: frozen}
}
