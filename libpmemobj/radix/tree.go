package radix

import (
	"fmt"
	"math/bits"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/pmem/pmdk-go/internal/container"
	"github.com/pmem/pmdk-go/libpmemobj"
)

// tree is the state in memory of a map.
//
// An operation by itself shares the Lock, and enters an epoch while it looks at
// what might be taken out of the tree, unless it can do with route. Who changes a
// leaf holds the mutex of its stripe, and may then take that of a shard of
// records. Who replaces nodes holds structure, the mutexes of the stripes of the
// leaves concerned, which nobody else has two of, and that of the shard of
// nodes; version is odd while the tree is about to change its shape.
//
// An operation in a transaction has the Lock, and needs none of the others.
type tree struct {
	container.Lock

	pool      *libpmemobj.Pool
	off       uint64
	hdr       *header
	base      unsafe.Pointer // of the pool
	class     libpmemobj.Class
	slotSize  int
	valueSize uint32

	_       [64]byte
	version atomic.Uint64
	gone    atomic.Uint64
	guide   atomic.Pointer[guide]
	_       [64]byte

	structure sync.Mutex
	stack     path  // of who holds structure, or has the Lock
	scratch   fan   // likewise
	sorted    order // likewise

	epochs  epochs
	shards  [shards]shard
	stripes [1 << stripeBits]stripe

	count    sync.Mutex   // of the entries; see Len
	before   atomic.Int64 // how many there were before those that epochs counts
	counted  atomic.Bool  // whether before is known
	changing bool         // by a transaction; readers without the Lock have been told
	pending  int64        // added by the transaction that has the Lock
}

const stripeBits = 10

// stripe is what leaves with some offsets have in common. It fills a cache
// line.
type stripe struct {
	mu    sync.Mutex    // held by who changes one of the leaves
	busy  atomic.Uint32 // 1 while a change can be seen that may not be durable
	freed atomic.Uint64 // counts slots that were given up
	from  atomic.Uint64 // a leaf that is being split, or 0
	to    atomic.Uint64 // the one that the entries are in that it loses
	_     [24]byte
}

// move says that entries of a leaf may be in another one from now on, until
// stay.
func (s *stripe) move(from, to uint64) {
	s.to.Store(to)
	s.from.Store(from)
}

func (s *stripe) stay() { s.from.Store(0) }

// moved is the leaf that entries may be in that were in the one at off when its
// bitmap was loaded, or 0. It is asked after that.
func (s *stripe) moved(off uint64) (to uint64) {
	if s.from.Load() != off {
		return 0
	}
	return s.to.Load()
}

func (t *tree) stripeNumber(off uint64) int {
	return int(off / lineSize * 0x9e3779b97f4a7c15 >> (64 - stripeBits))
}

func (t *tree) stripe(off uint64) *stripe { return &t.stripes[t.stripeNumber(off)] }

// openTree makes the state for the map whose header lies at off.
func openTree(p *libpmemobj.Pool, off uint64) (*tree, error) {
	hdr, err := libpmemobj.PtrOf[header](libpmemobj.OID{Pool: p.UUID(), Off: off}).TryGet()
	if err != nil {
		return nil, err
	}
	if err := hdr.check(); err != nil {
		return nil, fmt.Errorf("the map at offset %#x of pool %s is damaged: %w", off, p.Path(), err)
	}
	t := &tree{
		pool: p, off: off, hdr: hdr, base: unsafe.Add(unsafe.Pointer(hdr), -int(off)),
		slotSize: int(hdr.slotSize), valueSize: hdr.valueSize,
	}
	for _, word := range []uint64{hdr.root, hdr.doomed} {
		if word == 0 {
			continue
		}
		if _, err := p.UsableSize(t.oid(word &^ heightMask)); err != nil {
			return nil, fmt.Errorf("the map at offset %#x of pool %s is damaged: topmost node: %w", off, p.Path(), err)
		}
	}
	if t.class, err = leafClass(p, t.slotSize); err != nil {
		return nil, err
	}
	t.epochs.init()
	for i := range t.shards {
		t.shards[i].heads = &hdr.garbage[i]
	}
	if err := t.freeLeft(); err != nil {
		return nil, err
	}
	t.reguide()
	return t, t.Init(p, t.endTx)
}

// freeLeft frees what an earlier process has left, if the tree is not opened
// where that cannot be: it waits for the next time then.
func (t *tree) freeLeft() error {
	if libpmemobj.InUpdate() || t.pool.Failed() != nil {
		return nil
	}
	if err := t.freeChains(); err != nil {
		return err
	}
	return t.freeDoomed()
}

// change tells readers without the Lock, none of which begins now, that what they
// see may be wrong. The caller has the tree alone, and is about to change it.
func (t *tree) change() {
	t.version.Add(2)
	t.retire()
}

