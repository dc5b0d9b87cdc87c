package poolsource

import (
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/cgoutil"
	"github.com/pmem/pmdk-go/internal/poolfile"
	"github.com/pmem/pmdk-go/internal/poolset"
	"github.com/pmem/pmdk-go/third_party/pmdk"
)

// New is a pool set file whose parts are yet to be made. C makes them, and
// removes them if it fails.
type New struct {
	source Source
	set    *poolset.Set
}

// Unused reads the file at path, which exists, for creating a pool in it. What
// is no pool set file is in the way, and so is a part that exists; these errors
// match fs.ErrExist.
func Unused(op, path string, kind Kind) (*New, error) {
	exists := &cgoutil.Error{Op: op, Path: path, Errno: unix.EEXIST}
	st, err := os.Stat(path)
	if err != nil || !st.Mode().IsRegular() {
		return nil, exists
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, exists
	}
	defer file.Close()
	n := &New{source: Source{op: op, path: path, kind: kind}}
	if n.set, err = n.source.readSet(file); err != nil {
		return nil, err
	}
	if n.set == nil {
		return nil, exists
	}
	if err := n.free(); err != nil {
		return nil, err
	}
	if err := n.set.CheckFiles(&n.set.Replicas[0], n.source.limits()); err != nil {
		return nil, n.source.wrong(unix.EINVAL, "%v", err)
	}
	return n, nil
}

// free fails unless the parts are files that do not exist.
func (n *New) free() error {
	for _, p := range n.set.Replicas[0].Parts {
		if err := n.source.notFile(p); err != nil {
			return err
		}
		if _, err := os.Lstat(p.Path); err == nil {
			return n.source.wrong(unix.EEXIST, "line %d: %s exists: the %s does, or something else is in its place", p.Line, p.Path, n.source.kind.Noun)
		}
	}
	return nil
}

// notFile fails if a part is known not to be a file.
func (s *Source) notFile(p poolset.Part) error {
	st, err := os.Stat(p.Path)
	switch {
	case p.Auto || err == nil && st.Mode()&fs.ModeDevice != 0:
		return s.wrong(unix.ENOTSUP, "line %d: %s: devices (Device DAX) cannot be opened yet", p.Line, p.Path)
	case err == nil && st.IsDir():
		return s.wrong(unix.ENOTSUP, "line %d: %s is a folder; a %s does not grow, its parts are files", p.Line, p.Path, s.kind.Noun)
	}
	return nil
}

// Size is how many bytes of the pool PMDK will map.
func (n *New) Size() int64 {
	var sizes []uint64
	for _, p := range n.set.Replicas[0].Parts {
		sizes = append(sizes, p.Size)
	}
	return int64(n.set.FileSize(sizes, n.source.limits()))
}

// RequireNDCTL fails if one of the parts will need libndctl and it is not
// there.
func (n *New) RequireNDCTL() error {
	for _, p := range n.set.Replicas[0].Parts {
		if err := pmdk.RequireNDCTL(p.Path); err != nil {
			return cgoutil.PathError(n.source.op, p.Path, err)
		}
	}
	return nil
}

// Prepare sees that there is room for the parts, and finds what they will give
// if d is asked for.
func (n *New) Prepare(d cgoutil.Durability) (got cgoutil.Durability, err error) {
	need := map[uint64]int64{} // of each file system
	for _, p := range n.set.Replicas[0].Parts {
		settled, err := probe(p, need, d)
		if err != nil {
			return 0, cgoutil.PathError(n.source.op, p.Path, err)
		}
		got = max(got, settled) // PMDK takes parts of one kind only, and says so
	}
	return got, nil
}

// probe asks a file that never gets the part's name.
func probe(p poolset.Part, need map[uint64]int64, d cgoutil.Durability) (cgoutil.Durability, error) {
	file, err := poolfile.Temporary(filepath.Join(filepath.Dir(p.Path), "probe"), 0o600)
	if err != nil {
		return 0, err
	}
	defer file.Discard()
	if err := file.Truncate(int64(os.Getpagesize())); err != nil {
		return 0, err
	}
	var st unix.Stat_t
	if err := unix.Fstat(int(file.Fd()), &st); err != nil {
		return 0, err
	}
	need[st.Dev] += int64(p.Size)
	// PMDK would say so too, after filling the disk.
	if err := poolfile.Fits(file.File, need[st.Dev]); err != nil {
		return 0, err
	}
	return poolfile.Settle(d, file.File)
}
