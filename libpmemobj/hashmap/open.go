package hashmap

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"reflect"

	"github.com/pmem/pmdk-go/internal/container"
	"github.com/pmem/pmdk-go/libpmemobj"
	"github.com/pmem/pmdk-go/libpmemobj/directory"
)

const (
	mapKind   = "hashmap.Map"
	bytesKind = "hashmap.Bytes"
)

func init() {
	for _, kind := range []string{mapKind, bytesKind} {
		directory.Register(kind, directory.Handler{Stat: stat, Clear: clearAt, Free: free})
	}
}

// Open returns the map that has a name in the pool's directory, and makes one
// if nothing has it. If the name stands for something else, or for a map whose
// keys or values look otherwise in memory, the error is a
// *[directory.KindError] that names both.
//
// K and V must not hold Go pointers or what has them inside, and together have
// at most 16 KiB. K has no floating-point numbers, no gaps and no blank fields,
// so that keys are equal just if their bytes are. A V of size 0 makes a set.
func Open[K comparable, V any](p *libpmemobj.Pool, name string) (*Map[K, V], error) {
	const op = "hashmap open"
	keySize, valueSize, shape, err := fixedTypes[K, V]()
	if err != nil {
		return nil, failed(op, name, err)
	}
	g, err := fixedGeometry(keySize, valueSize)
	if err != nil {
		return nil, failed(op, name, err)
	}
	kind := directory.Kind{
		Name: mapKind, Version: tableVersion, Param: shapeHash(shape),
		Types: fmt.Sprintf("[%v, %v]", reflect.TypeFor[K](), reflect.TypeFor[V]()),
	}
	t, err := open(p, name, kind, g)
	if err != nil {
		return nil, failed(op, name, err)
	}
	return &Map[K, V]{t}, nil
}

// Option changes how [OpenBytes] makes a map.
type Option func(*options)

type options struct{ inline int }

// DefaultInline is how many bytes of a key and its value lie in the map's own
// pages, unless WithInline says otherwise.
const DefaultInline = 48

// MaxInline is the most that WithInline takes.
const MaxInline = 1024

// WithInline makes entries of up to n bytes lie in the map's own pages, where
// they need no allocation; those of more take an object each. Every entry
// takes 16 bytes more than that in its page, whether it needs them or not. n
// counts the key, rounded up to a multiple of 8, and the value; it is at least
// 8 and rounded up to a multiple of 8 itself. A map that exists keeps what it
// was made with.
func WithInline(n int) Option { return func(o *options) { o.inline = n } }

// OpenBytes returns the map that has a name in the pool's directory, and makes
// one if nothing has it. If the name stands for something else, the error is a
// *[directory.KindError] that names both.
func OpenBytes(p *libpmemobj.Pool, name string, opts ...Option) (*Bytes, error) {
	const op = "hashmap open"
	o := options{inline: DefaultInline}
	for _, opt := range opts {
		opt(&o)
	}
	if o.inline < wordSize || o.inline > MaxInline {
		return nil, failed(op, name, fmt.Errorf("WithInline(%d): it takes %d to %d", o.inline, wordSize, MaxInline))
	}
	t, err := open(p, name, directory.Kind{Name: bytesKind, Version: tableVersion}, bytesGeometry(round(o.inline)))
	if err != nil {
		return nil, failed(op, name, err)
	}
	return &Bytes{t}, nil
}

var errNoPool = errors.New("the pool is nil")

func failed(op, name string, err error) error {
	return &container.Error{Op: op, Name: name, Err: err}
}

func open(p *libpmemobj.Pool, name string, kind directory.Kind, g geometry) (*table, error) {
	if p == nil {
		return nil, errNoPool
	}
	off, err := directory.Open(p, name, kind, func(tx *libpmemobj.Tx) (uint64, error) {
		g := g
		g.seed = newSeed()
		return newTable(tx, g)
	})
	if err != nil {
		return nil, err
	}
	return tableAt(p, name, off)
}

func tableAt(p *libpmemobj.Pool, name string, off uint64) (*table, error) {
	return container.Of(p, off, func() (*table, error) { return openTable(p, name, off) })
}

// newSeed makes the hashes of a map unlike those of others, so that nobody can
// choose keys that fall together.
func newSeed() (seed [2]uint64) {
	var b [16]byte
	rand.Read(b[:]) // never fails
	return [2]uint64{binary.LittleEndian.Uint64(b[:8]), binary.LittleEndian.Uint64(b[8:])}
}

// stat, clearAt and free are what the directory knows about maps.
func stat(p *libpmemobj.Pool, off uint64) (directory.Stat, error) {
	t, err := tableAt(p, "", off)
	if err != nil {
		return directory.Stat{}, err
	}
	h, err := t.Shared("hashmap stat")
	if err != nil {
		return directory.Stat{}, err
	}
	defer h.Release()
	return directory.Stat{Entries: t.count(), Bytes: t.usage()}, nil
}

func clearAt(p *libpmemobj.Pool, off uint64) error {
	t, err := tableAt(p, "", off)
	if err != nil {
		return err
	}
	return t.clearBy("hashmap clear", p.UpdateUnsettled) // the removal waits for both
}

func free(tx *libpmemobj.Tx, off uint64) error {
	t, err := tableAt(tx.Pool(), "", off)
	if err != nil {
		return err
	}
	if err := container.Remove(tx, off, &t.Lock); err != nil {
		return err
	}
	d := t.dir.Load()
	if err := t.freePages(tx, d, 0); err != nil {
		return err
	}
	if err := tx.Free(t.oid(d.off)); err != nil {
		return err
	}
	*libpmemobj.MutAt(tx, &t.hdr.magic) = 0 // whatever still leads there finds no map
	return tx.Free(t.oid(off))
}

// clear removes all keys, in a transaction of its own.
func (t *table) clear(op string) error { return t.clearBy(op, t.pool.Update) }

func (t *table) clearBy(op string, update func(func(tx *libpmemobj.Tx) error) error) error {
	if libpmemobj.InUpdate() {
		return t.inUpdate(op)
	}
	return update(func(tx *libpmemobj.Tx) error {
		if err := t.InTx(op, tx); err != nil {
			return err
		}
		return t.txClear(tx)
	})
}

func (t *table) inUpdate(op string) error {
	return failed(op, t.name, fmt.Errorf("%w: use the operations of In(tx)", libpmemobj.ErrInTx))
}

// enter admits an operation that changes the map by itself.
func (t *table) enter(op string) (container.Hold, error) {
	if libpmemobj.InUpdate() {
		return container.Hold{}, t.inUpdate(op)
	}
	if err := t.pool.Failed(); err != nil {
		return container.Hold{}, failed(op, t.name, err)
	}
	return t.Shared(op)
}

// settled ends an operation that has released all it had: if it has changed the
// map, it waits for the pool's medium.
func (t *table) settled(op string, changed bool, err error) error {
	if err != nil || !changed {
		return err
	}
	if err := t.pool.AwaitDurable(); err != nil {
		return failed(op, t.name, err)
	}
	return nil
}
