package counter

import (
	"fmt"
	"sync/atomic"
	"unsafe"

	"github.com/pmem/pmdk-go/internal/container"
	"github.com/pmem/pmdk-go/internal/percpu"
	"github.com/pmem/pmdk-go/libpmemobj"
	"github.com/pmem/pmdk-go/libpmemobj/directory"
)

const (
	kind    = "counter.Sharded"
	version = 1
	magic   = 'P' | 'M'<<8 | 'G'<<16 | 'O'<<24 | 'C'<<32 | 'N'<<40 | 'T'<<48 | '1'<<56

	minShards = 16 // also on a small machine: the pool may move to a larger one
	maxShards = 64
)

type header struct {
	magic   uint64
	version uint32
	cells   uint32
	_       [14]uint64
}

// cell fills two cache lines, so that no two values share one wherever the
// object lies.
type cell struct {
	value int64
	_     [15]uint64
}

// state is what goes with a counter in memory.
type state struct {
	container.Lock
	pool   *libpmemobj.Pool
	common *cell  // what transactions add to
	shards []cell // what additions by themselves add to
	base   atomic.Int64
}

func stateOf(p *libpmemobj.Pool, off uint64) (*state, error) {
	return container.Of(p, off, func() (*state, error) {
		oid := libpmemobj.OID{Pool: p.UUID(), Off: off}
		h, err := libpmemobj.PtrOf[header](oid).TryGet()
		if err != nil {
			return nil, err
		}
		n := uint64(h.cells)
		if h.magic != magic || h.version != version || n < 2 || (n-1)&(n-2) != 0 {
			return nil, fmt.Errorf("the counter at offset %#x of pool %s is damaged: magic %#016x, version %d, %d cells", off, p.Path(), h.magic, h.version, n)
		}
		view, err := p.Bytes(oid, uint64(unsafe.Sizeof(header{})), n*uint64(unsafe.Sizeof(cell{})))
		if err != nil {
			return nil, fmt.Errorf("the counter at offset %#x of pool %s is damaged: %w", off, p.Path(), err)
		}
		cells := unsafe.Slice((*cell)(unsafe.Pointer(&view[0])), n)
		s := &state{pool: p, common: &cells[0], shards: cells[1:]}
		s.base.Store(s.common.value)
		return s, s.Init(p, func(bool) { s.base.Store(s.common.value) })
	})
}

// create makes a counter that is 0.
func create(tx *libpmemobj.Tx) (uint64, error) {
	n := 1 + max(minShards, percpu.Slots(maxShards))
	size := int(unsafe.Sizeof(header{})) + n*int(unsafe.Sizeof(cell{}))
	oid, view, err := libpmemobj.NewBytes(tx, size, libpmemobj.TypeNum[header]())
	if err != nil {
		return 0, err
	}
	clear(view)
	h := (*header)(unsafe.Pointer(&view[0]))
	h.magic, h.version, h.cells = magic, version, uint32(n)
	return oid.Off, nil
}

func init() {
	directory.Register(kind, directory.Handler{
		Stat: func(p *libpmemobj.Pool, off uint64) (directory.Stat, error) {
			n, err := p.UsableSize(libpmemobj.OID{Pool: p.UUID(), Off: off})
			return directory.Stat{Entries: 1, Bytes: int64(n)}, err
		},
		Free: free,
	})
}

func free(tx *libpmemobj.Tx, off uint64) error {
	s, err := stateOf(tx.Pool(), off)
	if err != nil {
		return err
	}
	if err := container.Remove(tx, off, &s.Lock); err != nil {
		return err
	}
	oid := libpmemobj.OID{Pool: tx.Pool().UUID(), Off: off}
	libpmemobj.PtrOf[header](oid).Mut(tx).magic = 0 // a handle that is being opened finds no counter
	return tx.Free(oid)
}