// leafClass is the allocation class of leaves. PMDK refuses some numbers of
// units in a block, for various reasons; a few more units help.
func leafClass(p *libpmemobj.Pool, slotSize int) (libpmemobj.Class, error) {
	const block, room = 256 << 10, 248 << 10
	size, align := leafSize(slotSize)
	units := max(room/size, 1)
	for try := 0; ; try++ {
		c, err := p.NewClass(libpmemobj.AllocClass{
			UnitSize: uint64(size), Alignment: uint64(align), UnitsPerBlock: units, Header: libpmemobj.HeaderNone,
		})
		if err == nil || try == 16 {
			return c, err
		}
		units += max(block/size, 1)
	}
}

// newTree makes the header of an empty map.
func newTree(tx *libpmemobj.Tx, slotSize int, valueSize uint32) (off uint64, err error) {
	h, err := libpmemobj.NewZeroed[header](tx)
	if err != nil {
		return 0, err
	}
	*h.Get() = header{magic: treeMagic, version: treeVersion, slotSize: uint32(slotSize), slots: leafSlots, valueSize: valueSize}
	return h.OID().Off, nil
}

// split is a header's word for a tree: the topmost node and its height.
func topmost(word uint64) (off uint64, height int) {
	return word &^ heightMask, int(word & heightMask)
}

// descend returns the leaf that key belongs to, 0 if there are none. If below,
// it is the one of the keys next below; key is then taken for one above all if
// it is nil.
func (t *tree) descend(key []byte, below bool) (off uint64) {
	off, height := topmost(atomic.LoadUint64(&t.hdr.root))
	for ; height > 0; height-- {
		off, _ = t.inner(off).follow(key, below)
	}
	return off
}

// stays says whether the leaf at off, found by descend in the given version of
// the tree, is the one for key still. What was read in it before the call is
// then as good as if it had been read at one moment.
func (t *tree) stays(version, off uint64, key []byte, below bool) bool {
	return version&1 == 0 && t.version.Load() == version || t.descend(key, below) == off
}

// locked is a leaf whose stripe the caller has locked, or which it has in a
// transaction.
type locked struct {
	leaf
	off    uint64
	stripe *stripe
	used   uint64 // the slots
}

// lock locks the leaf for a key; off is 0 if there is none.
func (t *tree) lock(hash uint64, key []byte) locked {
	version := t.version.Load()
	if off := t.route(version, key); off != 0 {
		s, l := t.stripe(off), t.leaf(off)
		t.prefetch(l, hash)
		s.mu.Lock()
		if t.version.Load() == version {
			return locked{l, off, s, l.load()}
		}
		s.mu.Unlock()
	}
	return t.lockSlow(hash, key)
}

// lockSlow is lock while the tree changes its shape, or where keys begin as
// separators do.
func (t *tree) lockSlow(hash uint64, key []byte) locked {
	count := t.epochs.enter()
	defer count.Add(-1)
	for {
		version := t.version.Load()
		off := t.descend(key, false)
		if off == 0 {
			return locked{}
		}
		s := t.stripe(off)
		s.mu.Lock()
		if t.stays(version, off, key, false) {
			l := t.leaf(off)
			t.prefetch(l, hash)
			return locked{l, off, s, l.load()}
		}
		s.mu.Unlock()
	}
}

// peek is lock without the lock, for who has the tree alone.
func (t *tree) peek(key []byte) locked {
	off := t.descend(key, false)
	if off == 0 {
		return locked{}
	}
	l := t.leaf(off)
	return locked{l, off, t.stripe(off), l.load()}
}

func (l *locked) unlock() { l.stripe.mu.Unlock() }

// guard tells whether slots that are being read have been given up, and perhaps
// written, since it was made. The zero guard is for who has locked the leaf.
type guard struct {
	stripe *stripe
	freed  uint64
}

func guardOf(s *stripe) guard { return guard{s, s.freed.Load()} }

// holds says whether all slots that were in use are as they were.
func (g guard) holds() bool { return g.stripe == nil || g.stripe.freed.Load() == g.freed }

// find is the number of the slot that has the key, or -1. It may be wrong if
// the guard does not hold afterwards.
func (t *tree) find(l leaf, used, hash uint64, key []byte, g guard) int {
	for m := l.match(used, fingerprint(hash)); m != 0; m &= m - 1 {
		i := bits.TrailingZeros64(m)
		if t.holds(t.slot(l, i), key, g) {
			return i
		}
	}
	return -1
}

func (t *tree) holds(s slot, key []byte, g guard) bool {
	head := s.load(0)
	if keyLen(head) != len(key) {
		return false
	}
	at, ok := t.entry(s, head, g)
	return ok && sameWords(at, key)
}

// entry is where the key and value of a slot are, whose first word is head. A
// slot that is being written could lead anywhere: ok is false then.
func (t *tree) entry(s slot, head uint64, g guard) (at unsafe.Pointer, ok bool) {
	if head&isRecord == 0 {
		return unsafe.Add(s.at, wordSize), t.fits(keyLen(head), valueLen(head))
	}
	off := s.load(1)
	return unsafe.Add(t.base, off+recordAt), g.holds()
}
