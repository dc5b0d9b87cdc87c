package radix

import (
	"bytes"
	"math/bits"
	"sync/atomic"
	"unsafe"
)

// An inner node never changes, but for its children's offsets, each of which
// is one word. Between neighbouring children stands a separator: keys below it
// are on its left, others on its right.
//
//	 0  next
//	 8  uint16 children, uint16 length of the prefix, uint32 size in bytes
//	16  heads: the first 8 bytes of each separator after the prefix, as numbers
//	    children
//	    uint32 ends of the separators' rests, counted from the first one's start
//	    the prefix that all separators have, then what each has after it
const (
	headsAt = 16

	maxChildren = 128      // firstFrom depends on it
	maxInner    = 16 << 10 // bytes, unless there are few children
	minSplit    = 4        // children that a node has at least to be split
)

type inner struct{ at unsafe.Pointer }

func (t *tree) inner(off uint64) inner { return inner{t.at(off)} }

// sizes are what a node has at its offset 8.
type sizes uint64

func (n inner) sizes() sizes { return *(*sizes)(unsafe.Add(n.at, 8)) }

func (s sizes) children() int { return int(s & 0xffff) }
func (s sizes) prefix() int   { return int(s >> 16 & 0xffff) }

func (n inner) children() int  { return int(*(*uint16)(unsafe.Add(n.at, 8))) }
func (n inner) prefixLen() int { return int(*(*uint16)(unsafe.Add(n.at, 10))) }
func (n inner) size() int      { return int(*(*uint32)(unsafe.Add(n.at, 12))) }

func (n inner) heads(count int) []uint64 {
	return unsafe.Slice((*uint64)(unsafe.Add(n.at, headsAt)), count-1)
}

// child is where the offset of child i of count is.
func (n inner) child(count, i int) *uint64 {
	return (*uint64)(unsafe.Add(n.at, headsAt+(count-1+i)*wordSize))
}

func (n inner) ends(count int) []uint32 {
	return unsafe.Slice((*uint32)(unsafe.Add(n.at, headsAt+(2*count-1)*wordSize)), count-1)
}

func textAt(count int) int { return headsAt + (2*count-1)*wordSize + (count-1)*4 }

func (n inner) prefix(s sizes) []byte {
	return unsafe.Slice((*byte)(unsafe.Add(n.at, textAt(s.children()))), s.prefix())
}

// rest is separator i after the prefix.
func (n inner) rest(count, i int) []byte {
	ends, from := n.ends(count), 0
	if i > 0 {
		from = int(ends[i-1])
	}
	return unsafe.Slice((*byte)(unsafe.Add(n.at, textAt(count)+n.prefixLen()+from)), int(ends[i])-from)
}

// appendSeparator appends separator i to b.
func (n inner) appendSeparator(b []byte, i int) []byte {
	count := n.children()
	return append(append(b, n.prefix(n.sizes())...), n.rest(count, i)...)
}

// search is the number of the child that key belongs to; if below, the one of
// the keys next below it.
func (n inner) search(key []byte, below bool) (i int) {
	count := n.children()
	if count < 2 {
		return 0
	}
	if l := n.prefixLen(); l > 0 {
		p := n.prefix(n.sizes())
		switch c := bytes.Compare(key[:min(l, len(key))], p); {
		case c < 0: // also if key is the beginning of p
			return 0
		case c > 0:
			return count - 1
		}
		key = key[l:]
	}
	h, heads := head(key), n.heads(count)
	at := unsafe.Pointer(unsafe.SliceData(heads))
	lo := int(uintptr(firstFrom(at, uintptr(len(heads)), h))-uintptr(at)) / wordSize
	for ; lo < len(heads) && heads[lo] == h; lo++ {
		c := bytes.Compare(n.rest(count, lo), key)
		if c > 0 || c == 0 && below {
			break
		}
	}
	return lo
}

// firstFrom returns the first of n ascending numbers at at that is not below h, or
// the end of them. It has no branches that a processor could guess wrong, which
// would take longer than all the rest: of the numbers, it looks at the first
// p and at the last p, where p is a power of two, and halves these.
func firstFrom(at unsafe.Pointer, n uintptr, h uint64) unsafe.Pointer {
	if n == 0 {
		return at
	}
	p := uintptr(1) << (bits.Len64(uint64(n)) - 1)
	at = above(at, p, h, (n-p)*wordSize)
	switch p {
	case 64:
		at = above(at, 32, h, 32*wordSize)
		fallthrough
	case 32:
		at = above(at, 16, h, 16*wordSize)
		fallthrough
	case 16:
		at = above(at, 8, h, 8*wordSize)
		fallthrough
	case 8:
		at = above(at, 4, h, 4*wordSize)
		fallthrough
	case 4:
		at = above(at, 2, h, 2*wordSize)
		fallthrough
	case 2:
		at = above(at, 1, h, wordSize)
	}
	return above(at, 1, h, wordSize)
}

// above moves at by some bytes if number n there, counted from 1, is below h.
func above(at unsafe.Pointer, n uintptr, h uint64, by uintptr) unsafe.Pointer {
	_, less := bits.Sub64(*(*uint64)(unsafe.Add(at, (n-1)*wordSize)), h, 0)
	return unsafe.Add(at, by&-uintptr(less))
}

