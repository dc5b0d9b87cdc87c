package hashmap

import (
	"errors"
	"fmt"
	"math/bits"
	"unsafe"

	"github.com/pmem/pmdk-go/libpmemobj"
)

// A page that is full is split in two: the keys whose hash has a 1 in the first
// bit that was not looked at move to a new page. The copies, the directory's
// entries and the word of the old page that forgets the originals are published
// as a whole. Who needs the page waits; nobody else does, but for those who
// want to replace the directory.

// errCrowded is the error of a map whose hash function has failed.
var errCrowded = errors.New("too many keys have hashes that begin alike")

// split splits a page that the caller has locked, and which is of no use
// afterwards.
func (t *table) split(l *locked) error {
	for {
		t.grow.RLock()
		d := t.dir.Load()
		if l.depth < d.depth {
			break
		}
		t.grow.RUnlock()
		if err := t.double(d); err != nil {
			return err
		}
	}
	defer t.grow.RUnlock()
	moved := t.leaving(l)
	second := t.stripe(l.hash|1<<(63-l.depth), l.depth+1)
	// Where it is another one, it is the new page's and so nobody's, except for a
	// moment of those who have looked at an old directory.
	if second != l.stripe {
		second.mu.Lock()
		defer second.mu.Unlock()
		second.begin()
		defer second.end()
	}
	l.stripe.begin()
	defer l.stripe.end()
	if err := t.publishSplit(l, moved); err != nil {
		return err
	}
	if second != l.stripe {
		n := int64(bits.OnesCount64(moved))
		second.counted, second.keys = l.stripe.counted, n
		l.stripe.keys -= n
	}
	return nil
}

// leaving are the slots whose keys go to the new page.
func (t *table) leaving(l *locked) (moved uint64) {
	for m := l.used; m != 0; m &= m - 1 {
		i := bits.TrailingZeros64(m)
		moved |= t.hashOf(t.slot(l.page, i)) << l.depth >> 63 << i
	}
	return moved
}

func (t *table) publishSplit(l *locked, moved uint64) error {
	return t.pool.PublishUnsettled(func(a *libpmemobj.Actions) error {
		oid, _, err := a.ReserveBytes(t.pageSize, 0, t.class.Flag())
		if err != nil {
			return err
		}
		t.fillPage(page{t.at(oid.Off)}, l.page, moved)
		entries, first, second := t.entriesOf(l, oid.Off)
		for i := range entries {
			v := first
			if i >= len(entries)/2 {
				v = second
			}
			libpmemobj.Store(a, &entries[i], v)
		}
		libpmemobj.Store(a, l.word(), l.used&^moved)
		return nil
	})
}

// entriesOf are the entries of the page that is split, of which the first half
// becomes first, and the other second.
func (t *table) entriesOf(l *locked, off uint64) (entries []uint64, first, second uint64) {
	d := t.dir.Load()
	n := uint64(1) << (d.depth - l.depth)
	at := l.hash >> (64 - d.depth) &^ (n - 1)
	entries = d.pages[at : at+n]
	first = entries[0]&^depthMask | uint64(l.depth+1)
	return entries, first, off | uint64(l.depth+1)
}

// fillPage makes a page of some slots of another.
func (t *table) fillPage(to, from page, slots uint64) {
	*(*[metaSize]byte)(to.at) = [metaSize]byte{}
	used := uint64(0)
	for m := slots; m != 0; m &= m - 1 {
		i := bits.TrailingZeros64(m)
		j := t.freeSlot(used, t.hashOf(t.slot(from, i)))
		copy(t.slotBytes(to, j), t.slotBytes(from, i))
		*to.print(j) = *from.print(i)
		used |= 1 << j
	}
	*to.word() = used
}

func (t *table) slotBytes(p page, i int) []byte {
	return unsafe.Slice((*byte)(t.slot(p, i)), t.slotSize)
}

// double replaces a directory by one of twice the size, unless somebody else
// has. Those who do not split pages go on.
func (t *table) double(d *dir) error {
	t.grow.Lock()
	defer t.grow.Unlock()
	if t.dir.Load() != d {
		return nil
	}
	if d.depth == maxDepth {
		return fmt.Errorf("map %q: %w", t.name, errCrowded)
	}
	if err := t.dropOldDir(); err != nil {
		return err
	}
	var next libpmemobj.OID
	err := t.pool.PublishUnsettled(func(a *libpmemobj.Actions) error {
		oid, _, err := a.ReserveBytes(int(dirSize(d.depth+1)), dirType)
		if err != nil {
			return err
		}
		next = oid
		t.fillDir(oid.Off, d)
		libpmemobj.Store(a, &t.hdr.dir, oid.Off)
		libpmemobj.Store(a, &t.hdr.oldDir, d.off)
		return nil
	})
	if err != nil {
		return err
	}
	// Those who read the old one see this before it becomes something else.
	t.dir.Store(t.dirAt(next.Off, d.depth+1))
	return t.dropOldDir()
}

// fillDir makes a directory of a smaller one.
func (t *table) fillDir(off uint64, d *dir) {
	*(*uint64)(t.at(off)) = uint64(d.depth + 1)
	pages := t.dirAt(off, d.depth+1).pages
	for i, entry := range d.pages {
		pages[2*i], pages[2*i+1] = entry, entry
	}
}

// dropOldDir frees a directory that was replaced.
func (t *table) dropOldDir() error {
	if t.hdr.oldDir == 0 {
		return nil
	}
	return t.pool.PublishUnsettled(func(a *libpmemobj.Actions) error {
		a.Free(t.oid(t.hdr.oldDir))
		libpmemobj.Store(a, &t.hdr.oldDir, 0)
		return nil
	})
}
