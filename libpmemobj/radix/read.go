package radix

import "unsafe"

// get appends the value of a key to dst. The caller shares the Lock.
//
// It is as if it had all happened when the bitmap was loaded: no slot in it was
// given up since, and the leaf is the key's still. Another try means that
// another operation has succeeded.
func (t *tree) get(h uint64, key, dst []byte) (value []byte, found bool) {
	count := t.epochs.enter()
	defer count.Add(-1)
	for {
		version := t.version.Load()
		off := t.descend(key, false)
		if off == 0 {
			if t.stays(version, off, key, false) {
				return dst, false
			}
			continue
		}
		l, s := t.leaf(off), t.stripe(off)
		g := guardOf(s)
		t.prefetch(l, h)
		value = dst
		i := t.find(l, l.load(), h, key, g)
		at, own, also := l, g, guard{}
		if i < 0 {
			if to := s.moved(off); to != 0 {
				at, also = t.leaf(to), guardOf(t.stripe(to))
				i, own = t.find(at, at.load(), h, key, also), also
			}
		}
		if i >= 0 {
			var ok bool
			if value, ok = t.value(t.slot(at, i), dst, own); !ok {
				continue
			}
		}
		if g.holds() && also.holds() && t.stays(version, off, key, false) {
			t.settle(l, s)
			return value, i >= 0
		}
	}
}

// settle makes a change durable that the caller may have seen too early, but
// for the wait for a medium, which is up to who has made it.
func (t *tree) settle(l leaf, s *stripe) {
	if s.busy.Load() != 0 {
		t.pool.PersistInside(l.line())
	}
}

// value appends a slot's value to dst. ok is false if the slot cannot be right;
// the value may be wrong also if the guard does not hold afterwards.
func (t *tree) value(s slot, dst []byte, g guard) (value []byte, ok bool) {
	head := s.load(0)
	at, ok := t.entry(s, head, g)
	if !ok {
		return dst, false
	}
	n := valueLen(head)
	value = grow(dst, n)
	getWords(value[len(dst):], unsafe.Add(at, round(keyLen(head))))
	return value, true
}

// getAlone is get for who has the tree alone.
func (t *tree) getAlone(key, dst []byte) (value []byte, found bool) {
	l := t.peek(key)
	if l.off == 0 {
		return dst, false
	}
	i := t.find(l.leaf, l.used, hash(key), key, guard{})
	if i < 0 {
		return dst, false
	}
	value, _ = t.value(t.slot(l.leaf, i), dst, guard{})
	return value, true
}
