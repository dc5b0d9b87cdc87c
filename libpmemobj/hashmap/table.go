package hashmap

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/pmem/pmdk-go/internal/container"
	"github.com/pmem/pmdk-go/libpmemobj"
)

// table is the state in memory of a map, of either kind.
//
// An operation by itself shares the Lock. The keys of a page then have a stripe
// in common, whose mutex is held by who changes the page or replaces it; who
// reads takes no mutex but looks at the stripe's version before and after. An
// operation in a transaction has the Lock, and needs no stripes.
type table struct {
	container.Lock
	geometry

	pool  *libpmemobj.Pool
	name  string
	base  unsafe.Pointer // of the pool
	off   uint64
	hdr   *header
	class libpmemobj.Class

	dir  atomic.Pointer[dir]
	grow sync.RWMutex // held for writing while the directory is replaced

	stripes     []stripe
	stripeBits  uint
	stripeShift uint
	prefixes    [depthMask + 1]uint64 // the bits of a stripe's number that pages of a depth share

	changed []*stripe // by the transaction that has the Lock
	newDir  bool      // it has replaced the directory
}

// dir is a directory of pages, as it lies in the pool.
type dir struct {
	off   uint64
	depth uint
	shift uint     // of a hash that was shifted by 1, so that it is less than 64
	pages []uint64 // by the first bits of a hash: a page's offset and its depth
}

// stripe is what belongs to the pages whose keys' hashes begin alike. Its
// version is odd while one of them changes. The mutex guards the other fields
// against operations by themselves.
type stripe struct {
	mu      sync.Mutex
	version atomic.Uint64
	keys    int64 // how many, if counted
	counted bool
}

const (
	minStripeBits = 10
	maxStripeBits = 14
)

// openTable makes the state for the map whose header lies at off.
func openTable(p *libpmemobj.Pool, name string, off uint64) (*table, error) {
	hdr, err := libpmemobj.PtrOf[header](libpmemobj.OID{Pool: p.UUID(), Off: off}).TryGet()
	if err != nil {
		return nil, err
	}
	t := &table{pool: p, name: name, off: off, hdr: hdr, base: unsafe.Add(unsafe.Pointer(hdr), -int(off))}
	if t.geometry, err = geometryOf(hdr); err != nil {
		return nil, t.damaged("%v", err)
	}
	if t.class, err = t.pageClass(p); err != nil {
		return nil, err
	}
	if err := t.dropOldDir(); err != nil {
		return nil, err
	}
	if err := t.loadDir(); err != nil {
		return nil, err
	}
	t.stripeBits = minStripeBits
	for n := runtime.NumCPU(); n > 2 && t.stripeBits < maxStripeBits; n /= 2 {
		t.stripeBits++
	}
	t.stripes = make([]stripe, 1<<t.stripeBits)
	t.stripeShift = 64 - t.stripeBits
	for depth := range t.prefixes {
		t.prefixes[depth] = (^uint64(0) >> t.stripeShift) &^ (^uint64(0) >> t.stripeShift >> depth)
	}
	return t, t.Init(p, t.endTx)
}

func (t *table) damaged(format string, args ...any) error {
	return fmt.Errorf("map %q in pool %s, at offset %#x, is damaged: %s", t.name, t.pool.Path(), t.off, fmt.Sprintf(format, args...))
}

// loadDir makes the pool's directory the one that is used.
func (t *table) loadDir() error {
	oid := t.oid(t.hdr.dir)
	usable, err := t.pool.UsableSize(oid)
	if err != nil {
		return t.damaged("directory: %v", err)
	}
	depth := *(*uint64)(t.at(oid.Off))
	if depth > maxDepth || usable < dirSize(uint(depth)) {
		return t.damaged("its directory has depth %d in %d bytes", depth, usable)
	}
	d := t.dirAt(oid.Off, uint(depth))
	t.dir.Store(d)
	return t.checkDir(d)
}

// checkDir sees to it that no entry leads out of the pool, and that the pages
// share the hashes among them.
func (t *table) checkDir(d *dir) error {
	end := uint64(t.pool.Size()) - uint64(t.pageSize)
	for i := 0; i < len(d.pages); {
		entry := d.pages[i]
		off, depth := entry&^depthMask, uint(entry&depthMask)
		if depth > d.depth || off > end || off == 0 {
			return t.damaged("entry %d of its directory of depth %d is %#x", i, d.depth, entry)
		}
		n := 1 << (d.depth - depth)
		if i%n != 0 {
			return t.damaged("entry %d of its directory of depth %d is %#x, which begins in the middle", i, d.depth, entry)
		}
		for _, other := range d.pages[i : i+n] {
			if other != entry {
				return t.damaged("one of %d entries from %d on of its directory is %#x instead of %#x", n, i, other, entry)
			}
		}
		i += n
	}
	return nil
}

func dirSize(depth uint) uint64 { return dirHeader + wordSize<<depth }

func (t *table) dirAt(off uint64, depth uint) *dir {
	return &dir{off, depth, 63 - depth, unsafe.Slice((*uint64)(t.at(off+dirHeader)), 1<<depth)}
}

func (t *table) oid(off uint64) libpmemobj.OID { return libpmemobj.OID{Pool: t.pool.UUID(), Off: off} }

func (t *table) at(off uint64) unsafe.Pointer { return unsafe.Add(t.base, off) }

// entry is the directory's word for a hash.
func (d *dir) entry(hash uint64) *uint64 { return &d.pages[hash>>1>>(d.shift&63)] }

// pageOf is the page that a directory's word names, and the number of first
// bits that the hashes of its keys have in common.
func (t *table) pageOf(entry uint64) (p page, depth uint) {
	return page{t.at(entry &^ depthMask)}, uint(entry & depthMask)
}

// stripe is the one for a hash in a page of some depth.
func (t *table) stripe(hash uint64, depth uint) *stripe {
	return &t.stripes[hash>>(t.stripeShift&63)&t.prefixes[depth&depthMask]]
}

// locked is a page whose stripe the caller has locked, or which it has in a
// transaction. It must not be used after another page was.
type locked struct {
	page
	stripe *stripe
	hash   uint64
	depth  uint
	used   uint64 // the slots
}

// lock locks the page of a hash.
func (t *table) lock(hash uint64) locked {
	for {
		d := t.dir.Load()
		at := d.entry(hash)
		entry := atomic.LoadUint64(at)
		s := t.stripe(hash, uint(entry&depthMask))
		s.mu.Lock()
		// A directory that was replaced may be anything by now.
		if t.dir.Load() == d && atomic.LoadUint64(at) == entry {
			return t.locked(s, hash, entry)
		}
		s.mu.Unlock()
	}
}

func (t *table) locked(s *stripe, hash, entry uint64) locked {
	p, depth := t.pageOf(entry)
	return locked{page: p, stripe: s, hash: hash, depth: depth, used: p.load()}
}

// peek is lock without the lock, for who has the table alone.
func (t *table) peek(hash uint64) locked {
	entry := *t.dir.Load().entry(hash)
	return t.locked(t.stripe(hash, uint(entry&depthMask)), hash, entry)
}

func (l *locked) unlock() { l.stripe.mu.Unlock() }

// begin and end enclose a change that readers must not see half of, or before
// it is durable.
func (s *stripe) begin() { s.version.Add(1) }
func (s *stripe) end()   { s.version.Add(1) }
