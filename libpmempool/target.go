package libpmempool

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/cgoutil"
	"github.com/pmem/pmdk-go/internal/poolfile"
	"github.com/pmem/pmdk-go/internal/poolheader"
	"github.com/pmem/pmdk-go/internal/poolset"
	"github.com/pmem/pmdk-go/third_party/pmdk"
)

// minPart is the size of the smallest file that can be a part of a pool.
const minPart = 2 << 20

// minSize is the size of the smallest single-file pool of a type.
func minSize(t Type) int64 {
	switch t {
	case TypeObj:
		return 8 << 20
	case TypeBlk:
		return 16<<20 + 8<<10
	}
	return minPart
}

// target is what a path leads to: one file, or a pool set.
type target struct {
	op, path string
	set      *PoolSet // nil for a single file
	files    []poolFile
}

// poolFile is a file of a pool, as it was found.
type poolFile struct {
	path          string
	replica, part int
	size          int64
	header        poolheader.Header
	id            fileID
	err           error // why it is of no use; fs.ErrNotExist if it is missing
}

// fileID tells whether two descriptors are of the same file.
type fileID struct{ dev, ino uint64 }

// examine reads what stands at path, between enterC and leave. Errors are those
// that forbid any use; what is wrong with single files is left to the caller.
func examine(op, path string, o *options) (*target, error) {
	t := &target{op: op, path: path}
	f, err := openToRead(op, path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	start := make([]byte, len(poolset.Signature))
	if n, _ := f.ReadAt(start, 0); !poolset.IsSet(start[:n]) {
		t.files = []poolFile{readFile(op, path, 0, 0)}
		return t, nil
	}
	t.set, err = readSet(op, path, f)
	if err != nil {
		return nil, err
	}
	if err := t.set.allowed(op, path, o.dirs); err != nil {
		return nil, err
	}
	for r, replica := range t.set.Replicas {
		for p, part := range replica.Parts {
			t.files = append(t.files, readPart(op, part, r, p)...)
		}
	}
	return t, nil
}

// openToRead opens a file, and nothing else.
func openToRead(op, path string) (*os.File, error) {
	st, err := os.Stat(path)
	if err != nil {
		return nil, cgoutil.PathError(op, path, err)
	}
	switch {
	case st.IsDir():
		return nil, &Error{Op: op, Path: path, Errno: unix.EISDIR, Msg: "is a directory, not a pool"}
	case !st.Mode().IsRegular():
		return nil, &Error{Op: op, Path: path, Errno: unix.EINVAL, Msg: fmt.Sprintf("is not a regular file (%v); devices are not supported", st.Mode())}
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, cgoutil.PathError(op, path, err)
	}
	return f, nil
}

// readPart reads the file of a part, or the files in its folder.
func readPart(op string, part Part, replica, number int) []poolFile {
	st, err := os.Stat(part.Path)
	if err == nil && st.IsDir() {
		names, _ := filepath.Glob(filepath.Join(escapeGlob(part.Path), "*.pmem"))
		slices.Sort(names)
		var files []poolFile
		for i, name := range names {
			files = append(files, readFile(op, name, replica, number+i))
		}
		if len(files) == 0 {
			missing := filepath.Join(part.Path, "000000.pmem")
			files = []poolFile{{path: missing, replica: replica, part: number, err: cgoutil.PathError(op, missing, unix.ENOENT)}}
		}
		return files
	}
	f := readFile(op, part.Path, replica, number)
	if f.err == nil && f.size < int64(part.Size) {
		f.err = &CorruptError{Path: f.path, Structure: "file", Offset: f.size, Reason: fmt.Sprintf("truncated: the pool set file says %d bytes", part.Size)}
	}
	return []poolFile{f}
}

func escapeGlob(path string) string {
	return strings.NewReplacer(`*`, `\*`, `?`, `\?`, `[`, `\[`, `\`, `\\`).Replace(path)
}

// readFile reads the header of a file.
func readFile(op, path string, replica, part int) poolFile {
	p := poolFile{path: path, replica: replica, part: part}
	f, err := openToRead(op, path)
	if err != nil {
		p.err = err
		return p
	}
	defer f.Close()
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		p.err = cgoutil.PathError(op, path, err)
		return p
	}
	p.size, p.id = st.Size, fileID{uint64(st.Dev), st.Ino}
	p.header, err = poolheader.ReadFrom(f)
	locked := poolfile.NotInUseInside(f)
	switch {
	case errors.Is(locked, unix.EAGAIN):
		p.err = &Error{Op: op, Path: path, Errno: unix.EAGAIN, Msg: "locked: the pool is open in this or another process"}
	case locked != nil:
		p.err = cgoutil.PathError(op, path, locked)
	case p.size == 0:
		p.err = &CorruptError{Path: path, Structure: "file", Reason: "it is empty"}
	case errors.Is(err, poolheader.ErrShort) || err == nil && p.size < minPart:
		p.err = &CorruptError{Path: path, Structure: "file", Offset: p.size, Reason: fmt.Sprintf("truncated: %d bytes are less than any pool has; restore it from a backup", p.size)}
	case err != nil:
		p.err = cgoutil.PathError(op, path, err)
	}
	return p
}

// lone is the only file of a pool that is no set.
func (t *target) lone() *poolFile {
	if t.set != nil {
		return nil
	}
	return &t.files[0]
}

// kind is what the pool is by its headers.
func (t *target) kind() Type {
	for _, f := range t.files {
		if k := typeOf(f.header.Kind); k != TypeDetect {
			return k
		}
	}
	return TypeDetect
}

// busy is the error of a file that is open elsewhere, or cannot be read.
func (t *target) busy() error {
	for _, f := range t.files {
		var e *Error
		if errors.As(f.err, &e) && !errors.Is(e, fs.ErrNotExist) {
			return f.err
		}
	}
	return nil
}

// whole is the first error of any file.
func (t *target) whole() error {
	for _, f := range t.files {
		if f.err != nil {
			return f.err
		}
	}
	if f := t.lone(); f != nil && !f.header.Part() {
		if least := minSize(t.kind()); f.size < least {
			return &CorruptError{Path: f.path, Structure: "file", Offset: f.size, Reason: fmt.Sprintf("truncated: a %v pool has at least %d bytes; restore it from a backup", t.kind(), least)}
		}
	}
	return nil
}

// replayed refuses a pool that has changes in its journal. C would call its
// features unsupported, and a repair would take the mark away.
func (t *target) replayed() error {
	for _, f := range t.files {
		if f.header.Unreplayed() {
			return wrap(t.op, f.path, ErrUnreplayed, "%s", poolheader.ReplayHint)
		}
	}
	return nil
}

// ready prepares the files for C, which is about to write to them, or only to
// read. A store into a hole of a file on a full disk would kill the process.
func (t *target) ready(o *options, write bool) error {
	if err := t.replayed(); err != nil {
		return err
	}
	for _, f := range t.files {
		if f.id == (fileID{}) {
			continue
		}
		if !o.withoutNDCTL {
			if err := pmdk.RequireNDCTL(f.path); err != nil {
				return cgoutil.PathError(t.op, f.path, err)
			}
		}
		if !write || f.size == 0 {
			continue
		}
		if err := fillHoles(f.path); err != nil {
			return cgoutil.PathError(t.op, f.path, err)
		}
	}
	return nil
}

func fillHoles(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	return poolfile.FillHoles(f)
}

// ids are the files that exist. There are none of a nil target.
func (t *target) ids() []fileID {
	var ids []fileID
	if t == nil {
		return nil
	}
	for _, f := range t.files {
		if f.id != (fileID{}) {
			ids = append(ids, f.id)
		}
	}
	return ids
}

// readSet reads the text of a pool set file.
func readSet(op, path string, r io.ReaderAt) (*PoolSet, error) {
	text, err := io.ReadAll(io.NewSectionReader(r, 0, poolset.MaxText+1))
	if err != nil {
		return nil, cgoutil.PathError(op, path, err)
	}
	set, err := ParsePoolSet(text)
	if err != nil {
		return nil, badArgument(op, path, "%v", err)
	}
	return set, nil
}
