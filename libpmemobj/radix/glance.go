package radix

import (
	"bytes"
	"math/bits"
	"sync/atomic"
	"unsafe"
)

// glance is get for the usual case, in which nobody changes the tree's shape or
// the stripe meanwhile, no separator on the way begins like the key, the entry is
// inline and dst has room. ok is false if it is another one.
//
// It is pinned and enters no epoch, and may so read memory that is in other use
// by now. It never leaves the pool: what it takes for an offset or a length is
// checked against the version first, or against the size of a slot. Whether it
// all was right turns out at the end.
//
// How many of these are under way at once, and so wait for memory together, is
// a matter of how few instructions they have.
func (t *tree) glance(hash uint64, key, dst []byte) (value []byte, found, ok bool) {
	gone, version := t.gone.Load(), t.version.Load()
	if t.PinShared() && plainReads {
		if off := t.guide.Load().leaf(key, gone); off != 0 {
			value, found, ok = t.glanceAt(off, hash, key, dst)
			if found && ok && t.gone.Load() == gone {
				t.Unpin()
				return value, true, true
			}
		}
		value, found, ok = t.glanceBelow(version, gone, hash, key, dst)
	}
	t.Unpin()
	return value, found, ok
}

// glanceBelow is glance from the topmost node on.
func (t *tree) glanceBelow(version, gone, hash uint64, key, dst []byte) (value []byte, found, ok bool) {
	off := t.route(version, key)
	if off == 0 {
		return dst, false, false
	}
	value, found, ok = t.glanceAt(off, hash, key, dst)
	ok = ok && t.version.Load() == version
	if ok && found {
		t.remember(key, off, gone)
	}
	return value, found, ok
}

// glanceAt is glance at a leaf, if it is one still.
func (t *tree) glanceAt(off, hash uint64, key, dst []byte) (value []byte, found, ok bool) {
	l, s := t.leaf(off), t.stripe(off)
	g := guardOf(s)
	used := l.load()
	for m := l.candidates(fingerprint(hash)); m != 0; m &= m - 1 {
		b := bits.TrailingZeros64(m)
		i := b&7*8 + b>>3
		if used>>(uint(i)&63)&1 == 0 {
			continue
		}
		slot := t.slot(l, i)
		head := slot.load(0)
		if keyLen(head) != len(key) {
			continue
		}
		n := valueLen(head)
		if head&isRecord != 0 || !t.fits(len(key), n) || cap(dst)-len(dst) < n {
			return dst, false, false
		}
		at := unsafe.Add(slot.at, wordSize)
		if sameWords(at, key) {
			value = dst[:len(dst)+n]
			copy(value[len(dst):], unsafe.Slice((*byte)(unsafe.Add(at, round(len(key)))), n))
			return value, true, g.holds() && s.busy.Load() == 0
		}
	}
	return dst, false, g.holds() && s.busy.Load() == 0
}

// candidates has a bit for each slot whose fingerprint is print, and perhaps for
// a few others: for slot 8i+j it is bit 8j+i.
func (l leaf) candidates(print uint8) uint64 {
	const (
		ones  = 0x0101010101010101
		highs = 0x8080808080808080
	)
	want := uint64(print) * ones
	p := (*[leafSlots / 8]uint64)(unsafe.Add(l.at, printsAt))
	a, b, c := p[0]^want, p[1]^want, p[2]^want
	d, e, f := p[3]^want, p[4]^want, p[5]^want
	return (a-ones)&^a&highs>>7 | (b-ones)&^b&highs>>6 | (c-ones)&^c&highs>>5 |
		(d-ones)&^d&highs>>4 | (e-ones)&^e&highs>>3 | (f-ones)&^f&highs>>2
}

// route is descend for who has not entered an epoch. It returns 0 if there are
// no leaves, if the version is not the tree's, or if the heads of separators do
// not show the way.
func (t *tree) route(version uint64, key []byte) (off uint64) {
	off, height := topmost(atomic.LoadUint64(&t.hdr.root))
	if !plainReads || off == 0 || version&1 != 0 {
		return 0
	}
	first := head(key)
	for ; height > 0; height-- {
		n := t.inner(off)
		// The node was one a moment ago, so this much of it can be read.
		sizes := n.sizes()
		if t.version.Load() != version {
			return 0
		}
		h := first
		if prefix := sizes.prefix(); prefix > 0 {
			if len(key) < prefix || !bytes.Equal(key[:prefix], n.prefix(sizes)) {
				return 0
			}
			h = head(key[prefix:])
		}
		heads, count := unsafe.Add(n.at, headsAt), uintptr(sizes.children()-1)
		at := firstFrom(heads, count, h)
		if uintptr(at)-uintptr(heads) < count*wordSize && *(*uint64)(at) == h {
			return 0
		}
		off = atomic.LoadUint64((*uint64)(unsafe.Add(at, count*wordSize)))
		if t.version.Load() != version {
			return 0
		}
	}
	return off
}
