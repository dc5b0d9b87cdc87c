package radix

import (
	"math/bits"
	"sync/atomic"
)

// guide remembers in which leaf keys were found, by the first bytes in which
// keys differ, so that Get need not search inner nodes for keys that are spread
// evenly. It is a guess: a key that is not where it says is searched for. It
// takes 256 KiB, once a tree has two levels of inner nodes.
//
// A leaf stays the place of the keys found in it until it leaves the tree, at a
// merge, a Clear or in a transaction, which are what gone counts. What the
// guide says counts only for as long.
type guide struct {
	skip   int  // bytes that keys have in common
	shift  uint // of the number that the next bytes are
	leaves [1 << guideBits]atomic.Uint64
}

const (
	guideBits   = 15
	guideHeight = 2
	goneBits    = 16 // of a word in the guide that are of gone; the others are a leaf's offset
	goneMask    = 1<<goneBits - 1
)

// place is the word for a key, nil if there is none.
func (g *guide) place(key []byte) *atomic.Uint64 {
	if g == nil || len(key) < g.skip {
		return nil
	}
	return &g.leaves[head(key[g.skip:])>>(g.shift&63)&(1<<guideBits-1)]
}

// leaf is the one that the key is in, probably, or 0.
func (g *guide) leaf(key []byte, gone uint64) (off uint64) {
	p := g.place(key)
	if p == nil {
		return 0
	}
	word := p.Load()
	if (word^gone)&goneMask != 0 {
		return 0
	}
	return word >> goneBits
}

// reguide sees to it that the guide is laid out for the topmost node: keys
// between its first and last separators have all of it. It is called after the
// tree has changed its shape, by who holds structure or has the tree alone.
func (t *tree) reguide() {
	off, height := topmost(t.hdr.root)
	if height < guideHeight {
		t.guide.Store(nil)
		return
	}
	n := t.inner(off)
	heads := n.heads(n.children())
	skip, span := n.prefixLen(), heads[len(heads)-1]-heads[0]
	shift := uint(max(bits.Len64(span), guideBits) - guideBits)
	if g := t.guide.Load(); g == nil || g.skip != skip || g.shift != shift {
		t.guide.Store(&guide{skip: skip, shift: shift})
	}
}

// remember remembers that a key was found in a leaf. The caller has looked at gone
// before it searched.
func (t *tree) remember(key []byte, off, gone uint64) {
	if p := t.guide.Load().place(key); p != nil {
		p.Store(off<<goneBits | gone&goneMask)
	}
}

// retire is called before leaves leave the tree, while version is odd or readers
// are kept out.
func (t *tree) retire() {
	if (t.gone.Load()+1)&goneMask == 0 {
		// The bits of gone in the guide begin again; nobody may find old ones.
		t.guide.Store(nil)
		defer t.guide.Store(nil)
	}
	t.gone.Add(1)
}
