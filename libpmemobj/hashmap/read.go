package hashmap

import (
	"math/bits"
	"sync/atomic"
)

// readTries is how often a reader tries before it takes the mutex.
const readTries = 8

// view is what a reader without a lock looks at. It is valid if, afterwards,
// the version of the stripe is still the same.
type view struct {
	page    page
	stripe  *stripe
	version uint64
}

// look finds the page of a hash, unless it is being changed. The caller is
// pinned.
func (t *table) look(hash uint64) (v view, ok bool) {
	d := t.dir.Load()
	at := d.entry(hash)
	entry := atomic.LoadUint64(at)
	s := t.stripe(hash, uint(entry&depthMask))
	version := s.version.Load()
	// A directory that was replaced may be anything by now. If it was not, what
	// happens to the page from here on changes the version.
	if version&1 != 0 || t.dir.Load() != d || atomic.LoadUint64(at) != entry {
		return view{}, false
	}
	p, _ := t.pageOf(entry)
	return view{p, s, version}, true
}

func (v *view) valid() bool { return v.stripe.version.Load() == v.version }

// getBytes appends the value of a key to dst, unless that lacks room: it needs
// so many bytes more then. Otherwise it is like getFixed.
func (t *table) getBytes(hash uint64, key, dst []byte) (value []byte, found, ok bool, need int) {
	defer t.Unpin()
	if !t.Pin() {
		return dst, false, false, 0
	}
	for range readTries {
		v, ok := t.look(hash)
		if !ok {
			continue
		}
		i := t.find(v.page, v.page.load(), hash, key)
		value, need = dst, 0
		if i >= 0 {
			value, need = t.value(dst, t.slot(v.page, i), len(key))
		}
		if v.valid() {
			return value, i >= 0, true, need
		}
	}
	return dst, false, false, 0
}

// getFrom appends the value of a key in a page that does not change.
func (t *table) getFrom(l *locked, key, dst []byte) (value []byte, found bool) {
	i := t.find(l.page, l.used, l.hash, key)
	if i < 0 {
		return dst, false
	}
	return append(dst, t.valueIn(l, i, key)...), true
}

// find returns the slot of a key among those in used, or -1.
func (t *table) find(p page, used, hash uint64, key []byte) int {
	for m := t.matches(p, hash) & used; m != 0; m &= m - 1 {
		i := bits.TrailingZeros64(m)
		if t.holds(t.slot(p, i), hash, key) {
			return i
		}
	}
	return -1
}
