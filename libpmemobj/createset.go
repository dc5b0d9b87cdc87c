package libpmemobj

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/cgoutil"
	"github.com/pmem/pmdk-go/internal/poolfile"
	"github.com/pmem/pmdk-go/third_party/pmdk"
)

// unusedSet reads the pool set file at path, which exists, for creating a pool
// in it. What is no pool set file is in the way.
func unusedSet(op, path string) (*poolSet, error) {
	exists := &Error{Op: op, Path: path, Errno: unix.EEXIST}
	st, err := os.Stat(path)
	if err != nil || !st.Mode().IsRegular() {
		return nil, exists
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, exists
	}
	defer f.Close()
	set, isSet, err := readSet(op, path, f)
	if err != nil {
		return nil, err
	}
	if !isSet {
		return nil, exists
	}
	if slices.Contains(set.text.Comments, armedComment) {
		return nil, set.wrong(op, unix.EEXIST, "the pool was created before; if its folders are empty, its parts are elsewhere or lost")
	}
	for _, r := range set.text.Replicas {
		for _, p := range r.Parts {
			in := []string{p.Path}
			if set.folders {
				if in, err = partsIn(p.Path); err != nil {
					return nil, set.about(op, p.Path, err)
				}
			} else if _, err := os.Lstat(p.Path); err != nil {
				in = nil
			}
			if len(in) > 0 {
				return nil, set.wrong(op, unix.EEXIST, "part %s exists: the pool does, or something else is in its place", in[0])
			}
		}
	}
	return set, nil
}

// createInSet makes a pool in the parts that a pool set file names.
func createInSet(op, path, layout string, set *poolSet, o *options) (*Pool, error) {
	if o.medium != nil {
		if err := set.single(op); err != nil {
			return nil, err
		}
	}
	if err := o.refuse(op, path, o.sizeSet, "WithSize"); err != nil {
		return nil, err
	}
	step, err := stepOf(op, path, set.text)
	if err != nil {
		return nil, err
	}
	var d Durability
	for _, r := range set.text.Replicas {
		for _, p := range r.Parts {
			folder := p.Path
			if !set.folders {
				folder = filepath.Dir(folder)
			}
			if !o.withoutNDCTL {
				if err := pmdk.RequireNDCTL(folder); err != nil {
					return nil, cgoutil.PathError(op, folder, err)
				}
			}
			got, err := settleIn(op, []string{folder}, o)
			if errors.Is(err, fs.ErrNotExist) {
				return nil, set.about(op, p.Path, err)
			}
			if err != nil {
				return nil, err
			}
			d = max(d, got)
		}
	}
	pop, err := enterCreate(op, path, path, layout, o.mode, o)
	if err != nil {
		return nil, err // PMDK has removed what it made, and what others made is theirs
	}
	if err := set.openParts(op); err != nil {
		closePool(pop)
		return nil, err
	}
	if o.medium != nil {
		closeEntered(pop)
		if err := set.sync(op); err != nil {
			return nil, err
		}
		set.close()
		return openSet(op, path, layout, set, o)
	}
	size, g := set.size(), set.growth(false)
	set.close()
	p, err := newPool(pop, path, layout, d, size, g, nil)
	if err != nil {
		return nil, err
	}
	if err := p.startGrowing(op, step); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return p, nil
}

// settleIn is Durability.settle for files to be made in folders.
func settleIn(op string, folders []string, o *options) (got Durability, err error) {
	for _, folder := range folders {
		probe, err := poolfile.Temporary(filepath.Join(folder, "probe"), 0o600)
		if err != nil {
			return 0, cgoutil.PathError(op, folder, err)
		}
		err = probe.Truncate(page)
		var g Durability
		if err == nil {
			g, err = o.settle(op, folder, probe.File)
		}
		probe.Discard()
		if err != nil {
			return 0, err
		}
		got = max(got, g)
	}
	return got, nil
}
