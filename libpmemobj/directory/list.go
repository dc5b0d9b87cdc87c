package directory

import (
	"fmt"
	"iter"
	"sync"

	"github.com/pmem/pmdk-go/libpmemobj"
)

// Handler is what a package of containers knows about those of one kind. Each
// field may be nil.
type Handler struct {
	// Stat says how large the object at off is. It may be called while the
	// container is in use.
	Stat func(p *libpmemobj.Pool, off uint64) (Stat, error)

	// Clear empties the object in as many steps as it likes; it is called
	// before Free, outside transactions.
	Clear func(p *libpmemobj.Pool, off uint64) error

	// Free frees the object and all that belongs to it, and ends the life of
	// its state in memory. The object was not removed from the directory yet.
	Free func(tx *libpmemobj.Tx, off uint64) error
}

// Stat is how large an object is.
type Stat struct {
	Entries int64 // elements, records or keys; -1 if it is not known
	Bytes   int64 // of the pool that its objects take; -1 if it is not known
}

var handlers sync.Map // kind's name → Handler

// Register says how to deal with objects of a kind; packages of containers
// call it in their init. A kind has one handler.
func Register(kind string, h Handler) {
	if _, twice := handlers.LoadOrStore(kind, h); twice {
		panic("directory: two packages register the kind " + kind)
	}
}

func handlerOf(kind string) (Handler, bool) {
	h, ok := handlers.Load(kind)
	if !ok {
		return Handler{}, false
	}
	return h.(Handler), true
}

// Entry is one line of the directory.
type Entry struct {
	Name string
	Kind Kind
	Off  uint64 // of the object
	Stat
}

// List ranges over the names in the pool's directory, in no particular order,
// as they are when the loop begins. Sizes are those of the moment; they are -1
// for kinds whose package the program does not import, and for an object that
// is damaged: that entry comes with an error, and the others follow. A pool
// without a directory has no names, or gives an error, and no entry, if its root
// object is something else.
//
// List changes nothing in the pool, but to find out a size, the container is
// opened, which may complete what a crash has interrupted; to look at a pool
// that must stay as it is, open that with [libpmemobj.WithCopyOnWrite].
func List(p *libpmemobj.Pool) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		all, err := list(p)
		if err != nil {
			yield(Entry{}, err)
			return
		}
		for _, e := range all {
			e.Stat = Stat{-1, -1}
			var err error
			if h, _ := handlerOf(e.Kind.Name); h.Stat != nil {
				var st Stat
				if st, err = h.Stat(p, e.Off); err == nil {
					e.Stat = st
				}
			}
			if !yield(e, err) {
				return
			}
		}
	}
}

func list(p *libpmemobj.Pool) (all []Entry, err error) {
	d, err := of(p)
	if err != nil {
		return nil, err
	}
	d.mu.RLock()
	defer d.mu.RUnlock()
	root, err := findRoot(p)
	if err != nil || root == nil {
		return nil, err
	}
	for c, err := range d.chunks(root.table) {
		if err != nil {
			return nil, err
		}
		for i := range c.entries {
			if e := &c.entries[i]; e.off != 0 {
				all = append(all, Entry{Name: string(e.nameText()), Kind: e.kindOf(), Off: e.off})
			}
		}
	}
	return all, nil
}

// Remove frees the object that has the name, with all that belongs to it, and
// the name. Handles that are open on it fail from then on. If nothing has the
// name, the error matches ErrNotFound; a kind whose package the program does
// not import, or that cannot be removed, is refused.
//
// A large container is emptied first, in several steps: after a crash between
// them it is there, with fewer elements or none. Remove must not be called
// inside [libpmemobj.Pool.Update].
func Remove(p *libpmemobj.Pool, name string) error {
	const op = "remove"
	d, err := of(p)
	if err != nil {
		return err
	}
	if libpmemobj.InUpdate() {
		return fmt.Errorf("%s %q: %w", op, name, libpmemobj.ErrInTx)
	}
	if err := d.remove(op, name); err != nil {
		return err
	}
	return p.AwaitDurable()
}

// remove leaves the wait for a medium to the caller.
func (d *directory) remove(op, name string) error {
	p := d.pool
	d.removing.Lock()
	defer d.removing.Unlock()
	k, off, err := d.removable(name)
	if err != nil {
		return fmt.Errorf("%s: %w", op, err)
	}
	h, ok := handlerOf(k.Name)
	if !ok || h.Free == nil {
		return fmt.Errorf("%s: %q in pool %s is a %v, which this program does not know how to free: import the package of that kind", op, name, p.Path(), k)
	}
	if h.Clear != nil {
		if err := h.Clear(p, off); err != nil {
			return err
		}
	}
	return p.UpdateUnsettled(func(tx *libpmemobj.Tx) error {
		// It waits for other transactions, whose goroutines may look for names
		// meanwhile: the table is locked after it.
		if err := h.Free(tx, off); err != nil {
			return err
		}
		d.mu.Lock()
		if err := tx.OnEnd(unlocker{d}); err != nil {
			d.mu.Unlock()
			return err
		}
		root, err := findRoot(p)
		if err != nil {
			return err
		}
		e, err := d.find(root, name)
		if err != nil {
			return err
		}
		*libpmemobj.MutAt(tx, e) = entry{}
		return nil
	})
}

func (d *directory) removable(name string) (k Kind, off uint64, err error) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	root, err := findRoot(d.pool)
	if err != nil {
		return Kind{}, 0, err
	}
	e, err := d.find(root, name)
	if err != nil {
		return Kind{}, 0, err
	}
	if e == nil {
		return Kind{}, 0, fmt.Errorf("%q: %w", name, ErrNotFound)
	}
	return e.kindOf(), e.off, nil
}

// unlocker unlocks the directory at the end of a transaction.
type unlocker struct{ d *directory }

// TxEnd unlocks it.
func (u unlocker) TxEnd(bool) { u.d.mu.Unlock() }
