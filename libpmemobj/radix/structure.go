package radix

import (
	"bytes"
	"math/bits"
	"slices"
	"unsafe"

	"github.com/pmem/pmdk-go/libpmemobj"
)

// The tree changes its shape by replacing nodes: new ones are made of the
// content of old ones, and one word is changed that leads to them. So who is
// still in an old node finds in it what was there at that moment.
//
// Only a leaf that is split stays, with fewer entries. Until the change has
// happened as a whole, its stripe says where the others are.

// change is a new shape on its way, by a publication or by a transaction.
type change struct {
	tree *tree
	a    *libpmemobj.Actions // or
	tx   *libpmemobj.Tx
	dead []uint64

	held  [2]*stripe // of the leaves that are replaced, held by the caller
	fresh *stripe    // of the new leaf, if it is none of them
}

func (c *change) alloc(size int, typeNum uint64, flags libpmemobj.AllocFlags) (off uint64, err error) {
	var oid libpmemobj.OID
	if c.tx != nil {
		oid, err = c.tx.Xalloc(uint64(size), typeNum, flags)
	} else {
		oid, _, err = c.a.ReserveBytes(size, typeNum, flags)
	}
	return oid.Off, err
}

func (c *change) set(word *uint64, v uint64) {
	if c.tx != nil {
		*libpmemobj.MutAt(c.tx, word) = v
		return
	}
	libpmemobj.Store(c.a, word, v)
}

func (c *change) drop(off uint64) error {
	if c.tx != nil {
		return c.tx.Free(c.tree.oid(off))
	}
	c.dead = append(c.dead, off)
	return nil
}

// reshape has fn put a change into a publication. The caller holds structure
// and the stripes of the leaves that are replaced.
func (t *tree) reshape(held [2]*stripe, fn func(c *change) error) error {
	s := &t.shards[nodeShard]
	s.mu.Lock()
	defer s.mu.Unlock()
	c := change{tree: t, held: held}
	defer c.unlock()
	t.version.Add(1)
	defer t.version.Add(1)
	err := t.pool.PublishUnsettled(func(a *libpmemobj.Actions) error {
		c.a = a
		if err := fn(&c); err != nil {
			return err
		}
		return t.drop(s, a, c.dead)
	})
	if err == nil {
		t.dropped(s, len(c.dead))
	}
	t.reguide()
	return err
}

// lock keeps writers out of a new leaf until the publication is over: they could
// find it before it counts as allocated.
func (c *change) lock(off uint64) {
	s := c.tree.stripe(off)
	if c.tx != nil || s == c.held[0] || s == c.held[1] {
		return
	}
	s.mu.Lock()
	c.fresh = s
}

func (c *change) unlock() {
	if c.fresh != nil {
		c.fresh.mu.Unlock()
	}
}

// path is the way from the topmost node to a leaf.
type path struct {
	steps  [maxHeight]step
	height int
	leaf   uint64
}

// step is an inner node, and the number of the child that was followed.
type step struct {
	off   uint64
	child int
}

// trace is descend that remembers the way.
func (t *tree) trace(key []byte) *path {
	p := &t.stack
	off, height := topmost(t.hdr.root)
	p.height = height
	for i := range height {
		p.steps[i].off = off
		off, p.steps[i].child = t.inner(off).follow(key, false)
	}
	p.leaf = off
	return p
}