// follow is the offset of the child that search finds, and its number.
func (n inner) follow(key []byte, below bool) (off uint64, i int) {
	i = n.search(key, below)
	return atomic.LoadUint64(n.child(n.children(), i)), i
}

// fan is the content of an inner node on its way into a new one. Each child but
// the first has a low bound, the separator on its left.
type fan struct {
	kids []uint64
	lows []text
	buf  []byte
}

// text is a part of a fan's buf.
type text struct{ from, to int }

func (f *fan) reset() { f.kids, f.lows, f.buf = f.kids[:0], f.lows[:0], f.buf[:0] }

func (f *fan) text(i int) []byte { return f.buf[f.lows[i].from:f.lows[i].to] }

func (f *fan) add(kid uint64, low []byte) {
	f.kids = append(f.kids, kid)
	from := len(f.buf)
	f.buf = append(f.buf, low...)
	f.lows = append(f.lows, text{from, len(f.buf)})
}

// addFrom adds child i of n.
func (f *fan) addFrom(n inner, i int) {
	f.kids = append(f.kids, *n.child(n.children(), i))
	from := len(f.buf)
	if i > 0 {
		f.buf = n.appendSeparator(f.buf, i-1)
	}
	f.lows = append(f.lows, text{from, len(f.buf)})
}

// part is children i to j-1.
func (f *fan) part(i, j int) fan { return fan{kids: f.kids[i:j], lows: f.lows[i:j], buf: f.buf} }

// prefix is the length of what all separators begin with.
func (f *fan) prefix() int {
	if len(f.kids) < 2 {
		return 0
	}
	return common(f.text(1), f.text(len(f.kids)-1))
}

func (f *fan) size() int {
	n, prefix := len(f.kids), f.prefix()
	size := textAt(n) + prefix
	for i := 1; i < n; i++ {
		size += len(f.text(i)) - prefix
	}
	return size
}

func (f *fan) tooLarge() bool {
	return len(f.kids) > maxChildren || len(f.kids) >= minSplit && f.size() > maxInner
}

// write makes an inner node of it.
func (f *fan) write(n inner, size int) {
	count, prefix := len(f.kids), f.prefix()
	*(*uint64)(n.at) = 0
	*(*uint16)(unsafe.Add(n.at, 8)) = uint16(count)
	*(*uint16)(unsafe.Add(n.at, 10)) = uint16(prefix)
	*(*uint32)(unsafe.Add(n.at, 12)) = uint32(size)
	for i, kid := range f.kids {
		*n.child(count, i) = kid
	}
	if count < 2 {
		return
	}
	heads, ends := n.heads(count), n.ends(count)
	text := unsafe.Slice((*byte)(unsafe.Add(n.at, textAt(count))), size-textAt(count))
	at := copy(text, f.text(1)[:prefix])
	for i := 1; i < count; i++ {
		rest := f.text(i)[prefix:]
		heads[i-1] = head(rest)
		at += copy(text[at:], rest)
		ends[i-1] = uint32(at - prefix)
	}
}

// hasRoomFor says whether n can have another separator, for which it need not be
// made anew from scratch.
func (n inner) hasRoomFor(sep []byte) bool {
	count := n.children()
	return count > 1 && count < maxChildren && bytes.HasPrefix(sep, n.prefix(n.sizes())) && n.sizeWith(sep) <= maxInner
}

// sizeWith is the size of n with another separator.
func (n inner) sizeWith(sep []byte) int {
	return n.size() + textAt(3) - textAt(2) + len(sep) - n.prefixLen()
}

// insert makes another node of n, with one more child behind child i.
func (n inner) insert(to inner, i int, kid uint64, sep []byte, size int) {
	count := n.children()
	more := count + 1
	*(*uint64)(to.at) = 0
	*(*uint16)(unsafe.Add(to.at, 8)) = uint16(more)
	*(*uint16)(unsafe.Add(to.at, 10)) = uint16(n.prefixLen())
	*(*uint32)(unsafe.Add(to.at, 12)) = uint32(size)
	rest := sep[n.prefixLen():]

	heads, old := to.heads(more), n.heads(count)
	copy(heads, old[:i])
	heads[i] = head(rest)
	copy(heads[i+1:], old[i:])

	kids := unsafe.Slice(to.child(more, 0), more)
	had := unsafe.Slice(n.child(count, 0), count)
	copy(kids, had[:i+1])
	kids[i+1] = kid
	copy(kids[i+2:], had[i+1:])

	ends, before := to.ends(more), n.ends(count)
	at := uint32(0)
	if i > 0 {
		at = before[i-1]
	}
	copy(ends, before[:i])
	ends[i] = at + uint32(len(rest))
	for k, end := range before[i:] {
		ends[i+1+k] = end + uint32(len(rest))
	}

	text := unsafe.Slice((*byte)(unsafe.Add(n.at, textAt(count))), n.size()-textAt(count))
	dst := unsafe.Slice((*byte)(unsafe.Add(to.at, textAt(more))), size-textAt(more))
	split := n.prefixLen() + int(at)
	dst = dst[copy(dst, text[:split]):]
	dst = dst[copy(dst, rest):]
	copy(dst, text[split:])
}

// common is the length of the longest common prefix.
func common(a, b []byte) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}
