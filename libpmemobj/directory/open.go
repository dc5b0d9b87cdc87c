package directory

import (
	"errors"
	"fmt"

	"github.com/pmem/pmdk-go/libpmemobj"
)

// Kind is what an object is, so that it is not taken for anything else.
type Kind struct {
	Name    string // for example "hashmap.Map"
	Version uint32 // of the layout
	Param   uint64 // what else must agree, such as a hash of the element types
	Types   string // the same for people, such as "[uint64, main.User]"; of a long one the beginning is kept
}

// String is the kind's name with its types and version.
func (k Kind) String() string { return fmt.Sprintf("%s%s version %d", k.Name, k.Types, k.Version) }

// KindError says that a name stands for something else than was asked for.
type KindError struct {
	Pool       string // its path
	Name       string
	Have, Want Kind
}

// Error names both kinds.
func (e *KindError) Error() string {
	msg := fmt.Sprintf("%q in pool %s is a %v, not a %v", e.Name, e.Pool, e.Have, e.Want)
	if e.Have.Name == e.Want.Name && e.Have.Version == e.Want.Version && e.Have.Param != e.Want.Param {
		msg += fmt.Sprintf(" (parameter %#x, not %#x)", e.Have.Param, e.Want.Param)
	}
	return msg
}

// ErrNotFound is the error of looking for a name that nothing has.
var ErrNotFound = errors.New("nothing of that name in the pool's directory")

// Open returns the offset of the object that has the name. If nothing has it,
// create makes the object in a transaction that also enters it under the name,
// and must not use the directory. If the name stands for something of another
// kind, version or parameter, the error is a *[KindError].
//
// A pool without a root object gets one. Creating is not possible inside
// [libpmemobj.Pool.Update]; finding what exists is.
func Open(p *libpmemobj.Pool, name string, k Kind, create func(tx *libpmemobj.Tx) (off uint64, err error)) (off uint64, err error) {
	if err := k.check(name); err != nil {
		return 0, err
	}
	d, err := of(p)
	if err != nil {
		return 0, err
	}
	off, err = d.lookup(name, k)
	if !errors.Is(err, ErrNotFound) {
		return off, err
	}
	if libpmemobj.InUpdate() {
		return 0, fmt.Errorf("%q is not in the directory, and creating it is %w", name, libpmemobj.ErrInTx)
	}
	if err := d.makeRoot(); err != nil {
		return 0, err
	}
	if off, err = d.create(name, k, create); err != nil {
		return 0, err
	}
	return off, p.AwaitDurable()
}

// create is Open for what lookup did not find. The wait for a medium is left to
// the caller, so that nobody who looks for a name waits for it as well.
func (d *directory) create(name string, k Kind, create func(tx *libpmemobj.Tx) (off uint64, err error)) (off uint64, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	root, err := findRoot(d.pool)
	if err != nil {
		return 0, err
	}
	e, err := d.find(root, name)
	if err != nil {
		return 0, err
	}
	if e != nil { // another goroutine was faster
		return d.match(e, name, k)
	}
	err = d.pool.UpdateUnsettled(func(tx *libpmemobj.Tx) error {
		if off, err = create(tx); err != nil {
			return err
		}
		if off == 0 {
			return fmt.Errorf("creating %q made no object", name)
		}
		e, err := d.room(tx, root)
		if err != nil {
			return err
		}
		e.set(name, k, off)
		return nil
	})
	if err != nil {
		return 0, err
	}
	return off, nil
}

// Lookup is Open for an object that must exist: if it does not, the error
// matches ErrNotFound, and nothing is changed.
func Lookup(p *libpmemobj.Pool, name string, k Kind) (off uint64, err error) {
	if err := k.check(name); err != nil {
		return 0, err
	}
	d, err := of(p)
	if err != nil {
		return 0, err
	}
	return d.lookup(name, k)
}

func (d *directory) lookup(name string, k Kind) (off uint64, err error) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	root, err := findRoot(d.pool)
	if err != nil {
		return 0, err
	}
	e, err := d.find(root, name)
	if err != nil {
		return 0, err
	}
	if e == nil {
		return 0, fmt.Errorf("%q: %w", name, ErrNotFound)
	}
	return d.match(e, name, k)
}

// match returns the entry's object if it is of kind k.
func (d *directory) match(e *entry, name string, k Kind) (off uint64, err error) {
	have := e.kindOf()
	if have.Name != k.Name || have.Version != k.Version || have.Param != k.Param {
		return 0, &KindError{d.pool.Path(), name, have, k}
	}
	return e.off, nil
}

func (k Kind) check(name string) error {
	switch {
	case name == "":
		return errors.New("a container's name must not be empty")
	case len(name) > MaxName:
		return fmt.Errorf("the name %.80q has %d bytes; at most %d are possible", name, len(name), MaxName)
	case k.Name == "" || len(k.Name) > MaxKind:
		return fmt.Errorf("the name %q of a kind must have 1 to %d bytes", k.Name, MaxKind)
	}
	return nil
}
