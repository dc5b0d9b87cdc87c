package libpmempool

import (
	"errors"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/cgoutil"
	"github.com/pmem/pmdk-go/internal/poolset"
)

// PoolSet says of which files or folders a pool is made: the content of a
// pool set file; see poolset(5). The first replica is the master. It is a
// plain value, built by hand or with the Add methods:
//
//	var set libpmempool.PoolSet
//	set.AddPart("/data/a", 1<<30).AddPart("/data/b", 1<<30)
//	set.AddReplica().AddPart("/mirror/c", 2<<30)
//	err := set.WriteFile("/data/pool.set", 0o600)
type PoolSet struct {
	// SingleHeader is OPTION SINGLEHDR: only the first part of a replica has a
	// header, so that the others hold nothing but the pool's content.
	SingleHeader bool

	// NoHeaders is OPTION NOHDRS, which is for the remote end of replicas. PMDK
	// refuses local pool sets with it.
	NoHeaders bool

	Replicas []Replica
	Comments []string // the lines that begin with #, without it
}

// Replica is one copy of the pool.
type Replica struct {
	// Node and Descriptor are the host and the pool set file there of a remote
	// replica, which has no Parts. They can be read and printed, and that is all.
	Node, Descriptor string
	Parts            []Part
}

// Remote says whether the replica lies on another host.
func (r *Replica) Remote() bool { return r.Node != "" || r.Descriptor != "" }

// Part is a file, or a folder in which PMDK makes files as the pool grows.
type Part struct {
	// Size in bytes: of the file, or the most that the folder's files may add
	// up to.
	Size uint64
	Auto bool // the size is that of a device
	Path string
}

// SyntaxError says why a text is no pool set file: the reason, and the line
// counted from 1, or 0 if it is about none.
type SyntaxError = poolset.SyntaxError

// ParsePoolSet reads the text of a pool set file, as strictly as PMDK does and
// with its reasons. An error is a *SyntaxError.
func ParsePoolSet(text []byte) (*PoolSet, error) {
	parsed, err := poolset.Parse(text)
	if err != nil {
		return nil, err
	}
	set := &PoolSet{SingleHeader: parsed.SingleHeader, NoHeaders: parsed.NoHeaders, Comments: parsed.Comments}
	for _, r := range parsed.Replicas {
		replica := Replica{Node: r.Node, Descriptor: r.Descriptor}
		for _, p := range r.Parts {
			replica.Parts = append(replica.Parts, Part{Size: p.Size, Auto: p.Auto, Path: p.Path})
		}
		set.Replicas = append(set.Replicas, replica)
	}
	return set, nil
}

// ReadPoolSet reads the pool set file at path.
func ReadPoolSet(path string) (*PoolSet, error) {
	const op = "read pool set"
	if _, err := cgoutil.CheckPath(op, path); err != nil {
		return nil, err
	}
	f, err := openToRead(op, path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readSet(op, path, f)
}

// AddPart adds a file of size bytes, or a folder for files of as many, to the
// last replica, which is made if there is none. It returns s.
func (s *PoolSet) AddPart(path string, size uint64) *PoolSet {
	if len(s.Replicas) == 0 {
		s.AddReplica()
	}
	last := &s.Replicas[len(s.Replicas)-1]
	last.Parts = append(last.Parts, Part{Size: size, Path: path})
	return s
}

// AddReplica begins another replica, to which AddPart adds from here on. It
// returns s.
func (s *PoolSet) AddReplica() *PoolSet {
	s.Replicas = append(s.Replicas, Replica{})
	return s
}

// raw is s as package poolset has it.
func (s *PoolSet) raw() *poolset.Set {
	raw := &poolset.Set{SingleHeader: s.SingleHeader, NoHeaders: s.NoHeaders, Comments: s.Comments}
	for _, r := range s.Replicas {
		replica := poolset.Replica{Node: r.Node, Descriptor: r.Descriptor}
		for _, p := range r.Parts {
			replica.Parts = append(replica.Parts, poolset.Part{Size: p.Size, Auto: p.Auto, Path: p.Path})
		}
		raw.Replicas = append(raw.Replicas, replica)
	}
	return raw
}

// MarshalText prints s as a pool set file, which ParsePoolSet reads back. A set
// that cannot be written down is an error: a relative path, one with a blank, a
// # or a line break, a size of 0, a replica without parts.
func (s *PoolSet) MarshalText() ([]byte, error) {
	text, err := s.raw().Text()
	if err != nil {
		return nil, badArgument("print pool set", "", "%v", err)
	}
	return text, nil
}

// UnmarshalText is ParsePoolSet into s.
func (s *PoolSet) UnmarshalText(text []byte) error {
	parsed, err := ParsePoolSet(text)
	if err == nil {
		*s = *parsed
	}
	return err
}

// WriteFile prints s into a new file at path, with the permission bits of mode
// less the umask. A file that exists is left alone; the error matches
// fs.ErrExist.
func (s *PoolSet) WriteFile(path string, mode os.FileMode) error {
	const op = "write pool set"
	if _, err := cgoutil.CheckPath(op, path); err != nil {
		return err
	}
	text, err := s.MarshalText()
	if err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
	if err != nil {
		return cgoutil.PathError(op, path, err)
	}
	_, err = f.Write(text)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		_ = os.Remove(path)
		return cgoutil.PathError(op, path, err)
	}
	return nil
}