// replace puts new nodes into the place of children i to j-1 of the inner node
// at some depth of a path; depth -1 stands for the header, whose only child is
// the topmost node. Between neighbouring new ones stand seps.
func (c *change) replace(p *path, depth, i, j int, kids []uint64, seps [][]byte) error {
	if depth < 0 {
		return c.replaceTop(p.height, kids, seps)
	}
	t := c.tree
	step := p.steps[depth]
	n := t.inner(step.off)
	count := n.children()
	if j-i == 1 && len(kids) == 1 {
		c.set(n.child(count, i), kids[0])
		return nil
	}
	if j-i == 1 && len(kids) == 2 && kids[0] == *n.child(count, i) && n.hasRoomFor(seps[0]) {
		one, err := c.insert(n, i, kids[1], seps[0])
		if err != nil {
			return err
		}
		if err := c.drop(step.off); err != nil {
			return err
		}
		return c.replaceNode(p, depth, []uint64{one}, nil)
	}
	f := &t.scratch
	f.reset()
	for k := range i {
		f.addFrom(n, k)
	}
	for k, kid := range kids {
		if k > 0 {
			f.add(kid, seps[k-1])
			continue
		}
		f.addFrom(n, i)
		f.kids[len(f.kids)-1] = kid
	}
	for k := j; k < count; k++ {
		f.addFrom(n, k)
	}
	if err := c.drop(step.off); err != nil {
		return err
	}
	switch {
	case len(f.kids) == 0:
		return c.replaceNode(p, depth, nil, nil)
	case len(f.kids) == 1 && depth == 0:
		c.setRoot(f.kids[0], p.height-1)
		return nil
	case !f.tooLarge():
		one, err := c.newInner(f)
		if err != nil {
			return err
		}
		return c.replaceNode(p, depth, []uint64{one}, nil)
	}
	middle := len(f.kids) / 2
	left, right := f.part(0, middle), f.part(middle, len(f.kids))
	sep := bytes.Clone(f.text(middle))
	one, err := c.newInner(&left)
	if err != nil {
		return err
	}
	two, err := c.newInner(&right)
	if err != nil {
		return err
	}
	return c.replaceNode(p, depth, []uint64{one, two}, [][]byte{sep})
}

// replaceNode puts new nodes into the place of the one at some depth of a path.
func (c *change) replaceNode(p *path, depth int, kids []uint64, seps [][]byte) error {
	i := 0
	if depth > 0 {
		i = p.steps[depth-1].child
	}
	return c.replace(p, depth-1, i, i+1, kids, seps)
}

// insert makes an inner node of n with another child behind child i.
func (c *change) insert(n inner, i int, kid uint64, sep []byte) (off uint64, err error) {
	size := n.sizeWith(sep)
	if off, err = c.alloc(innerRoom(size), innerType, 0); err != nil {
		return 0, err
	}
	n.insert(c.tree.inner(off), i, kid, sep, size)
	return off, nil
}

func (c *change) replaceTop(height int, kids []uint64, seps [][]byte) error {
	switch len(kids) {
	case 0:
		c.setRoot(0, 0)
		return nil
	case 1:
		c.setRoot(kids[0], height)
		return nil
	}
	f := &c.tree.scratch
	f.reset()
	f.add(kids[0], nil)
	for k, kid := range kids[1:] {
		f.add(kid, seps[k])
	}
	top, err := c.newInner(f)
	if err == nil {
		c.setRoot(top, height+1)
	}
	return err
}

func (c *change) setRoot(off uint64, height int) { c.set(&c.tree.hdr.root, off|uint64(height)) }

// innerRoom is what an inner node of some size is allocated. There are few
// different ones, because each has blocks of its own in the heap.
func innerRoom(size int) int {
	room := 1024
	for room < size {
		room *= 2
	}
	return room
}

// newInner makes an inner node.
func (c *change) newInner(f *fan) (off uint64, err error) {
	size := f.size()
	if off, err = c.alloc(innerRoom(size), innerType, 0); err != nil {
		return 0, err
	}
	f.write(c.tree.inner(off), size)
	return off, nil
}

// newLeaf makes a leaf of slots of old ones.
func (c *change) newLeaf(from ...slotsOf) (off uint64, err error) {
	t := c.tree
	size, _ := leafSize(t.slotSize)
	if off, err = c.alloc(size, 0, t.class.Flag()); err != nil {
		return 0, err
	}
	l := t.leaf(off)
	clear(unsafe.Slice((*byte)(l.at), lineSize))
	used := uint64(0)
	for _, old := range from {
		for _, e := range old.slots {
			key, _ := t.view(t.slot(old.leaf, int(e.slot)))
			i := freeSlot(used, hash(key))
			used |= 1 << i
			*l.print(i) = *old.leaf.print(int(e.slot))
			copy(t.slotBytes(l, i), t.slotBytes(old.leaf, int(e.slot)))
		}
	}
	*l.bitmap() = used
	c.lock(off)
	return off, nil
}

// slotsOf is some slots of a leaf.
type slotsOf struct {
	leaf  leaf
	slots []keyed
}

// keyed is a slot and the first bytes of its key after what the keys of its
// leaf have in common.
type keyed struct {
	head uint64
	slot uint8
}

