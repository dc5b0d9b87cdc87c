package hashmap

import (
	"iter"
	"math/bits"
	"sync/atomic"
)

// each ranges over the pages of a directory that does not change, giving the
// first hash of each and its entry.
func (d *dir) each() iter.Seq2[uint64, uint64] {
	return func(yield func(hash, entry uint64) bool) {
		for hash, more := uint64(0), true; more; {
			entry := *d.entry(hash)
			if !yield(hash, entry) {
				return
			}
			hash, more = after(hash, uint(entry&depthMask))
		}
	}
}

// after is the first hash behind a page that hash belongs to.
func after(hash uint64, depth uint) (next uint64, more bool) {
	next, carry := bits.Add64(hash|^uint64(0)>>depth, 1, 0)
	return next, carry == 0
}

// count is how many keys there are. The caller shares the Lock, or has it.
func (t *table) count() (n int64) {
	for hash, more := uint64(0), true; more; {
		l := t.lock(hash)
		s := l.stripe
		depth := min(l.depth, t.stripeBits)
		if !s.counted {
			s.keys, s.counted = t.countRange(hash, depth), true
		}
		n += s.keys
		l.unlock()
		hash, more = after(hash, depth)
	}
	return n
}

// countRange counts the keys whose hashes have the first bits of hash. The
// caller has locked their stripe.
func (t *table) countRange(hash uint64, depth uint) (n int64) {
	end := hash | ^uint64(0)>>depth
	for more := true; more && hash <= end; {
		entry := t.current(hash)
		p, depth := t.pageOf(entry)
		n += int64(bits.OnesCount64(p.load()))
		hash, more = after(hash, depth)
	}
	return n
}

// current is the entry for a hash whose stripe the caller has locked. Only the
// directory may be replaced meanwhile.
func (t *table) current(hash uint64) uint64 {
	for {
		d := t.dir.Load()
		entry := atomic.LoadUint64(d.entry(hash))
		if t.dir.Load() == d {
			return entry
		}
	}
}

// usage is how many pages there are, and how many bytes all objects take.
func (t *table) usage() (bytes int64) {
	bytes = 128 + int64(dirSize(t.dir.Load().depth))
	for hash, more := uint64(0), true; more; {
		l := t.lock(hash)
		bytes += int64(t.pageSize)
		for m := l.used; t.kind == kindBytes && m != 0; m &= m - 1 {
			head := (*[3]uint64)(t.slot(l.page, bits.TrailingZeros64(m)))
			if head[1]&isBig != 0 {
				bytes += int64(bigSize(keyLen(head[1]), valueLen(head[1])))
			}
		}
		depth := l.depth
		l.unlock()
		hash, more = after(hash, depth)
	}
	return bytes
}

// snapshot is a copy of the entries of a page.
type snapshot struct {
	keys, values [][]byte
	memory       []byte
}

// read copies the entries of the page that has hash, and returns the first hash
// behind it. Unless the caller has the table alone, it shares the Lock.
func (t *table) read(hash uint64, alone bool, into *snapshot) (next uint64, more bool) {
	var l locked
	if alone {
		l = t.peek(hash)
	} else {
		l = t.lock(hash)
		defer l.unlock()
	}
	into.keys, into.values, into.memory = into.keys[:0], into.values[:0], into.memory[:0]
	if t.kind == kindBytes {
		into.memory = nil // the loop's body keeps what it gets
	}
	for m := l.used; m != 0; m &= m - 1 {
		t.copyOut(&l, bits.TrailingZeros64(m), into)
	}
	return after(hash, l.depth)
}

func (t *table) copyOut(l *locked, i int, into *snapshot) {
	key := t.key(l, i)
	value := t.valueIn(l, i, key)
	into.keys = append(into.keys, into.add(key))
	into.values = append(into.values, into.add(value))
}

// add copies b. What was added before stays where it is.
func (s *snapshot) add(b []byte) []byte {
	if cap(s.memory)-len(s.memory) < len(b) {
		s.memory = make([]byte, 0, max(2*cap(s.memory), 4096, len(b)))
	}
	at := len(s.memory)
	s.memory = append(s.memory, b...)
	return s.memory[at:len(s.memory):len(s.memory)]
}
