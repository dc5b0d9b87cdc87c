package radix

import (
	"errors"
	"fmt"

	"github.com/pmem/pmdk-go/internal/container"
	"github.com/pmem/pmdk-go/libpmemobj"
	"github.com/pmem/pmdk-go/libpmemobj/directory"
)

const (
	mapKind = "radix.Map"
	ofKind  = "radix.Of"
)

func init() {
	for _, kind := range []string{mapKind, ofKind} {
		directory.Register(kind, directory.Handler{Stat: stat, Clear: clearAt, Free: free})
	}
}

// Option changes how [Open] makes a map.
type Option func(*options)

type options struct{ inline int }

// DefaultInline is how many bytes of a key and its value lie in the map's own
// leaves, unless WithInline says otherwise.
const DefaultInline = defaultInline

// WithInline makes entries of up to n bytes lie in the map's own leaves, where
// they need no allocation; those of more take an object each. Every entry takes
// n + 8 bytes in its leaf, whether it needs them or not. n counts the key and
// the value, each rounded up to a multiple of 8; it is 16 to MaxInline and
// rounded up to a multiple of 8 itself. A map that exists keeps what it was
// made with.
func WithInline(n int) Option { return func(o *options) { o.inline = n } }

// Open returns the map that has a name in the pool's directory, and makes one
// if nothing has it. If the name stands for something else, the error is a
// *[directory.KindError] that names both.
//
// Maps are not made inside [libpmemobj.Pool.Update]; those that exist can be
// opened there.
func Open(p *libpmemobj.Pool, name string, opts ...Option) (*Map, error) {
	o := options{inline: DefaultInline}
	for _, opt := range opts {
		if opt != nil {
			opt(&o)
		}
	}
	if o.inline < minInline || o.inline > MaxInline {
		return nil, failed("radix open", name, fmt.Errorf("WithInline(%d): it takes %d to %d", o.inline, minInline, MaxInline))
	}
	kind := directory.Kind{Name: mapKind, Version: treeVersion}
	t, err := open(p, name, kind, wordSize+round(o.inline), anySize)
	if err != nil {
		return nil, err
	}
	return &Map{t, name}, nil
}

var errNoPool = errors.New("the pool is nil")

func failed(op, name string, err error) error {
	return &container.Error{Op: op, Name: name, Err: err}
}

func open(p *libpmemobj.Pool, name string, kind directory.Kind, slotSize int, valueSize uint32) (*tree, error) {
	const op = "radix open"
	if p == nil {
		return nil, failed(op, name, errNoPool)
	}
	off, err := directory.Open(p, name, kind, func(tx *libpmemobj.Tx) (uint64, error) {
		return newTree(tx, slotSize, valueSize)
	})
	if err != nil {
		return nil, failed(op, name, err)
	}
	t, err := treeAt(p, off)
	if err != nil {
		return nil, failed(op, name, err)
	}
	if t.valueSize != valueSize {
		return nil, failed(op, name, fmt.Errorf("the map at offset %#x of pool %s is damaged: its values have %d bytes, not %d", off, p.Path(), t.valueSize, valueSize))
	}
	return t, nil
}

func treeAt(p *libpmemobj.Pool, off uint64) (*tree, error) {
	return container.Of(p, off, func() (*tree, error) { return openTree(p, off) })
}

// stat, clearAt and free are what the directory knows about maps.
func stat(p *libpmemobj.Pool, off uint64) (directory.Stat, error) {
	t, err := treeAt(p, off)
	if err != nil {
		return directory.Stat{}, err
	}
	h, err := t.Shared("radix stat")
	if err != nil {
		return directory.Stat{}, err
	}
	defer h.Release()
	count := t.epochs.enter()
	defer count.Add(-1)
	return t.stat(), nil
}

func clearAt(p *libpmemobj.Pool, off uint64) error {
	t, err := treeAt(p, off)
	if err != nil {
		return err
	}
	return t.clear("radix clear") // the removal waits for both
}

func free(tx *libpmemobj.Tx, off uint64) error {
	t, err := treeAt(tx.Pool(), off)
	if err != nil {
		return err
	}
	if err := container.Remove(tx, off, &t.Lock); err != nil {
		return err
	}
	for _, word := range [2]uint64{t.hdr.root, t.hdr.doomed} {
		if word == 0 {
			continue
		}
		if err := t.txFree(tx, word); err != nil {
			return err
		}
	}
	for i := range t.hdr.garbage {
		for _, off := range t.hdr.garbage[i] {
			for off != 0 {
				next := *t.nextWord(off)
				if err := tx.Free(t.oid(off)); err != nil {
					return err
				}
				off = next
			}
		}
	}
	*libpmemobj.MutAt(tx, &t.hdr.magic) = 0
	return tx.Free(t.oid(off))
}