// order is the slots of a leaf in the order of their keys.
type order [leafSlots]keyed

func (t *tree) slotBytes(l leaf, i int) []byte {
	return unsafe.Slice((*byte)(t.slot(l, i).at), t.slotSize)
}

// key is the key in a slot, as it lies in the pool.
func (t *tree) key(l leaf, e keyed) []byte {
	key, _ := t.view(t.slot(l, int(e.slot)))
	return key
}

// sort puts the slots in use into order. The leaf must not change.
func (t *tree) sort(l leaf, used uint64, o *order) []keyed {
	s := o[:0]
	var first []byte
	same := MaxKey
	for m := used; m != 0; m &= m - 1 {
		e := keyed{slot: uint8(bits.TrailingZeros64(m))}
		key := t.key(l, e)
		if len(s) == 0 {
			first = key
		}
		same = common(first, key[:min(same, len(key))])
		s = append(s, e)
	}
	const slotBits = 63 // of the numbers that are sorted; the others are of the head
	var heads [leafSlots]uint64
	for i, e := range s {
		heads[i] = head(t.key(l, e)[same:])&^slotBits | uint64(e.slot)
	}
	slices.Sort(heads[:len(s)])
	for i := range s {
		e := keyed{heads[i] &^ slotBits, uint8(heads[i] & slotBits)}
		j := i
		for j > 0 && s[j-1].head == e.head && bytes.Compare(t.key(l, e), t.key(l, s[j-1])) < 0 {
			s[j] = s[j-1]
			j--
		}
		s[j] = e
	}
	return s
}

// addLeaf makes the first leaf.
func (t *tree) addLeaf() error {
	t.structure.Lock()
	defer t.structure.Unlock()
	if t.hdr.root != 0 {
		return nil
	}
	return t.reshape([2]*stripe{}, func(c *change) error { return c.addLeaf() })
}

func (c *change) addLeaf() error {
	off, err := c.newLeaf()
	if err == nil {
		c.setRoot(off, 0)
	}
	return err
}

// split makes room for key in its leaf.
func (t *tree) split(key []byte) error {
	t.structure.Lock()
	defer t.structure.Unlock()
	p := t.trace(key)
	if p.leaf == 0 {
		return nil
	}
	s := t.stripe(p.leaf)
	s.mu.Lock()
	defer s.mu.Unlock()
	l := t.leaf(p.leaf)
	used := l.load()
	if entries(used) < leafFull {
		return nil
	}
	defer s.stay()
	err := t.reshape([2]*stripe{s}, func(c *change) error {
		right, err := c.split(p, key)
		s.move(p.leaf, right)
		return err
	})
	if err == nil {
		s.freed.Add(1)
		t.rememberMoved(l, used, s.to.Load())
	}
	return err
}

// rememberMoved is remember for the keys that a split has moved from l, which
// had the slots in used and is still locked.
func (t *tree) rememberMoved(l leaf, used, to uint64) {
	gone := t.gone.Load()
	for m := used &^ l.load(); m != 0; m &= m - 1 {
		key, _ := t.view(t.slot(l, bits.TrailingZeros64(m)))
		t.remember(key, to, gone)
	}
}

// split moves the upper half of the entries of the leaf at the end of a path
// into a new one. Where key comes after all others, as when keys are put in
// ascending order, none are moved.
func (c *change) split(p *path, key []byte) (right uint64, err error) {
	t := c.tree
	l := t.leaf(p.leaf)
	used := l.load()
	all := t.sort(l, used, &t.sorted)
	last := t.key(l, all[len(all)-1])
	if bytes.Compare(last, key) < 0 {
		if right, err = c.newLeaf(); err != nil {
			return 0, err
		}
		return right, c.addBehind(p, right, separator(last, key))
	}
	middle := t.splitAt(l, all)
	if right, err = c.newLeaf(slotsOf{l, all[middle:]}); err != nil {
		return 0, err
	}
	for _, e := range all[middle:] {
		used &^= 1 << e.slot
	}
	c.set(l.bitmap(), used)
	return right, c.addBehind(p, right, separator(t.key(l, all[middle-1]), t.key(l, all[middle])))
}

