package directory

import (
	"fmt"
	"iter"
	"sync"

	"github.com/pmem/pmdk-go/libpmemobj"
)

// Limits, in bytes.
const (
	MaxName = 64 // of the name of an object
	MaxKind = 32 // of the name of a kind

	maxTypes = 64
)

const (
	chunkMagic   = 'P' | 'M'<<8 | 'G'<<16 | 'O'<<24 | 'D'<<32 | 'I'<<40 | 'R'<<48 | 'C'<<56
	chunkEntries = 20
)

type chunk struct {
	magic   uint64
	next    libpmemobj.Off[chunk]
	_       [6]uint64
	entries [chunkEntries]entry
}

type entry struct {
	off      uint64
	param    uint64
	version  uint32
	nameLen  uint8
	kindLen  uint8
	typesLen uint8
	_        [9]uint8
	name     [MaxName]byte
	kind     [MaxKind]byte
	types    [maxTypes]byte
}

func (e *entry) nameText() []byte { return e.name[:min(int(e.nameLen), MaxName)] }

func (e *entry) kindOf() Kind {
	return Kind{
		Name:    string(e.kind[:min(int(e.kindLen), MaxKind)]),
		Version: e.version,
		Param:   e.param,
		Types:   string(e.types[:min(int(e.typesLen), maxTypes)]),
	}
}

// set fills in a free entry.
func (e *entry) set(name string, k Kind, off uint64) {
	*e = entry{off: off, param: k.Param, version: k.Version, nameLen: uint8(len(name)), kindLen: uint8(len(k.Name))}
	copy(e.name[:], name)
	copy(e.kind[:], k.Name)
	e.typesLen = uint8(copy(e.types[:], k.Types))
}

// directory is the state in memory of a pool's directory.
type directory struct {
	pool *libpmemobj.Pool
	mu   sync.RWMutex // while the table or the root changes

	removing sync.Mutex // one Remove at a time
}

type directoryKey struct{}

func of(p *libpmemobj.Pool) (*directory, error) {
	v, err := p.Attach(directoryKey{}, func() (any, error) { return &directory{pool: p}, nil })
	if err != nil {
		return nil, err
	}
	return v.(*directory), nil
}

// chunks ranges over the chunks from the first one on.
func (d *directory) chunks(first libpmemobj.Off[chunk]) iter.Seq2[*chunk, error] {
	return func(yield func(*chunk, error) bool) {
		for at := first; !at.IsNull(); {
			c, err := at.Ptr(d.pool).TryGet()
			if err == nil && c.magic != chunkMagic {
				err = fmt.Errorf("the directory of pool %s is damaged: no chunk of a table at %v", d.pool.Path(), at.Ptr(d.pool).OID())
			}
			if err != nil {
				yield(nil, err)
				return
			}
			if !yield(c, nil) {
				return
			}
			at = c.next
		}
	}
}

// find returns the entry of a name, or nil.
func (d *directory) find(root *Root, name string) (*entry, error) {
	if root == nil {
		return nil, nil
	}
	for c, err := range d.chunks(root.table) {
		if err != nil {
			return nil, err
		}
		for i := range c.entries {
			if e := &c.entries[i]; e.off != 0 && string(e.nameText()) == name {
				return e, nil
			}
		}
	}
	return nil, nil
}

// room returns a free entry, snapshotted, and makes a chunk for it if need be.
func (d *directory) room(tx *libpmemobj.Tx, root *Root) (*entry, error) {
	last := &root.table
	for c, err := range d.chunks(root.table) {
		if err != nil {
			return nil, err
		}
		for i := range c.entries {
			if c.entries[i].off == 0 {
				return libpmemobj.MutAt(tx, &c.entries[i]), nil
			}
		}
		last = &c.next
	}
	more, err := libpmemobj.NewZeroed[chunk](tx)
	if err != nil {
		return nil, err
	}
	c := more.Get()
	c.magic = chunkMagic
	*libpmemobj.MutAt(tx, last) = libpmemobj.OffOf(more)
	return &c.entries[0], nil
}
