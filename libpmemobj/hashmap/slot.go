package hashmap

import (
	"encoding/binary"
	"sync/atomic"
	"unsafe"
)

// Lengths in the second word of a slot of kindBytes.
const (
	lenBits = 31
	maxLen  = 1<<lenBits - 1
	isBig   = 1 << 63 // key and value lie in an object, at the offset in the third word
)

// item is a key and its value as they go into a slot.
type item struct {
	hash       uint64
	key, value []byte
	big        uint64 // the offset of the object that holds them, 0 if the slot does
}

func lengths(key, value int, big uint64) uint64 {
	n := uint64(key) | uint64(value)<<lenBits
	if big != 0 {
		n |= isBig
	}
	return n
}

func keyLen(lengths uint64) int   { return int(lengths & maxLen) }
func valueLen(lengths uint64) int { return int(lengths >> lenBits & maxLen) }

// fits says whether a key and a value fit into a slot.
func (g *geometry) fits(key, value int) bool {
	return g.kind == kindFixed || round(key)+value <= g.valueSize
}

// bigSize is the size of an object for a key and a value.
func bigSize(key, value int) int { return round(key) + max(value, 1) }

// put writes an item into a slot.
func (g *geometry) put(slot unsafe.Pointer, it *item) {
	if g.kind == kindFixed {
		putWords(slot, it.key)
		putWords(unsafe.Add(slot, g.valueAt), it.value)
		return
	}
	head := (*[3]uint64)(slot)
	head[0] = it.hash
	head[1] = lengths(len(it.key), len(it.value), it.big)
	if it.big != 0 {
		head[2] = it.big
		return
	}
	putBoth(unsafe.Add(slot, slotHeader), it)
}

// putBoth writes a key and a value one after the other.
func putBoth(dst unsafe.Pointer, it *item) {
	putWords(dst, it.key)
	putWords(unsafe.Add(dst, round(len(it.key))), it.value)
}

// putWords writes b, and zeros up to a whole word.
func putWords(dst unsafe.Pointer, b []byte) {
	whole := len(b) &^ (wordSize - 1)
	copy(unsafe.Slice((*byte)(dst), whole), b)
	if whole != len(b) {
		*(*uint64)(unsafe.Add(dst, whole)) = tailWord(b[whole:])
	}
}

func tailWord(b []byte) (w uint64) {
	for i, c := range b {
		w |= uint64(c) << (8 * i)
	}
	return w
}

// What follows reads memory that may change meanwhile: word by word, each as a
// whole. Who calls it finds out afterwards whether it has.

func loadWord(at unsafe.Pointer) uint64 { return atomic.LoadUint64((*uint64)(at)) }

// hasWords says whether the len(b) bytes at src, followed by zeros, are b.
func hasWords(src unsafe.Pointer, b []byte) bool {
	for len(b) >= wordSize {
		if loadWord(src) != binary.LittleEndian.Uint64(b) {
			return false
		}
		b, src = b[wordSize:], unsafe.Add(src, wordSize)
	}
	return len(b) == 0 || loadWord(src) == tailWord(b)
}

// getWords reads len(dst) bytes.
func getWords(dst []byte, src unsafe.Pointer) {
	for len(dst) >= wordSize {
		binary.LittleEndian.PutUint64(dst, loadWord(src))
		dst, src = dst[wordSize:], unsafe.Add(src, wordSize)
	}
	if len(dst) > 0 {
		w := loadWord(src)
		for i := range dst {
			dst[i] = byte(w >> (8 * i))
		}
	}
}

// holds says whether a slot holds a key.
func (t *table) holds(slot unsafe.Pointer, hash uint64, key []byte) bool {
	if t.kind == kindFixed {
		return hasWords(slot, key)
	}
	if loadWord(slot) != hash {
		return false
	}
	n := loadWord(unsafe.Add(slot, wordSize))
	if keyLen(n) != len(key) {
		return false
	}
	if n&isBig == 0 {
		return len(key) <= t.valueSize && hasWords(unsafe.Add(slot, slotHeader), key)
	}
	at, ok := t.bigAt(slot, n)
	return ok && hasWords(at, key)
}

// bigAt is where an object with a key and a value lies. If it is in no object,
// the slot has changed meanwhile, or the pool is damaged.
func (t *table) bigAt(slot unsafe.Pointer, n uint64) (at unsafe.Pointer, ok bool) {
	off := loadWord(unsafe.Add(slot, slotHeader))
	end := off + uint64(bigSize(keyLen(n), valueLen(n)))
	if end < off || end > uint64(t.pool.Size()) {
		return nil, false
	}
	return t.at(off), true
}

// value appends the value in a slot, which holds a key of keyLen bytes, unless
// dst needs room for so many bytes more.
func (t *table) value(dst []byte, slot unsafe.Pointer, key int) (value []byte, need int) {
	n := loadWord(unsafe.Add(slot, wordSize))
	size := valueLen(n)
	at, ok := unsafe.Add(slot, slotHeader), t.fits(key, size)
	if n&isBig != 0 {
		at, ok = t.bigAt(slot, n)
	}
	if !ok || keyLen(n) != key {
		return dst, 0 // the slot has changed meanwhile
	}
	if cap(dst)-len(dst) < size {
		return dst, size
	}
	have := len(dst)
	dst = dst[:have+size]
	getWords(dst[have:], unsafe.Add(at, round(key)))
	return dst, 0
}

// key is the key in slot i as it lies in the pool.
func (t *table) key(l *locked, i int) []byte {
	slot := t.slot(l.page, i)
	if t.kind == kindFixed {
		return unsafe.Slice((*byte)(slot), t.keySize)
	}
	head := (*[3]uint64)(slot)
	at := unsafe.Add(slot, slotHeader)
	if head[1]&isBig != 0 {
		at = t.at(head[2])
	}
	n := keyLen(head[1])
	return unsafe.Slice((*byte)(at), n)[:n:n]
}
