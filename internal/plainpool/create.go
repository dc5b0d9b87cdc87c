package plainpool

import (
	"errors"
	"io/fs"
	"os"

	"github.com/pmem/pmdk-go/cgoutil"
	"github.com/pmem/pmdk-go/internal/poolfile"
	"github.com/pmem/pmdk-go/internal/poolsource"
	"github.com/pmem/pmdk-go/third_party/pmdk"
)

// Creator creates pools of one kind.
type Creator[P Pool] struct {
	Kind poolsource.Kind

	// Fits fails if no pool can have the size. The remedy is for one that is too
	// small. If it is nil, every size will do that Kind allows.
	Fits func(size int64, remedy string) error

	Enter func(*Call) P // see Call
}

// Create makes a pool at path: in a file that appears when it is complete, or
// in the parts that a pool set file names, if that is what path is.
func (m Creator[P]) Create(op, path string, o *Options) (none P, err error) {
	if _, err := os.Lstat(path); err == nil {
		return m.createInSet(op, path, o)
	}
	if err := m.fits(o.Size, "use WithSize"); err != nil {
		return none, err
	}
	if !o.WithoutNDCTL {
		if err := pmdk.RequireNDCTL(path); err != nil {
			return none, cgoutil.PathError(op, path, err)
		}
	}
	file, err := poolfile.Create(path, o.Mode)
	if err != nil {
		return none, cgoutil.PathError(op, path, err)
	}
	p, err := m.createIn(op, path, o, file)
	if err != nil {
		file.Discard()
		return none, err
	}
	return p, nil
}

// createIn makes the pool in a file without its final name, and then names it.
func (m Creator[P]) createIn(op, path string, o *Options, file *poolfile.New) (none P, err error) {
	if err := poolfile.Allocate(file.File, o.Size); err != nil {
		return none, cgoutil.PathError(op, path, err)
	}
	d, err := poolfile.Settle(o.Durability, file.File)
	if err != nil {
		return none, cgoutil.PathError(op, path, err)
	}
	place, err := cgoutil.CheckPath(op, file.Reachable())
	if err != nil {
		return none, err
	}
	// PMDK keeps the path through which it opened the file, and with it the
	// number of our descriptor: the pool keeps that too.
	p, err := do(op, path, &Call{Place: place, Settings: o.settings(), File: file.File, durability: d}, m.Enter)
	if err != nil {
		return none, err
	}
	if err := file.Publish(path); err != nil {
		_ = p.Close()
		return none, cgoutil.PathError(op, path, err)
	}
	return p, nil
}

// createInSet makes a pool in the parts that a pool set file names.
func (m Creator[P]) createInSet(op, path string, o *Options) (none P, err error) {
	set, err := poolsource.Unused(op, path, m.Kind)
	if err != nil {
		return none, err
	}
	if err := Refuse(op, path, o.SizeSet, "WithSize"); err != nil {
		return none, err
	}
	if err := m.fits(set.Size(), "make its parts larger"); err != nil {
		return none, err
	}
	d, err := o.prepare(set)
	if err != nil {
		return none, err
	}
	place, err := cgoutil.CheckPath(op, path)
	if err != nil {
		return none, err
	}
	return do(op, path, &Call{Place: place, Settings: o.settings().withMode(o.Mode), durability: d}, m.Enter)
}

func (m Creator[P]) fits(size int64, remedy string) error {
	if m.Fits == nil {
		return nil
	}
	return m.Fits(size, remedy)
}

// OpenOrCreate opens a pool, or creates it if there is none.
func OpenOrCreate[P any](open, create func() (P, error)) (P, error) {
	p, err := open()
	if !errors.Is(err, fs.ErrNotExist) {
		return p, err
	}
	p, err = create()
	if errors.Is(err, fs.ErrExist) {
		return open() // somebody else was quicker
	}
	return p, err
}