// Validate says what keeps s from being a pool of type t, or of any type for
// TypeDetect, as far as the text shows: what PMDK would refuse, for its
// reasons, remote replicas (ErrRemote), and parts at "/", all of which PMDK
// would search. With folders, it refuses parts outside of them (ErrNotAllowed),
// after following symbolic links.
func (s *PoolSet) Validate(t Type, folders ...string) error {
	const op = "validate pool set"
	if _, err := s.MarshalText(); err != nil {
		return err
	}
	if err := s.allowed(op, "", folders); err != nil {
		return err
	}
	l := limits
	l.MinPool = uint64(minSize(t))
	if err := s.raw().Check(l); err != nil {
		return badArgument(op, "", "%v", err)
	}
	if t != TypeObj && t != TypeDetect && len(s.Replicas) > 1 {
		return badArgument(op, "", "replication is not supported for %v pools", t)
	}
	return nil
}

var limits = poolset.Limits{MinPart: minPart, MinPool: minPart, Page: 4096, Header: 4096}

// allowed says whether the parts are where PMDK may be let loose.
func (s *PoolSet) allowed(op, path string, dirs []string) error {
	real := make([]string, len(dirs))
	for i, dir := range dirs {
		abs, err := filepath.Abs(dir)
		if err == nil {
			abs, err = filepath.EvalSymlinks(abs)
		}
		if err != nil {
			return cgoutil.PathError(op, dir, err)
		}
		real[i] = abs
	}
	for _, r := range s.Replicas {
		if r.Remote() {
			return wrap(op, path, ErrRemote, "replica %s %s", r.Node, r.Descriptor)
		}
		for _, p := range r.Parts {
			if p.Auto {
				return &Error{Op: op, Path: path, Errno: unix.ENOTSUP, Msg: p.Path + ": devices are not supported"}
			}
			where, ok := resolve(p.Path)
			if where == "/" {
				return badArgument(op, path, "part %q: the root of the file system cannot be a part; PMDK would search all of it", p.Path)
			}
			if dirs != nil && (!ok || !insideAny(where, real)) {
				return wrap(op, path, ErrNotAllowed, "part %s", p.Path)
			}
		}
	}
	return nil
}

// resolve follows the symbolic links in as much of a path as exists. It is
// false where a link leads to nothing: C would create what it names.
func resolve(path string) (string, bool) {
	rest := ""
	for dir := filepath.Clean(path); ; dir = filepath.Dir(dir) {
		if real, err := filepath.EvalSymlinks(dir); err == nil {
			return filepath.Join(real, rest), true
		}
		if _, err := os.Readlink(dir); err == nil || dir == "/" {
			return "", false
		}
		rest = filepath.Join(filepath.Base(dir), rest)
	}
}

func insideAny(path string, dirs []string) bool {
	for _, dir := range dirs {
		if rel, err := filepath.Rel(dir, path); err == nil && rel != ".." && !strings.HasPrefix(rel, "../") {
			return true
		}
	}
	return false
}