// addBehind puts a new leaf behind the one at the end of a path.
func (c *change) addBehind(p *path, right uint64, sep []byte) error {
	depth, i := p.height-1, 0
	if depth >= 0 {
		i = p.steps[depth].child
	}
	return c.replace(p, depth, i, i+1, []uint64{p.leaf, right}, [][]byte{sep})
}

// separator is the shortest key that is above a and not above b.
func separator(a, b []byte) []byte { return bytes.Clone(b[:common(a, b)+1]) }

// splitAt is where the second half begins: near the middle, where the
// separator is shortest.
func (t *tree) splitAt(l leaf, all []keyed) int {
	const far = 4
	best, length := 0, MaxKey+1
	for d := range 2*far + 1 {
		i := len(all)/2 + (d+1)/2*(d%2*2-1)
		if n := common(t.key(l, all[i-1]), t.key(l, all[i])); n < length {
			best, length = i, n
		}
	}
	return best
}

// Leaves of up to mergeFrom entries are merged with a neighbour if the result
// has no more than mergeTo.
const (
	mergeFrom = 12
	mergeTo   = 32
)

// worthMerging says whether to look for a neighbour at this number of entries,
// which is not at every one.
func worthMerging(n int) bool { return n <= mergeFrom && n%4 == 0 }

// merge merges the leaf of key with a neighbour if both have few entries, or
// takes it away if it has none.
func (t *tree) merge(key []byte) error {
	t.structure.Lock()
	defer t.structure.Unlock()
	p := t.trace(key)
	if p.leaf == 0 {
		return nil
	}
	first, second := p.leaf, t.neighbour(p)
	held := t.lockBoth(first, second)
	defer unlockBoth(held)
	if !t.mergeable(first, second) {
		return nil
	}
	return t.reshape(held, func(c *change) error { return c.merge(p, second) })
}

// neighbour is the leaf beside the one at the end of a path, with the same
// inner node above, that has fewest entries; 0 if there is none.
func (t *tree) neighbour(p *path) (off uint64) {
	if p.height == 0 {
		return 0
	}
	step := p.steps[p.height-1]
	n := t.inner(step.off)
	count, least := n.children(), leafSlots+1
	for _, i := range [2]int{step.child - 1, step.child + 1} {
		if i < 0 || i >= count {
			continue
		}
		at := *n.child(count, i)
		if have := entries(t.leaf(at).load()); have < least {
			off, least = at, have
		}
	}
	return off
}

// lockBoth locks the stripes of one or two leaves.
func (t *tree) lockBoth(first, second uint64) (held [2]*stripe) {
	held[0] = t.stripe(first)
	if second != 0 && t.stripe(second) != held[0] {
		held[1] = t.stripe(second)
	}
	for _, s := range held {
		if s != nil {
			s.mu.Lock()
		}
	}
	return held
}

func unlockBoth(held [2]*stripe) {
	for _, s := range held {
		if s != nil {
			s.mu.Unlock()
		}
	}
}

func (t *tree) mergeable(first, second uint64) bool {
	n := entries(t.leaf(first).load())
	if n == 0 {
		return true
	}
	return second != 0 && n <= mergeFrom && n+entries(t.leaf(second).load()) <= mergeTo
}

// merge merges two leaves, the second of which is the first's neighbour, or
// takes the first away if it is empty.
func (c *change) merge(p *path, second uint64) error {
	t := c.tree
	t.retire()
	if err := c.drop(p.leaf); err != nil {
		return err
	}
	depth, i, j := p.height-1, 0, 1
	if depth >= 0 {
		i = p.steps[depth].child
		j = i + 1
	}
	first := t.leaf(p.leaf)
	if first.load() == 0 {
		return c.replace(p, depth, i, j, nil, nil)
	}
	if err := c.drop(second); err != nil {
		return err
	}
	n := t.inner(p.steps[depth].off)
	if j < n.children() && *n.child(n.children(), j) == second {
		j++
	} else {
		i--
	}
	other := t.leaf(second)
	var more order
	one, err := c.newLeaf(
		slotsOf{first, t.sort(first, first.load(), &t.sorted)},
		slotsOf{other, t.sort(other, other.load(), &more)})
	if err != nil {
		return err
	}
	return c.replace(p, depth, i, j, []uint64{one}, nil)
}
