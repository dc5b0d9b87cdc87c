package directory

import (
	"fmt"
	"reflect"
	"unsafe"

	"github.com/pmem/pmdk-go/libpmemobj"
)

// Root is the beginning of the root object of a pool with a directory. A
// program with a root object of its own embeds it as the first field and calls
// [Embed]; in other pools, the first container makes it.
type Root struct {
	magic   uint64
	version uint32
	_       uint32
	table   libpmemobj.Off[chunk]
	_       [5]uint64
}

const (
	rootMagic   = 'P' | 'M'<<8 | 'G'<<16 | 'O'<<24 | 'D'<<32 | 'I'<<40 | 'R'<<48 | '1'<<56
	rootVersion = 1
)

// Embed is [libpmemobj.Root] for a T that has a Root as its first field: it
// makes or finds the pool's root object, and the directory in it.
//
// A root object that is all zeros at its beginning becomes a directory; any
// other content there is an error.
func Embed[T any](p *libpmemobj.Pool) (libpmemobj.Ptr[T], error) {
	var null libpmemobj.Ptr[T]
	t := reflect.TypeFor[T]()
	if t.Kind() != reflect.Struct || t.NumField() == 0 || t.Field(0).Type != reflect.TypeFor[Root]() {
		return null, &libpmemobj.TypeError{Type: t, Field: t.String(), Reason: "does not have a directory.Root as its first field"}
	}
	ptr, err := libpmemobj.Root[T](p)
	if err != nil {
		return null, err
	}
	d, err := of(p)
	if err != nil {
		return null, err
	}
	made, err := d.initRoot()
	if err != nil {
		return null, err
	}
	if made {
		err = p.AwaitDurable()
	}
	return ptr, err
}

// initRoot makes a directory of a root object that begins with zeros, and leaves
// the wait for a medium to the caller.
func (d *directory) initRoot() (made bool, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	// The address is looked up under the lock: a root that grows moves.
	root, err := existingRoot(d.pool)
	if err != nil {
		return false, err
	}
	if *root != (Root{}) {
		return false, root.check(d.pool)
	}
	err = d.pool.UpdateUnsettled(func(tx *libpmemobj.Tx) error {
		r := libpmemobj.MutAt(tx, root)
		r.magic, r.version = rootMagic, rootVersion
		return nil
	})
	return true, err
}

// findRoot returns the directory's root, or nil if the pool has no root object.
func findRoot(p *libpmemobj.Pool) (*Root, error) {
	root, err := existingRoot(p)
	if root == nil || err != nil {
		return nil, err
	}
	return root, root.check(p)
}

// existingRoot returns the beginning of the pool's root object, whatever it
// holds, or nil if there is none.
func existingRoot(p *libpmemobj.Pool) (*Root, error) {
	oid, size, err := p.RootObject()
	if err != nil || oid.IsNull() {
		return nil, err
	}
	if size < uint64(unsafe.Sizeof(Root{})) {
		return nil, errForeignRoot(p, fmt.Sprintf("it has %d bytes", size))
	}
	return libpmemobj.PtrOf[Root](oid).TryGet()
}

// makeRoot makes the root object if there is none. It may wait for a medium, so
// nothing is locked then.
func (d *directory) makeRoot() error {
	d.mu.RLock()
	root, err := findRoot(d.pool)
	d.mu.RUnlock()
	if root != nil || err != nil {
		return err
	}
	_, err = libpmemobj.ConstructRoot(d.pool, func(r *Root) error {
		r.magic, r.version = rootMagic, rootVersion
		return nil
	})
	return err
}

func (r *Root) check(p *libpmemobj.Pool) error {
	switch {
	case r.magic != rootMagic:
		return errForeignRoot(p, fmt.Sprintf("it begins with %#016x", r.magic))
	case r.version != rootVersion:
		return fmt.Errorf("the directory of pool %s has version %d; this program knows version %d", p.Path(), r.version, rootVersion)
	}
	return nil
}

func errForeignRoot(p *libpmemobj.Pool, what string) error {
	return fmt.Errorf("pool %s has a root object that does not begin with a directory (%s): use a pool of its own for the containers, or embed directory.Root as the first field of the root and open it with directory.Embed", p.Path(), what)
}
