package hashmap

import (
	"fmt"
	"math/bits"
	"unsafe"

	"github.com/pmem/pmdk-go/libpmemobj"
)

// Operations in a transaction have the table alone but for readers without a
// lock. They write in place, after snapshots: of a page's first line, which the
// word and the prints lie in, and of slots, which may have been given up by the
// same transaction.

// hold keeps readers from the pages of a stripe until the end of the
// transaction, which changes them.
func (t *table) hold(s *stripe) {
	if s.version.Load()&1 == 0 {
		s.begin()
		t.changed = append(t.changed, s)
	}
}

func (t *table) holdAll() {
	for i := range t.stripes {
		t.hold(&t.stripes[i])
	}
}

// endTx is called at the end of the transaction that had the table.
func (t *table) endTx(committed bool) {
	if !committed && t.newDir {
		// What it was before was fine.
		t.dir.Store(t.dirAt(t.hdr.dir, uint(*(*uint64)(t.at(t.hdr.dir)))))
	}
	t.newDir = false
	for i, s := range t.changed {
		s.counted = s.counted && committed // or they are counted anew
		s.end()
		t.changed[i] = nil
	}
	t.changed = t.changed[:0]
}

func (t *table) metaRange(p page) libpmemobj.Range {
	return libpmemobj.RangeOf((*[metaSize]byte)(p.at))
}

// txPut is put in a transaction, or update if f is not nil.
func (t *table) txPut(tx *libpmemobj.Tx, it *item, onlyNew bool, f func(old []byte, found bool) error) (found bool, err error) {
	l := t.peek(it.hash)
	i := t.find(l.page, l.used, it.hash, it.key)
	for i < 0 && t.full(l.used) {
		if err := t.txSplit(tx, &l); err != nil {
			return false, err
		}
		l = t.peek(it.hash)
	}
	if i >= 0 && onlyNew {
		return true, nil
	}
	if f != nil {
		// f may use the transaction, also for this map.
		if err := f(t.valueIn(&l, i, it.key), i >= 0); err != nil {
			return false, err
		}
		return t.txPut(tx, it, false, nil)
	}
	return i >= 0, t.txWrite(tx, &l, i, it)
}

// txWrite is write in a transaction.
func (t *table) txWrite(tx *libpmemobj.Tx, l *locked, i int, it *item) error {
	t.hold(l.stripe)
	used := l.used
	if i >= 0 {
		if err := t.txDrop(tx, l, i); err != nil {
			return err
		}
		used &^= 1 << i
	}
	j := t.freeSlot(l.used, it.hash)
	slot := t.slot(l.page, j)
	if err := tx.Snapshot(t.metaRange(l.page), t.slotRange(slot)); err != nil {
		return err
	}
	whole := *it
	if !t.fits(len(it.key), len(it.value)) {
		oid, _, err := libpmemobj.NewBytes(tx, bigSize(len(it.key), len(it.value)), bigType)
		if err != nil {
			return err
		}
		whole.big = oid.Off
		putBoth(t.at(oid.Off), &whole)
	}
	t.geometry.put(slot, &whole)
	*l.print(j) = byte(it.hash)
	*l.word() = used | 1<<j
	if i < 0 {
		l.stripe.keys++
	}
	return nil
}

// txDrop frees the object that slot i has its entry in, if it has one.
func (t *table) txDrop(tx *libpmemobj.Tx, l *locked, i int) error {
	if big := t.bigOf(l, i); big != 0 {
		return tx.Free(t.oid(big))
	}
	return nil
}

// txRemove is remove in a transaction.
func (t *table) txRemove(tx *libpmemobj.Tx, hash uint64, key []byte) (found bool, err error) {
	l := t.peek(hash)
	i := t.find(l.page, l.used, hash, key)
	if i < 0 {
		return false, nil
	}
	t.hold(l.stripe)
	if err := t.txDrop(tx, &l, i); err != nil {
		return false, err
	}
	*libpmemobj.MutAt(tx, l.word()) = l.used &^ (1 << i)
	l.stripe.keys--
	return true, nil
}

// txSplit is split in a transaction.
func (t *table) txSplit(tx *libpmemobj.Tx, l *locked) error {
	for l.depth >= t.dir.Load().depth {
		if err := t.txDouble(tx); err != nil {
			return err
		}
	}
	next := t.stripe(l.hash|1<<(63-l.depth), l.depth+1)
	t.hold(l.stripe)
	t.hold(next)
	moved := t.leaving(l)
	to, err := t.newPage(tx)
	if err != nil {
		return err
	}
	t.fillPage(to, l.page, moved)
	entries, first, second := t.entriesOf(l, t.offOf(to))
	if err := tx.Snapshot(libpmemobj.RangeOfSlice(entries), t.metaRange(l.page)); err != nil {
		return err
	}
	for i := range entries {
		entries[i] = first
		if i >= len(entries)/2 {
			entries[i] = second
		}
	}
	*l.word() = l.used &^ moved
	if next != l.stripe {
		n := int64(bits.OnesCount64(moved))
		next.counted, next.keys = l.stripe.counted, n
		l.stripe.keys -= n
	}
	return nil
}

