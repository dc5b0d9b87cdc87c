package radix

import (
	"bytes"
	"math/bits"
	"slices"
	"sync/atomic"
	"unsafe"

	"github.com/pmem/pmdk-go/libpmemobj/directory"
)

// bounds are of the keys to range over: from first, and below end. A nil end is
// above all keys.
type bounds struct{ first, end []byte }

func (b *bounds) contain(key []byte) bool {
	return bytes.Compare(key, b.first) >= 0 && (b.end == nil || bytes.Compare(key, b.end) < 0)
}

// entryAt is an entry in a batch's buf.
type entryAt struct{ from, value, to int }

// batch is a copy of the entries of one leaf, in order.
type batch struct {
	entries []entryAt
	buf     []byte
}

func (b *batch) key(i int) []byte {
	e := b.entries[i]
	return b.buf[e.from:e.value:e.value]
}

func (b *batch) value(i int) []byte {
	e := b.entries[i]
	return b.buf[e.value:e.to:e.to]
}

// scan copies the entries within bounds of the first leaf that keys within them
// may be in, or of the last one if backward, and takes them out of the bounds.
// more says whether there are other leaves. alone says that the caller has the
// tree alone; it shares the Lock otherwise.
//
// It is as if it had all happened at one moment; see get.
func (t *tree) scan(b *batch, w *bounds, backward, alone bool) (more bool) {
	if !alone {
		count := t.epochs.enter()
		defer count.Add(-1)
	}
	for {
		at := w.first
		if backward {
			at = w.end
		}
		version := t.version.Load()
		off, bound, found := t.descendWithBound(at, backward)
		if off == 0 {
			if alone || t.stays(version, off, at, backward) {
				b.entries = b.entries[:0]
				return false
			}
			continue
		}
		l, s := t.leaf(off), t.stripe(off)
		var g guard
		if !alone {
			g = guardOf(s)
		}
		b.entries, b.buf = b.entries[:0], b.buf[:0]
		if !t.copyLeaf(b, l, w, g) {
			continue
		}
		b.sort()
		if !alone {
			var also guard
			if to := s.moved(off); to != 0 {
				also = guardOf(t.stripe(to))
				if !t.copyLeaf(b, t.leaf(to), w, also) {
					continue
				}
				b.sort()
				b.unite()
			}
			if !g.holds() || !also.holds() || !t.boundStays(version, off, bound, found, at, backward) {
				continue
			}
		}
		if backward {
			w.end = bound
			more = found && bytes.Compare(bound, w.first) > 0
		} else {
			w.first = bound
			more = found && (w.end == nil || bytes.Compare(bound, w.end) < 0)
		}
		if !alone {
			t.settle(l, s)
		}
		return more
	}
}

// descendWithBound is descend that also returns a copy of the bound between the
// leaf and the next one in the direction. found is false if there is none.
func (t *tree) descendWithBound(key []byte, backward bool) (off uint64, bound []byte, found bool) {
	off, height := topmost(atomic.LoadUint64(&t.hdr.root))
	for ; height > 0; height-- {
		n := t.inner(off)
		count := n.children()
		i := count - 1
		if !backward || key != nil {
			i = n.search(key, backward)
		}
		switch {
		case backward && i > 0:
			bound, found = n.appendSeparator(bound[:0], i-1), true
		case !backward && i < count-1:
			bound, found = n.appendSeparator(bound[:0], i), true
		}
		off = atomic.LoadUint64(n.child(count, i))
	}
	return off, bound, found
}

// boundStays is stays for a leaf with a bound.
func (t *tree) boundStays(version, off uint64, bound []byte, found bool, key []byte, backward bool) bool {
	if version&1 == 0 && t.version.Load() == version {
		return true
	}
	now, other, have := t.descendWithBound(key, backward)
	return now == off && have == found && bytes.Equal(other, bound)
}

// copyLeaf copies the entries within bounds. What it copies, and whether it
// succeeds, is right only if the guard holds afterwards.
func (t *tree) copyLeaf(b *batch, l leaf, w *bounds, g guard) (ok bool) {
	for m := l.load(); m != 0; m &= m - 1 {
		s := t.slot(l, bits.TrailingZeros64(m))
		head := s.load(0)
		at, ok := t.entry(s, head, g)
		if !ok {
			return false
		}
		e := entryAt{from: len(b.buf)}
		e.value = e.from + keyLen(head)
		b.buf = grow(b.buf, keyLen(head))
		getWords(b.buf[e.from:], at)
		if !w.contain(b.buf[e.from:]) {
			b.buf = b.buf[:e.from]
			continue
		}
		if b.buf, ok = t.value(s, b.buf, g); !ok || len(b.buf)-e.value != valueLen(head) {
			return false
		}
		e.to = len(b.buf)
		b.entries = append(b.entries, e)
	}
	return true
}

func (b *batch) sort() {
	slices.SortFunc(b.entries, func(x, y entryAt) int {
		return bytes.Compare(b.buf[x.from:x.value], b.buf[y.from:y.value])
	})
}

// unite drops entries that are there twice.
func (b *batch) unite() {
	b.entries = slices.CompactFunc(b.entries, func(x, y entryAt) bool {
		return bytes.Equal(b.buf[x.from:x.value], b.buf[y.from:y.value])
	})
}

// walk calls node for every node, from left to right.
func (t *tree) walk(node func(off uint64, height int) error) error {
	off, height := topmost(atomic.LoadUint64(&t.hdr.root))
	if off == 0 {
		return nil
	}
	return t.walkFrom(off, height, node)
}

// walkFrom is walk for a part of the tree. A node comes after those below it.
func (t *tree) walkFrom(off uint64, height int, node func(off uint64, height int) error) error {
	if height > 0 {
		n := t.inner(off)
		count := n.children()
		for i := range count {
			kid := atomic.LoadUint64(n.child(count, i))
			if kid == 0 { // in a tree that is being freed
				continue
			}
			if err := t.walkFrom(kid, height-1, node); err != nil {
				return err
			}
		}
	}
	return node(off, height)
}

// countEntries walks over the tree. It may change meanwhile: what is counted
// is then what a loop over all entries might have seen.
func (t *tree) countEntries() (n int64) {
	_ = t.walk(func(off uint64, height int) error {
		if height == 0 {
			n += int64(entries(t.leaf(off).load()))
		}
		return nil
	})
	return n
}

// stat is how many entries there are and what the map's objects take, all
// counted by walking over the tree.
func (t *tree) stat() (s directory.Stat) {
	s.Bytes = int64(unsafe.Sizeof(header{}))
	_ = t.walk(func(off uint64, height int) error {
		if height > 0 {
			s.Bytes += int64(innerRoom(t.inner(off).size()))
			return nil
		}
		l := t.leaf(off)
		used := l.load()
		s.Entries += int64(entries(used))
		size, _ := leafSize(t.slotSize)
		s.Bytes += int64(size)
		for m := used; m != 0; m &= m - 1 {
			if head := t.slot(l, bits.TrailingZeros64(m)).load(0); head&isRecord != 0 {
				s.Bytes += int64(recordSize(keyLen(head), valueLen(head)))
			}
		}
		return nil
	})
	return s
}