func (t *table) newPage(tx *libpmemobj.Tx) (page, error) {
	oid, err := tx.Xalloc(uint64(t.pageSize), 0, t.class.Flag())
	return page{t.at(oid.Off)}, err
}

func (t *table) offOf(p page) uint64 { return uint64(uintptr(p.at) - uintptr(t.base)) }

// txDouble is double in a transaction.
func (t *table) txDouble(tx *libpmemobj.Tx) error {
	d := t.dir.Load()
	if d.depth == maxDepth {
		return fmt.Errorf("map %q: %w", t.name, errCrowded)
	}
	oid, _, err := libpmemobj.NewBytes(tx, int(dirSize(d.depth+1)), dirType)
	if err != nil {
		return err
	}
	t.fillDir(oid.Off, d)
	return t.txSetDir(tx, oid.Off)
}

// txSetDir replaces the directory and frees the old one. Readers see neither
// before the end: a rollback frees the new one.
func (t *table) txSetDir(tx *libpmemobj.Tx, off uint64) error {
	t.holdAll()
	*libpmemobj.MutAt(tx, &t.hdr.dir) = off
	t.newDir = true
	old := t.dir.Load()
	t.dir.Store(t.dirAt(off, uint(*(*uint64)(t.at(off)))))
	return tx.Free(t.oid(old.off))
}

// txClear frees all pages but the first one, and makes that all of the table.
// It allocates nothing, and so is possible in a full pool: the directory keeps
// its memory until it is replaced.
func (t *table) txClear(tx *libpmemobj.Tx) error {
	t.holdAll()
	d := t.dir.Load()
	first := d.pages[0] &^ depthMask
	if err := t.freePages(tx, d, first); err != nil {
		return err
	}
	p := page{t.at(first)}
	top := (*[2]uint64)(t.at(d.off)) // the depth, and the first entry
	if err := tx.Snapshot(t.metaRange(p), libpmemobj.RangeOf(top)); err != nil {
		return err
	}
	*p.word() = 0
	*top = [2]uint64{0, first}
	t.newDir = true
	t.dir.Store(t.dirAt(d.off, 0))
	for i := range t.stripes {
		t.stripes[i].keys = 0
	}
	return nil
}

// freePages frees the pages of a directory but one, and the objects of all their
// entries.
func (t *table) freePages(tx *libpmemobj.Tx, d *dir, except uint64) error {
	for _, entry := range d.each() {
		p, _ := t.pageOf(entry)
		l := locked{page: p, used: p.load()}
		for m := l.used; t.kind == kindBytes && m != 0; m &= m - 1 {
			if err := t.txDrop(tx, &l, bits.TrailingZeros64(m)); err != nil {
				return err
			}
		}
		off := entry &^ depthMask
		if off == except {
			continue
		}
		if err := tx.Free(t.oid(off)); err != nil {
			return err
		}
	}
	return nil
}

// newTable makes the objects of an empty map.
func newTable(tx *libpmemobj.Tx, g geometry) (off uint64, err error) {
	class, err := g.pageClass(tx.Pool())
	if err != nil {
		return 0, err
	}
	hdr, err := libpmemobj.New[header](tx)
	if err != nil {
		return 0, err
	}
	dir, err := newDir(tx, tx.Pool(), &g, class)
	if err != nil {
		return 0, err
	}
	g.fill(hdr.Get())
	hdr.Get().dir = dir
	return hdr.OID().Off, nil
}

// newDir makes a directory with a page.
func newDir(tx *libpmemobj.Tx, p *libpmemobj.Pool, g *geometry, class libpmemobj.Class) (off uint64, err error) {
	first, err := tx.Xalloc(uint64(g.pageSize), 0, class.Flag())
	if err != nil {
		return 0, err
	}
	meta, err := p.Bytes(first, 0, metaSize)
	if err != nil {
		return 0, err
	}
	clear(meta)
	dir, b, err := libpmemobj.NewBytes(tx, int(dirSize(0)), dirType)
	if err != nil {
		return 0, err
	}
	*(*[2]uint64)(unsafe.Pointer(unsafe.SliceData(b))) = [2]uint64{0, first.Off}
	return dir.Off, nil
}
